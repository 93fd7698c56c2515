/* test_compact.c: what compaction by key leaves, against a plain table. */
#include "bytes.h"
#include "check.h"
#include "cleaned.h"
#include "hash.h"
#include "keyed.h"
#include "keymap.h"
#include "read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A line of what is wrong, if something is. */
static bool
is_fine(const char *wrong)
{
	if (wrong != NULL)
		printf("# %s\n", wrong);
	return wrong == NULL;
}

static bool
reads_from_everywhere(const struct keyed *keyed)
{
	uint64_t start;

	for (start = 0; start <= keyed->count; start += 3)
		if (!is_fine(keyed_check(keyed, start, false))) {
			printf("# read from %" PRIu64 "\n", start);
			return false;
		}
	return true;
}

static void
test_random(const char *name, enum sl_compression compression,
    size_t memory_bytes, size_t count, unsigned keys)
{
	struct sl_compact_report report, again;
	struct keyed keyed;
	uint64_t bound;
	int rc;

	keyed_init(&keyed, 4711 + count + keys, compression, 4096);
	keyed.options.memory_bytes = memory_bytes;
	keyed_append(&keyed, count, keys, 3);
	bound = keyed_bound(&keyed);
	keyed_expect(&keyed, bound, 0);
	rc = keyed_compact(&keyed, &report);
	check(rc == SL_OK && is_fine(keyed_check(&keyed, 0, false)) &&
	          is_fine(keyed_check_files(&keyed)),
	    "%s: the last of each key stays (%u passes)", name, report.passes);
	check(report.segments_after < report.segments_before &&
	          report.bytes_after < report.bytes_before &&
	          (memory_bytes == 0) == (report.passes == 1) &&
	          report.blocked_at == SL_OFFSET_NONE,
	    "%s: %" PRIu64 " of %" PRIu64 " segments are left", name,
	    report.segments_after, report.segments_before);
	check(reads_from_everywhere(&keyed), "%s: read from everywhere", name);
	rc = keyed_compact(&keyed, &again);
	check(rc == SL_END && again.swaps == 0 &&
	          again.bytes_after == report.bytes_after,
	    "%s: a second run changes nothing", name);

	keyed.options.now_ms += 999;
	check(keyed_compact(&keyed, &again) == SL_END,
	    "%s: tombstones are not due yet", name);
	keyed.options.now_ms += 1;
	keyed_expect(&keyed, bound, bound);
	rc = keyed_compact(&keyed, &again);
	check(rc == SL_OK && is_fine(keyed_check(&keyed, 0, false)) &&
	          again.tombstones_dropped > 0,
	    "%s: %" PRIu64 " tombstones go when they are due", name,
	    again.tombstones_dropped);

	keyed_append(&keyed, count / 2, keys, 3);
	keyed_roll(&keyed);
	keyed_expect(&keyed, keyed.count, bound);
	rc = keyed_compact(&keyed, &again);
	check(rc == SL_OK && is_fine(keyed_check(&keyed, 0, false)) &&
	          is_fine(keyed_check_files(&keyed)),
	    "%s: and again with what came since", name);
	keyed.options.now_ms += 1000;
	keyed_expect(&keyed, keyed.count, keyed.count);
	rc = keyed_compact(&keyed, &again);
	check(rc == SL_OK && is_fine(keyed_check(&keyed, 0, false)) &&
	          is_fine(keyed_check_files(&keyed)) &&
	          reads_from_everywhere(&keyed) &&
	          keyed_compact(&keyed, &again) == SL_END,
	    "%s: at last without any tombstone", name);
	keyed_release(&keyed);
}

static int
put(struct sl_keymap *map, uint64_t key, uint64_t offset)
{
	struct sl_keymap_hash hash = sl_keymap_hash(map, &key, sizeof(key));

	return sl_keymap_put(map, &hash, offset);
}

static uint64_t
get(const struct sl_keymap *map, uint64_t key)
{
	struct sl_keymap_hash hash = sl_keymap_hash(map, &key, sizeof(key));

	return sl_keymap_get(map, &hash);
}

static void
test_keymap(void)
{
	struct sl_keymap map;
	struct sl_error err;
	bool is_so = true;
	uint64_t i, kept = 0;

	CHECK(sl_keymap_init(&map, 24 * 1000, &err) == SL_OK);
	for (i = 0; put(&map, i, i + 5) == SL_OK; i++)
		kept++;
	CHECK(kept == 800);
	for (i = 0; i < 2000; i++)
		is_so = is_so &&
		        get(&map, i) == (i < kept ? i + 5 : SL_OFFSET_NONE);
	CHECK(is_so);
	CHECK(put(&map, 7, 99) == SL_OK);
	CHECK(get(&map, 7) == 99);
	CHECK(put(&map, 5000, 0) == SL_END);
	sl_keymap_clear(&map);
	CHECK(put(&map, 5000, 0) == SL_OK);
	CHECK(get(&map, 5000) == 0);
	sl_keymap_release(&map);
}

/* ---- When ---- */

static void
test_when(void)
{
	struct sl_compact_report report;
	struct keyed keyed;
	uint64_t bound;

	keyed_init(&keyed, 17, SL_COMPRESSION_NONE, 4096);
	keyed.options.is_forced = false;
	keyed.options.min_cleanable_dirty_ratio = 0.5;
	keyed_append(&keyed, 1000, 400, 0);
	keyed_roll(&keyed);
	bound = keyed_bound(&keyed);

	keyed.options.min_compaction_lag_ms = 2000000;
	check(keyed_compact(&keyed, &report) == SL_END,
	    "what is too young is not cleaned");
	keyed.options.min_compaction_lag_ms =
	    keyed.options.now_ms - (KEYED_T0 + 5000);
	keyed_expect(&keyed, bound, 0);
	check(keyed_compact(&keyed, &report) == SL_OK &&
	          is_fine(keyed_check(&keyed, 0, true)) &&
	          !is_fine(keyed_check(&keyed, 0, false)),
	    "the part that is old enough is");

	keyed.options.min_compaction_lag_ms = 0;
	keyed.options.is_dry = true;
	keyed.options.is_forced = true;
	check(keyed_compact(&keyed, &report) == SL_OK &&
	          report.records_dropped > 0 && report.swaps == 0 &&
	          !is_fine(keyed_check(&keyed, 0, false)),
	    "a dry run drops nothing");
	bound = report.records_dropped;
	keyed.options.is_dry = false;
	check(keyed_compact(&keyed, &report) == SL_OK &&
	          report.records_dropped == bound &&
	          is_fine(keyed_check(&keyed, 0, false)),
	    "and says how many will be");

	keyed.options.is_forced = false;
	keyed_append(&keyed, 100, 400, 0);
	keyed_roll(&keyed);
	check(keyed_compact(&keyed, &report) == SL_END &&
	          report.dirty_bytes > 0 && report.clean_bytes > 0,
	    "a little is not worth it");
	keyed.options.min_cleanable_dirty_ratio = 0;
	keyed_expect(&keyed, keyed.count, 0);
	check(keyed_compact(&keyed, &report) == SL_OK &&
	          is_fine(keyed_check(&keyed, 0, false)),
	    "unless the ratio says so");
	keyed_release(&keyed);
}

/* ---- Times ---- */

/* The first event that stays with a time at or past this. */
static uint64_t
first_at(const struct keyed *keyed, int64_t time_ms)
{
	uint64_t i = 0;

	while (i < keyed->count &&
	       (!keyed->events[i].stays || keyed->events[i].time_ms < time_ms))
		i++;
	return i;
}

static void
test_times(void)
{
	struct sl_compact_report report;
	struct sl_partition_info info;
	struct keyed keyed;
	struct sl_error err;
	unsigned wrong = 0;
	uint64_t offset;
	int64_t time_ms;

	keyed_init(&keyed, 31, SL_COMPRESSION_NONE, 4096);
	keyed_append(&keyed, 1000, 100, 0);
	keyed_roll(&keyed);
	keyed_append(&keyed, 10, 100, 0);
	keyed_expect(&keyed, keyed_bound(&keyed), 0);
	CHECK(keyed_compact(&keyed, &report) == SL_OK);
	for (time_ms = KEYED_T0 - 50; time_ms < KEYED_T0 + 10200;
	     time_ms += 3) {
		if (sl_lookup_time(keyed.dir.partition, time_ms, &offset,
		        &err) < 0 ||
		    offset != first_at(&keyed, time_ms))
			wrong++;
	}
	check(wrong == 0, "times are found in compacted segments");
	CHECK(sl_lookup_info(keyed.dir.partition, &info, &err) == SL_OK);
	CHECK(info.first_ms == keyed.events[first_at(&keyed, 0)].time_ms);
	CHECK(info.range.next == keyed.count);
	keyed_release(&keyed);
}

/* ---- A hole that was mended ---- */

/* The last batch of the first segment is lost: as `check --mend` leaves it. */
static void
test_mended(void)
{
	struct sl_compact_report report;
	struct logdir_read read;
	struct keyed keyed;
	struct sl_batch_head head;
	struct sl_error err;
	size_t bytes, at, before = 0;
	uint8_t *log;

	keyed_init(&keyed, 2, SL_COMPRESSION_NONE, 4096);
	keyed_append(&keyed, 500, 30, 0);
	keyed_roll(&keyed);
	keyed_append(&keyed, 10, 30, 0);
	log = logdir_load(&keyed.dir, "00000000000000000000.log", &bytes);
	for (at = 0; at < bytes; at += head.bytes) {
		before = at;
		if (sl_batch_head_decode(log + at, bytes - at, &head, &err) !=
		    SL_OK)
			break;
	}
	logdir_store(&keyed.dir, "00000000000000000000.log", log, before);
	free(log);
	CHECK(keyed_compact(&keyed, &report) == SL_OK);
	CHECK(report.blocked_at == SL_OFFSET_NONE);
	logdir_read(&keyed.dir, 0, false, &read);
	check(read.rc == SL_END && read.gones == 1 && read.damages == 0,
	    "a hole between segments is told after compaction, too");
	logdir_read_release(&read);
	check(keyed_compact(&keyed, &report) == SL_END,
	    "and only once cleaned");
	keyed_release(&keyed);
}

/* ---- For other readers ---- */

/* Leave logs as compaction makes them in $TMPDIR, for Kafka to read. */
static int
leave_logs(void)
{
	static const enum sl_compression compressions[] = { SL_COMPRESSION_NONE,
		SL_COMPRESSION_LZ4, SL_COMPRESSION_ZSTD };
	struct sl_compact_report report;
	struct keyed keyed;
	int rc = SL_OK;

	for (size_t i = 0; rc == SL_OK && i < 6; i++) {
		keyed_init(&keyed, 1 + i, compressions[i % 3], 8192);
		keyed.options.memory_bytes = i < 3 ? 0 : 24 * 20;
		keyed_append(&keyed, 2000, i < 3 ? 300 : 30, 3);
		keyed_roll(&keyed);
		rc = keyed_compact(&keyed, &report);
		keyed_append(&keyed, 1000, 300, 3);
		keyed.options.now_ms += 5000;
		if (rc == SL_OK)
			rc = keyed_compact(&keyed, &report);
	}
	return rc == SL_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "leave-logs") == 0)
		return leave_logs();
	test_keymap();
	test_when();
	test_times();
	test_mended();
	test_random("plain", SL_COMPRESSION_NONE, 0, 3000, 40);
	test_random("many keys", SL_COMPRESSION_NONE, 0, 2000, 900);
	test_random("few keys", SL_COMPRESSION_NONE, 0, 1000, 12);
	test_random("tiny memory", SL_COMPRESSION_NONE, 24 * 20, 1500, 40);
	test_random("one key at a time", SL_COMPRESSION_NONE, 1, 250, 40);
	test_random("lz4", SL_COMPRESSION_LZ4, 24 * 20, 1500, 40);
	test_random("zstd", SL_COMPRESSION_ZSTD, 24 * 20, 1500, 40);
	return check_done();
}
