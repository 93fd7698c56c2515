/*
 * lockfile.h: the file `lock` of a partition. Floor: log.
 *
 * 4 KiB, one a partition, made with it, and readable only by who may write
 * there; readers never open it (RULE 1). Its bytes are locked, its text is a
 * notice board (RULE 2). Byte 0: the append lock. Byte 1: presence, shared by
 * every writer while it has the partition open. Byte 2: the clean lock. Byte 3:
 * settings, held by who alters the topic (partition 0's only).
 *
 * The text has fixed width and is overwritten in place under byte 0, which
 * works on a full disk. A crash may leave it torn: the writer after takes what
 * it can't read as a change, looks again at the segments, and writes it anew.
 * streamlog-format(5) draws it.
 */
#ifndef SL_LOCKFILE_H
#define SL_LOCKFILE_H

#include "fs.h"

#define SL_LOCK_APPEND 0
#define SL_LOCK_PRESENCE 1
#define SL_LOCK_CLEAN 2
#define SL_LOCK_SETTINGS 3

#define SL_LOCKFILE_NAME "lock"
#define SL_BOOT_ID_SIZE 37
#define SL_HOLDER_SIZE 65

struct sl_lockfile {
	uint64_t change; /* bumped before each roll, cut, seal, mend, delete */
	char boot[SL_BOOT_ID_SIZE];
	bool is_deleted;
	bool is_suspect; /* a sync failed: RULE 10 */
	uint64_t suspect_base;
	uint64_t suspect_position;
	uint64_t suspect_offset;
	char holder[SL_HOLDER_SIZE]; /* host:pid, for messages only */
};

/* Make the file; SL_EIO with err->sys == EEXIST where it is. */
SL_MUST_USE int sl_lockfile_create(int dir, const struct sl_fs_like *like,
    struct sl_error *err);

/* Open it for locking; made anew where somebody removed it alone. */
SL_MUST_USE int sl_lockfile_open(int *fd, int dir,
    const struct sl_fs_like *like, struct sl_error *err);

/* Read the text. What can't be read comes as a new change. */
SL_MUST_USE int sl_lockfile_read(int fd, struct sl_lockfile *text,
    struct sl_error *err);

/* Write the text, with this boot and this process. Under byte 0. */
SL_MUST_USE int sl_lockfile_write(int fd, struct sl_lockfile *text,
    struct sl_error *err);

/* Is it this boot, and this process, that wrote it? */
bool sl_lockfile_same_boot(const struct sl_lockfile *text);
bool sl_lockfile_is_mine(const struct sl_lockfile *text);

#endif
