/*
 * group_delete.h: groups that go, or their places in some topics. Floor: cmd.
 */
#ifndef GROUP_DELETE_H
#define GROUP_DELETE_H

#include "group_scan.h"

/*
 * Print what would be deleted; `execute`: delete it, and print nothing. What
 * went wrong is told; returns the exit status.
 */
int group_delete(const struct group_query *query, bool execute);

#endif
