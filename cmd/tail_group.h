/*
 * tail_group.h: streamlog-tail as a member of a group. Floor: cmd.
 */
#ifndef TAIL_GROUP_H
#define TAIL_GROUP_H

#include "tail_options.h"

/* Returns the exit status; where a signal ended it, dies of that. */
int tail_group_run(const struct tail_options *options);

#endif
