/*
 * index.h: the sparse indexes of a segment, in Kafka's form. Floor: log.
 *
 * BASE.index: 8-byte entries: i32 last offset of a batch - base, i32 position
 * of its first byte. BASE.timeindex: 12-byte entries: i64 largest timestamp so
 * far, i32 last offset of the batch that has it - base. Exact size, nothing
 * preallocated. An entry is written for a batch that begins more than
 * index.interval.bytes behind the last one's; so the first has none.
 *
 * Written by the holder of the append lock, before it lets go; the time entry
 * first, so that a crash between the two leaves no offset entry whose time is
 * owed. A crash may leave half an entry, or a power cut lies: a reader believes
 * an entry only if the batch there confirms it, a writer that finds one lying
 * makes both anew (RULE 15).
 */
#ifndef SL_INDEX_H
#define SL_INDEX_H

#include "fs.h"
#include "segment.h"

/* The writer's side: both files open, and what is behind their last entries. */
struct sl_index {
	int offset_fd; /* owned; -1 when closed */
	int time_fd;   /* owned */
	uint64_t base;
	uint64_t offset_bytes;
	uint64_t time_bytes;
	uint64_t last_position; /* of the batch indexed last; 0: none */
	int64_t last_time_ms;   /* of the time entry last; SL_TIME_NONE: none */
	uint64_t last_time_offset; /* of the batch that has it */
};
#define SL_INDEX_CLOSED ((struct sl_index){ .offset_fd = -1, .time_fd = -1 })

/* What an entry says; `position` is of the batch that ends at `offset`. */
struct sl_index_entry {
	uint64_t offset;
	uint64_t position;
};

/*
 * Open both files for writing, made where they lack, and read their last
 * entries. SL_OK and *last: start there, once the batch confirms it. SL_END: no
 * entry; start at position 0.
 */
SL_MUST_USE int sl_index_open(struct sl_index *index, int dir, uint64_t base,
    const struct sl_fs_like *like, struct sl_index_entry *last,
    struct sl_error *err);
void sl_index_close(struct sl_index *index);

/* Forget all entries: they lie, and a walk from the start makes them anew. */
SL_MUST_USE int sl_index_clear(struct sl_index *index, struct sl_error *err);

/*
 * Note a batch at `position` that ends at `last_offset`; the largest timestamp
 * of the segment is now `max_ms`, of the batch that ends at `max_offset`.
 * Writes the entries that are due. Full indexes are no failure of the log:
 * SL_END says that the segment should be rolled.
 */
SL_MUST_USE int sl_index_add(struct sl_index *index, uint64_t position,
    uint64_t last_offset, int64_t max_ms, uint64_t max_offset,
    uint64_t interval_bytes, struct sl_error *err);

/* The last time entry of a segment that is finished, and both synced. */
SL_MUST_USE int sl_index_finish(struct sl_index *index, int64_t max_ms,
    uint64_t max_offset, struct sl_error *err);

/* ---- The reader's side: opens, looks, closes ---- */

/*
 * The position of a batch at or before the one that holds `offset`, in the
 * segment `segment_fd`; 0 where the index knows none or lies. `window` (the
 * caller's) holds the batch there afterwards, for who goes on from it.
 */
SL_MUST_USE int sl_index_find(int dir, uint64_t base, int segment_fd,
    struct sl_window *window, uint64_t offset, uint64_t *position,
    struct sl_error *err);

/*
 * The last entry whose time is below `time_ms`: up to the batch that ends at
 * *offset no timestamp is above *entry_ms, if that batch confirms it by having
 * just this one. SL_END: the index knows none.
 */
SL_MUST_USE int sl_index_find_time(int dir, uint64_t base, int64_t time_ms,
    uint64_t *offset, int64_t *entry_ms, struct sl_error *err);

/* The last offset entry as it stands, not confirmed; SL_END: none. */
SL_MUST_USE int sl_index_last(int dir, uint64_t base,
    struct sl_index_entry *entry, struct sl_error *err);

/*
 * All offset entries, not confirmed; they are the caller's, free(3). None and
 * NULL where there is no index.
 */
SL_MUST_USE int sl_index_load(int dir, uint64_t base,
    struct sl_index_entry **entries, size_t *count, struct sl_error *err);

/* The largest timestamp of entries below `offset`; SL_TIME_NONE: no entry. */
SL_MUST_USE int sl_index_time_before(int dir, uint64_t base, uint64_t offset,
    int64_t *time_ms, struct sl_error *err);

#endif
