/* test_encoder.c: records to batches: Kafka's bytes, limits, round trips. */
#include "batch.h"
#include "check.h"
#include "vectors.h"

#include <stdlib.h>

static struct sl_error err;

static struct sl_encoder *
encoder_make(size_t batch_bytes, size_t message_bytes_max,
    enum sl_compression compression)
{
	struct sl_encoder_options options = { batch_bytes, message_bytes_max,
		compression };
	struct sl_encoder *encoder;

	if (sl_encoder_new(&encoder, &options, &err) != SL_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return encoder;
}

static struct sl_record
record_make(int64_t timestamp_ms, const char *key, const char *value)
{
	return (struct sl_record){
		.timestamp_ms = timestamp_ms,
		.key = key,
		.key_bytes = key != NULL ? strlen(key) : 0,
		.value = value,
		.value_bytes = value != NULL ? strlen(value) : 0,
	};
}

static bool
is_vector(const struct sl_encoder *encoder, size_t index, uint64_t base,
    const char *hex)
{
	struct sl_batch_view view = sl_encoder_batch(encoder, index);
	uint8_t want[256];
	size_t bytes = vector_bytes(hex, want);

	sl_batch_set_base(view.bytes, base);
	return view.size == bytes && memcmp(view.bytes, want, bytes) == 0;
}

static void
test_vectors(void)
{
	struct sl_encoder *encoder =
	    encoder_make(1000, 2000, SL_COMPRESSION_NONE);
	const struct sl_header with = { "h", 1, "v", 1 };
	const struct sl_header null = { "z", 1, NULL, 0 };
	uint8_t headers[64];
	size_t bytes = sl_header_encode(&with, headers);
	struct sl_record record;

	bytes += sl_header_encode(&null, headers + bytes);
	record = record_make(VECTOR_TIME_MS, "user-1", "{\"n\":1}");
	CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	record = record_make(VECTOR_TIME_MS + 5, "user-2", NULL);
	record.headers = headers;
	record.headers_bytes = bytes;
	record.header_count = 2;
	CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	record = record_make(VECTOR_TIME_MS - 3, NULL, "x");
	CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 0);
	record = record_make(VECTOR_TIME_MS, "k", "v");
	CHECK(sl_encoder_add(encoder, 1, &record, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 1);
	CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
	CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 2);
	check(is_vector(encoder, 0, 0, VECTOR_A), "vector A");
	check(is_vector(encoder, 1, 1000, VECTOR_B), "vector B");
	CHECK(sl_encoder_batch(encoder, 0).count == 3);
	CHECK(sl_encoder_batch(encoder, 0).max_timestamp_ms ==
	      VECTOR_TIME_MS + 5);
	CHECK(sl_encoder_batch(encoder, 1).partition == 1);
	sl_encoder_reset(encoder);
	CHECK(sl_encoder_count(encoder) == 0);
	CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 0);
	sl_encoder_free(encoder);
	sl_encoder_free(NULL);
}

/* Batches are cut by size, by partition, and where times lie too far apart. */
static void
test_cuts(void)
{
	struct sl_encoder *encoder =
	    encoder_make(100, 1000, SL_COMPRESSION_NONE);
	char value[200];
	struct sl_record record;
	size_t total = 0;

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 10; i++) {
		record = record_make(0, NULL, "");
		record.value = value;
		record.value_bytes = i == 5 ? 200 : 33;
		CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	}
	CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 6);
	for (size_t i = 0; i < sl_encoder_count(encoder); i++) {
		struct sl_batch_view view = sl_encoder_batch(encoder, i);

		total += view.count;
		check(view.size <= 161 || view.count == 1,
		    "batch %zu: %u records, %zu bytes", i, view.count,
		    view.size);
	}
	CHECK(total == 10);
	sl_encoder_reset(encoder);
	record = record_make(INT64_MAX, NULL, "a");
	CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	record = record_make(-5, NULL, "a");
	CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
	CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
	CHECK(sl_encoder_count(encoder) == 2);
	sl_encoder_free(encoder);
}

static void
test_too_large(void)
{
	enum { MAX = 10000 };
	static const enum sl_compression all[] = { SL_COMPRESSION_NONE,
		SL_COMPRESSION_LZ4, SL_COMPRESSION_ZSTD };
	struct sl_encoder_options options = { 100, 61, SL_COMPRESSION_NONE };
	struct sl_encoder *encoder;
	static char value[5 * MAX];
	struct sl_record small = record_make(1, NULL, "small");
	struct sl_record record = record_make(1, NULL, "");

	CHECK(sl_encoder_new(&encoder, &options, &err) == SL_EUSAGE);
	CHECK(encoder == NULL);
	record.value = value;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)rand();
	for (size_t i = 0; i < 3; i++) {
		encoder = encoder_make(1 << 20, MAX, all[i]);
		CHECK(sl_encoder_add(encoder, 0, &small, &err) == SL_OK);
		/* 61, and 3 + 1 + 1 + 1 + 1 + 3 + 1 of the record's frame */
		record.value_bytes = MAX - 72;
		CHECK(sl_encoder_add(encoder, 0, &record, &err) == SL_OK);
		record.value_bytes++;
		CHECK(
		    sl_encoder_add(encoder, 0, &record, &err) == SL_EREJECTED);
		check(strcmp(err.text,
		          "the event has 9929 bytes: with its frame 10001, and "
		          "max.message.bytes is 10000") == 0,
		    "%s: %s", sl_compression_name(all[i]), err.text);
		CHECK(sl_encoder_add(encoder, 0, &small, &err) == SL_OK);
		CHECK(sl_encoder_finish(encoder, &err) == SL_OK);
		CHECK(sl_encoder_count(encoder) == 3);
		sl_encoder_free(encoder);
	}
	/* What counts is the size on disk. */
	memset(value, 'x', sizeof(value));
	record.value_bytes = sizeof(value);
	for (size_t i = 0; i < 3; i++) {
		encoder = encoder_make(1 << 20, MAX, all[i]);
		CHECK(sl_encoder_add(encoder, 0, &record, &err) ==
		      (all[i] == SL_COMPRESSION_NONE ? SL_EREJECTED : SL_OK));
		sl_encoder_free(encoder);
	}
}

/* ---- Round trips ---- */

enum { RECORDS = 3000 };

static uint8_t pool[1 << 16];

static const void *
random_bytes(size_t bytes_max, bool nullable, size_t *bytes)
{
	*bytes = 0;
	if (nullable && rand() % 8 == 0)
		return NULL;
	*bytes = rand() % 4 == 0 ? (size_t)rand() % (bytes_max + 1)
	                         : (size_t)rand() % 40;
	return pool + (size_t)rand() % (sizeof(pool) - bytes_max);
}

static struct sl_record
random_record(void)
{
	struct sl_record record = { .timestamp_ms = VECTOR_TIME_MS };
	uint8_t *headers = malloc(4 * 300);

	if (headers == NULL)
		abort();
	record.timestamp_ms += rand() % 100000 - 50000;
	if (rand() % 50 == 0)
		record.timestamp_ms = rand() - RAND_MAX / 2;
	record.key = random_bytes(300, true, &record.key_bytes);
	record.value = random_bytes(9000, true, &record.value_bytes);
	record.headers = headers;
	if (rand() % 3 == 0)
		record.header_count = (uint32_t)rand() % 4;
	for (uint32_t i = 0; i < record.header_count; i++) {
		struct sl_header header;
		size_t bytes;

		header.key = random_bytes(140, false, &header.key_bytes);
		header.value = random_bytes(140, true, &header.value_bytes);
		bytes =
		    sl_header_encode(&header, headers + record.headers_bytes);
		if (bytes > SL_HEADER_SIZE(&header))
			abort();
		record.headers_bytes += bytes;
	}
	return record;
}

static bool
same(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
	       (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

static bool
same_record(const struct sl_record *a, const struct sl_record *b)
{
	return a->timestamp_ms == b->timestamp_ms &&
	       same(a->key, a->key_bytes, b->key, b->key_bytes) &&
	       same(a->value, a->value_bytes, b->value, b->value_bytes) &&
	       a->header_count == b->header_count &&
	       same(a->headers, a->headers_bytes, b->headers, b->headers_bytes);
}

/* Read all batches back; returns how many records come out as they went in. */
static size_t
read_back(const struct sl_encoder *encoder, const struct sl_record *records)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	size_t good = 0;

	for (size_t i = 0; i < sl_encoder_count(encoder); i++) {
		struct sl_batch_view view = sl_encoder_batch(encoder, i);
		struct sl_batch_head head;
		struct sl_record record;

		sl_batch_set_base(view.bytes, 7000 + good);
		if (sl_batch_head_decode(view.bytes, view.size, &head, &err) !=
		        SL_OK ||
		    head.bytes != view.size || head.count != view.count ||
		    head.max_timestamp_ms != view.max_timestamp_ms ||
		    !sl_batch_crc_ok(view.bytes, &head) ||
		    sl_batch_walk_begin(&walk, view.bytes, &head, &err) !=
		        SL_OK)
			break;
		while (sl_batch_walk_next(&walk, &record, &err) == SL_OK &&
		       record.offset == 7000 + good &&
		       same_record(&record, &records[good]))
			good++;
	}
	sl_batch_walk_release(&walk);
	return good;
}

static void
test_round_trips(void)
{
	static const enum sl_compression all[] = { SL_COMPRESSION_NONE,
		SL_COMPRESSION_LZ4, SL_COMPRESSION_ZSTD };
	static const size_t batch_bytes[] = { 0, 500, 20000, 1 << 20 };
	static struct sl_record records[RECORDS];

	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (uint8_t)(rand() % (i % 1000 < 500 ? 4 : 256));
	for (size_t i = 0; i < RECORDS; i++)
		records[i] = random_record();
	for (size_t i = 0; i < 12; i++) {
		struct sl_encoder *encoder =
		    encoder_make(batch_bytes[i % 4], 1 << 20, all[i / 4]);
		size_t good;
		size_t bytes = 0;
		bool added = true;

		for (size_t at = 0; at < RECORDS; at++)
			added &= sl_encoder_add(encoder, 0, &records[at],
			             &err) == SL_OK;
		added &= sl_encoder_finish(encoder, &err) == SL_OK;
		good = read_back(encoder, records);
		for (size_t at = 0; at < sl_encoder_count(encoder); at++)
			bytes += sl_encoder_batch(encoder, at).size;
		check(added && good == RECORDS,
		    "%s, batches of %zu: %zu of %d come back (%zu bytes, %zu "
		    "batches)",
		    sl_compression_name(all[i / 4]), batch_bytes[i % 4], good,
		    RECORDS, bytes, sl_encoder_count(encoder));
		sl_encoder_free(encoder);
	}
	for (size_t i = 0; i < RECORDS; i++)
		free(((union {
			const void *in;
			void *out;
		}){ records[i].headers })
		         .out);
}

static void
test_names(void)
{
	enum sl_compression compression = SL_COMPRESSION_NONE;

	CHECK(sl_parse_compression("zstd", &compression, &err) == SL_OK &&
	      compression == SL_COMPRESSION_ZSTD);
	CHECK(sl_parse_compression("lz4", &compression, &err) == SL_OK &&
	      compression == SL_COMPRESSION_LZ4);
	CHECK(sl_parse_compression("none", &compression, &err) == SL_OK &&
	      compression == SL_COMPRESSION_NONE);
	CHECK(sl_parse_compression("gzip", &compression, &err) == SL_EUSAGE);
	printf("# %s\n# %s\n", err.text, sl_libraries());
}

int
main(void)
{
	srand(1);
	test_vectors();
	test_cuts();
	test_too_large();
	test_round_trips();
	test_names();
	return check_done();
}
