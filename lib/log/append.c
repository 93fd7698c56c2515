/* append.c: one batch to the end of a partition, and to disk; see log.h. */
#include "batch.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

/* How long a verdict waits for the append lock. */
#define POST_TIMEOUT_MS 1000

static bool
is_full(const struct sl_log *log, size_t bytes)
{
	return log->size > 0 &&
	       log->size + bytes > (uint64_t)log->limits.segment_bytes;
}

/* Is it time for the next segment, before this batch? */
static bool
is_roll_due(const struct sl_log *log, size_t bytes, uint32_t count,
    int64_t max_ms)
{
	if (log->is_sealed || log->is_suspect)
		return true;
	if (log->size == 0)
		return false;
	return is_full(log, bytes) ||
	       (log->limits.segment_count > 0 &&
	           log->next + count - log->base >
	               (uint64_t)log->limits.segment_count) ||
	       log->next + count - log->base > SL_SEGMENT_OFFSETS_LIMIT ||
	       log->size + bytes > SL_SEGMENT_BYTES_LIMIT ||
	       (max_ms > log->first_ms &&
	           (uint64_t)max_ms - (uint64_t)log->first_ms >
	               (uint64_t)log->limits.segment_ms);
}

/* One pwrite of one batch; what is short is cut back (RULE 3). */
static int
write_batch(struct sl_log *log, const uint8_t *batch, size_t bytes,
    struct sl_error *err)
{
	struct sl_error ignored;
	size_t done;
	int rc;

	rc = sl_fs_write_at(log->fd, batch, bytes, log->size, &done, err);
	if (rc < 0 && done > 0 && sl_fs_cut(log->fd, log->size, &ignored) < 0)
		sl_error_wrap(err, "a torn batch stays for the next writer");
	return rc;
}

/* After the write: it counts, whatever becomes of the indexes. */
static void
note_batch(struct sl_log *log, size_t bytes, uint32_t count, int64_t max_ms)
{
	uint64_t position = log->size;
	uint64_t last = log->next + count - 1;
	struct sl_error ignored;

	if (log->size == 0)
		log->first_ms = max_ms;
	if (log->max_ms == SL_TIME_NONE || max_ms > log->max_ms) {
		log->max_ms = max_ms;
		log->max_offset = last;
	}
	log->size += bytes;
	log->next += count;
	sl_word_wrote(&log->word, log->size);
	/*
	 * An entry that can't be written now is owed: whoever opens the
	 * segment next writes it. One that finds the index full rolls.
	 */
	if (sl_index_add(&log->index, position, last, log->max_ms,
	        log->max_offset, (uint64_t)log->limits.index_interval_bytes,
	        &ignored) == SL_END)
		log->is_sealed = true;
}

static int
append_locked(struct sl_log *log, uint8_t *batch, size_t bytes, uint32_t count,
    int64_t max_ms, uint64_t *first_offset, struct sl_error *err)
{
	int rc = SL_OK;

	if (is_roll_due(log, bytes, count, max_ms))
		rc = sl_log_roll(log, err);
	if (rc < 0)
		return rc;
	sl_batch_set_base(batch, log->next);
	rc = write_batch(log, batch, bytes, err);
	if (rc < 0 && err->sys == EFBIG && log->fd >= 0 && log->size > 0) {
		/* The limit is on one file's size: the next one has room. */
		rc = sl_log_roll(log, err);
		if (rc == SL_OK) {
			sl_batch_set_base(batch, log->next);
			rc = write_batch(log, batch, bytes, err);
		}
	}
	if (rc < 0)
		return rc;
	if (!log->is_dirty) {
		log->is_dirty = true;
		log->doubt_position = log->size;
		log->doubt_offset = log->next;
	}
	*first_offset = log->next;
	note_batch(log, bytes, count, max_ms);
	return SL_OK;
}

int
sl_log_append(struct sl_log *log, uint8_t *batch, size_t bytes, uint32_t count,
    int64_t max_ms, int timeout_ms, uint64_t *first_offset,
    struct sl_error *err)
{
	int rc;

	assert(count > 0 && bytes >= SL_BATCH_HEAD_SIZE);
	if (log->has_failed)
		return sl_error_set(err, SL_EIO,
		    "a sync failed before, so nothing more is written");
	/* The long sync of a roll begins before the lock is taken (RULE 7). */
	if (log->fd >= 0 && is_full(log, bytes)) {
		rc = sl_log_sync(log, err);
		if (rc < 0)
			return rc;
	}
	rc = sl_log_lock(log, timeout_ms, err);
	if (rc < 0)
		return rc;
	rc = append_locked(log, batch, bytes, count, max_ms, first_offset, err);
	sl_log_unlock(log);
	return rc;
}

int
sl_log_sync(struct sl_log *log, struct sl_error *err)
{
	int rc;

	/* A second one would only seem to succeed (RULE 10). */
	if (log->has_failed)
		return sl_error_set(err, SL_EIO,
		    "a sync failed before: from offset %" PRIu64 " on in doubt",
		    log->doubt_offset);
	/* No segment in hand: all that was written here was synced before. */
	if ((!log->is_dirty && !log->is_unsure) || log->fd < 0)
		return SL_OK;
	rc = sl_log_sync_shared(log, err);
	if (rc < 0)
		sl_log_post_suspect(log, POST_TIMEOUT_MS);
	return rc;
}
