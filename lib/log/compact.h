/*
 * compact.h: compaction by key of one partition. Floor: log.
 *
 * The last event of each key stays, at its offset; what has no key stays, too.
 * Only sealed segments are touched. Dirty is what lies behind the last
 * cleaning: its keys go into a map of bounded size, then all segments up to
 * there are written anew without what the map says was passed, group by group
 * (RULE 15). Where the map fills up the pass covers what it holds, and another
 * follows. A tombstone stays until delete_retention_ms after it was first
 * cleaned: its batch then says when it may go (bit 6, as Kafka's).
 *
 * The caller holds the clean lock (byte 2 of `lock`) and, so that nobody
 * deletes or mends the partition meanwhile, presence (byte 1, shared).
 */
#ifndef SL_COMPACT_H
#define SL_COMPACT_H

#include "fs.h"

#define SL_COMPACT_MEMORY_BYTES (64u << 20)

struct sl_compact_options {
	size_t memory_bytes;   /* of the map; 0: SL_COMPACT_MEMORY_BYTES */
	int64_t segment_bytes; /* neighbours are merged up to it */
	int64_t index_interval_bytes;
	int64_t delete_retention_ms;
	int64_t min_compaction_lag_ms;
	double min_cleanable_dirty_ratio;
	int64_t now_ms;
	bool is_forced; /* whatever the ratio */
	bool is_dry;    /* count what the first pass would drop */
	/* In a dry run: the active segment ends here, and counts as sealed. */
	uint64_t active_end; /* 0: it isn't looked at */
	/* Of each segment written anew, or that would be; NULL: nobody. */
	void (*tell)(void *arg, uint64_t base, uint64_t kept, uint64_t dropped);
	void *tell_arg;
	void (*progress)(void *arg, uint64_t done_bytes, uint64_t all_bytes);
	void *progress_arg;
};

/* Filled on each path. Bytes are those of the logs, without indexes. */
struct sl_compact_report {
	uint64_t bytes_before;
	uint64_t bytes_after;
	uint64_t segments_before;
	uint64_t segments_after;
	uint64_t clean_bytes; /* as found */
	uint64_t dirty_bytes;
	uint64_t records_kept; /* in what the last pass covered */
	uint64_t records_dropped;
	uint64_t tombstones_dropped; /* among them, for their age */
	uint64_t swaps;              /* new segments */
	bool is_least; /* of a dry run: more passes would drop more */
	unsigned passes;
	/* No cleaning from this offset on, and why; SL_OFFSET_NONE: all. */
	uint64_t blocked_at;
	char blocked_why[256];
};

/*
 * SL_OK: it was cleaned, maybe up to report->blocked_at. SL_END: nothing is to
 * do. A failure leaves the log whole: what was done stays, the next run sweeps.
 */
SL_MUST_USE int sl_compact_partition(int dir, const struct sl_fs_like *like,
    const struct sl_compact_options *options, struct sl_compact_report *report,
    struct sl_error *err);

#endif
