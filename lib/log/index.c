/* index.c: sparse indexes; see index.h. */
#include "index.h"

#include "bytes.h"

#include <errno.h>
#include <stdlib.h>

#define OFFSET_ENTRY_SIZE 8u
#define TIME_ENTRY_SIZE 12u
/* Kafka's segment.index.bytes: it maps no more than this. */
#define INDEX_BYTES_MAX (10u << 20)
/* Entries that lie are passed over backwards; after so many, start at 0. */
#define DOUBTS_MAX 8

static int
open_or_create(int *fd, int dir, uint64_t base, const char *suffix,
    const struct sl_fs_like *like, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, base, suffix);
	rc = sl_fs_open_write(fd, dir, name, err);
	if (rc < 0 && err->sys == ENOENT)
		rc = sl_fs_create(fd, dir, name, like, SL_FS_READABLE, err);
	return rc;
}

/* The bytes of whole entries, and the last of them in `entry`. */
static int
read_last(int fd, size_t entry_size, uint64_t *bytes, uint8_t *entry,
    struct sl_error *err)
{
	size_t got;
	int rc;

	rc = sl_fs_size(fd, bytes, err);
	if (rc < 0)
		return rc;
	*bytes -= *bytes % entry_size;
	if (*bytes == 0)
		return SL_END;
	return sl_fs_read_at(fd, entry, entry_size, *bytes - entry_size, &got,
	    err);
}

int
sl_index_open(struct sl_index *index, int dir, uint64_t base,
    const struct sl_fs_like *like, struct sl_index_entry *last,
    struct sl_error *err)
{
	uint8_t entry[TIME_ENTRY_SIZE];
	int rc;

	*index = SL_INDEX_CLOSED;
	index->base = base;
	index->last_time_ms = SL_TIME_NONE;
	rc =
	    open_or_create(&index->time_fd, dir, base, ".timeindex", like, err);
	if (rc == SL_OK)
		rc = open_or_create(&index->offset_fd, dir, base, ".index",
		    like, err);
	if (rc == SL_OK)
		rc = read_last(index->time_fd, TIME_ENTRY_SIZE,
		    &index->time_bytes, entry, err);
	if (rc == SL_OK) {
		index->last_time_ms = (int64_t)sl_get_u64(entry);
		index->last_time_offset = base + sl_get_u32(entry + 8);
	}
	if (rc >= 0)
		rc = read_last(index->offset_fd, OFFSET_ENTRY_SIZE,
		    &index->offset_bytes, entry, err);
	if (rc < 0) {
		sl_index_close(index);
		return rc;
	}
	if (rc == SL_END)
		return SL_END;
	last->offset = base + sl_get_u32(entry);
	last->position = sl_get_u32(entry + 4);
	index->last_position = last->position;
	return SL_OK;
}

void
sl_index_close(struct sl_index *index)
{
	sl_fs_close(&index->offset_fd);
	sl_fs_close(&index->time_fd);
}

int
sl_index_clear(struct sl_index *index, struct sl_error *err)
{
	int rc;

	rc = sl_fs_cut(index->time_fd, 0, err);
	if (rc == SL_OK)
		rc = sl_fs_cut(index->offset_fd, 0, err);
	index->offset_bytes = index->time_bytes = 0;
	index->last_position = 0;
	index->last_time_ms = SL_TIME_NONE;
	return rc;
}

/* A short write leaves half an entry, which the next one overwrites. */
static int
add_time(struct sl_index *index, int64_t max_ms, uint64_t max_offset,
    struct sl_error *err)
{
	uint8_t entry[TIME_ENTRY_SIZE];
	size_t done;
	int rc;

	if (index->last_time_ms != SL_TIME_NONE &&
	    max_ms <= index->last_time_ms)
		return SL_OK;
	sl_put_u64(entry, (uint64_t)max_ms);
	sl_put_u32(entry + 8, (uint32_t)(max_offset - index->base));
	rc = sl_fs_write_at(index->time_fd, entry, sizeof(entry),
	    index->time_bytes, &done, err);
	if (rc < 0)
		return rc;
	index->time_bytes += sizeof(entry);
	index->last_time_ms = max_ms;
	index->last_time_offset = max_offset;
	return SL_OK;
}

int
sl_index_add(struct sl_index *index, uint64_t position, uint64_t last_offset,
    int64_t max_ms, uint64_t max_offset, uint64_t interval_bytes,
    struct sl_error *err)
{
	uint8_t entry[OFFSET_ENTRY_SIZE];
	size_t done;
	int rc;

	if (position - index->last_position <= interval_bytes)
		return SL_OK;
	if (index->offset_bytes + sizeof(entry) > INDEX_BYTES_MAX ||
	    index->time_bytes + 2 * TIME_ENTRY_SIZE > INDEX_BYTES_MAX)
		return SL_END;
	rc = add_time(index, max_ms, max_offset, err);
	if (rc < 0)
		return rc;
	sl_put_u32(entry, (uint32_t)(last_offset - index->base));
	sl_put_u32(entry + 4, (uint32_t)position);
	rc = sl_fs_write_at(index->offset_fd, entry, sizeof(entry),
	    index->offset_bytes, &done, err);
	if (rc < 0)
		return rc;
	index->offset_bytes += sizeof(entry);
	index->last_position = position;
	return SL_OK;
}

int
sl_index_finish(struct sl_index *index, int64_t max_ms, uint64_t max_offset,
    struct sl_error *err)
{
	int rc = SL_OK;

	if (max_ms != SL_TIME_NONE)
		rc = add_time(index, max_ms, max_offset, err);
	/* Half an entry at the end would make a size that Kafka refuses. */
	if (rc == SL_OK)
		rc = sl_fs_cut(index->time_fd, index->time_bytes, err);
	if (rc == SL_OK)
		rc = sl_fs_cut(index->offset_fd, index->offset_bytes, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(index->time_fd, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(index->offset_fd, err);
	return rc;
}

/* ---- The reader's side ---- */

/* Open one index for looking; SL_END: there is none to look at. */
static int
open_for_look(int *fd, int dir, uint64_t base, const char *suffix,
    size_t entry_size, uint64_t *count, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	uint64_t bytes;
	int rc;

	sl_segment_name(name, base, suffix);
	rc = sl_fs_open_read(fd, dir, name, err);
	if (rc < 0 && (err->sys == EMFILE || err->sys == ENFILE ||
	                  err->sys == ENOMEM || err->sys == ESTALE))
		return sl_error_wrap(err, "index"); /* what lacks is ours */
	if (rc < 0)
		return SL_END; /* lacks, or is no file: the log needs none */
	rc = sl_fs_size(*fd, &bytes, err);
	*count = rc == SL_OK ? bytes / entry_size : 0;
	return rc;
}

/* The number an index is searched by. */
enum by {
	BY_OFFSET,         /* of an .index */
	BY_TIME,           /* of a .timeindex */
	BY_OFFSET_OF_TIME, /* of a .timeindex */
};

static int64_t
number_of(const uint8_t *entry, enum by by)
{
	if (by == BY_TIME)
		return (int64_t)sl_get_u64(entry);
	return (int64_t)sl_get_u32(by == BY_OFFSET ? entry : entry + 8);
}

/*
 * How many entries at the start have a number below `limit`. A lying index may
 * answer anything in range.
 */
static int
count_below(int fd, enum by by, uint64_t count, int64_t limit, uint64_t *below,
    struct sl_error *err)
{
	size_t size = by == BY_OFFSET ? OFFSET_ENTRY_SIZE : TIME_ENTRY_SIZE;
	uint64_t low = 0, high = count, middle;
	uint8_t entry[TIME_ENTRY_SIZE];
	size_t got;
	int rc;

	while (low < high) {
		middle = low + (high - low) / 2;
		rc = sl_fs_read_at(fd, entry, size, middle * size, &got, err);
		if (rc < 0)
			return rc;
		if (got == size && number_of(entry, by) < limit)
			low = middle + 1;
		else
			high = middle;
	}
	*below = low;
	return SL_OK;
}

/* Is there, at the entry's position, a batch that ends at its offset? */
static int
is_confirmed(int segment_fd, uint64_t base, const uint8_t *entry,
    struct sl_window *window, bool *is_so, struct sl_error *err)
{
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	window->size = 0;
	rc = sl_segment_look(segment_fd, window, sl_get_u32(entry + 4), &head,
	    &batch, &found, err);
	if (rc < 0)
		return rc;
	*is_so = found == SL_FOUND_BATCH && head.base >= base &&
	         head.base + head.last_offset_delta == base + sl_get_u32(entry);
	return SL_OK;
}

/* Does the batch at an entry begin at or before `offset`? By its head alone. */
static bool
may_hold(int segment_fd, const uint8_t *entry, uint64_t offset)
{
	struct sl_batch_head head;
	enum sl_found found;
	struct sl_error ignored;

	return sl_segment_peek(segment_fd, sl_get_u32(entry + 4), INT64_MAX,
	           &head, &found, &ignored) == SL_OK &&
	       found == SL_FOUND_BATCH && head.base <= offset;
}

/*
 * Entries are last offsets. The first at or past `offset` is of the very batch
 * that holds it, unless that has no entry; then the one before is where to walk
 * from.
 */
int
sl_index_find(int dir, uint64_t base, int segment_fd, struct sl_window *window,
    uint64_t offset, uint64_t *position, struct sl_error *err)
{
	uint8_t entry[OFFSET_ENTRY_SIZE];
	uint64_t count, below = 0, at;
	bool is_so = false;
	int doubts, fd = -1, rc;
	size_t got;

	*position = 0;
	rc = open_for_look(&fd, dir, base, ".index", OFFSET_ENTRY_SIZE, &count,
	    err);
	if (rc != SL_OK)
		return rc < 0 ? rc : SL_OK;
	rc = count_below(fd, BY_OFFSET, count, (int64_t)(offset - base), &below,
	    err);
	at = below < count ? below + 1 : below;
	for (doubts = 0; rc == SL_OK && at > 0 && !is_so && doubts < DOUBTS_MAX;
	     doubts++) {
		at--;
		rc = sl_fs_read_at(fd, entry, sizeof(entry), at * sizeof(entry),
		    &got, err);
		if (rc == SL_OK && at == below &&
		    !may_hold(segment_fd, entry, offset))
			continue;
		if (rc == SL_OK)
			rc = is_confirmed(segment_fd, base, entry, window,
			    &is_so, err);
	}
	if (rc == SL_OK && is_so)
		*position = sl_get_u32(entry + 4);
	sl_fs_close(&fd);
	return rc;
}

/* The last time entry whose number is below `limit`; SL_END: none. */
static int
last_time_below(int dir, uint64_t base, enum by by, int64_t limit,
    uint8_t entry[TIME_ENTRY_SIZE], struct sl_error *err)
{
	uint64_t count, below = 0;
	int fd = -1;
	size_t got;
	int rc;

	rc = open_for_look(&fd, dir, base, ".timeindex", TIME_ENTRY_SIZE,
	    &count, err);
	if (rc != SL_OK)
		return rc;
	rc = count_below(fd, by, count, limit, &below, err);
	if (rc == SL_OK && below > 0)
		rc = sl_fs_read_at(fd, entry, TIME_ENTRY_SIZE,
		    (below - 1) * TIME_ENTRY_SIZE, &got, err);
	sl_fs_close(&fd);
	return rc == SL_OK && below == 0 ? SL_END : rc;
}

int
sl_index_last(int dir, uint64_t base, struct sl_index_entry *entry,
    struct sl_error *err)
{
	uint8_t bytes[OFFSET_ENTRY_SIZE];
	uint64_t count;
	int fd = -1;
	size_t got;
	int rc;

	rc = open_for_look(&fd, dir, base, ".index", OFFSET_ENTRY_SIZE, &count,
	    err);
	if (rc == SL_OK && count == 0)
		rc = SL_END;
	if (rc == SL_OK)
		rc = sl_fs_read_at(fd, bytes, sizeof(bytes),
		    (count - 1) * sizeof(bytes), &got, err);
	sl_fs_close(&fd);
	if (rc != SL_OK)
		return rc;
	entry->offset = base + sl_get_u32(bytes);
	entry->position = sl_get_u32(bytes + 4);
	return SL_OK;
}

/* Read whole entries of an open index; *count comes as what there is room for.
 */
static int
read_entries(int fd, uint64_t base, struct sl_index_entry *entries,
    size_t *count, struct sl_error *err)
{
	uint8_t bytes[512 * OFFSET_ENTRY_SIZE];
	size_t room = *count, got = sizeof(bytes), i;
	int rc = SL_OK;

	*count = 0;
	while (rc == SL_OK && *count < room && got == sizeof(bytes)) {
		rc = sl_fs_read_at(fd, bytes, sizeof(bytes),
		    *count * OFFSET_ENTRY_SIZE, &got, err);
		for (i = 0; rc == SL_OK && *count < room &&
		            i + OFFSET_ENTRY_SIZE <= got;
		     i += OFFSET_ENTRY_SIZE) {
			entries[*count].offset = base + sl_get_u32(bytes + i);
			entries[*count].position = sl_get_u32(bytes + i + 4);
			++*count;
		}
	}
	return rc;
}

int
sl_index_load(int dir, uint64_t base, struct sl_index_entry **entries,
    size_t *count, struct sl_error *err)
{
	uint64_t there = 0;
	int fd = -1, rc;

	*entries = NULL;
	*count = 0;
	rc = open_for_look(&fd, dir, base, ".index", OFFSET_ENTRY_SIZE, &there,
	    err);
	if (there > INDEX_BYTES_MAX / OFFSET_ENTRY_SIZE)
		there = INDEX_BYTES_MAX / OFFSET_ENTRY_SIZE;
	if (rc == SL_OK && there > 0) {
		*count = (size_t)there;
		*entries = reallocarray(NULL, *count, sizeof(**entries));
		if (*entries == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "no memory");
		else
			rc = read_entries(fd, base, *entries, count, err);
	}
	sl_fs_close(&fd);
	if (rc < 0) {
		free(*entries);
		*entries = NULL;
		*count = 0;
	}
	return rc < 0 ? rc : SL_OK;
}

int
sl_index_find_time(int dir, uint64_t base, int64_t time_ms, uint64_t *offset,
    int64_t *entry_ms, struct sl_error *err)
{
	uint8_t entry[TIME_ENTRY_SIZE];
	int rc;

	rc = last_time_below(dir, base, BY_TIME, time_ms, entry, err);
	if (rc != SL_OK)
		return rc;
	*offset = base + sl_get_u32(entry + 8);
	*entry_ms = (int64_t)sl_get_u64(entry);
	return SL_OK;
}

int
sl_index_time_before(int dir, uint64_t base, uint64_t offset, int64_t *time_ms,
    struct sl_error *err)
{
	uint8_t entry[TIME_ENTRY_SIZE];
	int rc;

	*time_ms = SL_TIME_NONE;
	rc = last_time_below(dir, base, BY_OFFSET_OF_TIME,
	    offset - base > INT32_MAX ? (int64_t)INT32_MAX + 1
	                              : (int64_t)(offset - base),
	    entry, err);
	if (rc == SL_OK)
		*time_ms = (int64_t)sl_get_u64(entry);
	return rc < 0 ? rc : SL_OK;
}
