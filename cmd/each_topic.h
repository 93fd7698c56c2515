/*
 * each_topic.h: do the same to all topics that operands name. Floor: cmd.
 */
#ifndef EACH_TOPIC_H
#define EACH_TOPIC_H

#include "cli.h"

/* What is done to one topic: SL_OK, or a failure that is told. */
typedef int each_topic_act(void *arg, const char *name, struct sl_error *err);

/*
 * All topics of the log directory that `operands`, with NULL at the end, name,
 * by globs if it `takes_globs`; without an operand all there are, of a
 * directory that must be there. Each is done, whatever becomes of one. Returns
 * the exit status of the first that failed.
 */
int each_topic(const char *dir, char *const *operands, bool takes_globs,
    each_topic_act *act, void *arg);

#endif
