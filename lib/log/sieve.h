/*
 * sieve.h: one pass of the cleaner: segments written anew without what a map of
 * keys says was passed. Floor: log. Under the clean lock.
 */
#ifndef SL_SIEVE_H
#define SL_SIEVE_H

#include "compact.h"
#include "keymap.h"
#include "rewrite.h"
#include "swap.h"

/* A record whose key is being looked up. */
struct sl_sieve_key {
	struct sl_keymap_hash hash;
	uint64_t offset;
	bool is_tombstone;
};
#define SL_SIEVE_KEYS 32

struct sl_sieve {
	int dir; /* borrowed, as are the next four */
	const struct sl_fs_like *like;
	const struct sl_compact_options *options;
	struct sl_compact_report *report;
	struct sl_keymap *map;
	uint64_t map_end; /* offsets from here on are kept as they are */
	struct sl_cleaned cleaned; /* as on disk */
	int64_t due_ms; /* of the tombstones that stay, the first to go */
	uint64_t done_bytes;
	uint64_t all_bytes;

	/* The group in hand. */
	struct sl_swap swap; /* owned, as are the next four */
	struct sl_window window;
	struct sl_batch_walk walk;
	struct sl_rewrite rewrite;
	struct sl_sieve_key keys[SL_SIEVE_KEYS];
	size_t key_count;
	uint8_t *keeps; /* of the batch in hand: does this record stay? */
	size_t keeps_room;
	uint64_t end;  /* behind the last batch read */
	uint64_t kept; /* of this group, as are the next two */
	uint64_t dropped;
	uint64_t expired;
	bool is_changed;  /* what was written is not what was read */
	bool keeps_empty; /* write all batches that lost all */
	bool has_hole;    /* some were left out */
	bool has_empty;   /* the last one read was; it is: */
	struct sl_batch_head empty_head;
	uint8_t empty[SL_BATCH_HEAD_SIZE];
};

#define SL_SIEVE_EMPTY                                                         \
	((struct sl_sieve){ .due_ms = INT64_MAX,                               \
	    .swap = SL_SWAP_CLOSED,                                            \
	    .walk = SL_BATCH_WALK_CLOSED,                                      \
	    .rewrite = SL_REWRITE_CLOSED })

/*
 * Clean the segments from number `at` on that fit into one; *taken says how
 * many. SL_ECORRUPT: one can't be cleaned, and nothing of this group changed.
 */
SL_MUST_USE int sl_sieve_group(struct sl_sieve *sieve,
    const struct sl_segments *segments, size_t at, size_t *taken,
    struct sl_error *err);

void sl_sieve_release(struct sl_sieve *sieve);

#endif
