/*
 * group_headroom.h: how long until retention passes the places in a topic; a
 * part of group_measure.h. Floor: cmd. An estimate: bounds in bytes and events
 * are reached at the rate at which what is there came.
 */
#ifndef GROUP_HEADROOM_H
#define GROUP_HEADROOM_H

#include "group_scan.h"

struct headroom {
	struct sl_topic *topic; /* borrowed */
	int64_t now_ms;
	bool is_default_dir; /* groups there can be protected */
	bool is_tried;       /* whether to look at the partitions */
	int count;
	struct sl_partition_info *infos; /* owned; NULL: not known */
};

/* `topic` must outlive it. */
void headroom_init(struct headroom *headroom, struct sl_topic *topic,
    const struct group_query *query, int64_t now_ms);
void headroom_release(struct headroom *headroom);

/*
 * For a place that was measured. 0: retention has passed it, or may now;
 * SL_TIME_NONE: it never will, or nobody knows.
 */
int64_t headroom_of(struct headroom *headroom, const struct scan_row *row);

#endif
