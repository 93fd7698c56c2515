/* lag.c: how far offsets are from a partition's end; see lag.h. */
#include "lag.h"

#include "fs.h"
#include "read.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read at once at most: it holds what lies between two marks, as a rule. */
#define VIEW_SIZE (16u << 10)
#define VIEW_SIZE_MIN (4u << 10)
/* Marks that are made by a walk lie so far apart. */
#define MARK_BYTES 4096
/* Without any mark a segment this small is walked from its start each time. */
#define UNMARKED_BYTES_MAX (64u << 10)

/* Where a batch was found. */
struct spot {
	size_t segment;
	uint64_t position;
	uint64_t base;   /* its first offset, or that behind a hole */
	bool is_damaged; /* the batch is not known, only where it lies */
	struct sl_batch_head head;
};

int
sl_lag_log_open(struct sl_lag_log *log, int at, const char *name,
    struct sl_error *err)
{
	uint64_t position = 0;
	int dir, rc;
	size_t count;

	*log = SL_LAG_LOG_CLOSED;
	log->at = at;
	log->asked = SL_OFFSET_NONE;
	snprintf(log->name, sizeof(log->name), "%s", name);
	rc = sl_fs_open_dir(&dir, at, name, err);
	if (rc < 0)
		return rc;
	rc = sl_lookup_end(dir, &log->segments, &log->range, &position, err);
	sl_fs_close(&dir);
	count = log->segments.count;
	if (rc == SL_OK) {
		log->bytes_from = calloc(count, sizeof(*log->bytes_from));
		if (log->bytes_from == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "no memory");
	}
	if (rc < 0) {
		sl_lag_log_close(log);
		return rc;
	}
	log->sized = count - 1;
	log->bytes_from[log->sized] = position;
	log->is_open = true;
	return SL_OK;
}

void
sl_lag_log_rest(struct sl_lag_log *log)
{
	sl_fs_close(&log->fd);
	free(log->marks);
	free(log->view);
	log->marks = NULL;
	log->view = NULL;
	log->mark_count = log->view_bytes = 0;
}

void
sl_lag_log_close(struct sl_lag_log *log)
{
	sl_lag_log_rest(log);
	free(log->bytes_from);
	sl_segments_release(&log->segments);
	*log = SL_LAG_LOG_CLOSED;
}

/* ---- The segment in hand ---- */

/*
 * The bytes at `position`, as many as are wanted, or as the segment has, or
 * as fit: *have. Good until the next call.
 */
static int
view(struct sl_lag_log *log, uint64_t position, size_t want,
    const uint8_t **from, size_t *have, struct sl_error *err)
{
	uint64_t left = log->size > position ? log->size - position : 0;
	uint64_t end = log->view_position + log->view_bytes;
	int rc;

	want = want > VIEW_SIZE ? VIEW_SIZE : want;
	want = want > left ? (size_t)left : want;
	if (position < log->view_position || position + want > end) {
		log->view_position = position;
		log->view_bytes = 0;
		end = left < VIEW_SIZE_MIN ? left : VIEW_SIZE_MIN;
		end = want > end ? want : end;
		rc = sl_fs_read_at(log->fd, log->view, (size_t)end, position,
		    &log->view_bytes, err);
		if (rc < 0)
			return rc;
	}
	*from = log->view + (position - log->view_position);
	*have = log->view_bytes - (size_t)(position - log->view_position);
	return SL_OK;
}

/*
 * The head at `position`, `want` bytes being read with it. SL_END: no batch
 * that begins at `lowest` or later stands there.
 */
static int
look(struct sl_lag_log *log, uint64_t position, size_t want, uint64_t lowest,
    struct sl_batch_head *head, struct sl_error *err)
{
	struct sl_error ignored;
	const uint8_t *from;
	size_t have;
	int rc;

	want = want < SL_BATCH_HEAD_SIZE ? SL_BATCH_HEAD_SIZE : want;
	rc = view(log, position, want, &from, &have, err);
	if (rc < 0)
		return rc;
	if (sl_batch_head_decode(from, have, head, &ignored) != SL_OK ||
	    head->base < lowest || head->bytes > log->size - position)
		return SL_END;
	return SL_OK;
}

/* A mark at a batch; `room` grows. */
static int
add_mark(struct sl_lag_log *log, uint64_t last, uint64_t position, size_t *room,
    struct sl_error *err)
{
	struct sl_index_entry *marks;
	size_t wanted = *room == 0 ? 64 : *room * 2;

	if (log->mark_count == *room) {
		marks = reallocarray(log->marks, wanted, sizeof(*marks));
		if (marks == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		log->marks = marks;
		*room = wanted;
	}
	log->marks[log->mark_count].offset = last;
	log->marks[log->mark_count++].position = position;
	return SL_OK;
}

/* The index lies, or isn't there: make the marks by walking the segment. */
static int
walk_marks(struct sl_lag_log *log, struct sl_error *err)
{
	uint64_t lowest = log->segments.bases[log->in_hand];
	uint64_t position = 0, marked = 0;
	struct sl_batch_head head;
	size_t room = 0;
	int rc = SL_OK;

	free(log->marks);
	log->marks = NULL;
	log->mark_count = 0;
	log->is_walked = true;
	while (rc == SL_OK && position < log->size) {
		rc = look(log, position, VIEW_SIZE, lowest, &head, err);
		if (rc != SL_OK)
			break;
		lowest = head.base + head.last_offset_delta + 1;
		if (position - marked >= MARK_BYTES) {
			rc = add_mark(log, lowest - 1, position, &room, err);
			marked = position;
		}
		position += head.bytes;
	}
	return rc < 0 ? rc : SL_OK;
}

/* Open segment `number` in `dir`, with its marks. */
static int
open_segment(struct sl_lag_log *log, int dir, size_t number,
    struct sl_error *err)
{
	uint64_t base = log->segments.bases[number];
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, base, ".log");
	log->view = malloc(VIEW_SIZE);
	if (log->view == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	rc = sl_fs_open_read(&log->fd, dir, name, err);
	if (rc == SL_OK)
		rc = sl_fs_size(log->fd, &log->size, err);
	if (rc == SL_OK)
		rc = sl_index_load(dir, base, &log->marks, &log->mark_count,
		    err);
	if (rc < 0)
		return rc;
	if (number + 1 == log->segments.count)
		log->size = log->bytes_from[number];
	log->in_hand = number;
	log->is_walked = false;
	if (log->mark_count == 0 && log->size > UNMARKED_BYTES_MAX)
		return walk_marks(log, err);
	return SL_OK;
}

/* The sizes of segment `number` and those behind it; a lost one has none. */
static void
find_sizes(struct sl_lag_log *log, int dir, size_t number)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;

	while (log->sized > number) {
		log->sized--;
		log->bytes_from[log->sized] = log->bytes_from[log->sized + 1];
		sl_segment_name(name, log->segments.bases[log->sized], ".log");
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			log->bytes_from[log->sized] += (uint64_t)st.st_size;
	}
}

/* Take segment `number` in hand. */
static int
take_segment(struct sl_lag_log *log, size_t number, struct sl_error *err)
{
	int dir, rc;

	if (log->fd >= 0 && log->in_hand == number)
		return SL_OK;
	sl_lag_log_rest(log);
	rc = sl_fs_open_dir(&dir, log->at, log->name, err);
	if (rc < 0)
		return rc;
	find_sizes(log, dir, number);
	rc = open_segment(log, dir, number, err);
	sl_fs_close(&dir);
	if (rc < 0)
		sl_lag_log_rest(log);
	return rc;
}

/* ---- Finding a batch ---- */

/* How many marks are of batches that end below `offset`. */
static size_t
count_below(const struct sl_lag_log *log, uint64_t offset)
{
	size_t low = 0, high = log->mark_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (log->marks[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The bytes from mark `below` - 1 to the head at the next one. */
static size_t
bytes_between(const struct sl_lag_log *log, uint64_t position, size_t below)
{
	uint64_t next = log->size;

	if (below < log->mark_count)
		next = log->marks[below].position + SL_BATCH_HEAD_SIZE;
	if (next < position || next - position > VIEW_SIZE)
		return VIEW_SIZE_MIN;
	return (size_t)(next - position);
}

/*
 * Walk from the last mark before `offset` to the batch that holds it, or to the
 * first behind it. SL_END: this segment has neither. SL_EBUSY: the mark lies.
 */
static int
walk(struct sl_lag_log *log, uint64_t offset, struct spot *spot,
    struct sl_error *err)
{
	size_t below = count_below(log, offset), want;
	uint64_t lowest = log->segments.bases[log->in_hand], last;
	bool is_mark = below > 0;
	int rc;

	spot->segment = log->in_hand;
	spot->position = is_mark ? log->marks[below - 1].position : 0;
	want = bytes_between(log, spot->position, below);
	while (spot->position < log->size) {
		rc = look(log, spot->position, want, lowest, &spot->head, err);
		if (rc < 0)
			return rc;
		last = spot->head.base + spot->head.last_offset_delta;
		if (is_mark &&
		    (rc == SL_END || last != log->marks[below - 1].offset))
			return sl_error_set(err, SL_EBUSY, "the index lies");
		spot->base = rc == SL_OK ? spot->head.base : offset;
		spot->is_damaged = rc == SL_END;
		if (rc == SL_END || last >= offset)
			return SL_OK;
		is_mark = false;
		lowest = last + 1;
		spot->position += spot->head.bytes;
		want = SL_BATCH_HEAD_SIZE;
	}
	return is_mark ? sl_error_set(err, SL_EBUSY, "the index lies") : SL_END;
}

/* The same over segments: where one ends before `offset` the next has it. */
static int
find(struct sl_lag_log *log, uint64_t offset, struct spot *spot,
    struct sl_error *err)
{
	size_t number = (size_t)sl_segments_find(&log->segments, offset);
	int rc;

	rc = take_segment(log, number, err);
	if (rc == SL_OK)
		rc = walk(log, offset, spot, err);
	if (rc == SL_EBUSY && !log->is_walked) {
		rc = walk_marks(log, err);
		if (rc == SL_OK)
			rc = walk(log, offset, spot, err);
	}
	if (rc != SL_END || number + 1 >= log->segments.count)
		return rc;
	rc = take_segment(log, number + 1, err);
	return rc == SL_OK ? walk(log, offset, spot, err) : rc;
}

/*
 * The time of `offset` in the batch at `spot`; times that fall within a batch
 * count as the largest before them (as in RULE 23), so where the first is the
 * largest it is that of all. Otherwise the records are walked over, if that is
 * cheap: not compressed, and no longer than a view. Else it is the first's.
 */
static int
time_of(struct sl_lag_log *log, const struct spot *spot, uint64_t offset,
    int64_t *time_ms, struct sl_error *err)
{
	const struct sl_batch_head *head = &spot->head;
	struct sl_batch_walk records = SL_BATCH_WALK_CLOSED;
	struct sl_record record;
	const uint8_t *from;
	size_t have;
	int rc;

	*time_ms = head->base_timestamp_ms;
	/* Bit 6: the base time says when tombstones may go, no event's. */
	if ((head->attributes &
	        (SL_BATCH_LOG_APPEND_TIME | SL_BATCH_DELETE_HORIZON)) != 0)
		*time_ms = head->max_timestamp_ms;
	if (head->base >= offset || *time_ms == head->max_timestamp_ms ||
	    (head->attributes & SL_BATCH_CODEC_MASK) != SL_COMPRESSION_NONE ||
	    head->bytes > VIEW_SIZE)
		return SL_OK;
	rc = view(log, spot->position, head->bytes, &from, &have, err);
	if (rc < 0 || have < head->bytes || !sl_batch_crc_ok(from, head))
		return rc;
	rc = sl_batch_walk_begin(&records, from, head, err);
	while (rc == SL_OK) {
		rc = sl_batch_walk_next(&records, &record, err);
		if (rc == SL_OK && record.timestamp_ms > *time_ms)
			*time_ms = record.timestamp_ms;
		if (rc != SL_OK || record.offset >= offset)
			break;
	}
	sl_batch_walk_release(&records);
	return SL_OK; /* bad records are the reader's to tell */
}

/* What lies from `offset`, which is in the range, to the end. */
static int
measure(struct sl_lag_log *log, uint64_t offset, struct sl_lag *lag,
    struct sl_error *err)
{
	struct spot spot;
	int rc;

	rc = find(log, offset, &spot, err);
	if (rc == SL_END) /* what is left of the last segment is a hole */
		return SL_OK;
	if (rc < 0)
		return rc;
	lag->bytes = log->bytes_from[spot.segment] - spot.position;
	if (spot.segment > (size_t)sl_segments_find(&log->segments, offset))
		lag->gone += spot.base - offset;
	return spot.is_damaged
	           ? SL_OK
	           : time_of(log, &spot, offset, &lag->first_ms, err);
}

static int
measure_from(struct sl_lag_log *log, uint64_t offset, struct sl_lag *lag,
    struct sl_error *err)
{
	uint64_t first = log->range.first;
	int rc = SL_OK;

	*lag = (struct sl_lag){ .range = log->range, .first_ms = SL_TIME_NONE };
	if (offset < log->range.next) {
		lag->events = log->range.next - offset;
		lag->gone = offset < first ? first - offset : 0;
		rc = measure(log, offset < first ? first : offset, lag, err);
	}
	return rc;
}

int
sl_lag_log_measure(struct sl_lag_log *log, uint64_t offset, struct sl_lag *lag,
    struct sl_error *err)
{
	char name[SL_LAG_NAME_SIZE];
	int at, rc, tries = 0;

	if (log->asked == offset && offset != SL_OFFSET_NONE) {
		*lag = log->answer;
		return SL_OK;
	}
	rc = measure_from(log, offset, lag, err);
	/* Retention or a merge took the segment: list them anew. */
	while (log->is_open && sl_lookup_is_passed(rc, err, &tries)) {
		at = log->at;
		memcpy(name, log->name, sizeof(name));
		sl_lag_log_close(log);
		rc = sl_lag_log_open(log, at, name, err);
		if (rc == SL_OK)
			rc = measure_from(log, offset, lag, err);
	}
	log->asked = rc == SL_OK ? offset : SL_OFFSET_NONE;
	log->answer = *lag;
	return rc;
}
