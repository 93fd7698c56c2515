/* test_log.c: what writers and readers make of a segment that was cut or
 * damaged, and of each other (RULES 2 to 6). */
#include "bytes.h"
#include "check.h"
#include "logdir.h"
#include "read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LOG "00000000000000000000.log"
#define T0 INT64_C(1546300800000)
#define BATCHES 4

/* A small log as the tests know it: where each batch begins and what it has. */
struct sample {
	uint8_t *bytes; /* owned */
	size_t size;
	size_t begins[BATCHES + 1];
	uint64_t offsets[BATCHES + 1];
};

static const uint32_t sample_counts[BATCHES] = { 3, 1, 2, 3 };

static void
make_sample(struct logdir *dir, size_t batches, struct sample *sample)
{
	struct sl_log log = logdir_open(dir);
	int64_t times[3];
	size_t i, j;

	*sample = (struct sample){ .size = 0 };
	for (i = 0; i < batches; i++) {
		for (j = 0; j < 3; j++)
			times[j] = T0 + (int64_t)(10 * i + j);
		sample->begins[i] = log.size;
		sample->offsets[i] =
		    logdir_append(dir, &log, times, sample_counts[i]);
	}
	sample->begins[batches] = log.size;
	sample->offsets[batches] = log.next;
	sl_log_close(&log);
	sample->bytes = logdir_load(dir, FIRST_LOG, &sample->size);
}

static uint64_t
range_next(const struct logdir *dir)
{
	struct sl_range range = { 0, 0 };
	struct sl_error err;

	if (sl_lookup_range(dir->partition, &range, &err) < 0)
		return SL_OFFSET_NONE;
	return range.next;
}

static uint64_t
append_one(struct logdir *dir)
{
	const int64_t now = T0 + 1000;
	struct sl_log log = logdir_open(dir);
	uint64_t offset = logdir_append(dir, &log, &now, 1);

	sl_log_close(&log);
	return offset;
}

/* ---- Cut at every byte ---- */

/* The bytes of all files in lost+found/. */
static size_t
lost_bytes(const struct logdir *dir, size_t position)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "lost+found/%020d-%zu", 0, position);
	return fstatat(dir->partition, name, &st, 0) == 0 ? (size_t)st.st_size
	                                                  : 0;
}

/* What is wrong after a cut at `cut`; NULL: nothing. */
static const char *
try_cut(struct logdir *dir, const struct sample *sample, size_t cut)
{
	struct logdir_read read;
	const char *wrong = NULL;
	uint64_t whole, next, i;
	size_t batches = 0;

	while (batches < BATCHES && sample->begins[batches + 1] <= cut)
		batches++;
	whole = sample->offsets[batches];
	logdir_reset(dir, whole);
	logdir_store(dir, FIRST_LOG, sample->bytes, cut);
	logdir_read(dir, 0, false, &read);
	if (read.rc != SL_END || read.count != whole)
		wrong = "a reader sees a torn tail";
	logdir_read_release(&read);
	next = range_next(dir);
	if (append_one(dir) != whole || next != whole)
		wrong = "an offset is lost or given twice";
	logdir_read(dir, 0, false, &read);
	if (read.rc != SL_END || read.count != whole + 1)
		wrong = "an event is lost";
	for (i = 0; i < read.count; i++)
		if (read.offsets[i] != i || read.numbers[i] != i)
			wrong = "events are not as they were";
	logdir_read_release(&read);
	if (lost_bytes(dir, sample->begins[batches]) !=
	    cut - sample->begins[batches])
		wrong = "the cut bytes were not kept";
	return wrong;
}

static void
test_cut(void)
{
	struct sample sample;
	const char *wrong;
	struct logdir dir;
	size_t cut, bad = 0;

	logdir_init(&dir, NULL);
	make_sample(&dir, BATCHES, &sample);
	for (cut = 0; cut <= sample.size; cut++) {
		wrong = try_cut(&dir, &sample, cut);
		if (wrong == NULL)
			continue;
		bad++;
		printf("# cut at %zu: %s\n", cut, wrong);
	}
	check(bad == 0, "cut at each of %zu bytes: no whole batch is lost",
	    sample.size);
	free(sample.bytes);
	logdir_release(&dir);
}

/* ---- Flip every byte ---- */

#define FLIP_BATCHES 3
#define LEADER_EPOCH_AT 12
#define LEADER_EPOCH_END 16

/* All events of the others are there, and none of the damaged batch. */
static bool
has_the_others(const struct sample *sample, const struct logdir_read *read,
    size_t damaged, uint64_t last)
{
	uint64_t i, offset;
	size_t at = 0;

	for (i = 0; i < sample->offsets[FLIP_BATCHES]; i++) {
		if (i >= sample->offsets[damaged] &&
		    i < sample->offsets[damaged + 1])
			continue;
		if (at == read->count || read->offsets[at] != i ||
		    read->numbers[at] != i)
			return false;
		at++;
	}
	offset = at < read->count ? read->offsets[at] : 0;
	return at + 1 == read->count && offset == last;
}

static const char *
judge_flip(struct logdir *dir, const struct sample *sample, size_t damaged,
    bool is_harmless)
{
	uint64_t end = sample->offsets[FLIP_BATCHES];
	struct logdir_read skipping, stopping;
	const char *wrong = NULL;
	uint64_t next, last;

	next = range_next(dir);
	last = append_one(dir);
	if (last < end)
		return "an offset that could have been seen is given again";
	if (damaged + 1 < FLIP_BATCHES && last != end)
		return "offsets are passed over though what follows is good";
	if (next != last)
		return "reader and writer don't agree on the next offset";
	logdir_read(dir, 0, true, &skipping);
	logdir_read(dir, 0, false, &stopping);
	if (is_harmless) {
		if (skipping.damages != 0 || skipping.count != end + 1)
			wrong = "a bit that says nothing is called damage";
	} else if (skipping.damages != 1 || skipping.gones != 0) {
		wrong = "the damage is not told once";
	} else if (!has_the_others(sample, &skipping, damaged, last)) {
		wrong = "more than the damaged batch is lost";
	} else if (stopping.rc != SL_ECORRUPT ||
	           stopping.count != sample->offsets[damaged]) {
		wrong = "who stops at damage does not stop there";
	}
	logdir_read_release(&skipping);
	logdir_read_release(&stopping);
	return wrong;
}

static const char *
try_flip(struct logdir *dir, struct sample *sample, size_t at, uint8_t mask)
{
	const char *wrong;
	size_t damaged = 0, within;

	while (sample->begins[damaged + 1] <= at)
		damaged++;
	within = at - sample->begins[damaged];
	logdir_reset(dir, sample->offsets[FLIP_BATCHES]);
	sample->bytes[at] ^= mask;
	logdir_store(dir, FIRST_LOG, sample->bytes, sample->size);
	wrong = judge_flip(dir, sample, damaged,
	    within >= LEADER_EPOCH_AT && within < LEADER_EPOCH_END);
	sample->bytes[at] ^= mask;
	return wrong;
}

static void
test_flip(void)
{
	static const uint8_t masks[] = { 0x01, 0x04, 0x80, 0xff };
	struct sample sample;
	const char *wrong;
	struct logdir dir;
	size_t at, i, bad = 0;

	logdir_init(&dir, NULL);
	make_sample(&dir, FLIP_BATCHES, &sample);
	for (at = 0; at < sample.size; at++) {
		for (i = 0; i < sizeof(masks); i++) {
			wrong = try_flip(&dir, &sample, at, masks[i]);
			if (wrong == NULL)
				continue;
			bad++;
			printf("# byte %zu ^ %02x: %s\n", at, masks[i], wrong);
		}
	}
	check(bad == 0,
	    "flip bits of each of %zu bytes: only that batch is lost",
	    sample.size);
	free(sample.bytes);
	logdir_release(&dir);
}

/* A bounded reader is told, too, before any writer came by. */
static void
test_damage_unrepaired(void)
{
	static const size_t spots[] = { 0, 7, 8, 11, 16, 17, 22, 60, 65 };
	struct logdir_read read;
	struct sample sample;
	struct logdir dir;
	size_t damaged, i, at;

	logdir_init(&dir, NULL);
	make_sample(&dir, FLIP_BATCHES, &sample);
	for (damaged = 0; damaged < FLIP_BATCHES; damaged++) {
		for (i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
			at = sample.begins[damaged] + spots[i];
			sample.bytes[at] ^= 0x10;
			logdir_store(&dir, FIRST_LOG, sample.bytes,
			    sample.size);
			logdir_read(&dir, 0, true, &read);
			check(read.damages == 1 &&
			          read.count == sample.offsets[FLIP_BATCHES] -
			                            sample_counts[damaged],
			    "batch %zu, byte %zu: damage is told without a "
			    "writer (%u), the others read (%zu)",
			    damaged, spots[i], read.damages, read.count);
			logdir_read_release(&read);
			sample.bytes[at] ^= 0x10;
		}
	}
	free(sample.bytes);
	logdir_release(&dir);
}

/* Zeros behind the log, as a power cut may leave them. */
static void
test_zeros(void)
{
	static const uint8_t zeros[300];
	struct logdir_read read;
	struct sample sample;
	struct logdir dir;
	uint8_t *bytes;
	uint64_t next, first;

	logdir_init(&dir, NULL);
	make_sample(&dir, BATCHES, &sample);
	bytes = calloc(1, sample.size + sizeof(zeros));
	memcpy(bytes, sample.bytes, sample.size);
	logdir_store(&dir, FIRST_LOG, bytes, sample.size + sizeof(zeros));
	next = range_next(&dir);
	first = append_one(&dir);
	check(first >= sample.offsets[BATCHES] && first == next,
	    "zeros at the end: the next offset lies past them");
	logdir_read(&dir, 0, true, &read);
	check(read.damages == 1 && read.rc == SL_END &&
	          read.count == sample.offsets[BATCHES] + 1,
	    "zeros at the end: told once, and nothing is lost");
	logdir_read_release(&read);
	free(bytes);
	free(sample.bytes);
	logdir_release(&dir);
}

/* ---- Two writers ---- */

/* A segment walked by its heads: dense, and ending at `next`. */
static bool
segment_is_dense(const struct logdir *dir, uint64_t base, uint64_t next)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_batch_head head;
	struct sl_error err;
	uint64_t expected = base;
	size_t size, at = 0;
	uint8_t *bytes;
	bool is_so = true;

	sl_segment_name(name, base, ".log");
	bytes = logdir_load(dir, name, &size);
	while (is_so && at < size) {
		is_so = sl_batch_head_decode(bytes + at, size - at, &head,
		            &err) == SL_OK &&
		        head.base == expected && sl_batch_is_dense(&head);
		expected += head.count;
		at += head.bytes;
	}
	free(bytes);
	return is_so && at == size && expected == next;
}

static bool
segments_are_dense(const struct logdir *dir, uint64_t next, size_t *count)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_error err;
	bool are_so;
	size_t i;

	are_so = sl_segments_list(&segments, dir->partition, &err) == SL_OK &&
	         segments.count > 0 && segments.bases[0] == 0;
	for (i = 0; are_so && i < segments.count; i++)
		are_so = segment_is_dense(dir, segments.bases[i],
		    i + 1 < segments.count ? segments.bases[i + 1] : next);
	*count = segments.count;
	sl_segments_release(&segments);
	return are_so;
}

static void
test_two_writers(void)
{
	uint64_t seed = 0x5eed, expected = 0, i;
	struct logdir_read read;
	struct sl_log logs[2];
	struct logdir dir;
	int64_t times[8];
	size_t segments;
	bool is_dense = true;
	uint32_t count;

	logdir_init(&dir, NULL);
	dir.limits.segment_bytes = 1500;
	dir.limits.index_interval_bytes = 256;
	logs[0] = logdir_open(&dir);
	logs[1] = logdir_open(&dir);
	for (i = 0; i < 600; i++) {
		count = 1 + (uint32_t)(logdir_random(&seed) % 8);
		for (uint32_t j = 0; j < count; j++)
			times[j] = T0 + (int64_t)(logdir_random(&seed) % 1000);
		is_dense &=
		    logdir_append(&dir, &logs[logdir_random(&seed) % 5 == 0],
		        times, count) == expected;
		expected += count;
	}
	check(is_dense, "two writers: each append gets the next offset");
	is_dense = segments_are_dense(&dir, expected, &segments);
	check(is_dense && segments > 30,
	    "two writers: %zu segments, each ending at the next one's name",
	    segments);
	logdir_read(&dir, 0, false, &read);
	is_dense = read.rc == SL_END && read.count == expected;
	for (i = 0; i < read.count; i++)
		is_dense &= read.offsets[i] == i && read.numbers[i] == i;
	check(is_dense, "two writers: a reader sees each event once, in order");
	logdir_read_release(&read);
	sl_log_close(&logs[0]);
	sl_log_close(&logs[1]);
	logdir_release(&dir);
}

/* H1: a writer whose memory is of a segment that others finished. */
static void
test_idle_writer(void)
{
	struct sl_log idle, busy;
	struct logdir_read read;
	struct logdir dir;
	size_t segments, i;
	int64_t now = T0;

	logdir_init(&dir, NULL);
	dir.limits.segment_bytes = 200;
	idle = logdir_open(&dir);
	busy = logdir_open(&dir);
	CHECK(logdir_append(&dir, &idle, &now, 1) == 0);
	for (i = 1; i <= 7; i++)
		CHECK(logdir_append(&dir, &busy, &now, 1) == i);
	CHECK(logdir_append(&dir, &idle, &now, 1) == 8);
	CHECK(logdir_append(&dir, &busy, &now, 1) == 9);
	CHECK(segments_are_dense(&dir, 10, &segments) && segments >= 4);
	logdir_read(&dir, 0, false, &read);
	CHECK(read.count == 10 && read.numbers[8] == 8);
	logdir_read_release(&read);
	sl_log_close(&idle);
	sl_log_close(&busy);
	logdir_release(&dir);
}

/* A roll that was killed leaves an empty segment; it is used. */
static void
test_empty_segment(void)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct logdir_read read;
	struct sample sample;
	struct logdir dir;

	logdir_init(&dir, NULL);
	make_sample(&dir, BATCHES, &sample);
	sl_segment_name(name, sample.offsets[BATCHES], ".log");
	logdir_store(&dir, name, sample.bytes, 0);
	CHECK(range_next(&dir) == sample.offsets[BATCHES]);
	CHECK(append_one(&dir) == sample.offsets[BATCHES]);
	logdir_read(&dir, 0, false, &read);
	CHECK(read.rc == SL_END && read.count == sample.offsets[BATCHES] + 1);
	logdir_read_release(&read);
	free(sample.bytes);
	logdir_release(&dir);
}

/* A missing segment in the middle is "gone", told once, and not damage. */
static void
test_gone(void)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct logdir_read read;
	struct sl_error err;
	struct sl_log log;
	struct logdir dir;
	int64_t now = T0;
	size_t i;

	logdir_init(&dir, NULL);
	dir.limits.segment_bytes = 70;
	log = logdir_open(&dir);
	for (i = 0; i < 5; i++)
		CHECK(logdir_append(&dir, &log, &now, 1) == i);
	sl_log_close(&log);
	sl_segment_name(name, 2, ".log");
	CHECK(sl_fs_remove_tree(dir.partition, name, &err) == SL_OK);
	logdir_read(&dir, 0, false, &read);
	CHECK(read.rc == SL_END && read.gones == 1 && read.count == 4);
	logdir_read_release(&read);
	sl_segment_name(name, 0, ".log");
	CHECK(sl_fs_remove_tree(dir.partition, name, &err) == SL_OK);
	logdir_read(&dir, 0, false, &read);
	CHECK(read.rc == SL_END && read.gones == 2 && read.count == 3);
	logdir_read_release(&read);
	CHECK(append_one(&dir) == 5);
	logdir_release(&dir);
}

int
main(void)
{
	test_cut();
	test_flip();
	test_damage_unrepaired();
	test_zeros();
	test_two_writers();
	test_idle_writer();
	test_empty_segment();
	test_gone();
	return check_done();
}
