/*
 * group_reset.h: where a group's places are to be: first the plan, then, if
 * asked, all of it. Floor: cmd. What went wrong is told; the functions return
 * the exit status.
 */
#ifndef GROUP_RESET_H
#define GROUP_RESET_H

#include "group_scan.h"

enum reset_kind {
	RESET_NONE, /* not said */
	RESET_EARLIEST,
	RESET_LATEST,
	RESET_OFFSET,
	RESET_TIME, /* the first event at time_ms or later */
	RESET_FILE, /* what the file says */
};

struct reset_goal {
	enum reset_kind kind;
	uint64_t offset;
	int64_t time_ms;
	const char *file; /* "-": stdin */
};

/*
 * Print where places go, a line a partition; `execute`: and set them, before
 * that. A group that isn't there is made where topics or a file are named.
 */
int group_reset(const struct group_query *query, const struct reset_goal *goal,
    bool execute);

/* Set the places in a file, all or none, and none back. */
int group_commit(const struct group_query *query, const char *file);

#endif
