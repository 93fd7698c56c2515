/*
 * recover.c: what a writer finds at the end of a segment, and what it does
 * about it (RULE 4); see log.h. All of it under the append lock.
 *
 * Found at the end      what it is                          what is done
 * nothing               a whole log                         nothing
 * a prefix of a batch   a writer was killed                 saved, then cut
 * anything else         damage, or a power cut's hole       kept; segment
 * sealed Nothing valid is ever cut, and the next offset lies past all that a
 * reader could have seen.
 */
#include "bytes.h"
#include "ends.h"
#include "log.h"
#include "lost.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_LOOK_BYTES (64u << 10)

/* Take a batch that was found at log->size into what is remembered. */
static int
take_batch(struct sl_log *log, const struct sl_batch_head *head,
    struct sl_error *err)
{
	uint64_t position = log->size;
	uint64_t last = head->base + head->last_offset_delta;
	int rc;

	if (log->size == 0)
		log->first_ms = head->max_timestamp_ms;
	if (log->max_ms == SL_TIME_NONE ||
	    head->max_timestamp_ms > log->max_ms) {
		log->max_ms = head->max_timestamp_ms;
		log->max_offset = last;
	}
	log->size += head->bytes;
	log->next = last + 1;
	rc = sl_index_add(&log->index, position, last, log->max_ms,
	    log->max_offset, (uint64_t)log->limits.index_interval_bytes, err);
	if (rc == SL_END)
		log->is_sealed = true;
	return rc < 0 ? rc : SL_OK;
}

static int
cut_tail(struct sl_log *log, uint64_t size, struct sl_error *err)
{
	char saved[SL_LOST_NAME_SIZE];
	int rc;

	rc = sl_lost_save(log->dir, &log->like, log->fd, log->base, log->size,
	    size, saved, err);
	if (rc == SL_OK)
		rc = sl_log_bump(log, err);
	if (rc == SL_OK)
		rc = sl_fs_cut(log->fd, log->size, err);
	return rc;
}

/*
 * What stands at log->size, where the walk stopped? If it is a batch behind a
 * hole, of a compacted segment that was made the active one, the walk goes on.
 */
static int
repair_tail(struct sl_log *log, uint64_t size, bool *goes_on,
    struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_holes holes = { .dir = log->dir,
		.fd = log->fd,
		.base = log->base };
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	*goes_on = false;
	rc = sl_segment_judge(&holes, &window, log->size, log->next, &head,
	    &batch, &found, err);
	sl_window_release(&window);
	if (rc < 0 || found == SL_FOUND_END)
		return rc;
	*goes_on = found == SL_FOUND_BATCH;
	if (*goes_on)
		return take_batch(log, &head, err);
	if (found == SL_FOUND_TORN)
		return cut_tail(log, size, err);
	/* Damage: the segment takes no more, and the writer rolls past it. */
	rc = sl_segment_pass(&holes, log->size, &log->next, err);
	log->is_sealed = true;
	log->size = size;
	return rc;
}

int
sl_log_step(struct sl_log *log, uint64_t size, struct sl_error *err)
{
	struct sl_batch_head head;
	struct sl_heads heads;
	bool goes_on = true;
	enum sl_found found;
	int rc;

	heads.size = 0;
	heads.position = log->size;
	while (log->size < size && goes_on) {
		rc = sl_segment_peek_on(log->fd, &heads, log->size, size, &head,
		    &found, err);
		if (rc < 0)
			return rc;
		if (found != SL_FOUND_BATCH || head.base != log->next)
			rc = repair_tail(log, size, &goes_on, err);
		else
			rc = take_batch(log, &head, err);
		if (rc < 0)
			return rc;
	}
	return SL_OK;
}

/* From log->size to the end, with checksums: nobody remembers these bytes. */
static int
walk(struct sl_log *log, uint64_t size, bool base_is_free, struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_batch_head head;
	const uint8_t *batch;
	bool goes_on = true;
	enum sl_found found;
	int rc = SL_OK;

	while (rc == SL_OK && log->size < size && goes_on) {
		rc = sl_segment_look(log->fd, &window, log->size, &head, &batch,
		    &found, err);
		if (rc < 0)
			break;
		if (found != SL_FOUND_BATCH ||
		    (!base_is_free && head.base != log->next)) {
			rc = repair_tail(log, size, &goes_on, err);
			continue;
		}
		base_is_free = false;
		rc = take_batch(log, &head, err);
	}
	sl_window_release(&window);
	return rc;
}

/* Does the batch that the last index entry names confirm it? */
static bool
entry_holds(const struct sl_log *log, const struct sl_index_entry *entry,
    uint64_t size)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_batch_head head;
	struct sl_error ignored;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	/* The first batch has none: zeros, which a power cut may leave. */
	if (entry->position == 0 || entry->position >= size)
		return false;
	rc = sl_segment_look(log->fd, &window, entry->position, &head, &batch,
	    &found, &ignored);
	sl_window_release(&window);
	return rc == SL_OK && found == SL_FOUND_BATCH &&
	       head.base >= log->base &&
	       head.base + head.last_offset_delta == entry->offset;
}

/*
 * Is the last time entry the largest up to the batch of the last offset entry?
 * A time index that lost its end would hide what is later than it says. Looks
 * at the heads from the batch that has the entry on, but no farther than
 * TIME_LOOK_BYTES: what lies behind is believed.
 */
static bool
time_holds(const struct sl_log *log, const struct sl_index_entry *entry,
    uint64_t size)
{
	const struct sl_index *index = &log->index;
	uint64_t position = entry->position;
	struct sl_batch_head head;
	struct sl_error ignored;
	struct sl_window window = SL_WINDOW_EMPTY;
	bool is_met = false;
	enum sl_found found;
	uint64_t look_end;
	int rc = SL_OK;

	if (index->time_bytes == 0)
		return false;
	if (index->last_time_offset < entry->offset)
		rc = sl_index_find(log->dir, log->base, log->fd, &window,
		    index->last_time_offset, &position, &ignored);
	sl_window_release(&window);
	if (rc < 0)
		return false;
	look_end = position + TIME_LOOK_BYTES;
	while (
	    !is_met || (position <= entry->position && position < look_end)) {
		if (sl_segment_peek(log->fd, position, size, &head, &found,
		        &ignored) < 0 ||
		    found != SL_FOUND_BATCH)
			return false;
		if (head.base + head.last_offset_delta ==
		    index->last_time_offset) {
			is_met = true;
			if (head.max_timestamp_ms != index->last_time_ms)
				return false;
		}
		if (head.max_timestamp_ms > index->last_time_ms)
			return false;
		position += head.bytes;
	}
	return true;
}

static int
first_time(struct sl_log *log, struct sl_error *err)
{
	struct sl_batch_head head;
	enum sl_found found;
	int rc;

	rc = sl_segment_peek(log->fd, 0, SL_SEGMENT_BYTES_LIMIT, &head, &found,
	    err);
	if (rc == SL_OK && found == SL_FOUND_BATCH)
		log->first_ms = head.max_timestamp_ms;
	return rc;
}

static int
open_active(struct sl_log *log, uint64_t base, struct sl_error *err)
{
	struct sl_index_entry last;
	bool has_entry;
	uint64_t size;
	int rc;

	log->base = log->next = base;
	log->size = 0;
	log->first_ms = log->max_ms = SL_TIME_NONE;
	log->is_sealed = false;
	rc = sl_fs_size(log->fd, &size, err);
	if (rc < 0)
		return rc;
	/* Who made it may have been killed before its sync, as may who made
	 * the partition and the topic. */
	if (size == 0)
		rc = sl_fs_sync_names(log->dir, base == 0 ? 2 : 0, err);
	if (rc == SL_OK)
		rc = sl_index_open(&log->index, log->dir, base, &log->like,
		    &last, err);
	if (rc < 0)
		return rc;
	/* After a crash neither the log nor an index is believed. */
	has_entry = rc == SL_OK && !log->is_unsure &&
	            entry_holds(log, &last, size) &&
	            time_holds(log, &last, size);
	if (!has_entry && (rc == SL_OK || log->index.time_bytes > 0))
		rc = sl_index_clear(&log->index, err);
	if (rc < 0)
		return rc;
	if (has_entry) {
		/* The walk meets the entry's own batch, and adds none for it.
		 */
		log->size = last.position;
		log->max_ms = log->index.last_time_ms;
		rc = first_time(log, err);
	}
	if (rc >= 0)
		rc = walk(log, size, has_entry, err);
	log->opened_at = log->size;
	log->was_synced = false;
	return rc;
}

/* The active segment by listing, and what is noted of it. */
static int
list_active(struct sl_log *log, const struct sl_lockfile *text, uint64_t *base,
    struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_ends_active active = { .change = text->change };
	int rc;

	rc = sl_segments_list(&segments, log->dir, err);
	if (rc == SL_OK && segments.count == 0)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "no segment is there: it was damaged from outside");
	if (rc == SL_OK)
		*base = segments.bases[segments.count - 1];
	if (rc == SL_OK && segments.count > 1) {
		active.before = segments.bases[segments.count - 2];
		active.base = *base;
		rc = sl_ends_write_active(log->dir, &log->like, &active, false,
		    err);
	}
	sl_segments_release(&segments);
	return rc;
}

static int
open_segment(struct sl_log *log, uint64_t base, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, base, ".log");
	rc = sl_fs_open_write(&log->fd, log->dir, name, err);
	if (rc == SL_OK) {
		rc = open_active(log, base, err);
		if (rc < 0 && err->code != SL_ECORRUPT)
			sl_error_wrap(err, "'%s'", name);
	}
	if (rc < 0)
		sl_log_forget(log);
	return rc;
}

/*
 * The active segment as who made it noted, if nothing was changed since and
 * nothing stands behind it. SL_END: it is to be listed.
 */
static int
open_noted(struct sl_log *log, const struct sl_lockfile *text,
    struct sl_error *err)
{
	struct sl_ends_active active;
	int rc;

	if (log->is_unsure || sl_ends_read_active(log->dir, &active) != SL_OK ||
	    active.change != text->change)
		return SL_END;
	rc = open_segment(log, active.base, err);
	if (rc == SL_OK && log->next > log->base &&
	    sl_segment_is_there(log->dir, log->next, ".log")) {
		sl_log_forget(log);
		return SL_END;
	}
	return rc;
}

int
sl_log_recover(struct sl_log *log, struct sl_error *err)
{
	struct sl_lockfile text;
	uint64_t base;
	int rc;

	/* Who rolled has synced it; this descriptor hears of its own errors. */
	if (log->fd >= 0 && log->is_dirty) {
		rc = sl_log_sync_segment(log, err);
		if (rc < 0) {
			sl_log_post_suspect(log, 0);
			return rc;
		}
	}
	sl_log_forget(log);
	rc = sl_lockfile_read(log->lock, &text, err);
	log->change = text.change;
	if (rc == SL_OK)
		rc = open_noted(log, &text, err);
	if (rc == SL_END) {
		rc = list_active(log, &text, &base, err);
		if (rc == SL_OK)
			rc = open_segment(log, base, err);
	}
	if (rc == SL_OK) {
		log->doubt_position = log->is_unsure ? 0 : log->size;
		log->doubt_offset = log->is_unsure ? log->base : log->next;
	}
	return rc;
}
