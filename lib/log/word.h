/*
 * word.h: one sync for many processes: group commit (RULE 9). Floor: log.
 *
 * A word is where those meet who write one segment file just now: they say how
 * far it is written, one of them, the leader, syncs it for all, and says how
 * far it is on disk. It is a page of memory in a file of the user's own:
 * $XDG_RUNTIME_DIR/streamlog/DEVICE-INODE-BIRTH, or the same in /run/user/UID,
 * or in /dev/shm/streamlog-UID; never another user's. Who writes it: its users,
 * each field by an atomic store. What a crash leaves of it means nothing: the
 * first of its live users sets it anew. Bytes of the file that are locked: 0,
 * presence, shared by its users; 1, the leader's; 2, who joins or leaves.
 *
 * No word, or any doubt: everyone syncs for himself, as if there were none.
 */
#ifndef SL_WORD_H
#define SL_WORD_H

#include "streamlog.h"

#include <stdatomic.h>

struct sl_word_page {
	/* What is on disk, as positions in the segment file: [from, synced). */
	_Atomic uint64_t from;
	_Atomic uint64_t synced;
	_Atomic uint64_t written; /* all before it was given to the kernel */
	_Atomic uint32_t
	    has_failed;        /* a sync did: the verdict for all (RULE 10) */
	_Atomic uint32_t turn; /* a futex: moves on when a leader is done */
};

struct sl_word {
	int fd; /* owned; the word's file, with presence; -1: no word */
	struct sl_word_page *page;
	uint64_t vouched_from; /* what our descriptor's syncs can vouch for */
	bool was_asked;        /* for this segment: no need to ask again */
};
#define SL_WORD_NONE ((struct sl_word){ .fd = -1 })

/*
 * Meet the others of the segment file `segment`, which had `end` bytes of
 * batches when that descriptor was opened: an error of what was written before
 * may have been told to others already (H4). Best effort.
 */
void sl_word_join(struct sl_word *word, int segment, uint64_t end);
/* To be called before `segment` is closed: its inode could come back (H3). */
void sl_word_leave(struct sl_word *word, int segment);

/* All bytes before `end` are written, so that a leader may sync them, too. */
static inline void
sl_word_wrote(struct sl_word *word, uint64_t end)
{
	uint64_t before;

	if (word->fd < 0)
		return;
	before = atomic_load(&word->page->written);
	while (
	    before < end &&
	    !atomic_compare_exchange_weak(&word->page->written, &before, end))
		;
}

/*
 * Put [from, end) of the segment on disk, by whoever's sync. SL_EIO: a sync
 * failed, ours or a leader's. No lock may be held: this waits for others.
 */
SL_MUST_USE int sl_word_sync(struct sl_word *word, int segment, uint64_t from,
    uint64_t end, struct sl_error *err);

#endif
