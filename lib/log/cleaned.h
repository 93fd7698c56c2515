/*
 * cleaned.h: the file `cleaned` of a partition, the cleaner's checkpoint, and
 * what it says of a segment: may offsets be missing in it? Floor: log.
 *
 * Replaced as a whole, synced, before the first swap that makes a hole (RULE
 * 15), by the holder of the clean lock; read by everybody, without a lock.
 * streamlog-format(5) draws it. A file that lacks says that nothing was ever
 * compacted; one that can't be read, that everything may have been.
 */
#ifndef SL_CLEANED_H
#define SL_CLEANED_H

#include "fs.h"

struct sl_cleaned {
	uint64_t holes; /* offsets below may be missing: RULE 6 */
	uint64_t clean; /* keys that were passed below are gone: the next
	                   cleaning's dirty part begins here */
	int64_t due_ms; /* when the next tombstones may go; INT64_MAX: never */
	/*
	 * The segment that is, or will be, in place of all from its own name up
	 * to merge_end, which are then removed. 0: none.
	 */
	uint64_t merge_base;
	uint64_t merge_end;
};
#define SL_CLEANED_NOTHING ((struct sl_cleaned){ .due_ms = INT64_MAX })

SL_MUST_USE int sl_cleaned_read(int dir, struct sl_cleaned *cleaned,
    struct sl_error *err);
SL_MUST_USE int sl_cleaned_write(int dir, const struct sl_fs_like *like,
    const struct sl_cleaned *cleaned, struct sl_error *err);

/*
 * What is known of holes in a segment that is open. `end` is asked for when the
 * first jump, or damage, is met: so a log that was never compacted costs
 * nothing, and `cleaned` is read before damage is called.
 */
struct sl_holes {
	int dir; /* borrowed: the partition */
	int fd;  /* borrowed: the segment's file */
	uint64_t base;
	uint64_t end; /* 0: no offset may be missing; else where it ends: */
	uint64_t end_before; /* or here, if a merge is not in place yet */
	bool is_asked;
};
/* Where the end can't be told: no later segment, or the file was replaced. */
#define SL_HOLES_END_UNKNOWN UINT64_MAX

SL_MUST_USE int sl_holes_ask(struct sl_holes *holes, struct sl_error *err);

#endif
