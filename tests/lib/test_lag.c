/* test_lag.c: lag by the meter, against what a walk over all bytes says. */
#include "check.h"
#include "lag.h"
#include "logdir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 INT64_C(1546300800000)
#define EVENTS_MAX 20000
#define INTERVAL 300

/* What each offset's lag should be. */
struct truth {
	uint64_t count;
	int64_t times_ms[EVENTS_MAX]; /* the largest so far in the batch */
	uint64_t bytes[EVENTS_MAX];   /* from its batch to the end */
};

/* Batches of 1 to 5 events, whose times stagger. */
static void
fill(struct logdir *dir, size_t batches, uint64_t *seed, struct truth *truth)
{
	struct sl_log log = logdir_open(dir);
	int64_t times[5];
	uint32_t count, j;
	uint64_t first;
	size_t i;

	for (i = 0; i < batches; i++) {
		count = 1 + (uint32_t)(logdir_random(seed) % 5);
		for (j = 0; j < count; j++)
			times[j] = T0 + (int64_t)(i * 10) +
			           (int64_t)(logdir_random(seed) % 100);
		first = logdir_append(dir, &log, times, count);
		for (j = 0; j < count; j++) {
			if (j > 0 && times[j] < times[j - 1])
				times[j] = times[j - 1];
			truth->times_ms[first + j] = times[j];
		}
		truth->count = first + count;
	}
	sl_log_close(&log);
}

/* Walk over all segments from the end to note what lies behind each batch. */
static void
weigh(const struct logdir *dir, struct truth *truth)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_batch_head head;
	uint64_t behind = 0, offset;
	struct sl_error err;
	size_t size, at, i;
	uint8_t *log;

	if (sl_segments_list(&segments, dir->partition, &err) < 0)
		printf("Bail out! %s\n", err.text);
	for (i = segments.count; i-- > 0;) {
		sl_segment_name(name, segments.bases[i], ".log");
		log = logdir_load(dir, name, &size);
		for (at = 0; at < size; at += head.bytes) {
			if (sl_batch_head_decode(log + at, size - at, &head,
			        &err) != SL_OK)
				break;
			for (offset = head.base;
			     offset <= head.base + head.last_offset_delta;
			     offset++)
				truth->bytes[offset] = size - at + behind;
		}
		behind += size;
		free(log);
	}
	sl_segments_release(&segments);
}

static bool
is_true(const struct truth *truth, uint64_t offset, const struct sl_lag *lag)
{
	return lag->range.first == 0 && lag->range.next == truth->count &&
	       lag->events == truth->count - offset && lag->gone == 0 &&
	       lag->bytes == truth->bytes[offset] &&
	       lag->first_ms == truth->times_ms[offset];
}

static bool
is_none(const struct truth *truth, const struct sl_lag *lag)
{
	return lag->range.next == truth->count && lag->events == 0 &&
	       lag->bytes == 0 && lag->gone == 0 &&
	       lag->first_ms == SL_TIME_NONE;
}

/* Ask for all offsets, in their order and in none. */
static void
check_all(const struct logdir *dir, const struct truth *truth, const char *what)
{
	struct sl_lag_log log;
	uint64_t seed = 0x1a9, offset, i;
	struct sl_error err;
	struct sl_lag lag;
	size_t bad = 0;

	CHECK(sl_lag_log_open(&log, dir->at, "0", &err) == SL_OK);
	for (i = 0; i < 2 * truth->count; i++) {
		offset =
		    i < truth->count ? i : logdir_random(&seed) % truth->count;
		if (i % 1000 == 999)
			sl_lag_log_rest(&log);
		bad += sl_lag_log_measure(&log, offset, &lag, &err) != SL_OK ||
		       !is_true(truth, offset, &lag);
	}
	check(bad == 0, "%s: as a walk says (%zu of %" PRIu64 " wrong)", what,
	    bad, 2 * truth->count);
	bad = 0;
	for (i = 0; i < 4; i++) {
		offset = i < 3 ? truth->count + i : SL_OFFSET_NONE;
		bad += sl_lag_log_measure(&log, offset, &lag, &err) != SL_OK ||
		       !is_none(truth, &lag);
	}
	check(bad == 0, "%s: none at the end and beyond it", what);
	sl_lag_log_close(&log);
	sl_lag_log_close(&log);
}

#define INDEX_NAME "00000000000000000000.index"

static void
test_measures(struct truth *truth)
{
	static const struct {
		const char *what;
		int64_t segment_bytes;
		size_t batches;
	} ways[] = {
		{ "one segment", 1 << 30, 200 },
		{ "many segments", 2500, 200 },
		{ "a long segment", 1 << 30, 3000 },
		{ "no event", 1 << 30, 0 },
	};
	static const uint8_t garbage[1600] = { 0, 0, 0, 9, 0, 0, 0, 200 };
	struct logdir dir;
	uint64_t seed = 0xface;
	char what[64];
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		logdir_init(&dir, NULL);
		dir.limits.index_interval_bytes = INTERVAL;
		dir.limits.segment_bytes = ways[i].segment_bytes;
		truth->count = 0;
		fill(&dir, ways[i].batches, &seed, truth);
		weigh(&dir, truth);
		check_all(&dir, truth, ways[i].what);
		logdir_store(&dir, INDEX_NAME, garbage, sizeof(garbage));
		snprintf(what, sizeof(what), "%s, a lying index", ways[i].what);
		check_all(&dir, truth, what);
		logdir_store(&dir, INDEX_NAME, garbage, 0);
		snprintf(what, sizeof(what), "%s, no index", ways[i].what);
		check_all(&dir, truth, what);
		logdir_release(&dir);
	}
}

/* ---- What isn't as it should be ---- */

static void
test_hole(struct truth *truth)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_lag_log log;
	struct logdir dir;
	uint64_t seed = 0xb0b0, from, to;
	struct sl_error err;
	struct sl_lag lag;

	logdir_init(&dir, NULL);
	dir.limits.segment_bytes = 2500;
	fill(&dir, 200, &seed, truth);
	weigh(&dir, truth);
	CHECK(sl_segments_list(&segments, dir.partition, &err) == SL_OK);
	from = segments.bases[3];
	to = segments.bases[4];
	sl_segment_name(name, from, ".log");
	CHECK(unlinkat(dir.partition, name, 0) == 0);
	sl_segment_name(name, 0, ".log");
	CHECK(unlinkat(dir.partition, name, 0) == 0);
	CHECK(sl_lag_log_open(&log, dir.at, "0", &err) == SL_OK);
	CHECK(sl_lag_log_measure(&log, from + 2, &lag, &err) == SL_OK);
	check(lag.events == truth->count - from - 2 &&
	          lag.gone == to - from - 2 && lag.bytes == truth->bytes[to] &&
	          lag.first_ms == truth->times_ms[to],
	    "an offset in a hole: the lag begins behind it");
	CHECK(sl_lag_log_measure(&log, 1, &lag, &err) == SL_OK);
	check(lag.range.first == segments.bases[1] &&
	          lag.events == truth->count - 1 &&
	          lag.gone == segments.bases[1] - 1 &&
	          lag.first_ms == truth->times_ms[segments.bases[1]],
	    "an offset before the first: those before it are gone");
	sl_lag_log_close(&log);
	sl_segments_release(&segments);
	logdir_release(&dir);
}

#define LOG_NAME "00000000000000000000.log"

/* Any byte changed: the meter answers, with no more than there is. */
static void
test_damage(struct truth *truth)
{
	struct logdir dir;
	uint64_t seed = 0xdada, offset;
	struct sl_lag_log log;
	struct sl_error err;
	struct sl_lag lag;
	size_t size, at, bad = 0;
	uint8_t *bytes;

	logdir_init(&dir, NULL);
	dir.limits.index_interval_bytes = INTERVAL;
	fill(&dir, 40, &seed, truth);
	bytes = logdir_load(&dir, LOG_NAME, &size);
	for (at = 0; at < 2 * size; at += 3) {
		bytes[at % size] ^= 0x41;
		logdir_store(&dir, LOG_NAME, bytes,
		    at < size ? size : at - size);
		bytes[at % size] ^= 0x41;
		if (sl_lag_log_open(&log, dir.at, "0", &err) < 0) {
			bad++;
			continue;
		}
		for (offset = 0; offset < truth->count; offset += 3)
			bad +=
			    sl_lag_log_measure(&log, offset, &lag, &err) < 0 ||
			    lag.bytes > size;
		sl_lag_log_close(&log);
	}
	check(bad == 0, "any byte changed, or cut: there is an answer");
	free(bytes);
	logdir_release(&dir);
}

static void
test_missing(void)
{
	struct sl_lag_log log;
	struct logdir dir;
	struct sl_error err;

	logdir_init(&dir, NULL);
	CHECK(sl_lag_log_open(&log, dir.at, "1", &err) == SL_EIO);
	CHECK(!log.is_open && log.fd == -1);
	logdir_reset(&dir, 0);
	CHECK(sl_lag_log_open(&log, dir.at, "0", &err) == SL_ECORRUPT);
	sl_lag_log_close(&log);
	logdir_release(&dir);
}

/* A meter over more partitions than it holds descriptors for. */
static void
test_meter(void)
{
	static const struct sl_setting settings[] = { { "partitions", "200" } };
	char path[] = "/tmp/streamlog-test-XXXXXX";
	struct sl_lag_meter *meter;
	struct sl_topic *topic;
	struct sl_error err;
	struct sl_lag lag;
	size_t bad = 0;
	int i;

	CHECK(mkdtemp(path) != NULL);
	CHECK(sl_topic_create(path, "wide", settings, 1, &err) == SL_OK);
	CHECK(sl_topic_open(&topic, path, "wide", &err) == SL_OK);
	CHECK(sl_lag_meter_open(&meter, topic, &err) == SL_OK);
	for (i = 0; i < 400; i++)
		bad += sl_lag_measure(meter, i % 200, 0, &lag, &err) != SL_OK ||
		       lag.events != 0 || lag.first_ms != SL_TIME_NONE;
	CHECK(bad == 0);
	CHECK(sl_lag_measure(meter, 200, 0, &lag, &err) == SL_EUSAGE);
	CHECK(sl_lag_measure(meter, -2, 0, &lag, &err) == SL_EUSAGE);
	check(strcmp(err.text, "topic 'wide': there is no partition -2") == 0,
	    "what it says: %s", err.text);
	sl_lag_meter_close(meter);
	sl_lag_meter_close(NULL);
	sl_topic_close(topic);
	CHECK(sl_fs_remove_tree(AT_FDCWD, path, &err) == SL_OK);
}

int
main(void)
{
	static struct truth truth;

	test_measures(&truth);
	test_hole(&truth);
	test_damage(&truth);
	test_missing();
	test_meter();
	return check_done();
}
