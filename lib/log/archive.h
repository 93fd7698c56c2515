/*
 * archive.h: a partition's complete segments, copied to another partition that
 * keeps them. Floor: log.
 *
 * Under the clean lock of the partition they come from, which so is the
 * archive's only writer. A segment is written under a scratch name, synced, and
 * renamed; a crash leaves such a name, or indexes without a log, for the next
 * run.
 */
#ifndef SL_ARCHIVE_H
#define SL_ARCHIVE_H

#include "fs.h"

struct sl_archive {
	int from; /* borrowed, as the next two: the partition */
	int to;   /* the archive's; -1: there is none yet */
	const struct sl_fs_like *like; /* the archive's */
	bool is_dry;                   /* only tell */
	bool takes_active; /* count the active segment as complete */
	/* Told of each segment that is copied, or would be; `missed` offsets
	 * before it were gone by then. */
	void (*tell)(const void *arg, uint64_t base, uint64_t events,
	    uint64_t bytes, uint64_t missed);
	const void *arg;
};

/*
 * Copy what isn't there. SL_EFULL: the archive's disk is full. What was copied
 * before a failure stays.
 */
SL_MUST_USE int sl_archive_copy(const struct sl_archive *archive,
    struct sl_error *err);

#endif
