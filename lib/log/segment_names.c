/* segment_names.c: the names of segments, and lists of them; see segment.h. */
#include "segment.h"

#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_DIGITS 20

void
sl_segment_name(char name[SL_SEGMENT_NAME_SIZE], uint64_t base,
    const char *suffix)
{
	snprintf(name, SL_SEGMENT_NAME_SIZE, "%020" PRIu64 "%s", base, suffix);
}

bool
sl_segment_name_parse(const char *name, uint64_t *base, const char **suffix)
{
	size_t i;

	*base = 0;
	for (i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		*base = *base * 10 + (uint64_t)(name[i] - '0');
	}
	*suffix = name + NAME_DIGITS;
	return *base <= INT64_MAX;
}

bool
sl_segment_is_there(int dir, uint64_t base, const char *suffix)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;

	sl_segment_name(name, base, suffix);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

int
sl_segment_is_named(int dir, uint64_t base, int fd, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, base, ".log");
	return sl_fs_is_named(fd, dir, name, err);
}

int
sl_segments_add(struct sl_segments *segments, uint64_t base,
    struct sl_error *err)
{
	uint64_t *bases;
	size_t room;

	if (segments->count == segments->room) {
		room = segments->room == 0 ? 16 : segments->room * 2;
		bases = reallocarray(segments->bases, room, sizeof(*bases));
		if (bases == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		segments->bases = bases;
		segments->room = room;
	}
	segments->bases[segments->count++] = base;
	return SL_OK;
}

static int
add_name(void *arg, const char *name, struct sl_error *err)
{
	const char *suffix;
	uint64_t base;

	if (!sl_segment_name_parse(name, &base, &suffix) ||
	    strcmp(suffix, ".log") != 0)
		return SL_OK;
	return sl_segments_add(arg, base, err);
}

static int
compare_bases(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

void
sl_segments_sort(struct sl_segments *segments)
{
	if (segments->count > 1)
		qsort(segments->bases, segments->count,
		    sizeof(*segments->bases), compare_bases);
}

int
sl_segments_list(struct sl_segments *segments, int dir, struct sl_error *err)
{
	int rc;

	segments->count = 0;
	segments->whole_from = 0;
	rc = sl_fs_list(dir, add_name, segments, err);
	if (rc < 0)
		return rc;
	sl_segments_sort(segments);
	return SL_OK;
}

void
sl_segments_release(struct sl_segments *segments)
{
	free(segments->bases);
	*segments = SL_SEGMENTS_EMPTY;
}

long
sl_segments_find(const struct sl_segments *segments, uint64_t offset)
{
	size_t low = 0;
	size_t high = segments->count;
	size_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (segments->bases[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return (long)low - 1;
}

bool
sl_segments_has(const struct sl_segments *segments, uint64_t base)
{
	long at = sl_segments_find(segments, base);

	return at >= 0 && segments->bases[at] == base;
}
