/*
 * read.h: a reader's place in one partition. Floor: log.
 *
 * Takes no lock, needs no write permission, and never maps a file (RULE 8): it
 * sees only whole valid batches, and reads anew from the end of the last one
 * whenever it comes back. Segments are found by name: the one with the greatest
 * base <= the offset expected.
 */
#ifndef SL_READ_H
#define SL_READ_H

#include "segment.h"

#include <time.h>

struct sl_cursor {
	int dir;            /* owned; -1 when closed */
	bool is_synced;     /* hand out only what was fdatasynced first */
	bool skips_damage;  /* go on behind damage, once it was reported */
	uint64_t expected;  /* the offset to hand out next */
	uint64_t end;       /* exclusive; SL_OFFSET_NONE: none */
	int64_t largest_ms; /* of all before, for merges (RULE 23) */

	int fd; /* the segment in hand; owned; -1: to be found */
	uint64_t base;
	uint64_t position; /* of its next batch */
	uint64_t due;      /* the offset that begins with; SL_OFFSET_NONE: it
	                      tells */
	uint64_t synced_to;
	struct sl_holes holes; /* of the segment in hand */
	uint64_t trusted; /* segments from here on may be in doubt (RULE 10) */
	bool is_passing;  /* damage was reported: look for what follows it */
	struct sl_window window;
	struct sl_batch_walk walk;
	bool is_walking;
	uint64_t batch_position; /* where the batch in hand begins */
	uint64_t batch_next;     /* the offset behind it */

	struct sl_segments segments; /* as listed last */
	struct timespec listed;      /* the directory's mtime then */
	bool must_list;
	bool is_last_sure; /* none lies behind the last one listed */
	bool is_watched;   /* the directory: who changes it makes us list */
};

#define SL_CURSOR_CLOSED                                                       \
	((struct sl_cursor){ .dir = -1,                                        \
	    .fd = -1,                                                          \
	    .walk = SL_BATCH_WALK_CLOSED })

/* Open the partition `name` at an offset. Finds nothing yet, so is quick. */
SL_MUST_USE int sl_cursor_open(struct sl_cursor *cursor, int at,
    const char *name, uint64_t offset, uint64_t end, struct sl_error *err);
void sl_cursor_close(struct sl_cursor *cursor);

/*
 * The next record. SL_END: none now; what comes later is found by a later call.
 * SL_EGONE: offsets [*from, cursor->expected) are not there any more; the
 * cursor is behind them. SL_ECORRUPT: `err` names file and byte; with
 * skips_damage the next call goes on behind it, else says the same again.
 * SL_ENOTFOUND: the partition was removed.
 */
SL_MUST_USE int sl_cursor_next(struct sl_cursor *cursor,
    struct sl_record *record, uint64_t *from, struct sl_error *err);

/*
 * The values of the next records, as sl_batch_walk_copy() has them; first, next
 * and stop are set here. SL_OK also where the next one doesn't fit; otherwise
 * as sl_cursor_next().
 */
SL_MUST_USE int sl_cursor_copy(struct sl_cursor *cursor,
    struct sl_batch_copy *copy, uint64_t *from, struct sl_error *err);

/*
 * Put on disk all that was handed out. SL_EIO: it failed, or an earlier sync of
 * a writer's had: what is behind that is in doubt for ever (RULE 17).
 */
SL_MUST_USE int sl_cursor_sync(struct sl_cursor *cursor, struct sl_error *err);

/*
 * Put the segment in hand on disk up to byte `end`. This descriptor may be
 * younger than a failed sync, which it then knows nothing of: who saw that one
 * says so (RULE 10).
 */
SL_MUST_USE int sl_cursor_sync_to(struct sl_cursor *cursor, uint64_t end,
    struct sl_error *err);

/* List the segments at the next call, whatever the directory's times say. */
void sl_cursor_look_again(struct sl_cursor *cursor);

/* ---- lookup.c: offsets of a partition's directory ---- */

/* So often a look is begun again since a segment went under it. */
#define SL_LOOKUP_TRIES 100
/* It failed since a segment that was listed has gone: look again? */
bool sl_lookup_is_passed(int rc, const struct sl_error *err, int *tries);

/* The segments of a partition. SL_ECORRUPT: it has none. */
SL_MUST_USE int sl_lookup_segments(struct sl_segments *segments, int dir,
    struct sl_error *err);

/* The segments, their range, and the position at which the last one ends:
 * behind its last valid batch, or behind damage. */
SL_MUST_USE int sl_lookup_end(int dir, struct sl_segments *segments,
    struct sl_range *range, uint64_t *position, struct sl_error *err);

SL_MUST_USE int sl_lookup_range(int dir, struct sl_range *range,
    struct sl_error *err);

/* The first offset with a timestamp at or past `time_ms`, else the next. */
SL_MUST_USE int sl_lookup_time(int dir, int64_t time_ms, uint64_t *offset,
    struct sl_error *err);

/* Put on disk what there is: of the last segment, for RULE 7 has the others. */
SL_MUST_USE int sl_lookup_sync(int dir, struct sl_error *err);

/* The bytes of one segment's files; what lacks has none. */
SL_MUST_USE int sl_lookup_bytes(int dir, uint64_t base, uint64_t *bytes,
    struct sl_error *err);

SL_MUST_USE int sl_lookup_info(int dir, struct sl_partition_info *info,
    struct sl_error *err);

#endif
