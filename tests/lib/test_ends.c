/* test_ends.c: the file `ends` saves a listing, and never misleads. */
#include "check.h"
#include "ends.h"
#include "logdir.h"
#include "read.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDS "ends"
#define T0 INT64_C(1546300800000)
#define SEGMENTS 6

/* A log of one event a segment; *before is `ends` as it was one roll ago. */
static void
make_log(struct logdir *dir, uint8_t **before, size_t *bytes)
{
	const int64_t now = T0;
	struct sl_log log;
	size_t i;

	logdir_init(dir, NULL);
	dir->limits.segment_bytes = 70;
	log = logdir_open(dir);
	for (i = 0; i < SEGMENTS; i++) {
		if (i == SEGMENTS - 1)
			*before = logdir_load(dir, ENDS, bytes);
		logdir_append(dir, &log, &now, 1);
	}
	sl_log_close(&log);
}

static void
remove_file(const struct logdir *dir, const char *name)
{
	struct sl_error err;

	CHECK(sl_fs_unlink(dir->partition, name, &err) == SL_OK);
}

static void
remove_segment(const struct logdir *dir, uint64_t base)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, base, ".log");
	remove_file(dir, name);
}

/* Is it believed, and what does it list? */
static bool
is_believed(const struct logdir *dir)
{
	struct sl_ends_active active;

	return sl_ends_read_active(dir->partition, &active) == SL_OK;
}

static bool
lists(const struct logdir *dir, const uint64_t *bases, size_t count)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_error err;
	bool is_so;

	is_so = sl_ends_list(&segments, dir->partition, &err) == SL_OK &&
	        segments.count == count &&
	        memcmp(segments.bases, bases, count * sizeof(*bases)) == 0;
	sl_segments_release(&segments);
	return is_so;
}

/* All from `start` to `next` is read, and what is appended comes behind it. */
static bool
is_whole(struct logdir *dir, uint64_t start, uint64_t next)
{
	struct sl_range range = { .first = 0 };
	const int64_t now = T0;
	struct logdir_read read;
	struct sl_error err;
	struct sl_log log;
	bool is_so;

	is_so = sl_lookup_range(dir->partition, &range, &err) == SL_OK &&
	        range.first == start && range.next == next;
	for (uint64_t from = start; is_so && from < next; from++) {
		logdir_read(dir, from, false, &read);
		is_so = read.rc == SL_END && read.count == next - from &&
		        read.offsets[read.count - 1] == next - 1;
		logdir_read_release(&read);
	}
	log = logdir_open(dir);
	is_so = is_so && logdir_append(dir, &log, &now, 1) == next;
	sl_log_close(&log);
	return is_so;
}

static void
test_said(void)
{
	const uint64_t ends[] = { 0, SEGMENTS - 2, SEGMENTS - 1 };
	struct sl_ends_active active;
	uint8_t *before;
	struct logdir dir;
	size_t bytes;

	make_log(&dir, &before, &bytes);
	CHECK(sl_ends_read_active(dir.partition, &active) == SL_OK);
	CHECK(active.base == SEGMENTS - 1 && active.before == SEGMENTS - 2);
	CHECK(lists(&dir, ends, 3));
	CHECK(is_whole(&dir, 0, SEGMENTS));
	free(before);
	logdir_release(&dir);
}

/* The first segments went: who cleans says which one is the first. */
static void
test_first(void)
{
	const uint64_t ends[] = { 2, SEGMENTS - 2, SEGMENTS - 1 };
	struct sl_fs_like like;
	struct sl_error err;
	uint8_t *before;
	struct logdir dir;
	size_t bytes;

	make_log(&dir, &before, &bytes);
	remove_segment(&dir, 0);
	CHECK(!lists(&dir, ends, 3));
	remove_segment(&dir, 1);
	CHECK(sl_fs_like_of(dir.partition, &like, &err) == SL_OK);
	sl_ends_write_first(dir.partition, &like, 2);
	CHECK(lists(&dir, ends, 3));
	CHECK(is_whole(&dir, 2, SEGMENTS));
	free(before);
	logdir_release(&dir);
}

/* Any byte may be damaged. */
static void
test_damaged(void)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_fs_like like;
	struct sl_error err;
	unsigned wrong = 0, believed = 0;
	uint8_t *before, *now;
	struct logdir dir;
	size_t bytes, i;

	make_log(&dir, &before, &bytes);
	CHECK(sl_fs_like_of(dir.partition, &like, &err) == SL_OK);
	sl_ends_write_first(dir.partition, &like, 0);
	now = logdir_load(&dir, ENDS, &bytes);
	for (i = 0; i < 8 * bytes; i++) {
		now[i / 8] ^= (uint8_t)(1u << i % 8);
		logdir_store(&dir, ENDS, now, bytes);
		now[i / 8] ^= (uint8_t)(1u << i % 8);
		if (sl_ends_list(&segments, dir.partition, &err) != SL_OK)
			continue;
		believed++;
		wrong += segments.count != 3 || segments.bases[0] != 0 ||
		         segments.bases[2] != SEGMENTS - 1;
	}
	CHECK(wrong == 0);
	CHECK(believed == 8 * 36); /* without the first row it is segment 0 */
	for (i = 0; i < bytes; i++) {
		logdir_store(&dir, ENDS, now, i);
		wrong += is_believed(&dir);
	}
	CHECK(wrong == 0);
	CHECK(is_whole(&dir, 0, SEGMENTS));
	sl_segments_release(&segments);
	free(before);
	free(now);
	logdir_release(&dir);
}

/* A copy may be of another time than the segments beside it. */
static void
test_copied(void)
{
	uint8_t *before, *now;
	struct logdir dir;
	size_t bytes;

	make_log(&dir, &before, &bytes);
	now = logdir_load(&dir, ENDS, &bytes);
	CHECK(is_believed(&dir));
	remove_file(&dir, ENDS);
	logdir_store(&dir, ENDS, now, bytes);
	CHECK(!is_believed(&dir));
	remove_file(&dir, ENDS);
	logdir_store(&dir, ENDS, before, bytes);
	CHECK(!is_believed(&dir));
	CHECK(is_whole(&dir, 0, SEGMENTS));
	CHECK(is_believed(&dir));
	free(before);
	free(now);
	logdir_release(&dir);
}

/* Another hand put a segment behind the one that is named. */
static void
test_passed(void)
{
	uint8_t *before;
	struct logdir dir;
	size_t bytes;

	make_log(&dir, &before, &bytes);
	logdir_store(&dir, ENDS, before, bytes);
	CHECK(is_believed(&dir));
	CHECK(is_whole(&dir, 0, SEGMENTS));
	free(before);
	logdir_release(&dir);
}

/* Who rolled was killed before the segment was made, or it is gone. */
static void
test_missing(void)
{
	uint8_t *before;
	struct logdir dir;
	size_t bytes;

	make_log(&dir, &before, &bytes);
	remove_segment(&dir, SEGMENTS - 1);
	CHECK(!is_believed(&dir));
	CHECK(is_whole(&dir, 0, SEGMENTS - 1));
	CHECK(is_believed(&dir));
	free(before);
	logdir_release(&dir);
}

int
main(void)
{
	test_said();
	test_first();
	test_damaged();
	test_copied();
	test_passed();
	test_missing();
	return check_done();
}
