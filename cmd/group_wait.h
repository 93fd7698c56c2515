/*
 * group_wait.h: until groups have read what there is. Floor: cmd.
 */
#ifndef GROUP_WAIT_H
#define GROUP_WAIT_H

#include "group_scan.h"

/*
 * Look again and again, holding no lock (RULE 22), until all that is asked for
 * is at most `events` behind in sum, or `timeout_ms` are over (-1: never), or
 * a place can't be read on from. What went wrong is told; returns the exit
 * status. On a terminal a bar tells how much is left.
 */
int group_wait(const struct group_query *query, uint64_t events,
    int64_t timeout_ms);

#endif
