/* retain.c: which segments of a partition go, and their going; see retain.h. */
#include "retain.h"

#include "index.h"
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_DIGITS 20
/* How long to wait for the append lock, to close an idle segment. */
#define ROLL_TIMEOUT_MS 10000

/* ---- Listing ---- */

/* "NNNNNNNNNNNNNNNNNNNN.what": its base and ".what"; NULL: another file. */
static const char *
split_name(const char *name, uint64_t *base)
{
	size_t digits = strspn(name, "0123456789");

	if (digits != NAME_DIGITS || name[digits] != '.')
		return NULL;
	*base = strtoull(name, NULL, 10);
	return name + digits;
}

static int
add_file(struct sl_retain *retain, const char *name, uint64_t base,
    struct sl_error *err)
{
	struct sl_retain_file *files, *file;
	struct stat st;
	size_t room;

	if (fstatat(retain->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? SL_OK /* removed just now */
		                       : sl_error_sys(err, errno, "'%s'", name);
	if (retain->file_count == retain->file_room) {
		room = retain->file_room == 0 ? 16 : retain->file_room * 2;
		files = reallocarray(retain->files, room, sizeof(*files));
		if (files == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		retain->files = files;
		retain->file_room = room;
	}
	file = &retain->files[retain->file_count++];
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->base = base;
	file->bytes = (uint64_t)st.st_size;
	/* A rename sets the ctime: it says when the segment went. */
	file->since_ms =
	    st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
	retain->file_bytes += file->bytes;
	return SL_OK;
}

/*
 * What has gone: by its name, or an index whose log has gone before it, when
 * who renamed them was killed.
 */
static int
take_gone(void *arg, const char *name, struct sl_error *err)
{
	struct sl_retain *retain = arg;
	size_t bytes = strlen(name);
	const size_t suffix = sizeof(SL_DELETED_SUFFIX) - 1;
	const char *what;
	uint64_t base;

	what = split_name(name, &base);
	if (what == NULL || bytes >= SL_DELETED_NAME_SIZE)
		return SL_OK;
	if (strcmp(name + bytes - suffix, SL_DELETED_SUFFIX) == 0)
		return add_file(retain, name, base, err);
	if (base < retain->segments[0].base &&
	    (strcmp(what, ".index") == 0 || strcmp(what, ".timeindex") == 0 ||
	        strcmp(what, ".suspect") == 0))
		return add_file(retain, name, base, err);
	return SL_OK;
}

static int
compare_files(const void *a, const void *b)
{
	const struct sl_retain_file *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int
list_gone(struct sl_retain *retain, struct sl_error *err)
{
	int rc;

	retain->file_count = 0;
	retain->file_bytes = 0;
	rc = sl_fs_list(retain->dir, take_gone, retain, err);
	if (rc == SL_OK && retain->file_count > 1)
		qsort(retain->files, retain->file_count, sizeof(*retain->files),
		    compare_files);
	return rc;
}

int
sl_retain_load(struct sl_retain *retain, int dir, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_retain_segment *segment;
	struct sl_range range = { .first = 0 };
	uint64_t position;
	size_t i;
	int rc;

	*retain = SL_RETAIN_EMPTY;
	retain->dir = dir;
	rc = sl_lookup_end(dir, &segments, &range, &position, err);
	if (rc == SL_OK) {
		retain->segments =
		    calloc(segments.count, sizeof(*retain->segments));
		if (retain->segments == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "no memory");
	}
	for (i = 0; rc == SL_OK && i < segments.count; i++) {
		segment = &retain->segments[retain->count++];
		segment->base = segments.bases[i];
		segment->next =
		    i + 1 < segments.count ? segments.bases[i + 1] : range.next;
		rc = sl_lookup_bytes(dir, segment->base, &segment->bytes, err);
		segment->newest_ms = SL_TIME_NONE;
		retain->bytes += segment->bytes;
	}
	if (rc == SL_OK)
		rc = list_gone(retain, err);
	sl_segments_release(&segments);
	if (rc < 0)
		sl_retain_release(retain);
	return rc;
}

void
sl_retain_release(struct sl_retain *retain)
{
	free(retain->segments);
	free(retain->files);
	*retain = SL_RETAIN_EMPTY;
}

/* ---- How old a segment is ---- */

/* One segment, looked at for its newest time up to limit_ms. */
struct dating {
	int dir;
	int fd; /* owned */
	uint64_t base;
	uint64_t size;
	int64_t limit_ms;
	int64_t newest_ms;
	bool is_future; /* a later time was seen */
};

static void
note_head(struct dating *dating, const struct sl_batch_head *head)
{
	int64_t time_ms = head->max_timestamp_ms;

	if (time_ms > dating->limit_ms) {
		dating->is_future = true;
		time_ms = head->base_timestamp_ms;
	}
	if (time_ms <= dating->limit_ms && time_ms > dating->newest_ms)
		dating->newest_ms = time_ms;
}

/*
 * Over the heads from `position` on, up to the batch that ends at `last` or to
 * the end. SL_OK: `head` is that batch's; SL_END: none ends there.
 */
static int
walk_heads(struct dating *dating, uint64_t *position, uint64_t last,
    struct sl_batch_head *head, struct sl_error *err)
{
	enum sl_found found;
	int rc;

	while (*position < dating->size) {
		rc = sl_segment_peek(dating->fd, *position, dating->size, head,
		    &found, err);
		if (rc < 0)
			return rc;
		if (found != SL_FOUND_BATCH)
			return SL_END; /* damage: what is before it counts */
		note_head(dating, head);
		*position += head->bytes;
		if (head->base + head->last_offset_delta == last)
			return SL_OK;
		if (head->base > last)
			return SL_END;
	}
	return SL_END;
}

/*
 * By the indexes: the last time entry is the newest, if the batch it names has
 * that time; behind the last offset entry heads are looked at. SL_END: they
 * don't say.
 */
static int
date_by_index(struct dating *dating, struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_index_entry last;
	struct sl_batch_head head;
	uint64_t position = 0, offset = 0;
	int64_t entry_ms = 0;
	int rc;

	rc = sl_index_find_time(dating->dir, dating->base, INT64_MAX, &offset,
	    &entry_ms, err);
	if (rc == SL_OK && entry_ms > dating->limit_ms)
		rc = SL_END;
	if (rc == SL_OK)
		rc = sl_index_last(dating->dir, dating->base, &last, err);
	if (rc == SL_OK)
		rc = sl_index_find(dating->dir, dating->base, dating->fd,
		    &window, offset, &position, err);
	sl_window_release(&window);
	if (rc == SL_OK)
		rc = walk_heads(dating, &position, offset, &head, err);
	if (rc == SL_OK && head.max_timestamp_ms != entry_ms)
		rc = SL_END;
	if (rc == SL_OK && last.position >= position) {
		position = last.position;
		rc = walk_heads(dating, &position, last.offset, &head, err);
	}
	if (rc == SL_OK && position < dating->size) {
		rc = walk_heads(dating, &position, SL_OFFSET_NONE, &head, err);
		rc = rc == SL_END ? SL_OK : rc;
	}
	return rc == SL_OK && dating->is_future ? SL_END : rc;
}

static int
date_segment(int dir, int64_t limit_ms, struct sl_retain_segment *segment,
    struct sl_error *err)
{
	struct dating dating = { .dir = dir,
		.fd = -1,
		.base = segment->base,
		.limit_ms = limit_ms,
		.newest_ms = SL_TIME_NONE };
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_batch_head head;
	uint64_t position = 0;
	int rc;

	if (segment->is_dated)
		return SL_OK;
	sl_segment_name(name, segment->base, ".log");
	rc = sl_fs_open_read(&dating.fd, dir, name, err);
	if (rc == SL_OK)
		rc = sl_fs_size(dating.fd, &dating.size, err);
	if (rc == SL_OK)
		rc = date_by_index(&dating, err);
	if (rc == SL_END) {
		dating.newest_ms = SL_TIME_NONE;
		rc = walk_heads(&dating, &position, SL_OFFSET_NONE, &head, err);
	}
	sl_fs_close(&dating.fd);
	if (rc < 0 && err->sys != ENOENT)
		return rc; /* gone meanwhile: it has no time */
	segment->newest_ms = dating.newest_ms;
	segment->is_future = dating.is_future;
	segment->is_dated = true;
	return SL_OK;
}

/*
 * A segment without a time of its own is as old as the one before it; where
 * there is none, as the first behind it.
 */
static int
date(struct sl_retain *retain, size_t at, int64_t limit_ms,
    struct sl_error *err)
{
	struct sl_retain_segment *segment = &retain->segments[at];
	size_t i;
	int rc;

	rc = date_segment(retain->dir, limit_ms, segment, err);
	if (rc == SL_OK && segment->newest_ms == SL_TIME_NONE && at > 0)
		segment->newest_ms = segment[-1].newest_ms;
	for (i = at + 1; rc == SL_OK && i < retain->count &&
	                 segment->newest_ms == SL_TIME_NONE;
	     i++) {
		rc = date_segment(retain->dir, limit_ms, &retain->segments[i],
		    err);
		segment->newest_ms = retain->segments[i].newest_ms;
	}
	return rc;
}

/* ---- The plan ---- */

static uint64_t
held(const struct sl_retain *retain)
{
	return retain->segments[retain->count - 1].next -
	       retain->segments[retain->planned].base;
}

/* Why the next segment goes; SL_CLEAN_NOT: it stays. */
static int
judge(struct sl_retain *retain, const struct sl_retain_bounds *bounds,
    enum sl_clean_reason *reason, struct sl_error *err)
{
	struct sl_retain_segment *segment = &retain->segments[retain->planned];
	bool is_free = segment->next <= bounds->keep_from;
	int rc;

	*reason = SL_CLEAN_NOT;
	if (bounds->age_ms >= 0 && is_free) {
		rc = date(retain, retain->planned, bounds->future_ms, err);
		if (rc < 0)
			return rc;
		if (segment->newest_ms != SL_TIME_NONE &&
		    segment->newest_ms < bounds->now_ms - bounds->age_ms)
			*reason = SL_CLEAN_AGE;
	}
	if (*reason == SL_CLEAN_NOT && bounds->count >= 0 && is_free &&
	    held(retain) > (uint64_t)bounds->count)
		*reason = SL_CLEAN_COUNT;
	if (*reason == SL_CLEAN_NOT && bounds->bytes >= 0 &&
	    segment->next <= bounds->keep_bytes_from &&
	    retain->bytes > (uint64_t)bounds->bytes)
		*reason = SL_CLEAN_BYTES;
	if (*reason == SL_CLEAN_NOT && segment->next <= bounds->drop_below)
		*reason = bounds->drop_reason;
	return SL_OK;
}

/* So many may go: not the active one, unless it is as good as closed. */
static size_t
may_go(const struct sl_retain *retain, const struct sl_retain_bounds *bounds)
{
	bool has_batches = retain->segments[retain->count - 1].bytes > 0;

	return bounds->rolls_active && has_batches ? retain->count
	                                           : retain->count - 1;
}

void
sl_retain_take(struct sl_retain *retain, enum sl_clean_reason reason)
{
	struct sl_retain_segment *segment =
	    &retain->segments[retain->planned++];

	segment->reason = reason;
	retain->bytes -= segment->bytes;
}

int
sl_retain_plan(struct sl_retain *retain, const struct sl_retain_bounds *bounds,
    struct sl_error *err)
{
	enum sl_clean_reason reason = SL_CLEAN_AGE;
	int rc = SL_OK;

	while (rc == SL_OK && reason != SL_CLEAN_NOT &&
	       retain->planned < may_go(retain, bounds)) {
		rc = judge(retain, bounds, &reason, err);
		if (rc == SL_OK && reason != SL_CLEAN_NOT)
			sl_retain_take(retain, reason);
	}
	return rc;
}

int
sl_retain_peek(struct sl_retain *retain, const struct sl_retain_bounds *bounds,
    struct sl_retain_segment **segment, struct sl_error *err)
{
	*segment = NULL;
	if (retain->planned >= may_go(retain, bounds) ||
	    retain->segments[retain->planned].next > bounds->keep_bytes_from)
		return SL_OK;
	*segment = &retain->segments[retain->planned];
	return date(retain, retain->planned, bounds->future_ms, err);
}

/* ---- Its going ---- */

int
sl_retain_roll(struct sl_log *log, const struct sl_retain_bounds *bounds,
    bool is_named, struct sl_error *err)
{
	bool is_due = is_named;
	int rc;

	rc = sl_log_lock(log, ROLL_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	/* Times of the future say nothing; it is closed when it is full. */
	if (log->first_ms != SL_TIME_NONE &&
	    log->first_ms < bounds->now_ms - log->limits.segment_ms)
		is_due = true;
	if (bounds->age_ms >= 0 && log->max_ms != SL_TIME_NONE &&
	    log->max_ms < bounds->now_ms - bounds->age_ms)
		is_due = true;
	if (log->size > 0 && is_due)
		rc = sl_log_roll(log, err);
	sl_log_unlock(log);
	return rc;
}

static void
tell(const struct sl_retain_ear *ear, enum sl_clean_act act,
    const struct sl_retain_segment *segment)
{
	struct sl_clean_note note = { .act = act,
		.reason = segment->reason,
		.partition = ear->partition,
		.base = segment->base,
		.events = segment->next - segment->base,
		.bytes = segment->bytes,
		.newest_ms = segment->newest_ms };

	if (act == SL_CLEAN_DELETE) {
		ear->sums->segments++;
		ear->sums->events += note.events;
		ear->sums->bytes += note.bytes;
	}
	if (ear->tell != NULL)
		ear->tell(ear->arg, &note);
}

static void
tell_all_of(const struct sl_retain_ear *ear,
    const struct sl_retain_segment *segment)
{
	if (segment->is_future)
		tell(ear, SL_CLEAN_FUTURE, segment);
	tell(ear, SL_CLEAN_DELETE, segment);
}

void
sl_retain_tell(const struct sl_retain *retain, const struct sl_retain_ear *ear)
{
	size_t i;

	for (i = 0; i < retain->planned; i++)
		tell_all_of(ear, &retain->segments[i]);
}

static int
give_back(const struct sl_retain *retain, const struct sl_retain_file *file,
    bool yields, const struct sl_retain_ear *ear, struct sl_error *err)
{
	struct sl_retain_segment gone = { .base = file->base,
		.next = file->base,
		.bytes = file->bytes,
		.newest_ms = SL_TIME_NONE };
	int rc;

	rc = sl_clean_remove(retain->dir, file->name, yields, err);
	if (rc < 0)
		return rc;
	ear->sums->freed += file->bytes;
	tell(ear, SL_CLEAN_GIVE, &gone);
	return SL_OK;
}

static bool
is_time(const struct sl_retain_file *file,
    const struct sl_retain_bounds *bounds)
{
	int64_t age_ms = bounds->now_ms - file->since_ms;

	/* One that went in the future: the clock was set back since. */
	return age_ms >= bounds->delay_ms || age_ms < -bounds->delay_ms;
}

int
sl_retain_carry_out(struct sl_retain *retain,
    const struct sl_retain_bounds *bounds, const struct sl_retain_ear *ear,
    struct sl_error *err)
{
	const struct sl_retain_file *file;
	uint64_t going = SL_OFFSET_NONE; /* the segment whose files go */
	int rc = SL_OK;
	size_t i;

	for (i = 0; rc == SL_OK && i < retain->planned; i++) {
		rc = sl_clean_mark(retain->dir, retain->segments[i].base, err);
		if (rc == SL_OK)
			tell_all_of(ear, &retain->segments[i]);
	}
	if (rc == SL_OK && retain->planned > 0)
		rc = list_gone(retain, err);
	/*
	 * A power cut could bring a name back, to a file without its bytes; the
	 * same sync makes the segment behind durable, if its maker wasn't yet.
	 */
	if (rc == SL_OK && retain->file_count > 0)
		rc = sl_fs_sync_dir(retain->dir, err);
	for (i = 0; rc == SL_OK && i < retain->file_count; i++) {
		file = &retain->files[i];
		if (is_time(file, bounds) || file->base == going ||
		    (bounds->bytes >= 0 && retain->bytes + retain->file_bytes >
		                               (uint64_t)bounds->bytes)) {
			rc = give_back(retain, file, bounds->yields, ear, err);
			retain->file_bytes -= file->bytes;
			going = file->base;
		}
	}
	return rc;
}
