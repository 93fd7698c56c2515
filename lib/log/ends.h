/*
 * ends.h: the file `ends` of a partition, which saves listing a directory of
 * many names: where its log begins, and which segment is the active one. Floor:
 * log.
 *
 * Two rows of fixed width with a checksum each, overwritten in place;
 * streamlog-format(5) draws it. The row of the active segment is written and
 * synced under the append lock before that segment is made, so that no later
 * one exists than it names, a crash or not. The row of the first one is written
 * under the clean lock, after what was before it has gone for good. A row is
 * believed if what it names is there, and the active one's only if it was
 * written to this very file, which says when it was born: a copy or a backup
 * may have an older row beside newer segments. Who comes to the end of the one
 * named looks once for a segment of that name, which another hand may have put
 * there. Who doubts lists the directory, and so does who finds no such file: it
 * is made at the first roll.
 */
#ifndef SL_ENDS_H
#define SL_ENDS_H

#include "segment.h"

/* The active segment, and the one before it. */
struct sl_ends_active {
	uint64_t change; /* the lock file's change word, as it was left then */
	uint64_t before; /* == base: none */
	uint64_t base;
};

/*
 * Under the append lock, after the change word was bumped. is_synced: before
 * that segment is made; else it is there. Where it can't be written the file is
 * removed; a failure of that alone is one.
 */
SL_MUST_USE int sl_ends_write_active(int dir, const struct sl_fs_like *like,
    const struct sl_ends_active *active, bool is_synced, struct sl_error *err);

/*
 * Under the clean lock, once nothing before `first` can come back. False: it
 * can't be written, which does no harm.
 */
bool sl_ends_write_first(int dir, const struct sl_fs_like *like,
    uint64_t first);

/* Before a segment is made in another way. */
SL_MUST_USE int sl_ends_remove(int dir, struct sl_error *err);

/* SL_OK: it was so when the row was read. SL_END: the row is not believed. */
SL_MUST_USE int sl_ends_read_active(int dir, struct sl_ends_active *active);

/*
 * The first segment, the active one and the one before that. SL_END: list the
 * directory.
 */
SL_MUST_USE int sl_ends_list(struct sl_segments *segments, int dir,
    struct sl_error *err);

/* Such a list's last one ends at `end`: is there another one behind it? */
bool sl_ends_is_passed(int dir, const struct sl_segments *segments,
    uint64_t end);

#endif
