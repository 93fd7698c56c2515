/* ends.c: the ends of a partition's log; see ends.h. */
#include "ends.h"

#include "hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ENDS_NAME "ends"
/* A row's words end in its checksum and a newline. */
#define SUM_SIZE 9
#define FIRST_SIZE (6 + 21 + SUM_SIZE)
#define ACTIVE_SIZE (7 + 5 * 21 + SUM_SIZE)
#define ACTIVE_AT FIRST_SIZE

/* Behind the words of a row: what they sum up to. */
static void
seal(char *row, size_t size)
{
	snprintf(row + size - SUM_SIZE, SUM_SIZE + 1, "%08" PRIx32 "\n",
	    sl_crc32c(0, row, size - SUM_SIZE));
}

static void
print_first(char row[FIRST_SIZE + 1], uint64_t first)
{
	snprintf(row, FIRST_SIZE + 1, "first %020" PRIu64 " ", first);
	seal(row, FIRST_SIZE);
}

static void
print_active(char row[ACTIVE_SIZE + 1], const struct sl_ends_active *active,
    const struct sl_fs_birth *birth)
{
	snprintf(row, ACTIVE_SIZE + 1,
	    "active %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64
	    " %020" PRIu64 " ",
	    active->base, active->before, active->change, birth->inode,
	    birth->time_ns);
	seal(row, ACTIVE_SIZE);
}

/* To overwrite a row. SL_END: it isn't there, and can't be made. */
static int
open_to_write(int *fd, int dir, const struct sl_fs_like *like,
    struct sl_error *err)
{
	struct sl_error ignored;
	int rc;

	rc = sl_fs_open_write(fd, dir, ENDS_NAME, err);
	if (rc == SL_OK || err->sys != ENOENT)
		return rc;
	rc = sl_fs_create(fd, dir, ENDS_NAME, like, SL_FS_READABLE, &ignored);
	if (rc < 0 && ignored.sys == EEXIST)
		return sl_fs_open_write(fd, dir, ENDS_NAME, err);
	return rc < 0 ? SL_END : SL_OK;
}

int
sl_ends_write_active(int dir, const struct sl_fs_like *like,
    const struct sl_ends_active *active, bool is_synced, struct sl_error *err)
{
	struct sl_fs_birth birth;
	char row[ACTIVE_SIZE + 1];
	size_t done;
	int fd = -1;
	int rc;

	rc = open_to_write(&fd, dir, like, err);
	if (rc == SL_OK) {
		sl_fs_birth_of(fd, &birth);
		print_active(row, active, &birth);
		rc =
		    sl_fs_write_at(fd, row, ACTIVE_SIZE, ACTIVE_AT, &done, err);
	}
	if (rc == SL_OK && is_synced)
		rc = sl_fs_sync(fd, err);
	sl_fs_close(&fd);
	/* A full disk, say. Without the file all is listed, as ever. */
	return rc < 0 ? sl_fs_unlink(dir, ENDS_NAME, err) : SL_OK;
}

bool
sl_ends_write_first(int dir, const struct sl_fs_like *like, uint64_t first)
{
	char row[FIRST_SIZE + 1];
	struct sl_error ignored;
	size_t done;
	int fd = -1, rc;

	/* Of what stands there otherwise a segment is named that has gone. */
	print_first(row, first);
	rc = open_to_write(&fd, dir, like, &ignored);
	if (rc == SL_OK)
		rc = sl_fs_write_at(fd, row, FIRST_SIZE, 0, &done, &ignored);
	sl_fs_close(&fd);
	return rc == SL_OK;
}

int
sl_ends_remove(int dir, struct sl_error *err)
{
	return sl_fs_unlink(dir, ENDS_NAME, err);
}

/* The numbers of `from`; what are none show when they are printed again. */
static void
scan_numbers(const char *from, uint64_t *const *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++, from += 21)
		sscanf(from, "%20" SCNu64, numbers[i]);
}

/* What both rows say. SL_END: the active one's isn't to be believed. */
static int
read_rows(int dir, uint64_t *first, struct sl_ends_active *active)
{
	char rows[FIRST_SIZE + ACTIVE_SIZE + 1] = "", again[ACTIVE_SIZE + 1];
	struct sl_fs_birth birth, written;
	struct sl_error ignored;
	size_t got = 0;
	int fd = -1;
	int rc;

	*first = 0;
	*active = (struct sl_ends_active){ .base = 0 };
	rc = sl_fs_open_read(&fd, dir, ENDS_NAME, &ignored);
	if (rc == SL_OK)
		rc = sl_fs_read_at(fd, rows, FIRST_SIZE + ACTIVE_SIZE, 0, &got,
		    &ignored);
	if (rc == SL_OK)
		sl_fs_birth_of(fd, &birth);
	sl_fs_close(&fd);
	if (rc != SL_OK || got < FIRST_SIZE + ACTIVE_SIZE)
		return SL_END;
	scan_numbers(rows + 6, (uint64_t *[]){ first }, 1);
	print_first(again, *first);
	if (memcmp(rows, again, FIRST_SIZE) != 0)
		*first = 0;
	scan_numbers(rows + ACTIVE_AT + 7,
	    (uint64_t *[]){ &active->base, &active->before, &active->change,
	        &written.inode, &written.time_ns },
	    5);
	print_active(again, active, &birth);
	return birth.time_ns != 0 &&
	               memcmp(rows + ACTIVE_AT, again, ACTIVE_SIZE) == 0
	           ? SL_OK
	           : SL_END;
}

int
sl_ends_read_active(int dir, struct sl_ends_active *active)
{
	uint64_t first;
	int rc;

	rc = read_rows(dir, &first, active);
	return rc == SL_OK && sl_segment_is_there(dir, active->base, ".log")
	           ? SL_OK
	           : SL_END;
}

bool
sl_ends_is_passed(int dir, const struct sl_segments *segments, uint64_t end)
{
	return segments->whole_from > 0 &&
	       end > segments->bases[segments->count - 1] && end <= INT64_MAX &&
	       sl_segment_is_there(dir, end, ".log");
}

int
sl_ends_list(struct sl_segments *segments, int dir, struct sl_error *err)
{
	struct sl_ends_active active;
	uint64_t first;
	int rc;

	segments->count = 0;
	rc = read_rows(dir, &first, &active);
	if (rc != SL_OK || !sl_segment_is_there(dir, active.base, ".log") ||
	    !sl_segment_is_there(dir, active.before, ".log") ||
	    !sl_segment_is_there(dir, first, ".log"))
		return SL_END;
	segments->whole_from = active.before;
	rc = sl_segments_add(segments, first, err);
	if (rc == SL_OK && active.before > first)
		rc = sl_segments_add(segments, active.before, err);
	if (rc == SL_OK && active.base > active.before)
		rc = sl_segments_add(segments, active.base, err);
	return rc;
}
