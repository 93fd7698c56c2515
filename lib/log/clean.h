/*
 * clean.h: the clean lock of a partition, and how its files go. Floor: log.
 *
 * Who deletes, compacts or sweeps a partition holds byte 2 of its `lock` (RULE
 * 13), and by the open log its presence, so that mend and delete keep out. It
 * may take the append lock then; never the other way round.
 */
#ifndef SL_CLEAN_H
#define SL_CLEAN_H

#include "log.h"

#include <sched.h>

#define SL_DELETED_SUFFIX ".deleted"

/*
 * Take the clean lock. SL_EBUSY: another cleans. SL_ENOTFOUND: the partition
 * was deleted.
 */
SL_MUST_USE int sl_clean_lock(struct sl_log *log, int timeout_ms,
    struct sl_error *err);

/* Say that another cleans: SL_EBUSY. */
int sl_clean_busy(struct sl_error *err);
void sl_clean_unlock(struct sl_log *log);

/*
 * Rename a segment's files to BASE.log.deleted and so on: to readers it is gone
 * (RULE 14). Not synced. A kill may leave indexes without their log.
 */
SL_MUST_USE int sl_clean_mark(int dir, uint64_t base, struct sl_error *err);

/*
 * Files that lose their last name are held open, and given back from their end
 * in steps, since one large unlink stalls every sync of the file system. Who
 * reads one finds its place again by offset (RULE 14).
 */
#define SL_CLEAN_HELD_MAX 16
struct sl_clean_held {
	int fds[SL_CLEAN_HELD_MAX]; /* owned */
	size_t count;
};
#define SL_CLEAN_HELD_NONE ((struct sl_clean_held){ .count = 0 })

/* Before its name goes; a file that is small, or can't be cut, isn't held. */
void sl_clean_hold(struct sl_clean_held *held, int dir, const char *name);
/* Give their bytes back if that is_synced, for a power cut could bring a name
 * back; and close them. */
void sl_clean_give_back(struct sl_clean_held *held, bool is_synced);

/*
 * Between two steps of the compactor: who woke meanwhile runs first, a writer's
 * sync above all. A kernel without preemption lets it wait for up to a tick
 * elsewhere (4 ms). Costs nothing where nobody waits; sched_yield(2).
 */
static inline void
sl_clean_yield(void)
{
	(void)sched_yield();
}

/*
 * Remove a file whose name no reader asks for. `yields`: between its steps;
 * not for a writer that cleans, whose own event waits.
 */
SL_MUST_USE int sl_clean_remove(int dir, const char *name, bool yields,
    struct sl_error *err);

#endif
