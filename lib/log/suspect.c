/*
 * suspect.c: a sync that fails is final (RULE 10); see log.h.
 *
 * The kernel has marked the pages clean by then, so that a second sync would
 * only seem to succeed. The segment takes no more, and what this handle wrote
 * since its last sync is in doubt for ever.
 */
#include "lock.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUSPECT_BEGIN "a sync failed: from byte "
#define SUSPECT_BYTES_MAX 4096

static int
note_sync(struct sl_log *log, int rc, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];

	if (rc == SL_OK) {
		log->is_dirty = log->is_unsure = false;
		log->was_synced = true;
		log->doubt_position = log->size;
		log->doubt_offset = log->next;
		return SL_OK;
	}
	log->has_failed = true;
	sl_segment_name(name, log->base, ".log");
	sl_error_wrap(err, "'%s': from offset %" PRIu64 " on in doubt", name,
	    log->doubt_offset);
	err->code = SL_EIO;
	return SL_EIO;
}

int
sl_log_sync_segment(struct sl_log *log, struct sl_error *err)
{
	return note_sync(log, sl_fs_sync(log->fd, err), err);
}

int
sl_log_sync_shared(struct sl_log *log, struct sl_error *err)
{
	/* Who syncs once has nobody to wait for; nor has who doubts it all. */
	if (!log->was_synced || log->is_unsure)
		return sl_log_sync_segment(log, err);
	if (!log->word.was_asked) {
		sl_word_join(&log->word, log->fd, log->opened_at);
		sl_word_wrote(&log->word, log->size);
	}
	if (log->word.fd < 0)
		return sl_log_sync_segment(log, err);
	return note_sync(log,
	    sl_word_sync(&log->word, log->fd, log->doubt_position, log->size,
	        err),
	    err);
}

/* The verdict, where all writers look, in bytes a full disk still takes. */
static int
post(const struct sl_log *log, struct sl_error *err)
{
	struct sl_lockfile board;
	int rc;

	rc = sl_lockfile_read(log->lock, &board, err);
	if (rc < 0)
		return rc;
	/* An older segment takes no more anyhow; its file says the rest. */
	if (board.is_suspect &&
	    (board.suspect_base > log->base ||
	        (board.suspect_base == log->base &&
	            board.suspect_position <= log->doubt_position)))
		return SL_OK;
	board.change++;
	board.is_suspect = true;
	board.suspect_base = log->base;
	board.suspect_position = log->doubt_position;
	board.suspect_offset = log->doubt_offset;
	rc = sl_lockfile_write(log->lock, &board, err);
	return rc < 0 ? rc : sl_fs_sync(log->lock, err);
}

/* The same for people, in a file beside the segment, best effort. */
static int
write_file(const struct sl_log *log, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE], text[128];
	int fd = -1;
	size_t done;
	int n, rc;

	n = snprintf(text, sizeof(text),
	    SUSPECT_BEGIN "%" PRIu64 ", offset %" PRIu64
	                  " on, the disk may not hold what was written\n",
	    log->doubt_position, log->doubt_offset);
	sl_segment_name(name, log->base, ".suspect");
	rc = sl_fs_create(&fd, log->dir, name, &log->like, SL_FS_READABLE, err);
	if (rc == SL_OK)
		rc = sl_fs_write_at(fd, text, (size_t)n, 0, &done, err);
	sl_fs_close(&fd);
	return rc;
}

/*
 * Who can't tell the others here (the lock is not to be had, the disk takes not
 * even this) has told its own caller, which is all that is left to do.
 */
void
sl_log_post_suspect(const struct sl_log *log, int timeout_ms)
{
	struct sl_error ignored;
	int rc;

	rc =
	    sl_lock_take(log->lock, SL_LOCK_APPEND, true, timeout_ms, &ignored);
	if (rc == SL_OK)
		rc = post(log, &ignored);
	sl_lock_drop(log->lock, SL_LOCK_APPEND);
	if (rc == SL_OK)
		rc = write_file(log, &ignored);
	(void)rc;
}

/* The board has the last verdict; it is no news where it isn't to be had. */
static bool
find_on_board(int dir, uint64_t base, uint64_t *position)
{
	struct sl_lockfile board = { .is_suspect = false };
	struct sl_error ignored;
	int fd = -1;

	if (sl_fs_open_read(&fd, dir, SL_LOCKFILE_NAME, &ignored) == SL_OK &&
	    sl_lockfile_read(fd, &board, &ignored) < 0)
		board.is_suspect = false;
	sl_fs_close(&fd);
	*position = board.suspect_position;
	return board.is_suspect && board.suspect_base == base;
}

int
sl_suspect_find(int dir, uint64_t base, uint64_t *position,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	const size_t begin = strlen(SUSPECT_BEGIN);
	char *text;
	size_t bytes;
	int rc;

	if (find_on_board(dir, base, position))
		return SL_OK;
	sl_segment_name(name, base, ".suspect");
	rc = sl_fs_read_file(dir, name, SUSPECT_BYTES_MAX, &text, &bytes, err);
	if (rc < 0)
		return err->sys == ENOENT ? SL_END : rc;
	/* One that can't be read as it was written doubts all of it. */
	*position = 0;
	if (strncmp(text, SUSPECT_BEGIN, begin) == 0)
		*position = strtoull(text + begin, NULL, 10);
	free(text);
	return SL_OK;
}
