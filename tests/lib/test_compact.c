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

static void
test_keymap(void)
{
	struct sl_keymap map;
	struct sl_error err;
	bool is_so = true;
	uint64_t i, kept = 0;

	CHECK(sl_keymap_init(&map, 24 * 1000, &err) == SL_OK);
	for (i = 0; sl_keymap_put(&map, &i, sizeof(i), i + 5) == SL_OK; i++)
		kept++;
	CHECK(kept == 800);
	for (i = 0; i < 2000; i++)
		is_so = is_so && sl_keymap_get(&map, &i, sizeof(i)) ==
		                     (i < kept ? i + 5 : SL_OFFSET_NONE);
	CHECK(is_so);
	i = 7;
	CHECK(sl_keymap_put(&map, &i, sizeof(i), 99) == SL_OK);
	CHECK(sl_keymap_get(&map, &i, sizeof(i)) == 99);
	CHECK(sl_keymap_put(&map, "", 0, 0) == SL_END);
	sl_keymap_clear(&map);
	CHECK(sl_keymap_put(&map, "", 0, 0) == SL_OK);
	CHECK(sl_keymap_get(&map, "", 0) == 0);
	sl_keymap_release(&map);
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
	test_random("plain", SL_COMPRESSION_NONE, 0, 3000, 40);
	test_random("many keys", SL_COMPRESSION_NONE, 0, 2000, 900);
	test_random("few keys", SL_COMPRESSION_NONE, 0, 1000, 12);
	test_random("tiny memory", SL_COMPRESSION_NONE, 24 * 20, 1500, 40);
	test_random("one key at a time", SL_COMPRESSION_NONE, 1, 250, 40);
	test_random("lz4", SL_COMPRESSION_LZ4, 24 * 20, 1500, 40);
	test_random("zstd", SL_COMPRESSION_ZSTD, 24 * 20, 1500, 40);
	return check_done();
}
