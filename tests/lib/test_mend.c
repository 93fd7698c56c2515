/*
 * test_mend.c: one bit is flipped, anywhere: what is lost is that batch, named
 * by its offsets; mending keeps all the rest.
 */
#include "check.h"
#include "faults.h"
#include "logdir.h"
#include "read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LOG "00000000000000000000.log"
#define T0 INT64_C(1546300800000)
#define LOG_BYTES (64u << 10)
#define BATCHES_MAX 4096
#define BASE_OFFSET_BYTES 8
/* The partition leader's epoch, which no checksum covers and nobody asks for.
 */
#define EPOCH_AT 12
#define EPOCH_BYTES 4
/* Mending syncs, so not each of them is mended. */
#define MEND_EVERY 1021

struct sample {
	uint8_t *bytes; /* owned */
	size_t size;
	size_t count;
	size_t begins[BATCHES_MAX + 1];
	uint64_t offsets[BATCHES_MAX + 1];
};

/* A log of batches of one to five events. */
static void
make_sample(struct logdir *dir, struct sample *sample)
{
	struct sl_log log = logdir_open(dir);
	int64_t times[5] = { T0, T0, T0 + 1, T0 + 2, T0 + 3 };
	size_t i;

	for (i = 0; log.size < LOG_BYTES && i < BATCHES_MAX; i++) {
		sample->begins[i] = log.size;
		sample->offsets[i] =
		    logdir_append(dir, &log, times, 1 + (uint32_t)i % 5);
	}
	sample->begins[i] = log.size;
	sample->offsets[i] = log.next;
	sample->count = i;
	sl_log_close(&log);
	sample->bytes = logdir_load(dir, FIRST_LOG, &sample->size);
}

static size_t
batch_of(const struct sample *sample, size_t byte)
{
	size_t i = 0;

	while (sample->begins[i + 1] <= byte)
		i++;
	return i;
}

/* Exactly the batch `at` is found damaged, and costs its offsets. */
static bool
is_found(const struct logdir *dir, const struct sample *sample, size_t at)
{
	struct sl_check_walk walk;
	struct sl_fault fault, other;
	struct sl_error err;
	bool is_so, is_last = at + 1 == sample->count;

	/* As if another segment followed: so it isn't looked at twice. */
	is_so = sl_check_open(&walk, dir->partition, 0,
	            sample->offsets[sample->count], &err) == SL_OK &&
	        sl_check_next(&walk, &fault, &err) == SL_OK &&
	        fault.position == sample->begins[at] &&
	        fault.end == sample->begins[at + 1] &&
	        fault.first == sample->offsets[at] &&
	        fault.next == sample->offsets[at + 1] &&
	        fault.has_rest == !is_last &&
	        sl_check_next(&walk, &other, &err) == SL_END &&
	        walk.batches == sample->count - 1;
	sl_check_close(&walk);
	return is_so;
}

static void
ignore_fault(void *arg, uint64_t base, const struct sl_fault *fault,
    const char *saved)
{
	(void)base;
	(void)fault;
	(void)saved;
	++*(unsigned *)arg;
}

static void
ignore_index(void *arg, uint64_t base)
{
	(void)arg;
	(void)base;
}

/* Mended, all but the batch `at` is read, and nothing is damaged. */
static bool
is_mended(struct logdir *dir, const struct sample *sample, size_t at)
{
	struct sl_fs_like like;
	struct logdir_read read;
	struct sl_error err;
	unsigned mended = 0;
	struct sl_mending mending = { .dir = dir->partition,
		.like = &like,
		.index_interval_bytes = 4096,
		.tell_fault = ignore_fault,
		.tell_index = ignore_index,
		.arg = &mended };
	uint64_t lost = sample->offsets[at + 1] - sample->offsets[at];
	bool is_so;

	is_so = sl_fs_like_of(dir->partition, &like, &err) == SL_OK &&
	        sl_mend(&mending, &err) == SL_OK && mended == 1;
	logdir_read(dir, 0, false, &read);
	is_so = is_so && read.rc == SL_END && read.damages == 0 &&
	        read.count == sample->offsets[sample->count] - lost;
	for (size_t i = 0; is_so && i < read.count; i++)
		is_so = read.numbers[i] == read.offsets[i];
	logdir_read_release(&read);
	return is_so;
}

/* In place; `fd` is the log's. */
static void
flip(int fd, const struct sample *sample, size_t byte, unsigned bits)
{
	uint8_t flipped = (uint8_t)(sample->bytes[byte] ^ bits);
	struct sl_error err;
	size_t done;

	if (sl_fs_write_at(fd, &flipped, 1, byte, &done, &err) < 0)
		exit(99);
}

static void
test_flips(bool only_bases)
{
	uint64_t state = 88172645463325252u;
	struct sample sample = { .bytes = NULL };
	unsigned flips = 0, unseen = 0, mends = 0, unmended = 0;
	struct sl_error err;
	struct logdir dir;
	size_t byte, at, in_batch;
	unsigned bit = 0, bits;
	int fd = -1;

	logdir_init(&dir, NULL);
	make_sample(&dir, &sample);
	CHECK(sl_fs_open_write(&fd, dir.partition, FIRST_LOG, &err) == SL_OK);
	for (byte = 0; byte < sample.size; byte++) {
		at = batch_of(&sample, byte);
		in_batch = byte - sample.begins[at];
		if (only_bases ? in_batch >= BASE_OFFSET_BYTES
		               : in_batch - EPOCH_AT < EPOCH_BYTES)
			continue;
		bits = only_bases ? 8 : 1;
		while (bits-- > 0) {
			bit = only_bases
			          ? bits
			          : (unsigned)(logdir_random(&state) % 8);
			flip(fd, &sample, byte, 1u << bit);
			flips++;
			unseen += !is_found(&dir, &sample, at);
			flip(fd, &sample, byte, 0);
		}
		if (byte % MEND_EVERY != 0 || at + 1 == sample.count)
			continue;
		flip(fd, &sample, byte, 1u << bit);
		mends++;
		unmended += !is_mended(&dir, &sample, at);
		sl_fs_close(&fd);
		logdir_reset(&dir, 0);
		logdir_store(&dir, FIRST_LOG, sample.bytes, sample.size);
		CHECK(sl_fs_open_write(&fd, dir.partition, FIRST_LOG, &err) ==
		      SL_OK);
	}
	sl_fs_close(&fd);
	check(unseen == 0,
	    "%u bits flipped: each costs its batch, and is named (%u not)",
	    flips, unseen);
	check(unmended == 0 && mends > 0,
	    "%u of them mended: all the rest is read (%u not)", mends,
	    unmended);
	free(sample.bytes);
	logdir_release(&dir);
}

int
main(void)
{
	test_flips(false);
	test_flips(true);
	return check_done();
}
