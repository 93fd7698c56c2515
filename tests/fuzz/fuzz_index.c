/*
 * fuzz_index.c: any bytes as both indexes of a segment whose batches are known.
 * They can make looks slower, and never wrong: each offset and time is found
 * where it is, and a writer goes on behind the last batch.
 */
#include "bytes.h"
#include "index.h"
#include "logdir.h"
#include "read.h"

#include <stdlib.h>
#include <unistd.h>

#define BATCHES 40
#define T0 INT64_C(1546300800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct logdir dir;
static int log_fd;
static uint64_t begins[BATCHES + 1], offsets[BATCHES + 1];

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Batches of 1 to 3 records, a second apart each. */
static void
make(void)
{
	struct sl_error err;
	int64_t times[3];
	struct sl_log log;
	uint32_t i, j;

	logdir_init(&dir, NULL);
	dir.limits.index_interval_bytes = 100;
	log = logdir_open(&dir);
	for (i = 0; i < BATCHES; i++) {
		for (j = 0; j < 3; j++)
			times[j] = T0 + 1000 * (int64_t)i;
		begins[i] = log.size;
		offsets[i] = logdir_append(&dir, &log, times, 1 + i % 3);
	}
	begins[BATCHES] = log.size;
	offsets[BATCHES] = log.next;
	sl_log_close(&log);
	must(sl_fs_open_read(&log_fd, dir.partition, "00000000000000000000.log",
	         &err) == SL_OK);
}

static void
find_offset(uint32_t number)
{
	uint64_t offset = number % offsets[BATCHES];
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_error err;
	uint64_t position;
	int i = 0;

	must(sl_index_find(dir.partition, 0, log_fd, &window, offset, &position,
	         &err) == SL_OK);
	sl_window_release(&window);
	while (begins[i] != position)
		must(++i < BATCHES);
	must(offsets[i] <= offset);
}

static void
find_time(uint32_t number)
{
	int64_t time_ms = T0 + 500 * (int64_t)(number % (2 * BATCHES));
	uint64_t offset, due = (number % (2 * BATCHES) + 1) / 2;
	struct sl_error err;

	must(sl_lookup_time(dir.partition, time_ms, &offset, &err) == SL_OK);
	must(offset == offsets[due]);
}

/* A writer that opens it keeps what is there, and mends the indexes. */
static void
write_on(void)
{
	struct sl_log log = logdir_open(&dir);
	struct sl_error err;

	must(sl_log_lock(&log, 1000, &err) == SL_OK);
	must(log.next == offsets[BATCHES] && log.size == begins[BATCHES]);
	sl_log_unlock(&log);
	sl_log_close(&log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t of_offsets;
	uint32_t number;

	if (bytes < 5)
		return 0;
	if (dir.at == 0)
		make();
	number = sl_get_u32(data);
	of_offsets = data[4] < bytes - 5 ? data[4] : bytes - 5;
	logdir_store(&dir, "00000000000000000000.index", data + 5, of_offsets);
	logdir_store(&dir, "00000000000000000000.timeindex",
	    data + 5 + of_offsets, bytes - 5 - of_offsets);
	find_offset(number);
	find_time(number);
	write_on();
	return 0;
}
