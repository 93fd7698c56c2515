/* test_config.c: topic.yaml and streamlog.yaml, read, refused and edited. */
#include "check.h"
#include "config.h"
#include "streamlog.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID "AAECAwQFBgcICQoLDA0ODw"

/* ---- Settings ---- */

static void
test_defaults(void)
{
	static const char *const rows[][2] = { { "partitions", "1" },
		{ "segment.bytes", "67108864" }, { "segment.ms", "604800000" },
		{ "index.interval.bytes", "4096" },
		{ "max.message.bytes", "1048588" },
		{ "message.timestamp.after.max.ms", "3600000" },
		{ "compression.type", "none" }, { "sync", "exit" },
		{ "cleanup.policy", "delete" }, { "retention.ms", "-1" },
		{ "retention.bytes", "-1" }, { "retention.total.bytes", "-1" },
		{ "retention.count", "-1" }, { "min.free.bytes", "-1" },
		{ "retention.protect.groups", "" },
		{ "file.delete.delay.ms", "60000" },
		{ "on.full", "drop-oldest" },
		{ "delete.retention.ms", "86400000" },
		{ "min.compaction.lag.ms", "0" },
		{ "min.cleanable.dirty.ratio", "0.5" },
		{ "read.only", "false" } };
	struct sl_setting_row row;
	struct sl_config config;
	size_t i;

	sl_config_init(&config);
	for (i = 0; sl_config_row(&config, i, &row); i++)
		check(i < COUNT(rows) && strcmp(row.name, rows[i][0]) == 0 &&
		          strcmp(row.value, rows[i][1]) == 0 && row.is_default,
		    "%s is %s by default", row.name, row.value);
	CHECK(i == COUNT(rows));
	CHECK(config.id[0] == '\0' && config.said == 0);
}

/* NAME=VALUE is taken, and printed as `expected`. */
static void
set_is(const char *name, const char *value, const char *expected)
{
	struct sl_error err = { 0 };
	struct sl_setting_row row = { .name = "" };
	struct sl_config config;
	int rc;

	sl_config_init(&config);
	rc = sl_config_set(&config, name, value, &err);
	for (size_t i = 0; sl_config_row(&config, i, &row); i++) {
		if (strcmp(row.name, name) == 0)
			break;
	}
	check(rc == SL_OK && strcmp(row.value, expected) == 0 &&
	          !row.is_default,
	    "%s=%s is %s %s", name, value, row.value, err.text);
}

static void
set_fails(const char *name, const char *value, const char *expected)
{
	struct sl_error err = { 0 };
	struct sl_config config;
	struct sl_config before;
	int rc;

	sl_config_init(&config);
	before = config;
	rc = sl_config_set(&config, name, value, &err);
	check(rc == SL_EUSAGE && strcmp(err.text, expected) == 0 &&
	          memcmp(&config, &before, sizeof(config)) == 0,
	    "%s=%s fails: %s", name, value, err.text);
}

static void
test_set(void)
{
	set_is("partitions", "4096", "4096");
	set_is("segment.bytes", "64MiB", "67108864");
	set_is("segment.bytes", "4k", "4096");
	set_is("segment.bytes", "64MB", "64000000");
	set_is("segment.ms", "7d", "604800000");
	set_is("segment.ms", "604800000", "604800000");
	set_is("segment.ms", "9223372036854775807", "3153600000000");
	set_is("index.interval.bytes", "0", "0");
	set_is("message.timestamp.after.max.ms", "-1", "-1");
	set_is("message.timestamp.after.max.ms", "0", "0");
	set_is("compression.type", "uncompressed", "none");
	set_is("compression.type", "zstd", "zstd");
	set_is("sync", "each", "each");
	set_is("sync", "none", "none");
	set_is("cleanup.policy", "compact", "compact");
	set_is("cleanup.policy", "delete, compact", "compact,delete");
	set_is("retention.ms", "7d", "604800000");
	set_is("retention.ms", "-1", "-1");
	set_is("retention.bytes", "1GiB", "1073741824");
	set_is("retention.total.bytes", "-1", "-1");
	set_is("retention.count", "1000000", "1000000");
	set_is("min.free.bytes", "2G", "2147483648");
	set_is("retention.protect.groups", "billing , a.b", "billing,a.b");
	set_is("retention.protect.groups", "", "");
	set_is("file.delete.delay.ms", "0", "0");
	set_is("on.full", "wait", "wait");
	set_is("min.cleanable.dirty.ratio", "0", "0");
	set_is("min.cleanable.dirty.ratio", "0.25", "0.25");
	set_is("min.cleanable.dirty.ratio", "1", "1");
}

static void
test_set_bad(void)
{
	set_fails("partitions", "0",
	    "partitions: '0': too small: from 1 to 4096");
	set_fails("partitions", "4097",
	    "partitions: '4097': too large: from 1 to 4096");
	set_fails("partitions", "4k",
	    "partitions: '4k': not a whole number, such as 4");
	set_fails("partitions", "4.5",
	    "partitions: '4.5': not a whole number, such as 4");
	set_fails("partitions", "99999999999999999999",
	    "partitions: '99999999999999999999': too large a number");
	set_fails("segment.bytes", "64 apples",
	    "segment.bytes: '64 apples': not a size, such as 64MiB");
	set_fails("segment.bytes", "1k",
	    "segment.bytes: '1k': too small: from 4 KiB to 1 GiB");
	set_fails("segment.ms", "",
	    "segment.ms: '': not a duration, such as 30s or 7d");
	set_fails("segment.ms", "-1",
	    "segment.ms: '-1': not a duration, such as 30s or 7d");
	set_fails("segment.ms", "5ms",
	    "segment.ms: '5ms': too small: from 1s to 36500d");
	set_fails("message.timestamp.after.max.ms", "40000d",
	    "message.timestamp.after.max.ms: '40000d': too large: from -1 to "
	    "36500d");
	set_fails("sync", "always",
	    "sync: 'always': not a level of syncing: none, exit, batch or "
	    "each");
	set_fails("compression.type", "gzip",
	    "compression.type: 'gzip': no such compression; there are none, "
	    "lz4 "
	    "and zstd");
	set_fails("segment.byte", "1",
	    "'segment.byte': no such setting; is 'segment.bytes' meant?");
	set_fails("segment_bytes", "1",
	    "'segment_bytes': no such setting; is 'segment.bytes' meant?");
	set_fails("compression", "lz4",
	    "'compression': no such setting; is 'compression.type' meant?");
	set_fails("log.segment.bytes", "1",
	    "'log.segment.bytes': no such setting; is 'segment.bytes' meant?");
	set_fails("retention", "7d",
	    "'retention': no such setting; is 'retention.ms' meant?");
	set_fails("retention.bytes", "-2",
	    "retention.bytes: '-2': not a size, such as 64MiB");
	set_fails("retention.bytes", "2E",
	    "retention.bytes: '2E': not a size, such as 64MiB");
	set_fails("retention.count", "1k",
	    "retention.count: '1k': not a whole number, such as 4");
	set_fails("cleanup.policy", "drop",
	    "cleanup.policy: 'drop': not delete, compact or 'compact,delete'");
	set_fails("cleanup.policy", "",
	    "cleanup.policy: '': not delete, compact or 'compact,delete'");
	set_fails("on.full", "block",
	    "on.full: 'block': not one of drop-oldest, refuse and wait");
	set_fails("retention.protect.groups", "a,,b",
	    "retention.protect.groups: 'a,,b': not names of groups, such as "
	    "billing,shipping");
	set_fails("min.cleanable.dirty.ratio", "1.5",
	    "min.cleanable.dirty.ratio: '1.5': not a ratio from 0 to 1, such "
	    "as 0.5");
	set_fails("min.cleanable.dirty.ratio", "1.",
	    "min.cleanable.dirty.ratio: '1.': not a ratio from 0 to 1, such "
	    "as 0.5");
	set_fails("", "7d",
	    "'': no such setting in this version; streamlog.yaml(5) has them "
	    "all");
	set_fails("id", ID,
	    "'id': given when a topic is made, and never changed");
}

/* ---- Reading ---- */

/* Lists, of one line and of several, where a list is meant. */
static void
test_parse_lists(void)
{
	static const char text[] = "retention.protect.groups: [billing, a.b]\n"
	                           "cleanup.policy:\n"
	                           "- compact\n"
	                           "- delete\n"
	                           "sync: each\n";
	struct sl_error err = { 0 };
	struct sl_config config;

	sl_config_init(&config);
	CHECK(sl_config_parse(&config, text, sizeof(text) - 1, false, &err) ==
	      SL_OK);
	CHECK(strcmp(config.settings.protect_groups, "billing,a.b") == 0);
	CHECK(config.settings.cleanup ==
	      (SL_CLEANUP_DELETE | SL_CLEANUP_COMPACT));
	CHECK(config.settings.sync == SL_SYNC_EACH);
}

static void
test_parse(void)
{
	static const char text[] = "\xef\xbb\xbf# z\xc3\xbcrich\r\n"
	                           "id: " ID "\r\n"
	                           "partitions: 3   # three\r\n"
	                           "\"segment.bytes\": '128MiB'\r\n"
	                           "sync: batch";
	struct sl_error err = { 0 };
	struct sl_setting_row row;
	struct sl_config config;
	int rc;

	sl_config_init(&config);
	rc = sl_config_parse(&config, text, sizeof(text) - 1, true, &err);
	check(rc == SL_OK, "a topic's file is read %s", err.text);
	CHECK(strcmp(config.id, ID) == 0);
	CHECK(config.settings.partitions == 3);
	CHECK(config.settings.segment_bytes == 128 << 20);
	CHECK(config.settings.sync == SL_SYNC_BATCH);
	CHECK(config.settings.max_message_bytes == 1048588);
	CHECK(sl_config_row(&config, 0, &row) && !row.is_default);
	CHECK(sl_config_row(&config, 2, &row) && row.is_default);
}

static void
test_parse_empty(void)
{
	static const char *const empty[] = { "", "\n", "# nothing\n", "---\n",
		"--- # nothing\n...\n", "{}\n" };
	struct sl_error err = { 0 };
	struct sl_config config;
	int rc;

	sl_config_init(&config);
	for (size_t i = 0; i < COUNT(empty); i++) {
		rc = sl_config_parse(&config, empty[i], strlen(empty[i]), false,
		    &err);
		check(rc == SL_OK, "empty file %zu is fine %s", i, err.text);
		rc = sl_config_parse(&config, empty[i], strlen(empty[i]), true,
		    &err);
		check(rc == SL_ECORRUPT &&
		          strcmp(err.text,
		              "no id: the line 'id: ...' is missing") == 0,
		    "but not a topic's: %s", err.text);
	}
}

static void
bytes_fail(const char *text, size_t bytes, bool is_topic, const char *expected)
{
	struct sl_error err = { 0 };
	struct sl_config config;
	struct sl_config before;
	int rc;

	sl_config_init(&config);
	before = config;
	rc = sl_config_parse(&config, text, bytes, is_topic, &err);
	check(rc == SL_ECORRUPT && strcmp(err.text, expected) == 0 &&
	          memcmp(&config, &before, sizeof(config)) == 0,
	    "refused: %s", err.text);
}

static void
parse_fails(const char *text, const char *expected)
{
	bytes_fail(text, strlen(text), false, expected);
}

static void
test_parse_values(void)
{
	parse_fails("sync: exit\n\nsegment.byte: 1\n",
	    "line 3: 'segment.byte': no such setting; is 'segment.bytes' "
	    "meant?");
	parse_fails("# a\n# b\n\nsegment.bytes: 64 apples\n",
	    "line 4: segment.bytes: '64 apples': not a size, such as 64MiB");
	parse_fails("segment.ms:\n",
	    "line 1: segment.ms: '': not a duration, such as 30s or 7d");
	parse_fails("sync: each\nsync: none\n",
	    "line 2: 'sync': said a second time");
	parse_fails("id: " ID "\n",
	    "line 1: 'id': only a topic's own file, topic.yaml, has one");
	parse_fails("tiers: 2\n",
	    "line 1: 'tiers': no such setting in this version; "
	    "streamlog.yaml(5) has them all");
	bytes_fail("id: abc\npartitions: 1\n", 22, true,
	    "line 1: id: 'abc': not a topic's id, which has 22 letters of "
	    "base64url");
	bytes_fail("id: AAECAwQFBgcICQoLDA0OD+\n", 27, true,
	    "line 1: id: 'AAECAwQFBgcICQoLDA0OD+': not a topic's id, which has "
	    "22 letters of base64url");
	bytes_fail("id: " ID "\nid: " ID "\n", 54, true,
	    "line 2: 'id': said a second time");
	bytes_fail("id: " ID "\n", 27, true,
	    "the line 'partitions: ...' is missing");
	bytes_fail("partitions: 1\n", 14, true,
	    "no id: the line 'id: ...' is missing");
}

static void
test_parse_yaml(void)
{
	parse_fails("sync = exit\n",
	    "line 1: no settings: one 'name: value' a line is meant");
	parse_fails("- sync\n- exit\n",
	    "line 1: no settings: one 'name: value' a line is meant");
	parse_fails("sync: [exit]\n",
	    "line 1: a list, where one value is meant");
	parse_fails("partitions: 1\nsegment:\n  bytes: 1\n",
	    "line 3: nested settings, where one value is meant");
	parse_fails("sync: &a exit\n",
	    "line 1: an anchor (&), where one value is meant");
	parse_fails("sync: *a\n",
	    "line 1: an alias (*), where one value is meant");
	parse_fails("sync: !!str exit\n",
	    "line 1: a tag (!), where one value is meant");
	parse_fails("&a sync: exit\n",
	    "line 1: an anchor (&), where a setting's name is meant");
	parse_fails("? [a]\n: exit\n",
	    "line 1: a list, where a setting's name is meant");
	parse_fails("--- !x\nsync: exit\n",
	    "line 1: an anchor (&) or a tag (!), where 'name: value' is meant");
	parse_fails("sync: \"ex\\0it\"\n",
	    "line 1: a NUL, where one value is meant");
	parse_fails("sync: exit\n---\nsync: none\n",
	    "line 2: a second document (---), where one is meant");
	parse_fails("sync: exit\npartitions 3\n",
	    "line 2: not YAML: could not find expected ':'; one 'name: value' "
	    "a "
	    "line is meant");
	parse_fails("partitions: 3\n\tsync: exit\n",
	    "line 2: not YAML: found a tab character that violates "
	    "indentation; one 'name: value' a line is meant");
	parse_fails("partitions: 3\nsync: 'exit\n\n\n",
	    "line 2: not YAML: found unexpected end of stream; one 'name: "
	    "value' a line is meant");
	parse_fails("sync: exit\n# \x01\n",
	    "line 2: not YAML: control characters are not allowed; one 'name: "
	    "value' a line is meant");
	parse_fails("sync: exit\n# \xff\n", "line 2: not UTF-8");
	bytes_fail("a: 1\n\0", 6, false,
	    "line 2: a NUL byte, where text is meant");
}

static void
test_parse_large(void)
{
	size_t bytes = SL_CONFIG_BYTES_MAX + 1;
	char *text = malloc(bytes);
	struct sl_error err = { 0 };
	struct sl_config config;

	memset(text, '#', bytes);
	sl_config_init(&config);
	CHECK(sl_config_parse(&config, text, bytes - 1, false, &err) == SL_OK);
	bytes_fail(text, bytes, false,
	    "65537 bytes: a file of settings has at most 65536");
	memset(text, '[', bytes);
	CHECK(sl_config_parse(&config, text, bytes - 1, false, &err) ==
	      SL_ECORRUPT);
	free(text);
}

/* ---- Editing ---- */

static void
edit_is(const char *text, const struct sl_setting *settings, size_t count,
    const char *expected)
{
	struct sl_error err = { 0 };
	char *out;
	size_t bytes;
	int rc;

	rc = sl_config_edit(text, strlen(text), settings, count, &out, &bytes,
	    &err);
	check(rc == SL_OK && bytes == strlen(expected) &&
	          memcmp(out, expected, bytes) == 0,
	    "'%s' is '%s' first, after editing %s", settings[0].name,
	    settings[0].value, err.text);
	if (rc == SL_OK && memcmp(out, expected, bytes) != 0)
		printf("# %.*s\n", (int)bytes, out);
	free(out);
}

static void
test_edit(void)
{
	static const struct sl_setting made[] = { { "id", ID },
		{ "partitions", "3" }, { "segment.ms", "1.5h" } };
	static const struct sl_setting changed[] = { { "sync", "none" },
		{ "partitions", "8" }, { "segment.ms", "7d" },
		{ "sync", "each" } };

	edit_is("", made, COUNT(made),
	    "# Settings of this topic: streamlog.yaml(5)\n"
	    "id: " ID "\npartitions: 3\nsegment.ms: 1.5h\n");
	edit_is("# z\xc3\xbcrich\n\npartitions :  '3' # \xe2\x82\xac three\n\n"
	        "sync: exit  # always",
	    changed, COUNT(changed),
	    "# z\xc3\xbcrich\n\npartitions :  8 # \xe2\x82\xac three\n\n"
	    "sync: each  # always\nsegment.ms: 7d\n");
	edit_is("\xef\xbb\xbfsync: exit\r\npartitions: 3\r\n", changed,
	    COUNT(changed),
	    "\xef\xbb\xbfsync: each\r\npartitions: 8\r\nsegment.ms: 7d\n");
	edit_is("  sync:\n  partitions: |\n    3\n  segment.ms: \"7h\"\n",
	    changed, COUNT(changed),
	    "  sync: each\n  partitions: 8\n  segment.ms: 7d\n");
	edit_is("  sync: exit\n", changed, COUNT(changed),
	    "  sync: each\n  partitions: 8\n  segment.ms: 7d\n");
	edit_is("{sync: exit, partitions: 1, segment.ms: 1}\n", changed,
	    COUNT(changed), "{sync: each, partitions: 8, segment.ms: 7d}\n");
}

static void
test_edit_quotes(void)
{
	static const struct sl_setting odd[] = { { "segment.ms", "64 MiB" },
		{ "sync", "it's: # \xe2\x82\xac" }, { "a", "" }, { "b", "-" },
		{ "c", "-1" } };

	edit_is("sync: exit\n", odd, COUNT(odd),
	    "sync: 'it''s: # \xe2\x82\xac'\nsegment.ms: '64 MiB'\na: ''\nb: "
	    "'-'\nc: -1\n");
}

static void
edit_fails(const char *text, const char *name, const char *value, int code,
    const char *expected)
{
	struct sl_setting setting = { name, value };
	struct sl_error err = { 0 };
	size_t bytes;
	char *out;
	int rc;

	rc =
	    sl_config_edit(text, strlen(text), &setting, 1, &out, &bytes, &err);
	check(rc == code && out == NULL && strcmp(err.text, expected) == 0,
	    "can't be edited: %s", err.text);
}

#define NOT_SO                                                                 \
	"can't be changed as it is written; make it one 'name: value' a "      \
	"line: "

static void
test_edit_bad(void)
{
	edit_fails("sync: exit\nsync: each\n", "sync", "none", SL_ECORRUPT,
	    "line 2: 'sync': said a second time");
	edit_fails("sync: [exit\n", "sync", "none", SL_ECORRUPT,
	    "line 2: not YAML: did not find expected ',' or ']'; one 'name: "
	    "value' a line is meant");
	edit_fails("{partitions: 1}\n", "sync", "none", SL_EUSAGE,
	    NOT_SO "line 2: not YAML: did not find expected <document start>; "
	           "one 'name: value' a line is meant");
	edit_fails("sync: exit\n...\n", "partitions", "1", SL_EUSAGE,
	    NOT_SO "line 3: not YAML: did not find expected <document start>; "
	           "one 'name: value' a line is meant");
	edit_fails("", "sync", "a\nb", SL_EUSAGE,
	    NOT_SO "line 2: 'sync': came out otherwise");
	edit_fails("", "sync", "\xff", SL_EUSAGE, NOT_SO "line 2: not UTF-8");
	edit_fails("", "#sync", "none", SL_EUSAGE, NOT_SO "'#sync': not taken");
}

int
main(void)
{
	test_defaults();
	test_set();
	test_set_bad();
	test_parse();
	test_parse_lists();
	test_parse_empty();
	test_parse_values();
	test_parse_yaml();
	test_parse_large();
	test_edit();
	test_edit_quotes();
	test_edit_bad();
	return check_done();
}
