/*
 * swap.h: a segment written anew, and put in the place of one or more (RULE
 * 15). Floor: log. Under the clean lock.
 *
 * Written beside the log under names that end in .cleaned, and synced. Then
 * `cleaned` says what may be missing, and what is merged; old indexes off;
 * rename over the name, which a reader so never misses; new indexes on; sync
 * the directory; what was merged is removed, rising, and the directory synced.
 *
 * A crash leaves, and sl_swap_sweep() makes of it:
 *   BASE.log.cleaned    not in place yet: removed, and a merge with it
 *   BASE.index.cleaned  alone: its log is in place, so it is put in place, too
 *   a merge in `cleaned`, and the log in place: the merged ones are removed
 *   indexes without a log: removed; a sealed log without: they are made anew
 */
#ifndef SL_SWAP_H
#define SL_SWAP_H

#include "cleaned.h"
#include "index.h"

struct sl_swap {
	int dir; /* borrowed, as is the next */
	const struct sl_fs_like *like;
	int fd; /* owned, as is the index; -1: closed */
	struct sl_index index;
	uint64_t interval_bytes;
	uint64_t base;
	uint64_t position; /* of what is written, the buffer's with it */
	int64_t max_ms;
	uint64_t max_offset;
	uint8_t *buffer; /* owned */
	size_t buffered;
	bool is_announced; /* `cleaned` speaks of it */
};
#define SL_SWAP_CLOSED                                                         \
	((struct sl_swap){ .dir = -1, .fd = -1, .index = SL_INDEX_CLOSED })

/* Begin the new segment `base`. After a failure of any of these: abandon. */
SL_MUST_USE int sl_swap_begin(struct sl_swap *swap, int dir,
    const struct sl_fs_like *like, uint64_t base, int64_t interval_bytes,
    struct sl_error *err);
SL_MUST_USE int sl_swap_add(struct sl_swap *swap, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err);

/*
 * Put it in the place of `bases`, of which it has the first; they hold the
 * offsets up to `end`. `cleaned` is what stands on disk, and is kept so.
 */
SL_MUST_USE int sl_swap_commit(struct sl_swap *swap, const uint64_t *bases,
    size_t count, uint64_t end, struct sl_cleaned *cleaned,
    struct sl_error *err);

/*
 * Of the segment `base` as it stands, its indexes alone: note each batch, then
 * put them in place.
 */
SL_MUST_USE int sl_swap_note(struct sl_swap *swap, uint64_t position,
    const struct sl_batch_head *head, struct sl_error *err);
SL_MUST_USE int sl_swap_commit_indexes(struct sl_swap *swap,
    struct sl_error *err);

/* Make both indexes of a segment anew, up to damage. */
SL_MUST_USE int sl_swap_make_indexes(int dir, const struct sl_fs_like *like,
    uint64_t base, int64_t interval_bytes, struct sl_error *err);

/* Remove segments, such as a merge took in, rising, and sync. */
SL_MUST_USE int sl_swap_remove(int dir, const uint64_t *bases, size_t count,
    struct sl_error *err);

/* Remove what was written, unless the next sweep has to know of it. Harmless
 * after a commit, or twice. */
void sl_swap_abandon(struct sl_swap *swap);

/* Finish or undo what a crash left; see sweep.c. */
SL_MUST_USE int sl_swap_sweep(int dir, const struct sl_fs_like *like,
    int64_t interval_bytes, struct sl_error *err);

#endif
