/* test_retain.c: which segments go, in what order, and who is told. */
#include "check.h"
#include "clean.h"
#include "logdir.h"
#include "read.h"
#include "retain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000)
#define NOW (1000000 * SECOND)
#define NEVER INT64_C(100000000000000)
/* Events of a segment that is removed in steps, so that its reader notices. */
#define LARGE 70000

/* A partition of `segments` closed segments of two events, the n-th dated
 * first_ms + n * step_ms, and an active one that has one event. */
static void
fill(struct logdir *dir, int segments, int64_t first_ms, int64_t step_ms)
{
	struct sl_log log;
	struct sl_error err;
	int64_t times[2];
	int i;

	logdir_init(dir, NULL);
	log = logdir_open(dir);
	for (i = 0; i < segments; i++) {
		times[0] = times[1] = first_ms + i * step_ms;
		logdir_append(dir, &log, times, 2);
		if (sl_log_lock(&log, 1000, &err) < 0 ||
		    sl_log_roll(&log, &err) < 0)
			check(false, "roll: %s", err.text);
		sl_log_unlock(&log);
	}
	times[0] = first_ms + i * step_ms;
	logdir_append(dir, &log, times, 1);
	sl_log_close(&log);
}

static struct sl_retain_bounds
no_bounds(void)
{
	return (struct sl_retain_bounds){ .now_ms = NOW,
		.future_ms = NOW + 3600 * SECOND,
		.age_ms = -1,
		.count = -1,
		.bytes = -1,
		.delay_ms = NEVER,
		.keep_from = SL_OFFSET_NONE,
		.keep_bytes_from = SL_OFFSET_NONE };
}

struct heard {
	unsigned deleted;
	unsigned given;
	unsigned future;
	enum sl_clean_reason reason;
};

static void
hear(void *arg, const struct sl_clean_note *note)
{
	struct heard *heard = arg;

	heard->deleted += note->act == SL_CLEAN_DELETE;
	heard->given += note->act == SL_CLEAN_GIVE;
	heard->future += note->act == SL_CLEAN_FUTURE;
	if (note->act == SL_CLEAN_DELETE)
		heard->reason = note->reason;
}

/* Clean once; what was told comes back. */
static struct heard
clean(struct logdir *dir, const struct sl_retain_bounds *bounds)
{
	struct sl_clean_sums sums = { 0 };
	struct heard heard = { 0 };
	struct sl_retain_ear ear = { .tell = hear,
		.arg = &heard,
		.sums = &sums };
	struct sl_retain retain;
	struct sl_error err = { 0 };
	struct sl_log log = logdir_open(dir);
	int rc;

	rc = sl_clean_lock(&log, 1000, &err);
	if (rc == SL_OK)
		rc = sl_retain_load(&retain, log.dir, &err);
	if (rc == SL_OK) {
		rc = sl_retain_plan(&retain, bounds, &err);
		if (rc == SL_OK)
			rc = sl_retain_carry_out(&retain, bounds, &ear, &err);
		sl_retain_release(&retain);
	}
	check(rc == SL_OK, "cleaned %s", err.text);
	sl_log_close(&log);
	return heard;
}

/* What is there, as a reader from the beginning sees it. */
static uint64_t
first_offset(const struct logdir *dir)
{
	struct sl_range range = { 0 };
	struct sl_error err;

	if (sl_lookup_range(dir->partition, &range, &err) < 0)
		check(false, "range: %s", err.text);
	return range.first;
}

static bool
is_there(const struct logdir *dir, const char *name)
{
	return faccessat(dir->partition, name, F_OK, 0) == 0;
}

static void
test_age(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct logdir_read read;
	struct logdir dir;
	struct heard heard;

	fill(&dir, 5, NOW - 500 * SECOND, 100 * SECOND);
	heard = clean(&dir, &bounds);
	check(heard.deleted == 0, "no bound, nothing goes");
	bounds.age_ms = 250 * SECOND; /* 500, 400, 300 are older */
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 3 && heard.reason == SL_CLEAN_AGE);
	CHECK(first_offset(&dir) == 6);
	check(heard.given == 0 &&
	          is_there(&dir, "00000000000000000000.log.deleted"),
	    "bytes wait");
	logdir_read(&dir, 0, false, &read);
	CHECK(read.gones == 1 && read.count == 5 && read.offsets[0] == 6);
	logdir_read_release(&read);
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 0 && heard.given == 0);
	bounds.delay_ms = 0;
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 0 && heard.given >= 3);
	CHECK(!is_there(&dir, "00000000000000000000.log.deleted"));
	bounds.age_ms = 0;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 2 && first_offset(&dir) == 10,
	    "the active one stays");
	logdir_release(&dir);
}

static void
test_future(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct logdir dir;
	struct heard heard;

	/* All dated in the future: nothing is known, so nothing goes. */
	fill(&dir, 3, NOW + 7200 * SECOND, SECOND);
	bounds.age_ms = SECOND;
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 0);
	logdir_release(&dir);
	/* Every second one: as old as the one before it. */
	fill(&dir, 1, NOW - 10 * SECOND, 86400 * SECOND);
	{
		struct sl_log log = logdir_open(&dir);
		int64_t old = NOW - 5 * SECOND;
		struct sl_error err;

		/* [0,2) old; [2,4) future, then old; active */
		logdir_append(&dir, &log, &old, 1);
		if (sl_log_lock(&log, 1000, &err) < 0 ||
		    sl_log_roll(&log, &err) < 0)
			check(false, "roll: %s", err.text);
		sl_log_unlock(&log);
		sl_log_close(&log);
	}
	bounds.age_ms = 7 * SECOND;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 1 && heard.future == 0, "a time within counts");
	bounds.age_ms = SECOND;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 1 && heard.future == 1, "and it is reported");
	logdir_release(&dir);
	/* The first of all is in the future: it doesn't pin what follows. */
	fill(&dir, 2, NOW + 7200 * SECOND, -7300 * SECOND);
	heard = clean(&dir, &bounds);
	check(heard.deleted == 2 && heard.future == 1, "the first one goes");
	logdir_release(&dir);
}

static void
test_count_and_bytes(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct sl_retain retain;
	struct sl_error err;
	struct logdir dir;
	struct heard heard;
	uint64_t each;

	fill(&dir, 6, NOW, 0);
	bounds.count = 9; /* of 13 */
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 2 && heard.reason == SL_CLEAN_COUNT);
	CHECK(first_offset(&dir) == 4 && heard.given == 0);
	bounds.count = -1;
	CHECK(sl_retain_load(&retain, dir.partition, &err) == SL_OK);
	CHECK(retain.count == 5 && retain.file_count >= 2);
	each = retain.segments[0].bytes;
	bounds.bytes = (int64_t)(retain.bytes + retain.file_bytes);
	sl_retain_release(&retain);
	heard = clean(&dir, &bounds);
	check(heard.deleted == 0 && heard.given == 0, "within the bound");
	bounds.bytes -= 1;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 0 && heard.given > 0 && heard.given <= 3,
	    "what was deleted counts, and goes first");
	bounds.bytes = (int64_t)(3 * each);
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 2 && heard.reason == SL_CLEAN_BYTES);
	check(first_offset(&dir) == 8 && heard.given >= 2, "at once");
	bounds.bytes = 0;
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 2 && first_offset(&dir) == 12);
	logdir_release(&dir);
}

static void
test_keep(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct logdir dir;
	struct heard heard;

	fill(&dir, 6, NOW - 500 * SECOND, 0);
	bounds.age_ms = SECOND;
	bounds.keep_from = 5;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 2 && first_offset(&dir) == 4,
	    "what is protected stays");
	bounds.age_ms = -1;
	bounds.drop_below = 9;
	bounds.drop_reason = SL_CLEAN_TOTAL;
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 2 && heard.reason == SL_CLEAN_TOTAL);
	bounds.drop_below = 0;
	bounds.bytes = 0;
	bounds.keep_bytes_from = 8;
	heard = clean(&dir, &bounds);
	CHECK(heard.deleted == 0);
	bounds.keep_bytes_from = 10;
	heard = clean(&dir, &bounds);
	check(heard.deleted == 1 && first_offset(&dir) == 10,
	    "the bound in bytes goes before protection");
	logdir_release(&dir);
}

static void
test_roll(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct sl_error err = { 0 };
	struct logdir dir;
	struct sl_log log;

	fill(&dir, 0, NOW - 100 * SECOND, 0);
	dir.limits.segment_ms = 200 * SECOND;
	log = logdir_open(&dir);
	CHECK(sl_retain_roll(&log, &bounds, false, &err) == SL_OK);
	check(log.base == 0, "young: stays");
	bounds.age_ms = 50 * SECOND;
	CHECK(sl_retain_roll(&log, &bounds, false, &err) == SL_OK);
	check(log.base == 1, "all of it is past the bound: closed");
	CHECK(sl_retain_roll(&log, &bounds, true, &err) == SL_OK);
	check(log.base == 1, "an empty one is not closed");
	CHECK(clean(&dir, &bounds).deleted == 1);
	check(first_offset(&dir) == 1, "and the next offset is kept");
	sl_log_close(&log);
	logdir_release(&dir);
}

/* A reader in the middle of a segment whose bytes go is told what it missed. */
static void
test_reader(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct sl_record record;
	struct sl_cursor cursor;
	struct sl_error err;
	struct logdir dir;
	uint64_t from = 0;
	struct sl_log log;
	int64_t now = NOW;
	int i;

	logdir_init(&dir, NULL);
	log = logdir_open(&dir);
	for (i = 0; i < LARGE; i++)
		logdir_append(&dir, &log, &now, 1);
	CHECK(sl_log_lock(&log, 1000, &err) == SL_OK &&
	      sl_log_roll(&log, &err) == SL_OK);
	sl_log_unlock(&log);
	logdir_append(&dir, &log, &now, 1);
	CHECK(sl_cursor_open(&cursor, dir.at, "0", 0, SL_OFFSET_NONE, &err) ==
	      SL_OK);
	CHECK(sl_cursor_next(&cursor, &record, &from, &err) == SL_OK);
	bounds.bytes = 0;
	CHECK(clean(&dir, &bounds).deleted == 1);
	for (i = 1; sl_cursor_next(&cursor, &record, &from, &err) == SL_OK;)
		i++;
	check(err.code == SL_EGONE && i < LARGE && from == (uint64_t)i &&
	          cursor.expected == LARGE,
	    "after %d: %s", i, err.text);
	CHECK(strstr(err.text, "were deleted before they were read") != NULL);
	CHECK(sl_cursor_next(&cursor, &record, &from, &err) == SL_OK &&
	      record.offset == LARGE);
	sl_cursor_close(&cursor);
	sl_log_close(&log);
	logdir_release(&dir);
}

/* One that waits at the end of a segment that was renamed goes on. */
static void
test_reader_at_end(void)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct sl_record record;
	struct sl_cursor cursor;
	struct sl_error err;
	struct logdir dir;
	uint64_t from = 0;

	fill(&dir, 2, NOW, 0);
	CHECK(sl_cursor_open(&cursor, dir.at, "0", 0, SL_OFFSET_NONE, &err) ==
	      SL_OK);
	CHECK(sl_cursor_next(&cursor, &record, &from, &err) == SL_OK &&
	      sl_cursor_next(&cursor, &record, &from, &err) == SL_OK);
	bounds.count = 3;
	CHECK(clean(&dir, &bounds).deleted == 1);
	CHECK(sl_cursor_next(&cursor, &record, &from, &err) == SL_OK &&
	      record.offset == 2);
	sl_cursor_close(&cursor);
	logdir_release(&dir);
}

/* Close the large segment, and let it go. */
static void
roll_and_clean(struct logdir *dir)
{
	struct sl_retain_bounds bounds = no_bounds();
	struct sl_log log = logdir_open(dir);
	struct sl_error err;
	int64_t now = NOW;

	if (freopen("/dev/null", "w", stdout) == NULL)
		_exit(1);
	usleep(20000);
	if (sl_log_lock(&log, 1000, &err) < 0 || sl_log_roll(&log, &err) < 0)
		_exit(1);
	sl_log_unlock(&log);
	logdir_append(dir, &log, &now, 1);
	bounds.bytes = 0;
	_exit(clean(dir, &bounds).deleted == 1 ? 0 : 1);
}

/* The next offset, as a reader finds it; 0: it doesn't. */
static uint64_t
end_of_range(const struct logdir *dir)
{
	struct sl_range range = { 0 };
	struct sl_error err;

	return sl_lookup_range(dir->partition, &range, &err) < 0 ? 0
	                                                         : range.next;
}

/* As one finds it who asks, without a lock, what would go. */
static uint64_t
end_of_plan(const struct logdir *dir)
{
	struct sl_retain retain;
	struct sl_error err;
	uint64_t next;

	if (sl_retain_load(&retain, dir->partition, &err) < 0)
		return 0;
	next = retain.segments[retain.count - 1].next;
	sl_retain_release(&retain);
	return next;
}

/*
 * The end never moves back, though what was the last segment has gone while it
 * was read: without an index, so that it takes long, and where syncs don't.
 */
static void
test_while_it_goes(uint64_t (*look)(const struct logdir *dir))
{
	const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL;
	uint64_t looks = 0, wrong = 0, next = LARGE, seen;
	struct logdir dir;
	struct sl_log log;
	int64_t now = NOW;
	int i, status = 1;
	pid_t child;

	logdir_init(&dir, shm);
	dir.limits.index_interval_bytes = INT32_MAX;
	log = logdir_open(&dir);
	for (i = 0; i < LARGE; i++)
		logdir_append(&dir, &log, &now, 1);
	sl_log_close(&log);
	fflush(stdout);
	child = fork();
	if (child == 0)
		roll_and_clean(&dir);
	do {
		i = waitpid(child, &status, WNOHANG);
		seen = look(&dir);
		wrong += seen < next;
		next = seen;
		looks++;
	} while (i == 0);
	check(status == 0 && looks > 1 && wrong == 0 && next == LARGE + 1,
	    "%" PRIu64 " looks at the end, while it goes: %" PRIu64
	    " are wrong",
	    looks, wrong);
	logdir_release(&dir);
}

int
main(void)
{
	test_age();
	test_future();
	test_count_and_bytes();
	test_keep();
	test_roll();
	test_reader();
	test_reader_at_end();
	test_while_it_goes(end_of_range);
	test_while_it_goes(end_of_plan);
	return check_done();
}
