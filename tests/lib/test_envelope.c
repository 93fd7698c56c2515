/* test_envelope.c: envelopes, there and back. */
#include "check.h"
#include "cli.h"
#include "envelope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct envelope_writer writer;
static struct envelope_reader reader;
static struct sl_error err;

static bool
same_bytes(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
	       (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

/* Written, the record is `expected` (NULL: never mind), and reads back. */
static void
check_both_ways(const char *name, const struct sl_record *record,
    const char *expected)
{
	const struct scratch *line = &writer.line;
	struct sl_record back;
	int partition;
	size_t byte;

	check(envelope_write(&writer, "orders", 3, record, &err) == SL_OK,
	    "%s: written", name);
	if (expected != NULL)
		check(line->used == strlen(expected) &&
		          memcmp(line->bytes, expected, line->used) == 0,
		    "%s: %.*s", name, (int)line->used, line->bytes);
	check(sl_scan_explain(line->bytes, line->used, &byte) == NULL &&
	          memchr(line->bytes, '\n', line->used) == NULL,
	    "%s: one line of JSON", name);
	if (envelope_read(&reader, line->bytes, line->used, &back, &partition,
	        &err) != SL_OK) {
		check(false, "%s: reads back: %s", name, err.text);
		return;
	}
	check(partition == 3 && back.timestamp_ms == record->timestamp_ms &&
	          same_bytes(back.key, back.key_bytes, record->key,
	              record->key_bytes) &&
	          same_bytes(back.value, back.value_bytes, record->value,
	              record->value_bytes) &&
	          back.header_count == record->header_count &&
	          same_bytes(back.headers_bytes != 0 ? back.headers : NULL,
	              back.headers_bytes,
	              record->headers_bytes != 0 ? record->headers : NULL,
	              record->headers_bytes),
	    "%s: reads back the same", name);
}

static void
check_value(const char *name, const char *value, size_t bytes,
    const char *payload)
{
	struct sl_record record = { .offset = 42,
		.timestamp_ms = 1546300800000,
		.value = value,
		.value_bytes = bytes };
	char expected[256];

	snprintf(expected, sizeof(expected),
	    "{\"topic\":\"orders\",\"partition\":3,\"offset\":42,"
	    "\"ts\":1546300800000,%s}",
	    payload);
	check_both_ways(name, &record, payload != NULL ? expected : NULL);
}

#define VALUE(name, text, payload)                                             \
	check_value(name, text, sizeof(text) - 1, payload)

static void
test_values(void)
{
	VALUE("an object", "{\"amount\": 3}", "\"payload\":{\"amount\": 3}");
	VALUE("a number", "1e5", "\"payload\":1e5");
	VALUE("the text null", "null", "\"payload_base64\":\"bnVsbA==\"");
	VALUE("the string null", "\"null\"", "\"payload\":\"null\"");
	VALUE("no bytes", "", "\"payload_base64\":\"\"");
	VALUE("plain text", "hello", "\"payload_base64\":\"aGVsbG8=\"");
	VALUE("two values", "1,\"x\":2", "\"payload_base64\":\"MSwieCI6Mg==\"");
	VALUE("white space before", " 1", "\"payload_base64\":\"IDE=\"");
	VALUE("white space after", "1\r", "\"payload_base64\":\"MQ0=\"");
	VALUE("a newline in JSON", "[1,\n2]",
	    "\"payload_base64\":\"WzEsCjJd\"");
	VALUE("not UTF-8", "\"\xff\"", "\"payload_base64\":\"Iv8i\"");
	VALUE("a lone surrogate", "\"\\ud800\"", "\"payload\":\"\\ud800\"");
	VALUE("NUL", "\0", "\"payload_base64\":\"AA==\"");
	check_value("a tombstone", NULL, 0, "\"payload\":null");
}

/* As deep as a line may be is one too deep in an envelope. */
static void
test_depth(void)
{
	static char nested[2 * SL_SCAN_DEPTH_MAX + 1];
	size_t depth;

	for (depth = SL_SCAN_DEPTH_MAX - 1; depth <= SL_SCAN_DEPTH_MAX;
	     depth++) {
		memset(nested, '[', depth);
		memset(nested + depth, ']', depth);
		check_value("deep", nested, 2 * depth, NULL);
		check((memmem(writer.line.bytes, writer.line.used,
		           "payload_base64", 14) != NULL) ==
		          (depth == SL_SCAN_DEPTH_MAX),
		    "depth %zu is %s", depth,
		    depth == SL_SCAN_DEPTH_MAX ? "base64" : "verbatim");
	}
}

static void
add_header(struct sl_record *record, char *room, const char *key,
    size_t key_bytes, const char *value, size_t value_bytes)
{
	struct sl_header header = { key, key_bytes, value, value_bytes };

	record->headers_bytes +=
	    sl_header_encode(&header, room + record->headers_bytes);
	record->headers = room;
	record->header_count++;
}

static void
test_keys_and_headers(void)
{
	struct sl_record record = { .offset = 0,
		.timestamp_ms = -1,
		.key = "u\"1",
		.key_bytes = 3,
		.value = "1",
		.value_bytes = 1 };
	char room[256];

	check_both_ways("a key", &record,
	    "{\"topic\":\"orders\",\"partition\":3,\"offset\":0,\"ts\":-1,"
	    "\"key\":\"u\\\"1\",\"payload\":1}");
	record.key = "\xfe";
	record.key_bytes = 1;
	add_header(&record, room, "a", 1, "1", 1);
	check_both_ways("a key of bytes", &record,
	    "{\"topic\":\"orders\",\"partition\":3,\"offset\":0,\"ts\":-1,"
	    "\"key_base64\":\"/g==\",\"headers\":{\"a\":\"1\"},\"payload\":1}");
	record.key = "";
	record.key_bytes = 0;
	add_header(&record, room, "a", 1, NULL, 0);
	add_header(&record, room, "b", 1, "\xff", 1);
	add_header(&record, room, "", 0, "", 0);
	check_both_ways("headers", &record,
	    "{\"topic\":\"orders\",\"partition\":3,\"offset\":0,\"ts\":-1,"
	    "\"key\":\"\",\"headers\":{\"a\":[\"1\",null],"
	    "\"b\":{\"base64\":\"/w==\"},\"\":\"\"},\"payload\":1}");
	add_header(&record, room, "\xff", 1, "x", 1);
	add_header(&record, room, "a", 1, "2", 1);
	record.key = NULL;
	check_both_ways("a header's name of bytes", &record,
	    "{\"topic\":\"orders\",\"partition\":3,\"offset\":0,\"ts\":-1,"
	    "\"headers\":[[\"a\",\"1\"],[\"a\",null],"
	    "[\"b\",{\"base64\":\"/w==\"}],[\"\",\"\"],"
	    "[{\"base64\":\"/w==\"},\"x\"],[\"a\",\"2\"]],\"payload\":1}");
}

/* Names that come again later stand where they came first. */
static void
test_header_order(void)
{
	struct sl_record record = { .timestamp_ms = 0,
		.value = "1",
		.value_bytes = 1 };
	char room[256];

	add_header(&record, room, "z", 1, "1", 1);
	add_header(&record, room, "a", 1, "2", 1);
	add_header(&record, room, "z", 1, "3", 1);
	CHECK(envelope_write(&writer, "t", -2, &record, &err) == SL_OK);
	check(writer.line.used > 0 &&
	          strncmp(writer.line.bytes,
	              "{\"topic\":\"t\",\"offset\":0,\"ts\":0,\"headers\":"
	              "{\"z\":[\"1\",\"3\"],\"a\":\"2\"},\"payload\":1}",
	              writer.line.used) == 0,
	    "%.*s", (int)writer.line.used, writer.line.bytes);
}

/* Many headers cost no more than sorting them. */
static void
test_many_headers(void)
{
	struct sl_record record = { .timestamp_ms = 0,
		.value = "1",
		.value_bytes = 1 };
	size_t count = 300000, i;
	char *room, key[16];

	room = malloc(count * 24);
	if (room == NULL)
		abort();
	for (i = 0; i < count; i++)
		add_header(&record, room, key,
		    (size_t)snprintf(key, sizeof(key), "%zu", i), "", 0);
	check_both_ways("300,000 headers", &record, NULL);
	free(room);
}

static void
check_wrong(const char *line, const char *reason)
{
	struct sl_record record;
	int partition, rc;

	rc = envelope_read(&reader, line, strlen(line), &record, &partition,
	    &err);
	check(rc == SL_EREJECTED && strcmp(err.text, reason) == 0, "%s: %s",
	    line, rc == SL_OK ? "taken" : err.text);
}

static void
test_wrong(void)
{
	check_wrong("{}", "payload is missing");
	check_wrong("{\"payload\":1,\"payload_base64\":\"\"}",
	    "both payload and payload_base64");
	check_wrong("{\"payload_base64\":1}", "payload_base64: not a string");
	check_wrong("{\"payload_base64\":\"a\"}", "payload_base64: not base64");
	check_wrong("{\"payload\":1,\"key\":1}", "key: not a string");
	check_wrong("{\"payload\":1,\"key\":\"\\ud800\"}",
	    "key: an escaped lone surrogate has no UTF-8 form");
	check_wrong("{\"payload\":1,\"key\":\"\",\"key_base64\":\"\"}",
	    "both key and key_base64");
	check_wrong("{\"payload\":1,\"ts\":1.5}", "ts: not a whole number");
	check_wrong("{\"payload\":1,\"ts\":\"1\"}", "ts: not a whole number");
	check_wrong("{\"payload\":1,\"ts\":9223372036854775808}",
	    "ts: too large");
	check_wrong("{\"payload\":1,\"partition\":-1}",
	    "partition: not from 0 to 4095");
	check_wrong("{\"payload\":1,\"headers\":1}", "headers: not an object");
	check_wrong("{\"payload\":1,\"headers\":{\"a\":1}}",
	    "headers: '1' is neither a string, null nor base64");
	check_wrong("{\"payload\":1,\"headers\":{\"a\":{}}}",
	    "headers: '{}' is neither a string, null nor base64");
	check_wrong("{\"payload\":1,\"headers\":[1]}",
	    "headers: an array of other than [name, value]");
	check_wrong("{\"payload\":1,\"headers\":[[\"a\"]]}",
	    "headers: an array of other than [name, value]");
}

/* By hand: any order, white space, escaped names, nulls, unknown members. */
static void
test_by_hand(void)
{
	static const char line[] = "{ \"p\\u0061yload\" : {\"a\": 1} , "
	                           "\"offset\":\"no\", \"key\": null, "
	                           "\"headers\": null, \"ts\": null, "
	                           "\"color\": 3, \"partition\": null }";
	struct sl_record record;
	int partition;

	CHECK(envelope_read(&reader, line, sizeof(line) - 1, &record,
	          &partition, &err) == SL_OK);
	CHECK(same_bytes(record.value, record.value_bytes, "{\"a\": 1}", 8));
	CHECK(record.key == NULL && record.header_count == 0);
	CHECK(record.timestamp_ms == SL_TIME_NONE);
	CHECK(partition == ENVELOPE_PARTITION_NONE);
}

int
main(void)
{
	if (envelope_writer_init(&writer, &err) != SL_OK)
		return 1;
	reader = ENVELOPE_READER_EMPTY;
	test_values();
	test_depth();
	test_keys_and_headers();
	test_header_order();
	test_many_headers();
	test_wrong();
	test_by_hand();
	envelope_reader_release(&reader);
	envelope_writer_release(&writer);
	return check_done();
}
