/* clean.c: the clean lock, and how files go; see clean.h. */
#include "clean.h"

#include "lock.h"

#include <errno.h>
#include <stdio.h>

/* A large unlink stalls the syncs of all: 1 GiB 46 ms, 4 MiB none (H21). */
#define CUT_BYTES (4u << 20)

int
sl_clean_lock(struct sl_log *log, int timeout_ms, struct sl_error *err)
{
	struct sl_lockfile text;
	int rc;

	rc = sl_lock_take(log->lock, SL_LOCK_CLEAN, true, timeout_ms, err);
	if (rc == SL_EBUSY)
		return sl_error_set(err, SL_EBUSY,
		    "another process is cleaning it; try again");
	if (rc == SL_OK)
		rc = sl_log_check_lock(log, err);
	if (rc == SL_OK)
		rc = sl_lockfile_read(log->lock, &text, err);
	if (rc == SL_OK && text.is_deleted)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	if (rc < 0)
		sl_clean_unlock(log);
	return rc;
}

void
sl_clean_unlock(struct sl_log *log)
{
	sl_lock_drop(log->lock, SL_LOCK_CLEAN);
}

int
sl_clean_mark(int dir, uint64_t base, struct sl_error *err)
{
	/* The log first: what is left without one is swept. */
	static const char *const suffixes[] = { ".log", ".index", ".timeindex",
		".suspect" };
	char to[SL_SEGMENT_NAME_SIZE + sizeof(SL_DELETED_SUFFIX)];
	char name[SL_SEGMENT_NAME_SIZE];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		sl_segment_name(name, base, suffixes[i]);
		snprintf(to, sizeof(to), "%s" SL_DELETED_SUFFIX, name);
		rc = sl_fs_rename_over(dir, name, to, err);
		if (rc < 0 && err->sys != ENOENT)
			return rc;
	}
	return SL_OK;
}

int
sl_clean_remove(int dir, const char *name, struct sl_error *err)
{
	struct sl_error ignored;
	uint64_t bytes = 0;
	int fd = -1;
	int rc;

	/* One that can't be cut (it has a second link, say) goes in one go. */
	rc = sl_fs_open_write(&fd, dir, name, &ignored);
	if (rc == SL_OK)
		rc = sl_fs_size(fd, &bytes, &ignored);
	while (rc == SL_OK && bytes > CUT_BYTES) {
		bytes = (bytes - 1) / CUT_BYTES * CUT_BYTES;
		rc = sl_fs_cut(fd, bytes, &ignored);
	}
	sl_fs_close(&fd);
	return sl_fs_unlink(dir, name, err);
}
