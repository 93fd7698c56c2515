/*
 * lost.h: bytes that are cut, or moved aside, are saved first (RULES 4, 24).
 * Floor: log.
 */
#ifndef SL_LOST_H
#define SL_LOST_H

#include "fs.h"

#define SL_LOST_AND_FOUND "lost+found"
/* "NNNNNNNNNNNNNNNNNNNN-POSITION" */
#define SL_LOST_NAME_SIZE 48

/*
 * Copy a segment's bytes from `position` to `end` to lost+found/`name`, and
 * sync. Who does so again, after a crash, writes over it.
 */
SL_MUST_USE int sl_lost_save(int dir, const struct sl_fs_like *like, int fd,
    uint64_t base, uint64_t position, uint64_t end,
    char name[SL_LOST_NAME_SIZE], struct sl_error *err);

#endif
