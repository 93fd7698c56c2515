/* lookup.c: offsets of a partition, found by name and index; see read.h. */
#include "ends.h"
#include "fs.h"
#include "index.h"
#include "read.h"

#include <errno.h>
#include <fcntl.h>

/* What a walk over the batches of one segment looks for. */
struct scan {
	int dir;
	int fd;
	uint64_t base;
	uint64_t position; /* where it stands */
	uint64_t size;
	uint64_t due;     /* the offset there; SL_OFFSET_NONE: not known */
	uint64_t damaged; /* the offset of damage just before it, or NONE */
	struct sl_holes holes;
	struct sl_window window; /* owned, as fd is */
};

static int
scan_open(struct scan *scan, int dir, uint64_t base, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	*scan = (struct scan){ .dir = dir,
		.fd = -1,
		.base = base,
		.due = base,
		.damaged = SL_OFFSET_NONE };
	sl_segment_name(name, base, ".log");
	rc = sl_fs_open_read(&scan->fd, dir, name, err);
	scan->holes =
	    (struct sl_holes){ .dir = dir, .fd = scan->fd, .base = base };
	if (rc == SL_OK)
		rc = sl_fs_size(scan->fd, &scan->size, err);
	return rc;
}

static void
scan_close(struct scan *scan)
{
	sl_window_release(&scan->window);
	sl_fs_close(&scan->fd);
}

/*
 * What retention takes, or a merge replaced, is renamed first and then cut: one
 * that came to an end there has seen that of nothing. As if it hadn't been
 * there: the caller looks again.
 */
static int
scan_confirm(const struct scan *scan, struct sl_error *err)
{
	int rc;

	rc = sl_segment_is_named(scan->dir, scan->base, scan->fd, err);
	if (rc == SL_END)
		rc = sl_error_sys(err, ENOENT,
		    "a segment went while it was read");
	return rc;
}

bool
sl_lookup_is_passed(int rc, const struct sl_error *err, int *tries)
{
	return rc < 0 && err->sys == ENOENT && ++*tries < SL_LOOKUP_TRIES;
}

/* Could the directory have changed while it was listed? */
static bool
is_changing(int dir)
{
	struct stat st;

	return fstat(dir, &st) != 0 ||
	       sl_now_ms() / 1000 - st.st_mtim.tv_sec <= 1;
}

/*
 * A listing may miss names that came while it was made, though it has a later
 * one; a second one has all up to that.
 */
int
sl_lookup_segments(struct sl_segments *segments, int dir, struct sl_error *err)
{
	uint64_t last;
	int rc;

	rc = sl_segments_list(segments, dir, err);
	if (rc == SL_OK && segments->count > 1 && is_changing(dir)) {
		last = segments->bases[segments->count - 1];
		rc = sl_segments_list(segments, dir, err);
		while (rc == SL_OK && segments->count > 1 &&
		       segments->bases[segments->count - 1] > last)
			segments->count--;
	}
	if (rc == SL_OK && segments->count == 0)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "no segment is there: it was damaged from outside");
	return rc;
}

/*
 * From the last index entry to the end: the next offset, and the largest
 * timestamp of what was walked over. Damage at the end counts as offsets, so
 * that who reads up to there is told of it.
 */
static int
find_end(struct scan *scan, uint64_t *next, int64_t *largest_ms,
    struct sl_error *err)
{
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	uint64_t due;
	int rc;

	*next = scan->base;
	rc = sl_index_find(scan->dir, scan->base, scan->fd, &scan->window,
	    scan->base + SL_SEGMENT_OFFSETS_LIMIT, &scan->position, err);
	due = scan->position == 0 ? scan->base : SL_OFFSET_NONE;
	while (rc == SL_OK) {
		rc = sl_segment_judge(&scan->holes, &scan->window,
		    scan->position, due, &head, &batch, &found, err);
		if (rc < 0 || found == SL_FOUND_END || found == SL_FOUND_TORN)
			break;
		if (found == SL_FOUND_DAMAGE) {
			rc = sl_segment_pass(&scan->holes, scan->position, next,
			    err);
			scan->position = scan->size;
			break;
		}
		*next = due = head.base + head.last_offset_delta + 1;
		if (head.max_timestamp_ms > *largest_ms)
			*largest_ms = head.max_timestamp_ms;
		scan->position += head.bytes;
	}
	return rc;
}

/* The range, and where the last segment's batches (or damage) end. */
static int
range_of(int dir, const struct sl_segments *segments, struct sl_range *range,
    uint64_t *position, int64_t *largest_ms, struct sl_error *err)
{
	struct scan scan;
	int rc;

	range->first = segments->bases[0];
	rc = scan_open(&scan, dir, segments->bases[segments->count - 1], err);
	if (rc == SL_OK)
		rc = find_end(&scan, &range->next, largest_ms, err);
	if (rc == SL_OK)
		rc = scan_confirm(&scan, err);
	if (rc == SL_ECORRUPT) { /* no file: who reads up to it is told */
		range->next = scan.base + 1;
		rc = SL_OK;
	}
	*position = scan.position;
	scan_close(&scan);
	return rc;
}

static int
look_end(int dir, const struct sl_segments *segments, struct sl_range *range,
    struct sl_error *err)
{
	int64_t largest_ms = SL_TIME_NONE;
	uint64_t position;

	return range_of(dir, segments, range, &position, &largest_ms, err);
}

int
sl_lookup_end(int dir, struct sl_segments *segments, struct sl_range *range,
    uint64_t *position, struct sl_error *err)
{
	int64_t largest_ms = SL_TIME_NONE;
	int tries = 0;
	int rc;

	do {
		rc = sl_lookup_segments(segments, dir, err);
		if (rc == SL_OK)
			rc = range_of(dir, segments, range, position,
			    &largest_ms, err);
	} while (sl_lookup_is_passed(rc, err, &tries));
	return rc;
}

static int
look_range(int dir, struct sl_range *range, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	int rc;

	rc = sl_ends_list(&segments, dir, err);
	if (rc == SL_OK)
		rc = look_end(dir, &segments, range, err);
	if (rc == SL_END ||
	    (rc == SL_OK && sl_ends_is_passed(dir, &segments, range->next))) {
		rc = sl_lookup_segments(&segments, dir, err);
		if (rc == SL_OK)
			rc = look_end(dir, &segments, range, err);
	}
	sl_segments_release(&segments);
	return rc;
}

int
sl_lookup_range(int dir, struct sl_range *range, struct sl_error *err)
{
	int tries = 0;
	int rc;

	do {
		rc = look_range(dir, range, err);
	} while (sl_lookup_is_passed(rc, err, &tries));
	return rc;
}

static int
look_sync(int dir, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct scan scan = { .fd = -1 };
	int rc;

	rc = sl_lookup_segments(&segments, dir, err);
	if (rc == SL_OK)
		rc = scan_open(&scan, dir, segments.bases[segments.count - 1],
		    err);
	if (rc == SL_OK)
		rc = sl_fs_sync(scan.fd, err);
	scan_close(&scan);
	sl_segments_release(&segments);
	return rc;
}

int
sl_lookup_sync(int dir, struct sl_error *err)
{
	int tries = 0;
	int rc;

	do {
		rc = look_sync(dir, err);
	} while (sl_lookup_is_passed(rc, err, &tries));
	return rc;
}

/*
 * The first record of the batch at scan->position that is at or past a time.
 * Where the batch is damaged it is the batch: who reads from there is told.
 */
static int
find_record(struct scan *scan, int64_t time_ms, uint64_t *offset,
    struct sl_error *err)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	rc = sl_segment_look(scan->fd, &scan->window, scan->position, &head,
	    &batch, &found, err);
	if (rc < 0)
		goto out;
	*offset = head.base;
	if (found != SL_FOUND_BATCH)
		goto out;
	rc = sl_batch_walk_begin(&walk, batch, &head, err);
	while (rc == SL_OK) {
		rc = sl_batch_walk_next(&walk, &record, err);
		if (rc != SL_OK || record.timestamp_ms >= time_ms)
			break;
	}
	if (rc == SL_OK)
		*offset = record.offset;
	else if (rc == SL_ECORRUPT)
		rc = SL_OK;
out:
	sl_batch_walk_release(&walk);
	return rc;
}

/* Damage at scan->position: go to the next valid batch; SL_END: none. */
static int
pass_damage(struct scan *scan, struct sl_error *err)
{
	uint64_t lowest = scan->due == SL_OFFSET_NONE ? scan->base : scan->due;

	if (scan->damaged == SL_OFFSET_NONE)
		scan->damaged = lowest;
	scan->due = SL_OFFSET_NONE;
	return sl_segment_search_behind(&scan->holes, scan->position, lowest,
	    &scan->position, err);
}

/*
 * Scan from scan->position for the first batch with a timestamp at or past
 * `time_ms`. On the way the time entry (entry_ms of the batch
 * that ends at entry_offset) must be confirmed: SL_EBUSY where it lies.
 */
static int
find_batch(struct scan *scan, int64_t time_ms, bool has_entry,
    uint64_t entry_offset, int64_t entry_ms, struct sl_error *err)
{
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	uint64_t last;
	int rc = SL_OK;

	while (rc == SL_OK) {
		rc = sl_segment_judge(&scan->holes, &scan->window,
		    scan->position, scan->due, &head, &batch, &found, err);
		if (rc < 0)
			break;
		if (found != SL_FOUND_BATCH) {
			if (has_entry)
				rc = SL_EBUSY;
			else if (found == SL_FOUND_END)
				rc = SL_END;
			else
				rc = pass_damage(scan, err);
			continue;
		}
		last = head.base + head.last_offset_delta;
		if (has_entry && last >= entry_offset) {
			if (last != entry_offset ||
			    head.max_timestamp_ms != entry_ms)
				rc = SL_EBUSY;
			has_entry = false;
		}
		/* One that compaction emptied keeps its time, for Kafka. */
		if (rc != SL_OK ||
		    (head.max_timestamp_ms >= time_ms && head.count > 0))
			break;
		scan->position += head.bytes;
		scan->due = last + 1;
		scan->damaged = SL_OFFSET_NONE;
	}
	if (rc == SL_OK && has_entry)
		rc = SL_EBUSY;
	return rc;
}

/*
 * Is all of a finished segment before a time? So if its last time entry is, the
 * batch that entry names is among the last ones and has just that time, and no
 * head from there to the end has a later one. Quick, and never sure of a no.
 */
static bool
is_all_before(int dir, uint64_t base, int64_t time_ms)
{
	struct sl_index_entry last = { .offset = 0 };
	struct scan scan = { .fd = -1 };
	bool is_confirmed = false;
	uint64_t entry_offset = 0;
	int64_t entry_ms = 0;
	struct sl_batch_head head;
	struct sl_error ignored;
	enum sl_found found;
	int rc;

	rc = sl_index_find_time(dir, base, INT64_MAX, &entry_offset, &entry_ms,
	    &ignored);
	if (rc == SL_OK && entry_ms >= time_ms)
		return false;
	if (rc == SL_OK)
		rc = sl_index_last(dir, base, &last, &ignored);
	if (rc == SL_OK)
		rc = scan_open(&scan, dir, base, &ignored);
	for (scan.position = last.position;
	     rc == SL_OK && scan.position < scan.size;
	     scan.position += head.bytes) {
		rc = sl_segment_peek(scan.fd, scan.position, scan.size, &head,
		    &found, &ignored);
		if (rc < 0 || found != SL_FOUND_BATCH ||
		    head.max_timestamp_ms >= time_ms) {
			rc = SL_END;
			break;
		}
		if (head.max_timestamp_ms == entry_ms &&
		    head.base + head.last_offset_delta == entry_offset)
			is_confirmed = true;
	}
	scan_close(&scan);
	return rc == SL_OK && is_confirmed;
}

/*
 * SL_OK and *offset; SL_END: this segment has nothing so late. Damage just
 * before what is found may be as late: it is where to begin.
 */
static int
find_in_segment(int dir, uint64_t base, int64_t time_ms, uint64_t *offset,
    struct sl_error *err)
{
	uint64_t entry_offset = 0;
	int64_t entry_ms = 0;
	struct scan scan;
	bool has_entry = false;
	int rc;

	rc = scan_open(&scan, dir, base, err);
	if (rc == SL_OK) {
		rc = sl_index_find_time(dir, base, time_ms, &entry_offset,
		    &entry_ms, err);
		has_entry = rc == SL_OK;
	}
	if (has_entry)
		rc = sl_index_find(dir, base, scan.fd, &scan.window,
		    entry_offset, &scan.position, err);
	if (scan.position > 0)
		scan.due = SL_OFFSET_NONE;
	if (rc >= 0)
		rc = find_batch(&scan, time_ms, has_entry, entry_offset,
		    entry_ms, err);
	if (rc == SL_EBUSY) { /* the index lies: without it */
		scan.position = 0;
		scan.due = base;
		rc = find_batch(&scan, time_ms, false, 0, 0, err);
	}
	if (rc == SL_OK && scan.damaged != SL_OFFSET_NONE)
		*offset = scan.damaged;
	else if (rc == SL_OK)
		rc = find_record(&scan, time_ms, offset, err);
	else if (rc == SL_ECORRUPT) /* no file: reading will say so */
		rc = SL_END;
	else if (rc == SL_END && scan_confirm(&scan, err) < 0)
		rc = err->code;
	scan_close(&scan);
	return rc;
}

static int
look_time(int dir, int64_t time_ms, uint64_t *offset, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_range range;
	size_t i;
	int rc;

	rc = sl_lookup_segments(&segments, dir, err);
	if (rc == SL_OK)
		rc = SL_END;
	for (i = 0; rc == SL_END && i < segments.count; i++) {
		if (i + 1 < segments.count &&
		    is_all_before(dir, segments.bases[i], time_ms))
			continue;
		rc = find_in_segment(dir, segments.bases[i], time_ms, offset,
		    err);
	}
	if (rc == SL_END) {
		rc = look_end(dir, &segments, &range, err);
		*offset = range.next;
	}
	sl_segments_release(&segments);
	return rc;
}

int
sl_lookup_time(int dir, int64_t time_ms, uint64_t *offset, struct sl_error *err)
{
	int tries = 0;
	int rc;

	do {
		rc = look_time(dir, time_ms, offset, err);
	} while (sl_lookup_is_passed(rc, err, &tries));
	return rc;
}

int
sl_lookup_bytes(int dir, uint64_t base, uint64_t *bytes, struct sl_error *err)
{
	static const char *const suffixes[] = { ".log", ".index",
		".timeindex" };
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;
	size_t i;

	*bytes = 0;
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		sl_segment_name(name, base, suffixes[i]);
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			*bytes += (uint64_t)st.st_size;
		else if (errno != ENOENT)
			return sl_error_sys(err, errno, "'%s'", name);
	}
	return SL_OK;
}

/* The time of the first record there is; of a batch whose base time is when its
 * tombstones may go (bit 6) it is in the record. */
static int
first_time(int dir, uint64_t base, int64_t *first_ms, struct sl_error *err)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_error ignored;
	struct sl_record record;
	const uint8_t *batch;
	enum sl_found found;
	struct scan scan;
	int rc;

	rc = scan_open(&scan, dir, base, err);
	if (rc == SL_OK)
		rc = sl_segment_look(scan.fd, &scan.window, 0, &head, &batch,
		    &found, err);
	if (rc == SL_OK && found == SL_FOUND_BATCH && head.count > 0) {
		*first_ms = head.base_timestamp_ms;
		if ((head.attributes & SL_BATCH_DELETE_HORIZON) != 0 &&
		    sl_batch_walk_begin(&walk, batch, &head, &ignored) ==
		        SL_OK &&
		    sl_batch_walk_next(&walk, &record, &ignored) == SL_OK)
			*first_ms = record.timestamp_ms;
	}
	sl_batch_walk_release(&walk);
	scan_close(&scan);
	return rc;
}

static int
look_info(int dir, struct sl_partition_info *info, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	uint64_t position, bytes;
	int64_t time_ms;
	size_t i;
	int rc;

	*info = (struct sl_partition_info){ .first_ms = SL_TIME_NONE,
		.last_ms = SL_TIME_NONE };
	rc = sl_lookup_segments(&segments, dir, err);
	if (rc == SL_OK)
		rc = range_of(dir, &segments, &info->range, &position,
		    &info->last_ms, err);
	for (i = 0; rc == SL_OK && i < segments.count &&
	            info->first_ms == SL_TIME_NONE;
	     i++)
		rc = first_time(dir, segments.bases[i], &info->first_ms, err);
	for (i = 0; rc == SL_OK && i < segments.count; i++) {
		rc = sl_lookup_bytes(dir, segments.bases[i], &bytes, err);
		info->bytes += bytes;
		time_ms = SL_TIME_NONE;
		if (rc == SL_OK)
			rc = sl_index_time_before(dir, segments.bases[i],
			    UINT64_MAX, &time_ms, err);
		if (time_ms > info->last_ms)
			info->last_ms = time_ms;
	}
	info->segments = segments.count;
	sl_segments_release(&segments);
	return rc;
}

int
sl_lookup_info(int dir, struct sl_partition_info *info, struct sl_error *err)
{
	int tries = 0;
	int rc;

	do {
		rc = look_info(dir, info, err);
	} while (sl_lookup_is_passed(rc, err, &tries));
	return rc;
}
