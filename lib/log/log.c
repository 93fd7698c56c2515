/* log.c: a partition's lock, its active segment and the roll; see log.h. */
#include "log.h"

#include "ends.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lock.h"

/* How long to wait for a lock at open, where nobody said. */
#define OPEN_TIMEOUT_MS 10000

static int
create_segment(int *fd, int dir, uint64_t base, const struct sl_fs_like *like,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	uint64_t bytes;
	int rc;

	sl_segment_name(name, base, ".log");
	rc = sl_fs_create(fd, dir, name, like, SL_FS_READABLE, err);
	if (rc == SL_OK || err->sys != EEXIST)
		return rc;
	/* A roll that was killed may leave an empty one: it is ours now. */
	rc = sl_fs_open_write(fd, dir, name, err);
	if (rc == SL_OK)
		rc = sl_fs_size(*fd, &bytes, err);
	if (rc == SL_OK && bytes > 0)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "'%s': holds %llu bytes where a new segment begins", name,
		    (unsigned long long)bytes);
	if (rc < 0)
		sl_fs_close(fd);
	return rc;
}

int
sl_log_create(int at, const char *name, const struct sl_fs_like *like,
    struct sl_error *err)
{
	int dir = -1, fd = -1;
	int rc;

	rc = sl_fs_create_dir(at, name, like, err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&dir, at, name, err);
	if (rc == SL_OK)
		rc = sl_lockfile_create(dir, like, err);
	if (rc == SL_OK)
		rc = create_segment(&fd, dir, 0, like, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(dir, err);
	sl_fs_close(&fd);
	sl_fs_close(&dir);
	return rc;
}

int
sl_log_open(struct sl_log *log, int at, const char *name,
    const struct sl_log_limits *limits, struct sl_error *err)
{
	struct sl_lockfile text;
	struct stat st;
	int rc;

	*log = SL_LOG_CLOSED;
	log->limits = *limits;
	rc = sl_fs_open_dir(&log->dir, at, name, err);
	if (rc == SL_OK)
		rc = sl_fs_check_kind(log->dir, err);
	if (rc == SL_OK)
		rc = sl_fs_like_of(log->dir, &log->like, err);
	if (rc == SL_OK)
		rc = sl_lockfile_open(&log->lock, log->dir, &log->like, err);
	if (rc == SL_OK && fstat(log->lock, &st) != 0)
		rc = sl_error_sys(err, errno, "'%s'", SL_LOCKFILE_NAME);
	if (rc == SL_OK) {
		rc = sl_lock_take(log->lock, SL_LOCK_PRESENCE, false,
		    OPEN_TIMEOUT_MS, err);
		if (rc == SL_EBUSY)
			sl_error_set(err, SL_EBUSY,
			    "it is being mended or deleted; try again");
	}
	if (rc == SL_OK)
		rc = sl_lockfile_read(log->lock, &text, err);
	if (rc == SL_OK && text.is_deleted)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	if (rc < 0) {
		sl_log_close(log);
		return rc;
	}
	log->lock_dev = st.st_dev;
	log->lock_ino = st.st_ino;
	return SL_OK;
}

void
sl_log_close(struct sl_log *log)
{
	sl_log_forget(log);
	sl_fs_close(&log->lock);
	sl_fs_close(&log->dir);
}

void
sl_log_forget(struct sl_log *log)
{
	sl_word_leave(&log->word, log->fd);
	sl_fs_close(&log->fd);
	sl_index_close(&log->index);
}

int
sl_log_check_lock(const struct sl_log *log, struct sl_error *err)
{
	const struct stat held = { .st_dev = log->lock_dev,
		.st_ino = log->lock_ino };
	int rc;

	rc = sl_fs_leads_to(log->dir, SL_LOCKFILE_NAME, &held, err);
	if (rc == SL_END)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	return rc;
}

/*
 * What is remembered holds if the change word is as remembered and the file
 * has a name and at least the size; what is beyond it others appended.
 */
static int
refresh(struct sl_log *log, const struct sl_lockfile *text,
    struct sl_error *err)
{
	struct stat st;

	if (log->fd < 0 || text->change != log->change)
		return sl_log_recover(log, err);
	if (fstat(log->fd, &st) != 0)
		return sl_error_sys(err, errno, "fstat of the segment");
	if (st.st_nlink != 1 || (uint64_t)st.st_size < log->size)
		return sl_log_recover(log, err);
	if ((uint64_t)st.st_size > log->size)
		return sl_log_step(log, (uint64_t)st.st_size, err);
	return SL_OK;
}

/* A segment whose sync failed takes no more (RULE 10). */
static int
heed_suspect(struct sl_log *log, const struct sl_lockfile *text,
    struct sl_error *err)
{
	log->is_suspect = text->is_suspect && text->suspect_base == log->base;
	if (!log->is_suspect || !log->is_dirty)
		return SL_OK;
	log->has_failed = true;
	return sl_error_set(err, SL_EIO,
	    "a sync failed: what was written from offset %llu on is in doubt",
	    (unsigned long long)text->suspect_offset);
}

int
sl_log_lock(struct sl_log *log, int timeout_ms, struct sl_error *err)
{
	struct sl_lockfile text;
	bool is_new_boot;
	int rc;

	rc = sl_lock_take(log->lock, SL_LOCK_APPEND, true, timeout_ms, err);
	if (rc == SL_EBUSY) {
		struct sl_error ignored;

		if (sl_lockfile_read(log->lock, &text, &ignored) < 0)
			text.holder[0] = '\0';
		return sl_error_set(err, SL_EBUSY,
		    "its append lock is held by %s",
		    text.holder[0] != '\0' ? text.holder : "another process");
	}
	if (rc < 0)
		return rc;
	rc = sl_log_check_lock(log, err);
	if (rc == SL_OK)
		rc = sl_lockfile_read(log->lock, &text, err);
	if (rc == SL_OK && text.is_deleted)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	is_new_boot = rc == SL_OK && !sl_lockfile_same_boot(&text);
	log->is_unsure = log->is_unsure || is_new_boot;
	if (rc == SL_OK)
		rc = refresh(log, &text, err);
	if (rc == SL_OK && (is_new_boot || !sl_lockfile_is_mine(&text))) {
		text.change = log->change; /* a repair has bumped it */
		rc = sl_lockfile_write(log->lock, &text, err);
	}
	if (rc == SL_OK)
		rc = heed_suspect(log, &text, err);
	if (rc < 0)
		sl_log_unlock(log);
	return rc;
}

void
sl_log_unlock(struct sl_log *log)
{
	sl_lock_drop(log->lock, SL_LOCK_APPEND);
}

int
sl_log_bump(struct sl_log *log, struct sl_error *err)
{
	struct sl_lockfile text;
	int rc;

	rc = sl_lockfile_read(log->lock, &text, err);
	if (rc < 0)
		return rc;
	text.change++;
	rc = sl_lockfile_write(log->lock, &text, err);
	if (rc == SL_OK)
		log->change = text.change;
	return rc;
}

/* The finished segment and its indexes go to disk before the next is made. */
static int
finish_segment(struct sl_log *log, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	rc = sl_index_finish(&log->index, log->max_ms, log->max_offset, err);
	if (rc < 0) {
		sl_segment_name(name, log->base, "");
		return sl_error_wrap(err, "indexes of '%s'", name);
	}
	rc = sl_log_sync_segment(log, err);
	if (rc < 0)
		sl_log_post_suspect(log, 0);
	return rc;
}

int
sl_log_roll(struct sl_log *log, struct sl_error *err)
{
	struct sl_ends_active active = { .before = log->base,
		.base = log->next };
	struct sl_index_entry none;
	int fd = -1;
	int rc;

	/* A suspect one is not synced again: that would prove nothing. */
	if (!log->is_suspect) {
		rc = finish_segment(log, err);
		if (rc < 0)
			return rc;
	}
	rc = sl_log_bump(log, err);
	active.change = log->change;
	/* Before it is made: no later one exists than is named. */
	if (rc == SL_OK && active.base > active.before)
		rc = sl_ends_write_active(log->dir, &log->like, &active, true,
		    err);
	if (rc == SL_OK)
		rc = create_segment(&fd, log->dir, log->next, &log->like, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(log->dir, err);
	/* Whatever is there now, the next lock finds it by name. */
	sl_log_forget(log);
	if (rc < 0) {
		sl_fs_close(&fd);
		return rc;
	}
	log->rolls++;
	log->fd = fd;
	log->base = log->next;
	log->size = log->opened_at = 0;
	log->was_synced = false;
	log->first_ms = log->max_ms = SL_TIME_NONE;
	log->is_sealed = log->is_suspect = false;
	log->doubt_position = 0;
	log->doubt_offset = log->next;
	rc = sl_index_open(&log->index, log->dir, log->base, &log->like, &none,
	    err);
	if (rc == SL_OK) /* left by a roll that was killed */
		rc = sl_index_clear(&log->index, err);
	if (rc < 0)
		sl_log_forget(log);
	return rc < 0 ? rc : SL_OK;
}
