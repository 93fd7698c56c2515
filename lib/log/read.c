/* read.c: a reader's place in one partition; see read.h. */
#include "read.h"

#include "ends.h"
#include "fs.h"
#include "index.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

/* A complete bad batch at the end may be a write in flight (RULE 8). */
#define DOUBT_TRIES 5
#define DOUBT_NAP_NS 10000000
/* Times of files step by so much at most. */
#define TICK_MS 20

int
sl_cursor_open(struct sl_cursor *cursor, int at, const char *name,
    uint64_t offset, uint64_t end, struct sl_error *err)
{
	*cursor = SL_CURSOR_CLOSED;
	cursor->expected = offset;
	cursor->end = end;
	cursor->largest_ms = SL_TIME_NONE;
	cursor->must_list = true;
	cursor->trusted = SL_OFFSET_NONE;
	return sl_fs_open_dir(&cursor->dir, at, name, err);
}

void
sl_cursor_close(struct sl_cursor *cursor)
{
	sl_batch_walk_release(&cursor->walk);
	sl_window_release(&cursor->window);
	sl_segments_release(&cursor->segments);
	sl_fs_close(&cursor->fd);
	sl_fs_close(&cursor->dir);
}

void
sl_cursor_look_again(struct sl_cursor *cursor)
{
	cursor->must_list = true;
}

/*
 * List the segments, from offset `from` on at least, if the directory may have
 * changed. From 0 on all are: by their names.
 */
static int
list_segments(struct sl_cursor *cursor, uint64_t from, struct sl_error *err)
{
	struct stat st;
	bool is_listed =
	    !cursor->must_list && from >= cursor->segments.whole_from;
	int rc = SL_END;

	if (cursor->is_watched && is_listed)
		return SL_OK;
	if (fstat(cursor->dir, &st) != 0)
		return sl_error_sys(err, errno, "fstat of the partition");
	if (st.st_nlink == 0)
		return sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	if (is_listed && st.st_mtim.tv_sec == cursor->listed.tv_sec &&
	    st.st_mtim.tv_nsec == cursor->listed.tv_nsec)
		return SL_OK;
	cursor->is_last_sure = false;
	if (from > 0)
		rc = sl_ends_list(&cursor->segments, cursor->dir, err);
	if (rc == SL_END || (rc == SL_OK && from < cursor->segments.whole_from))
		rc = sl_segments_list(&cursor->segments, cursor->dir, err);
	/* A second change within one tick of the clock would not show. */
	cursor->must_list = rc < 0 || sl_now_ms() - st.st_mtim.tv_sec * 1000 -
	                                      st.st_mtim.tv_nsec / 1000000 <
	                                  TICK_MS;
	cursor->listed = st.st_mtim;
	return rc;
}

/* The largest timestamp before the place we enter at, as the indexes have it.
 */
static int
learn_largest(struct sl_cursor *cursor, size_t at, struct sl_error *err)
{
	int64_t earlier = SL_TIME_NONE;
	int64_t here = SL_TIME_NONE;
	int rc = SL_OK;

	if (at > 0)
		rc = sl_index_time_before(cursor->dir,
		    cursor->segments.bases[at - 1], UINT64_MAX, &earlier, err);
	if (rc == SL_OK && cursor->expected > cursor->base)
		rc = sl_index_time_before(cursor->dir, cursor->base,
		    cursor->expected, &here, err);
	if (earlier > cursor->largest_ms)
		cursor->largest_ms = earlier;
	if (here > cursor->largest_ms)
		cursor->largest_ms = here;
	return rc;
}

/* Open the segment at `at` in the list, at or before the offset expected. */
static int
enter_segment(struct sl_cursor *cursor, size_t at, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	bool is_first = cursor->fd < 0;
	int rc;

	sl_fs_close(&cursor->fd);
	cursor->base = cursor->segments.bases[at];
	if (is_first && cursor->base < cursor->trusted)
		cursor->trusted = cursor->base;
	cursor->position = cursor->synced_to = 0;
	cursor->window.size = 0;
	sl_segment_name(name, cursor->base, ".log");
	rc = sl_fs_open_read(&cursor->fd, cursor->dir, name, err);
	cursor->holes = (struct sl_holes){ .dir = cursor->dir,
		.fd = cursor->fd,
		.base = cursor->base };
	cursor->is_passing = rc == SL_ECORRUPT && cursor->skips_damage;
	if (rc == SL_OK && cursor->expected > cursor->base)
		rc = sl_index_find(cursor->dir, cursor->base, cursor->fd,
		    &cursor->window, cursor->expected, &cursor->position, err);
	/* The index was believed because the batch there confirmed it. */
	cursor->due = cursor->position == 0 ? cursor->base : SL_OFFSET_NONE;
	if (rc == SL_OK && is_first)
		rc = learn_largest(cursor, at, err);
	return rc;
}

/*
 * Enter the segment at `at`. One that is no file is told once and passed over;
 * SL_END: nothing follows it yet.
 */
static int
enter_found(struct sl_cursor *cursor, size_t at, struct sl_error *err)
{
	bool was_told =
	    cursor->is_passing && cursor->base == cursor->segments.bases[at];
	int rc;

	rc = enter_segment(cursor, at, err);
	if (rc != SL_ECORRUPT || !was_told)
		return rc;
	if (at + 1 == cursor->segments.count)
		return SL_END;
	cursor->expected = cursor->segments.bases[at + 1];
	return SL_OK;
}

/*
 * No segment in hand: find it. "Gone" only after two listings agree (RULE 8),
 * for retention may be between its steps.
 */
static int
find_segment(struct sl_cursor *cursor, uint64_t *from, struct sl_error *err)
{
	const struct sl_segments *segments = &cursor->segments;
	bool is_sure = false, is_whole = false;
	long at;
	int rc;

	for (;;) {
		rc =
		    list_segments(cursor, is_whole ? 0 : cursor->expected, err);
		if (rc < 0)
			return rc;
		if (segments->count == 0)
			return sl_error_set(err, SL_ECORRUPT,
			    "no segment is there: it was damaged from outside");
		at = sl_segments_find(segments, cursor->expected);
		if (at > 0 && segments->bases[at - 1] < segments->whole_from) {
			is_whole = true; /* to learn the time before it */
			continue;
		}
		if (at >= 0) {
			rc = enter_found(cursor, (size_t)at, err);
			if (rc >= 0 || err->sys != ENOENT)
				return rc;
		} else if (is_sure) {
			*from = cursor->expected;
			cursor->expected = segments->bases[0];
			return sl_error_gone(err, *from, cursor->expected,
			    SL_WERE_DELETED);
		}
		is_sure = is_whole = at < 0;
		cursor->must_list = true;
	}
}

/*
 * Index in the list of the segment that follows the one in hand, the last of
 * those that begin at or before the offset expected; -1: none. A
 * listing may miss names that came while it was made, though it has a later
 * one; when that is there the ones before it are, too, so that a second listing
 * is sure to have them.
 */
static int
next_segment(struct sl_cursor *cursor, long *next, struct sl_error *err)
{
	bool is_sure = false;
	long at;
	int rc;

	for (;;) {
		rc = list_segments(cursor, is_sure ? 0 : cursor->base, err);
		if (rc < 0)
			return rc;
		at = sl_segments_find(&cursor->segments, cursor->base) + 1;
		*next = (size_t)at < cursor->segments.count ? at : -1;
		if (*next >= 0 &&
		    cursor->segments.bases[at] <= cursor->expected) {
			/* What a merge took in may still be there (RULE 15). */
			if (cursor->expected != SL_OFFSET_NONE)
				*next = sl_segments_find(&cursor->segments,
				    cursor->expected);
			return SL_OK;
		}
		if (is_sure || (*next < 0 && cursor->is_last_sure))
			return SL_OK;
		if (*next < 0 && !sl_ends_is_passed(cursor->dir,
		                     &cursor->segments, cursor->expected)) {
			cursor->is_last_sure = true;
			return SL_OK;
		}
		is_sure = cursor->must_list = true;
	}
}

/* Go to a later segment; offsets between are a named hole (RULE 24). */
static int
move_on(struct sl_cursor *cursor, long next, bool was_told, uint64_t *from,
    struct sl_error *err)
{
	uint64_t base = cursor->segments.bases[next];
	int rc;

	rc = enter_segment(cursor, (size_t)next, err);
	if (rc < 0 && err->sys == ENOENT) { /* passed by retention meanwhile */
		sl_fs_close(&cursor->fd);
		cursor->must_list = true;
		return SL_OK;
	}
	if ((rc < 0 && rc != SL_ECORRUPT) || base <= cursor->expected)
		return rc;
	*from = cursor->expected;
	cursor->expected = base;
	if (was_told || rc < 0)
		return rc;
	return sl_error_gone(err, *from, base, "are not there");
}

/*
 * Damage at cursor->position. What lies before the offset asked for is passed
 * over without a word, if a valid batch behind it is not past that offset.
 */
static int
damage(struct sl_cursor *cursor, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_error ignored;

	if (cursor->due < cursor->expected &&
	    sl_segment_search(cursor->fd, cursor->position, cursor->due,
	        cursor->expected, &cursor->position, &ignored) == SL_OK) {
		cursor->due = SL_OFFSET_NONE;
		return SL_OK;
	}
	sl_segment_name(name, cursor->base, ".log");
	sl_error_wrap(err, "'%s': byte %" PRIu64, name, cursor->position);
	err->code = SL_ECORRUPT;
	cursor->is_passing = cursor->skips_damage;
	return SL_ECORRUPT;
}

/*
 * Retention and compaction take a file's name before its bytes: does the name
 * still lead to the one in hand (RULE 14)? If not the place is found again, by
 * offset.
 */
static int
was_taken(struct sl_cursor *cursor, bool *is_taken, struct sl_error *err)
{
	int rc;

	*is_taken = false;
	if (cursor->expected == SL_OFFSET_NONE)
		return SL_OK; /* behind damage: there is no offset to find */
	rc = sl_segment_is_named(cursor->dir, cursor->base, cursor->fd, err);
	if (rc != SL_END)
		return rc;
	*is_taken = true;
	sl_fs_close(&cursor->fd);
	cursor->must_list = true;
	return SL_OK;
}

/*
 * Behind damage: the next valid batch in this file, else the next segment, else
 * nothing for now: the writer rolls past it.
 */
static int
pass_damage(struct sl_cursor *cursor, uint64_t *from, struct sl_error *err)
{
	uint64_t due =
	    cursor->due == SL_OFFSET_NONE ? cursor->expected : cursor->due;
	bool is_taken;
	uint64_t at;
	long next;
	int rc;

	rc = sl_segment_search_behind(&cursor->holes, cursor->position, due,
	    &at, err);
	if (rc == SL_OK) {
		cursor->position = at;
		cursor->expected = cursor->due = SL_OFFSET_NONE;
		cursor->is_passing = false;
		return SL_OK;
	}
	if (rc < 0)
		return rc;
	rc = next_segment(cursor, &next, err);
	if (rc < 0)
		return rc;
	if (next < 0)
		return SL_END;
	/* What retention took here and behind was not told with the damage. */
	rc = was_taken(cursor, &is_taken, err);
	if (rc < 0 || is_taken)
		return rc;
	return move_on(cursor, next, true, from, err);
}

/* Begin the walk over a valid batch, if its offsets are the ones expected. */
static int
take_batch(struct sl_cursor *cursor, const struct sl_batch_head *head,
    const uint8_t *batch, struct sl_error *err)
{
	uint64_t last = head->base + head->last_offset_delta;
	int rc;

	if (cursor->expected == SL_OFFSET_NONE)
		cursor->expected = head->base;
	/* A hole was judged to be one; where nothing was due none could be. */
	if (head->base > cursor->expected && cursor->holes.end != 0)
		cursor->expected = head->base;
	if (head->base > cursor->expected) {
		sl_error_set(err, SL_ECORRUPT,
		    "a batch begins at offset %" PRIu64 ", expected %" PRIu64,
		    head->base, cursor->expected);
		return damage(cursor, err);
	}
	if (last >= cursor->expected) {
		rc = sl_batch_walk_begin(&cursor->walk, batch, head, err);
		if (rc < 0)
			return rc == SL_ECORRUPT ? damage(cursor, err) : rc;
		cursor->is_walking = true;
		cursor->batch_position = cursor->position;
		cursor->batch_next = last + 1;
	}
	cursor->position += head->bytes;
	cursor->due = last + 1;
	return SL_OK;
}

/*
 * The file ends at cursor->position, or in the middle of a batch. If a later
 * segment exists this one is finished: read it once more to its end, then move.
 */
static int
at_end(struct sl_cursor *cursor, enum sl_found found, bool *read_again,
    uint64_t *from, struct sl_error *err)
{
	bool is_taken;
	long next;
	int rc;

	rc = next_segment(cursor, &next, err);
	cursor->window.size = 0;
	if (rc < 0)
		return rc;
	if (next < 0)
		return SL_END;
	if (!*read_again) {
		*read_again = true;
		return SL_OK;
	}
	*read_again = false; /* the next one has its own second look */
	rc = was_taken(cursor, &is_taken, err);
	if (rc < 0 || is_taken)
		return rc;
	if (found == SL_FOUND_END)
		return move_on(cursor, next, false, from, err);
	sl_error_set(err, SL_ECORRUPT, "the file ends inside a batch");
	return damage(cursor, err);
}

/* Bad at this look: perhaps a write in flight, if no segment follows. */
static int
judge_damage(struct sl_cursor *cursor, int *tries, struct sl_error *err)
{
	const struct timespec nap = { .tv_nsec = DOUBT_NAP_NS };
	struct sl_error saved = *err;
	bool is_taken;
	long next;
	int rc;

	rc = was_taken(cursor, &is_taken, err);
	if (rc < 0 || is_taken)
		return rc;
	rc = next_segment(cursor, &next, err);
	if (rc < 0)
		return rc;
	/* A finished one may have been cut and written on since we read it. */
	if (*tries < (next < 0 ? DOUBT_TRIES : 1)) {
		++*tries;
		cursor->window.size = 0;
		if (next < 0)
			nanosleep(&nap, NULL);
		return SL_OK;
	}
	*err = saved;
	return damage(cursor, err);
}

/* Until a batch is in hand to walk. */
static int
next_batch(struct sl_cursor *cursor, uint64_t *from, struct sl_error *err)
{
	bool read_again = false;
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int tries = 0;
	int rc = SL_OK;

	while (rc == SL_OK && !cursor->is_walking) {
		if (cursor->expected >= cursor->end &&
		    cursor->expected != SL_OFFSET_NONE)
			return SL_END;
		if (cursor->fd < 0) {
			rc = find_segment(cursor, from, err);
			continue;
		}
		if (cursor->is_passing) {
			rc = pass_damage(cursor, from, err);
			continue;
		}
		rc = sl_segment_judge(&cursor->holes, &cursor->window,
		    cursor->position, cursor->due, &head, &batch, &found, err);
		if (rc < 0)
			break;
		if (found == SL_FOUND_DAMAGE) {
			rc = judge_damage(cursor, &tries, err);
		} else if (found != SL_FOUND_BATCH) {
			rc = at_end(cursor, found, &read_again, from, err);
		} else {
			if (cursor->is_synced)
				rc = sl_cursor_sync_to(cursor,
				    cursor->position + head.bytes, err);
			if (rc == SL_OK)
				rc = take_batch(cursor, &head, batch, err);
		}
	}
	return rc;
}

/*
 * The batch in hand is left: SL_END, at its end; SL_OK, at cursor->end, or
 * damaged, to come back to what was not handed out. SL_OK: go on.
 */
static int
leave_batch(struct sl_cursor *cursor, int rc, struct sl_error *err)
{
	cursor->is_walking = false;
	if (rc != SL_END) {
		cursor->position = cursor->batch_position;
		cursor->due = cursor->walk.base;
	}
	if (rc == SL_OK)
		return SL_END;
	if (rc < 0)
		return rc == SL_ECORRUPT ? damage(cursor, err) : rc;
	if (cursor->batch_next > cursor->expected)
		cursor->expected = cursor->batch_next;
	return SL_OK;
}

int
sl_cursor_next(struct sl_cursor *cursor, struct sl_record *record,
    uint64_t *from, struct sl_error *err)
{
	int rc;

	for (;;) {
		if (!cursor->is_walking) {
			rc = next_batch(cursor, from, err);
			if (rc != SL_OK)
				return rc;
		}
		rc = sl_batch_walk_next(&cursor->walk, record, err);
		if (rc == SL_OK) {
			if (record->offset < cursor->expected)
				continue;
			if (record->offset < cursor->end) {
				cursor->expected = record->offset + 1;
				return SL_OK;
			}
		}
		rc = leave_batch(cursor, rc, err);
		if (rc != SL_OK)
			return rc;
	}
}

int
sl_cursor_copy(struct sl_cursor *cursor, struct sl_batch_copy *copy,
    uint64_t *from, struct sl_error *err)
{
	int rc;

	copy->stop = cursor->end;
	copy->largest_ms = cursor->largest_ms;
	for (;;) {
		if (!cursor->is_walking) {
			rc = next_batch(cursor, from, err);
			if (rc != SL_OK)
				return rc;
		}
		copy->first = copy->next = cursor->expected;
		rc = sl_batch_walk_copy(&cursor->walk, copy, err);
		cursor->expected = copy->next;
		cursor->largest_ms = copy->largest_ms;
		if (rc == SL_OK && cursor->expected < cursor->end)
			return SL_OK;
		rc = leave_batch(cursor, rc, err);
		if (rc != SL_OK)
			return rc;
	}
}
