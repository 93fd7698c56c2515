/* clean.c: the clean lock, and how files go; see clean.h. */
#include "clean.h"

#include "lock.h"

#include <errno.h>
#include <stdio.h>

/* A large unlink stalls the syncs of all: 64 MiB by 15 ms (H21). */
#define CUT_BYTES (512u << 10)

int
sl_clean_busy(struct sl_error *err)
{
	return sl_error_set(err, SL_EBUSY,
	    "another process is cleaning it; try again");
}

int
sl_clean_lock(struct sl_log *log, int timeout_ms, struct sl_error *err)
{
	struct sl_lockfile text;
	int rc;

	rc = sl_lock_take(log->lock, SL_LOCK_CLEAN, true, timeout_ms, err);
	if (rc == SL_EBUSY)
		return sl_clean_busy(err);
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

/* A file to be cut; -1: it is small, or can't be (it has a second link, say).
 */
static int
open_large(int dir, const char *name)
{
	struct sl_error ignored;
	uint64_t bytes = 0;
	int fd = -1;

	if (sl_fs_open_write(&fd, dir, name, &ignored) < 0 ||
	    sl_fs_size(fd, &bytes, &ignored) < 0 || bytes <= CUT_BYTES)
		sl_fs_close(&fd);
	return fd;
}

static void
cut_in_steps(int fd, bool yields)
{
	struct sl_error ignored;
	uint64_t bytes = 0;
	int rc;

	rc = sl_fs_size(fd, &bytes, &ignored);
	while (rc == SL_OK && bytes > CUT_BYTES) {
		bytes = (bytes - 1) / CUT_BYTES * CUT_BYTES;
		rc = sl_fs_cut(fd, bytes, &ignored);
		if (yields)
			sl_clean_yield();
	}
}

void
sl_clean_hold(struct sl_clean_held *held, int dir, const char *name)
{
	if (held->count == SL_CLEAN_HELD_MAX)
		return;
	held->fds[held->count] = open_large(dir, name);
	held->count += held->fds[held->count] >= 0;
}

void
sl_clean_give_back(struct sl_clean_held *held, bool is_synced)
{
	while (held->count > 0) {
		held->count--;
		if (is_synced)
			cut_in_steps(held->fds[held->count], true);
		sl_fs_close(&held->fds[held->count]);
	}
}

int
sl_clean_remove(int dir, const char *name, bool yields, struct sl_error *err)
{
	int fd = open_large(dir, name);

	if (fd >= 0)
		cut_in_steps(fd, yields);
	sl_fs_close(&fd);
	return sl_fs_unlink(dir, name, err);
}
