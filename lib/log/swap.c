/* swap.c: a segment written anew and put in place; see swap.h. */
#include "swap.h"

#include "clean.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* So much is on its way to the disk at once: a writer's sync waits for it. */
#define BUFFER_SIZE (128u << 10)

#define LOG_CLEANED ".log.cleaned"
#define INDEX_CLEANED ".index.cleaned"
#define TIME_CLEANED ".timeindex.cleaned"

static int
create(int *fd, const struct sl_swap *swap, const char *suffix,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, swap->base, suffix);
	return sl_fs_create(fd, swap->dir, name, swap->like, SL_FS_READABLE,
	    err);
}

int
sl_swap_begin(struct sl_swap *swap, int dir, const struct sl_fs_like *like,
    uint64_t base, int64_t interval_bytes, struct sl_error *err)
{
	int rc;

	*swap = SL_SWAP_CLOSED;
	swap->dir = dir;
	swap->like = like;
	swap->base = swap->index.base = base;
	swap->interval_bytes = (uint64_t)interval_bytes;
	swap->max_ms = swap->index.last_time_ms = SL_TIME_NONE;
	swap->buffer = malloc(BUFFER_SIZE);
	if (swap->buffer == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	/* The log first: an index alone says that the log is in place. */
	rc = create(&swap->fd, swap, LOG_CLEANED, err);
	if (rc == SL_OK)
		rc = create(&swap->index.offset_fd, swap, INDEX_CLEANED, err);
	if (rc == SL_OK)
		rc = create(&swap->index.time_fd, swap, TIME_CLEANED, err);
	return rc;
}

static int
flush(struct sl_swap *swap, struct sl_error *err)
{
	uint64_t from = swap->position - swap->buffered;
	size_t done;
	int rc;

	rc = sl_fs_write_at(swap->fd, swap->buffer, swap->buffered, from, &done,
	    err);
	if (rc == SL_OK) {
		sl_fs_begin_sync(swap->fd, from, swap->buffered);
		if (from >= BUFFER_SIZE)
			rc = sl_fs_await_sync(swap->fd, from - BUFFER_SIZE,
			    BUFFER_SIZE, err);
	}
	sl_clean_yield();
	swap->buffered = 0;
	return rc;
}

static int
write_batch(struct sl_swap *swap, const uint8_t *batch, size_t bytes,
    struct sl_error *err)
{
	size_t part;
	int rc = SL_OK;

	for (; rc == SL_OK && bytes > 0; batch += part, bytes -= part) {
		part = BUFFER_SIZE - swap->buffered;
		if (part > bytes)
			part = bytes;
		memcpy(swap->buffer + swap->buffered, batch, part);
		swap->buffered += part;
		swap->position += part;
		if (swap->buffered == BUFFER_SIZE)
			rc = flush(swap, err);
	}
	return rc;
}

int
sl_swap_add(struct sl_swap *swap, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	uint64_t position = swap->position;
	int rc;

	if (position + head->bytes > SL_SEGMENT_BYTES_LIMIT ||
	    head->base + head->last_offset_delta - swap->base >
	        SL_SEGMENT_OFFSETS_LIMIT)
		return sl_error_set(err, SL_ECORRUPT,
		    "the segment would become too large");
	rc = write_batch(swap, batch, head->bytes, err);
	return rc < 0 ? rc : sl_swap_note(swap, position, head, err);
}

int
sl_swap_note(struct sl_swap *swap, uint64_t position,
    const struct sl_batch_head *head, struct sl_error *err)
{
	uint64_t last = head->base + head->last_offset_delta;
	int rc;

	/* An empty batch keeps a time that no event has any more. */
	if (head->count > 0 && (swap->max_ms == SL_TIME_NONE ||
	                           head->max_timestamp_ms > swap->max_ms)) {
		swap->max_ms = head->max_timestamp_ms;
		swap->max_offset = last;
	}
	if (swap->max_ms == SL_TIME_NONE)
		return SL_OK;
	/* Where the index is full the rest has no entries. */
	rc = sl_index_add(&swap->index, position, last, swap->max_ms,
	    swap->max_offset, swap->interval_bytes, err);
	return rc < 0 ? rc : SL_OK;
}

static int
act(const struct sl_swap *swap, const char *from, const char *to,
    struct sl_error *err)
{
	char old[SL_SEGMENT_NAME_SIZE], new[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(new, swap->base, to);
	if (from == NULL)
		return sl_fs_unlink(swap->dir, new, err);
	sl_segment_name(old, swap->base, from);
	return sl_fs_rename_over(swap->dir, old, new, err);
}

static int
check_sources(const struct sl_swap *swap, const uint64_t *bases, size_t count,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;

	for (size_t i = 0; i < count; i++) {
		sl_segment_name(name, bases[i], ".log");
		if (fstatat(swap->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return sl_error_sys(err, errno, "'%s'", name);
	}
	return SL_OK;
}

/* Rising: a reader then finds what it looks for in the merged one. */
int
sl_swap_remove(int dir, const uint64_t *bases, size_t count,
    struct sl_error *err)
{
	static const char *const suffixes[] = { ".index", ".timeindex",
		".log" };
	struct sl_clean_held held = SL_CLEAN_HELD_NONE;
	char name[SL_SEGMENT_NAME_SIZE];
	int rc = SL_OK;

	for (size_t i = 0; rc == SL_OK && i < count; i++) {
		sl_segment_name(name, bases[i], ".log");
		sl_clean_hold(&held, dir, name);
		for (size_t j = 0; rc == SL_OK && j < 3; j++) {
			sl_segment_name(name, bases[i], suffixes[j]);
			rc = sl_fs_unlink(dir, name, err);
		}
		if (i + 1 < count && held.count < SL_CLEAN_HELD_MAX)
			continue;
		if (rc == SL_OK)
			rc = sl_fs_sync_dir(dir, err);
		sl_clean_give_back(&held, rc == SL_OK);
	}
	sl_clean_give_back(&held, false);
	return rc;
}

/* Say, before it is so, what may be missing and what is merged. */
static int
announce(struct sl_swap *swap, size_t count, uint64_t end,
    struct sl_cleaned *cleaned, struct sl_error *err)
{
	struct sl_cleaned next = *cleaned;
	int rc;

	swap->is_announced = true;
	if (next.holes < end)
		next.holes = end;
	if (count > 1) {
		next.merge_base = swap->base;
		next.merge_end = end;
	}
	if (count == 1 && next.holes == cleaned->holes)
		return SL_OK;
	rc = sl_cleaned_write(swap->dir, swap->like, &next, err);
	if (rc == SL_OK)
		*cleaned = next;
	return rc;
}

/* New indexes on; from here on nothing is to be removed. */
static int
indexes_on(struct sl_swap *swap, struct sl_error *err)
{
	int rc;

	rc = act(swap, INDEX_CLEANED, ".index", err);
	if (rc == SL_OK)
		rc = act(swap, TIME_CLEANED, ".timeindex", err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(swap->dir, err);
	return rc;
}

/* The log in the place of the old one, whose bytes are given back. */
static int
log_on(struct sl_swap *swap, struct sl_error *err)
{
	struct sl_clean_held held = SL_CLEAN_HELD_NONE;
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, swap->base, ".log");
	sl_clean_hold(&held, swap->dir, name);
	rc = act(swap, LOG_CLEANED, ".log", err);
	if (rc == SL_OK)
		rc = indexes_on(swap, err);
	sl_clean_give_back(&held, rc == SL_OK);
	return rc;
}

int
sl_swap_commit(struct sl_swap *swap, const uint64_t *bases, size_t count,
    uint64_t end, struct sl_cleaned *cleaned, struct sl_error *err)
{
	int rc;

	rc = flush(swap, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(swap->fd, err);
	if (rc == SL_OK)
		rc = sl_index_finish(&swap->index, swap->max_ms,
		    swap->max_offset, err);
	if (rc == SL_OK)
		rc = check_sources(swap, bases, count, err);
	if (rc == SL_OK)
		rc = announce(swap, count, end, cleaned, err);
	if (rc == SL_OK)
		rc = act(swap, NULL, ".index", err);
	if (rc == SL_OK)
		rc = act(swap, NULL, ".timeindex", err);
	if (rc == SL_OK)
		rc = log_on(swap, err);
	return rc < 0 ? rc
	              : sl_swap_remove(swap->dir, bases + 1, count - 1, err);
}

int
sl_swap_commit_indexes(struct sl_swap *swap, struct sl_error *err)
{
	int rc;

	rc = sl_index_finish(&swap->index, swap->max_ms, swap->max_offset, err);
	if (rc == SL_OK) {
		swap->is_announced = true; /* now they stand alone */
		rc = act(swap, NULL, LOG_CLEANED, err);
	}
	return rc < 0 ? rc : indexes_on(swap, err);
}

void
sl_swap_abandon(struct sl_swap *swap)
{
	struct sl_error ignored;
	bool has_files = swap->fd >= 0 && !swap->is_announced;
	int rc = SL_OK;

	if (has_files) /* the log last: see sl_swap_begin() */
		rc = act(swap, NULL, TIME_CLEANED, &ignored);
	if (has_files && rc == SL_OK)
		rc = act(swap, NULL, INDEX_CLEANED, &ignored);
	if (has_files && rc == SL_OK)
		rc = act(swap, NULL, LOG_CLEANED, &ignored);
	sl_fs_close(&swap->fd);
	sl_index_close(&swap->index);
	free(swap->buffer);
	*swap = SL_SWAP_CLOSED;
}
