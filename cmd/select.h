/*
 * select.h: what of a topic to read. Where partitions begin and end, which
 * records count, and the last N of many partitions. Floor: cmd.
 *
 * A window is a partition's part of what is asked: [start, end). The last N of
 * all windows together lie in the last N of each, so windows are cut to that
 * and the matches before the last N of all are skipped in the order of time.
 */
#ifndef SELECT_H
#define SELECT_H

#include "streamlog.h"

#include <string.h>

enum select_where {
	SELECT_BEGINNING,
	SELECT_END,
	SELECT_OFFSET, /* at offset `number` */
	SELECT_BACK,   /* `number` offsets before the end */
	SELECT_TIME,   /* at the first record of `since_ms` or later */
};

struct select {
	enum select_where where;
	uint64_t number;
	int64_t since_ms;
	int64_t until_ms; /* SL_TIME_NONE: to the end as it stands */
	const int *partitions;
	size_t partition_count; /* 0: all */
	bool is_rejected;       /* the topic's rejected lines instead */

	/* The filters: what a record must have. */
	bool takes_tombstones;
	const char *key; /* NULL: any */
	size_t key_bytes;
	const struct sl_header *headers;
	size_t header_count;
};

struct select_window {
	struct sl_topic *topic; /* borrowed */
	int partition;
	uint64_t start;
	uint64_t end;
	uint64_t matches; /* set by select_last() */
};

/* Is this partition asked for? */
bool select_wants(const struct select *select, int partition);

/* A partition's window, as it stands now. */
SL_MUST_USE int select_window(const struct select *select,
    struct sl_topic *topic, int partition, struct select_window *window,
    struct sl_error *err);

/* What select_takes() does where there is a filter. */
bool select_takes_filtered(const struct select *select,
    const struct sl_record *record);

/* Does a record pass the filters? */
static inline bool
select_takes(const struct select *select, const struct sl_record *record)
{
	if (record->value == NULL && !select->takes_tombstones)
		return false;
	if (select->key == NULL && select->header_count == 0)
		return true;
	return select_takes_filtered(select, record);
}

/*
 * Cut a window to where its last `count` matches begin, and count its matches,
 * which are fewer only where there are no more. Constant memory. Damage and
 * gaps are stepped over: they are told when the window is read.
 */
SL_MUST_USE int select_last(const struct select *select, uint64_t count,
    struct select_window *window, struct sl_error *err);

#endif
