/* test_index.c: the sparse indexes as Kafka writes them, made anew where they
 * lie, and what is looked up by them. */
#include "bytes.h"
#include "check.h"
#include "logdir.h"
#include "read.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1546300800000)
#define EVENTS_MAX 2000
#define INTERVAL 300

/* Both indexes of one segment. */
struct indexes {
	uint8_t *offsets; /* owned, and the next */
	uint8_t *times;
	size_t offset_bytes;
	size_t time_bytes;
};

static void
indexes_load(const struct logdir *dir, uint64_t base, struct indexes *indexes)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, base, ".index");
	indexes->offsets = logdir_load(dir, name, &indexes->offset_bytes);
	sl_segment_name(name, base, ".timeindex");
	indexes->times = logdir_load(dir, name, &indexes->time_bytes);
}

static void
indexes_release(struct indexes *indexes)
{
	free(indexes->offsets);
	free(indexes->times);
}

static bool
indexes_are_equal(const struct indexes *a, const struct indexes *b)
{
	return a->offsets != NULL && b->offsets != NULL && a->times != NULL &&
	       b->times != NULL && a->offset_bytes == b->offset_bytes &&
	       a->time_bytes == b->time_bytes &&
	       memcmp(a->offsets, b->offsets, a->offset_bytes) == 0 &&
	       memcmp(a->times, b->times, a->time_bytes) == 0;
}

/*
 * What Kafka's LogSegment.append() would have written for this segment: an
 * entry where more than the interval was appended since the last, before the
 * batch is counted; a last time entry at the roll.
 */
static void
indexes_by_kafka(const uint8_t *log, size_t size, uint64_t base,
    bool is_finished, struct indexes *made)
{
	size_t at = 0, since = 0;
	struct sl_batch_head head;
	struct sl_error err;
	int64_t max_ms = INT64_MIN, last_ms = INT64_MIN;
	uint64_t max_offset = 0, last;

	made->offsets = malloc(size + 8);
	made->times = malloc(size + 12);
	made->offset_bytes = made->time_bytes = 0;
	for (; at < size; at += head.bytes) {
		if (sl_batch_head_decode(log + at, size - at, &head, &err) !=
		    SL_OK)
			return;
		last = head.base + head.last_offset_delta;
		if (head.max_timestamp_ms > max_ms) {
			max_ms = head.max_timestamp_ms;
			max_offset = last;
		}
		if (since > INTERVAL) {
			uint8_t *entry = made->offsets + made->offset_bytes;

			sl_put_u32(entry, (uint32_t)(last - base));
			sl_put_u32(entry + 4, (uint32_t)at);
			made->offset_bytes += 8;
			since = 0;
		}
		if ((since == 0 && at > 0 && max_ms > last_ms) ||
		    (is_finished && at + head.bytes == size &&
		        max_ms > last_ms)) {
			uint8_t *entry = made->times + made->time_bytes;

			sl_put_u64(entry, (uint64_t)max_ms);
			sl_put_u32(entry + 8, (uint32_t)(max_offset - base));
			made->time_bytes += 12;
			last_ms = max_ms;
		}
		since += head.bytes;
	}
}

/* Batches of 1 to 5 events; times rise, or stagger, or fall. */
static uint64_t
fill(struct logdir *dir, struct sl_log *log, size_t batches, int64_t stagger_ms,
    uint64_t *seed, int64_t *times_ms)
{
	int64_t now[5];
	uint64_t next = 0;
	uint32_t count, j;
	size_t i;

	for (i = 0; i < batches; i++) {
		count = 1 + (uint32_t)(logdir_random(seed) % 5);
		for (j = 0; j < count; j++) {
			now[j] = T0 + (int64_t)(i * 10 + j);
			if (stagger_ms > 0)
				now[j] += (int64_t)(logdir_random(seed) %
				                    (uint64_t)stagger_ms);
			if (stagger_ms < 0)
				now[j] = T0 - now[j] % 100000;
			times_ms[next + j] = now[j];
		}
		next = logdir_append(dir, log, now, count) + count;
	}
	return next;
}

/* ---- What is written ---- */

static void
check_segments(const struct logdir *dir, const char *what)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct indexes made, found;
	char name[SL_SEGMENT_NAME_SIZE];
	size_t i, size, bad = 0, entries = 0;
	struct sl_error err;
	uint8_t *log;

	if (sl_segments_list(&segments, dir->partition, &err) < 0)
		bad++;
	for (i = 0; i < segments.count; i++) {
		sl_segment_name(name, segments.bases[i], ".log");
		log = logdir_load(dir, name, &size);
		indexes_by_kafka(log, size, segments.bases[i],
		    i + 1 < segments.count, &made);
		indexes_load(dir, segments.bases[i], &found);
		bad += !indexes_are_equal(&made, &found);
		entries += found.offset_bytes / 8;
		indexes_release(&made);
		indexes_release(&found);
		free(log);
	}
	check(bad == 0 && entries > 10,
	    "%s: the indexes of %zu segments are as Kafka writes them", what,
	    segments.count);
	sl_segments_release(&segments);
}

static void
test_as_kafka(void)
{
	static const struct {
		const char *what;
		int64_t stagger_ms;
		int64_t segment_bytes;
	} ways[] = {
		{ "times that rise", 0, 1 << 30 },
		{ "times that stagger", 500, 1 << 30 },
		{ "times that fall", -1, 1 << 30 },
		{ "times that rise, rolled", 0, 3000 },
		{ "times that stagger, rolled", 500, 3000 },
	};
	static int64_t times[EVENTS_MAX];
	uint64_t seed = 0xbeef;
	struct logdir dir;
	struct sl_log log;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		logdir_init(&dir, NULL);
		dir.limits.index_interval_bytes = INTERVAL;
		dir.limits.segment_bytes = ways[i].segment_bytes;
		log = logdir_open(&dir);
		fill(&dir, &log, 200, ways[i].stagger_ms, &seed, times);
		sl_log_close(&log);
		check_segments(&dir, ways[i].what);
		logdir_release(&dir);
	}
}

/* Owed entries are written by whoever steps over the batches. */
static void
test_stepped_over(void)
{
	static int64_t times[EVENTS_MAX];
	uint64_t seed = 0xfeed, turn;
	struct sl_log logs[3];
	struct logdir dir;
	size_t i;

	logdir_init(&dir, NULL);
	dir.limits.index_interval_bytes = INTERVAL;
	dir.limits.segment_bytes = 4000;
	for (i = 0; i < 3; i++)
		logs[i] = logdir_open(&dir);
	for (i = 0; i < 100; i++) {
		turn = logdir_random(&seed) % 3;
		fill(&dir, &logs[turn], 1 + i % 4, 300, &seed, times);
	}
	check_segments(&dir, "three writers");
	for (i = 0; i < 3; i++)
		sl_log_close(&logs[i]);
	logdir_release(&dir);
}

/* ---- Made anew ---- */

#define LOG_NAME "00000000000000000000.log"
#define INDEX_NAME "00000000000000000000.index"
#define TIME_NAME "00000000000000000000.timeindex"

/* Open the log as a writer does, and finish its segment. */
static void
recover_and_roll(struct logdir *dir, struct indexes *found)
{
	struct sl_log log = logdir_open(dir);
	struct sl_error err = { .code = SL_OK };

	if (sl_log_lock(&log, 1000, &err) < 0 || sl_log_roll(&log, &err) < 0)
		printf("# recover: %s\n", err.text);
	sl_log_unlock(&log);
	sl_log_close(&log);
	indexes_load(dir, 0, found);
}

/* A log as a writer left it, and its indexes as they should end. */
struct original {
	uint8_t *log; /* owned */
	size_t size;
	struct indexes active;
	struct indexes finished;
};

static bool
try_indexes(struct logdir *dir, const struct original *original,
    const uint8_t *offsets, size_t offset_bytes, const uint8_t *times,
    size_t time_bytes)
{
	struct indexes found;
	bool are_equal;

	logdir_reset(dir, 0);
	logdir_store(dir, LOG_NAME, original->log, original->size);
	if (offsets != NULL)
		logdir_store(dir, INDEX_NAME, offsets, offset_bytes);
	if (times != NULL)
		logdir_store(dir, TIME_NAME, times, time_bytes);
	recover_and_roll(dir, &found);
	are_equal = indexes_are_equal(&found, &original->finished);
	indexes_release(&found);
	return are_equal;
}

static void
make_original(struct logdir *dir, int64_t stagger_ms, struct original *original)
{
	static int64_t times[EVENTS_MAX];
	uint64_t seed = 0xabcd;
	struct sl_log log;

	logdir_init(dir, NULL);
	dir->limits.index_interval_bytes = INTERVAL;
	log = logdir_open(dir);
	fill(dir, &log, 40, stagger_ms, &seed, times);
	sl_log_close(&log);
	original->log = logdir_load(dir, LOG_NAME, &original->size);
	indexes_load(dir, 0, &original->active);
	recover_and_roll(dir, &original->finished);
}

static void
release_original(struct original *original)
{
	free(original->log);
	indexes_release(&original->active);
	indexes_release(&original->finished);
}

static void
test_short(int64_t stagger_ms, const char *what)
{
	struct original original;
	struct logdir dir;
	size_t cut, bad = 0;

	make_original(&dir, stagger_ms, &original);
	check(original.active.offset_bytes > 32 &&
	          original.active.time_bytes > 36,
	    "%s: there are entries to lose", what);
	for (cut = 0; cut < original.active.offset_bytes; cut++)
		bad += !try_indexes(&dir, &original, original.active.offsets,
		    cut, original.active.times, original.active.time_bytes);
	check(bad == 0, "%s: an offset index cut at any byte is made anew",
	    what);
	bad = 0;
	for (cut = 0; cut < original.active.time_bytes; cut++)
		bad += !try_indexes(&dir, &original, original.active.offsets,
		    original.active.offset_bytes, original.active.times, cut);
	check(bad == 0, "%s: a time index cut at any byte is made anew (%zu)",
	    what, bad);
	release_original(&original);
	logdir_release(&dir);
}

static void
test_lies(void)
{
	struct original original;
	struct indexes *active = &original.active;
	uint8_t garbage[4096], bits[12];
	struct logdir dir;
	uint64_t seed = 77;
	size_t i, bad = 0;
	uint8_t *last;

	make_original(&dir, 0, &original);
	for (i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t)logdir_random(&seed);
	CHECK(try_indexes(&dir, &original, NULL, 0, NULL, 0));
	CHECK(try_indexes(&dir, &original, active->offsets,
	    active->offset_bytes, NULL, 0));
	CHECK(try_indexes(&dir, &original, NULL, 0, active->times,
	    active->time_bytes));
	CHECK(try_indexes(&dir, &original, garbage, 800, active->times,
	    active->time_bytes));
	CHECK(try_indexes(&dir, &original, active->offsets,
	    active->offset_bytes, garbage, 1200));
	CHECK(try_indexes(&dir, &original, garbage, 4096, garbage, 4095));
	last = active->offsets + active->offset_bytes - 8;
	for (i = 0; i < 8; i++) {
		last[i] ^= 0x11;
		bad += !try_indexes(&dir, &original, active->offsets,
		    active->offset_bytes, active->times, active->time_bytes);
		last[i] ^= 0x11;
	}
	check(bad == 0, "a last offset entry that lies: made anew");
	bad = 0;
	last = active->times + active->time_bytes - 12;
	memcpy(bits, last, 12);
	for (i = 0; i < 12; i++) {
		last[i] ^= 0x11;
		bad += !try_indexes(&dir, &original, active->offsets,
		    active->offset_bytes, active->times, active->time_bytes);
		last[i] ^= 0x11;
	}
	check(bad == 0 && memcmp(bits, last, 12) == 0,
	    "a last time entry that lies: made anew");
	release_original(&original);
	logdir_release(&dir);
}

/* ---- What is looked up ---- */

static uint64_t
first_at(const int64_t *times_ms, uint64_t count, int64_t time_ms)
{
	uint64_t i;

	for (i = 0; i < count && times_ms[i] < time_ms; i++)
		;
	return i;
}

static size_t
count_wrong_times(const struct logdir *dir, const int64_t *times_ms,
    uint64_t count)
{
	struct sl_error err;
	uint64_t offset, i;
	size_t bad = 0;
	int64_t at;

	for (i = 0; i < count; i++) {
		for (at = times_ms[i] - 1; at <= times_ms[i] + 1; at++) {
			if (sl_lookup_time(dir->partition, at, &offset, &err) <
			        0 ||
			    offset != first_at(times_ms, count, at))
				bad++;
		}
	}
	return bad;
}

static size_t
count_wrong_offsets(const struct logdir *dir, uint64_t count)
{
	struct sl_record record;
	struct sl_cursor cursor;
	struct sl_error err;
	uint64_t from, i;
	size_t bad = 0;

	for (i = 0; i < count; i++) {
		if (sl_cursor_open(&cursor, dir->at, "0", i, SL_OFFSET_NONE,
		        &err) < 0 ||
		    sl_cursor_next(&cursor, &record, &from, &err) != SL_OK ||
		    record.offset != i)
			bad++;
		sl_cursor_close(&cursor);
	}
	return bad;
}

static void
check_lookups(const struct logdir *dir, const int64_t *times_ms, uint64_t count,
    const char *what)
{
	struct sl_range range = { 0, 0 };
	struct sl_error err;
	size_t bad;

	bad = count_wrong_times(dir, times_ms, count);
	check(bad == 0, "%s: times are found as by reading all (%zu wrong)",
	    what, bad);
	bad = count_wrong_offsets(dir, count);
	check(bad == 0, "%s: offsets are found (%zu wrong)", what, bad);
	check(sl_lookup_range(dir->partition, &range, &err) == SL_OK &&
	          range.first == 0 && range.next == count,
	    "%s: the range is 0 to %" PRIu64, what, count);
}

static void
test_lookups(void)
{
	static const int64_t staggers_ms[] = { 0, 40, 1000, -1 };
	static int64_t times[EVENTS_MAX];
	static const uint8_t garbage[64] = { 1, 2, 3, 4 };
	char what[64];
	struct logdir dir;
	struct sl_log log;
	uint64_t seed = 0xace, count;
	size_t i;

	for (i = 0; i < 8; i++) {
		logdir_init(&dir, NULL);
		dir.limits.index_interval_bytes = INTERVAL;
		dir.limits.segment_bytes = i < 4 ? 1 << 30 : 2500;
		log = logdir_open(&dir);
		count = fill(&dir, &log, 100, staggers_ms[i % 4], &seed, times);
		sl_log_close(&log);
		snprintf(what, sizeof(what), "stagger %d, %s",
		    (int)staggers_ms[i % 4], i < 4 ? "one segment" : "many");
		check_lookups(&dir, times, count, what);
		logdir_store(&dir, INDEX_NAME, garbage, sizeof(garbage));
		logdir_store(&dir, TIME_NAME, garbage, sizeof(garbage));
		snprintf(what, sizeof(what), "stagger %d, %s, lying indexes",
		    (int)staggers_ms[i % 4], i < 4 ? "one segment" : "many");
		check_lookups(&dir, times, count, what);
		logdir_release(&dir);
	}
}

int
main(void)
{
	test_as_kafka();
	test_stepped_over();
	test_short(0, "times that rise");
	test_short(300, "times that stagger");
	test_lies();
	test_lookups();
	return check_done();
}
