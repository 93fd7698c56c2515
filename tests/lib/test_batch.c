/* test_batch.c: batches of Kafka's, damaged ones, hostile ones. */
#include "batch.h"
#include "bytes.h"
#include "check.h"
#include "codec.h"
#include "vectors.h"

#include <stdlib.h>

static struct sl_error err;

/* ---- What Kafka writes ---- */

static void
test_vector_a(void)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	struct sl_header header;
	uint8_t batch[256];
	size_t bytes = vector_bytes(VECTOR_A, batch);
	size_t at = 0;

	CHECK(sl_batch_head_decode(batch, bytes, &head, &err) == SL_OK);
	CHECK(head.bytes == bytes && head.base == 0 && head.count == 3);
	CHECK(head.last_offset_delta == 2 && head.attributes == 0);
	CHECK(head.base_timestamp_ms == VECTOR_TIME_MS);
	CHECK(head.max_timestamp_ms == VECTOR_TIME_MS + 5);
	CHECK(head.producer_id == -1 && head.producer_epoch == -1 &&
	      head.base_sequence == -1);
	CHECK(sl_batch_crc_ok(batch, &head));
	sl_batch_set_base(batch, 500);
	CHECK(sl_batch_head_decode(batch, bytes, &head, &err) == SL_OK);
	CHECK(head.base == 500 && sl_batch_crc_ok(batch, &head));

	CHECK(sl_batch_walk_begin(&walk, batch, &head, &err) == SL_OK);
	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_OK);
	CHECK(record.offset == 500 && record.timestamp_ms == VECTOR_TIME_MS);
	CHECK(record.key_bytes == 6 && memcmp(record.key, "user-1", 6) == 0);
	CHECK(record.value_bytes == 7 &&
	      memcmp(record.value, "{\"n\":1}", 7) == 0);
	CHECK(
	    record.header_count == 0 && !sl_header_next(&record, &at, &header));

	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_OK);
	CHECK(record.offset == 501 && record.value == NULL);
	CHECK(record.timestamp_ms == VECTOR_TIME_MS + 5);
	CHECK(record.header_count == 2);
	CHECK(sl_header_next(&record, &at, &header));
	CHECK(header.key_bytes == 1 && memcmp(header.key, "h", 1) == 0);
	CHECK(header.value_bytes == 1 && memcmp(header.value, "v", 1) == 0);
	CHECK(sl_header_next(&record, &at, &header));
	CHECK(memcmp(header.key, "z", 1) == 0 && header.value == NULL);
	CHECK(!sl_header_next(&record, &at, &header));

	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_OK);
	CHECK(record.offset == 502 && record.key == NULL);
	CHECK(record.timestamp_ms == VECTOR_TIME_MS - 3);
	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_END);
	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_END);
	sl_batch_walk_release(&walk);
	sl_batch_walk_release(&walk);
}

/* The empty batch and the marker: offsets, but nothing to show. */
static void
test_nothing_to_show(void)
{
	static const char *const vectors[] = { VECTOR_C, VECTOR_D };
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	uint8_t batch[256];

	for (size_t i = 0; i < 2; i++) {
		size_t bytes = vector_bytes(vectors[i], batch);

		CHECK(sl_batch_head_decode(batch, bytes, &head, &err) == SL_OK);
		CHECK(head.bytes == bytes && sl_batch_crc_ok(batch, &head));
		CHECK(head.base + head.last_offset_delta == (i ? 30 : 24));
		CHECK(head.producer_id == 7);
		CHECK(sl_batch_walk_begin(&walk, batch, &head, &err) == SL_OK);
		CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_END);
	}
	sl_batch_walk_release(&walk);
}

/* ---- Damage ---- */

/* Decode, sum and walk a copy that ends where its memory does. */
static int
read_copy(const uint8_t *from, size_t bytes, bool crc_counts, size_t *records)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
	int rc;

	if (copy == NULL)
		abort();
	if (bytes > 0)
		memcpy(copy, from, bytes);
	*records = 0;
	rc = sl_batch_head_decode(copy, bytes, &head, &err);
	if (rc == SL_OK && head.bytes > bytes)
		rc = SL_END;
	if (rc == SL_OK && crc_counts && !sl_batch_crc_ok(copy, &head))
		rc = sl_error_set(&err, SL_ECORRUPT, "bad checksum");
	if (rc == SL_OK)
		rc = sl_batch_walk_begin(&walk, copy, &head, &err);
	if (rc == SL_OK) {
		do {
			rc = sl_batch_walk_next(&walk, &record, &err);
			*records += rc == SL_OK;
		} while (rc == SL_OK);
		if (rc == SL_END)
			rc = SL_OK;
	}
	sl_batch_walk_release(&walk);
	free(copy);
	return rc;
}

static void
test_cuts_and_flips(void)
{
	uint8_t batch[256];
	size_t bytes = vector_bytes(VECTOR_A, batch);
	size_t records;
	size_t missed = 0;

	CHECK(read_copy(batch, bytes, true, &records) == SL_OK && records == 3);
	for (size_t cut = 0; cut < bytes; cut++)
		missed += read_copy(batch, cut, true, &records) != SL_END;
	check(missed == 0, "%zu cuts, %zu not noticed", bytes, missed);
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		size_t at = bit / 8;
		/* The base offset and the leader epoch are not summed. */
		bool summed = !(at < 8 || (at >= 12 && at < 16));

		batch[at] ^= (uint8_t)(1u << bit % 8);
		missed += (read_copy(batch, bytes, true, &records) == SL_OK) ==
		              summed &&
		          bit != 7;
		batch[at] ^= (uint8_t)(1u << bit % 8);
	}
	check(missed == 0, "%zu bit flips, %zu not noticed", bytes * 8, missed);
}

/* Any byte of any value, sums not looked at: nothing may crash. */
static void
test_wrong_bytes(void)
{
	uint8_t batch[256];
	size_t bytes = vector_bytes(VECTOR_A, batch);
	size_t records;
	size_t taken = 0;

	for (size_t i = 0; i < bytes * 256; i++) {
		uint8_t was = batch[i / 256];

		batch[i / 256] = (uint8_t)i;
		taken += read_copy(batch, bytes, false, &records) == SL_OK;
		batch[i / 256] = was;
	}
	check(taken > 0 && taken < bytes * 256, "%zu of %zu still read", taken,
	    bytes * 256);
}

static void
test_bad_heads(void)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *text;
	} bad[] = {
		{ 0, 0x80, "the base offset is 9223372036854775808" },
		{ 8, 0x80, "the batch length is -2147483551" },
		{ 8, 0x7f, "the batch length is 2130706529" },
		{ 11, 48, "the batch length is 48" },
		{ 16, 1, "the magic byte is 1, not 2" },
		{ 23, 0xff, "the last offset delta is -16777214" },
		{ 57, 0xff, "the count is -16777213, of offsets 3" },
		{ 60, 4, "the count is 4, of offsets 3" },
	};
	static const uint8_t zeros[61];
	struct sl_batch_head head;
	uint8_t batch[256];
	size_t bytes = vector_bytes(VECTOR_A, batch);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t was = batch[bad[i].at];

		batch[bad[i].at] = bad[i].byte;
		check(sl_batch_head_decode(batch, bytes, &head, &err) ==
		              SL_ECORRUPT &&
		          strcmp(err.text, bad[i].text) == 0,
		    "%s (%s)", bad[i].text, err.text);
		batch[bad[i].at] = was;
	}
	CHECK(sl_batch_head_decode(zeros, 11, &head, &err) == SL_END);
	CHECK(sl_batch_head_decode(zeros, 12, &head, &err) == SL_ECORRUPT);
	CHECK(sl_batch_head_decode(zeros, 61, &head, &err) == SL_ECORRUPT);
	CHECK(sl_batch_head_decode(batch, 60, &head, &err) == SL_END &&
	      head.bytes == bytes);
}

/* A batch of these record bytes, summed. Returns its size. */
static size_t
batch_make(uint8_t *to, const char *hex, uint32_t count, uint16_t attributes)
{
	size_t bytes =
	    SL_BATCH_HEAD_SIZE + vector_bytes(hex, to + SL_BATCH_HEAD_SIZE);

	sl_batch_head_encode(to, &(struct sl_batch_head){
	                             .bytes = (uint32_t)bytes,
	                             .attributes = attributes,
	                             .last_offset_delta = 9,
	                             .base_timestamp_ms = INT64_MAX - 1,
	                             .max_timestamp_ms = 77,
	                             .count = count,
	                         });
	return bytes;
}

static void
test_bad_records(void)
{
	static const struct {
		const char *hex;
		uint32_t count;
		const char *text; /* NULL: good */
	} cases[] = {
		{ "0c000000010100", 0, "7 bytes lie behind the last of 0" },
		{ "0c000000010100", 1, NULL },
		{ "0c000002010100", 1, NULL },
		{ "0c0002000101000c000002010100", 2, NULL },
		{ "", 1, "record 1 of 1: its length is damaged" },
		{ "0c000000010100", 2, "record 2 of 2: its length is damaged" },
		{ "0c00000001010000", 1, "1 bytes lie behind the last of 1 r" },
		{ "0a0000000101", 1, "record 1 of 1: its headers are damaged" },
		{ "0e00000001010000", 1, "record 1 of 1: its headers are da" },
		{ "00", 1, "record 1 of 1: it is empty" },
		{ "01", 1, "record 1 of 1: its length is damaged" },
		{ "0e000000010100", 1, "record 1 of 1: its length is damaged" },
		{ "ffffffff1f", 1, "record 1 of 1: its length is damaged" },
		{ "808080808000", 1, "record 1 of 1: its length is damaged" },
		{ "1a00808080808080800000010100", 1, NULL },
		{ "0c000400010100", 1,
		    "record 1 of 1: its time is out of ran" },
		{ "20008080808080808080808000000101"
		  "00",
		    1, "record 1 of 1: its deltas are damaged" },
		{ "0c000014010100", 1,
		    "record 1 of 1: its offset is out of o" },
		{ "0c000012010100", 1, NULL },
		{ "0c000001010100", 1,
		    "record 1 of 1: its offset is out of o" },
		{ "0c0000000101000c000000010100", 2,
		    "record 2 of 2: its offset is out of order" },
		{ "0c000000030100", 1, "record 1 of 1: its key is damaged" },
		{ "0c000000060100", 1, "record 1 of 1: its key is damaged" },
		{ "0c000000010300", 1, "record 1 of 1: its value is damaged" },
		{ "0c000000010400", 1, "record 1 of 1: its value is damaged" },
		{ "0c000000010101", 1, "record 1 of 1: its headers are damag" },
		{ "0c000000010102", 1, "record 1 of 1: its headers are damag" },
		{ "100000000101020000", 1, NULL },
		{ "100000000101020001", 1, NULL },
		{ "100000000101020100", 1, "record 1 of 1: its headers are d" },
		{ "100000000101020003", 1, "record 1 of 1: its headers are d" },
		{ "100000000101040000", 1, "record 1 of 1: its headers are d" },
		{ "1400000001010200000000", 1, "record 1 of 1: its headers a" },
	};
	uint8_t batch[256];
	size_t records;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t bytes =
		    batch_make(batch, cases[i].hex, cases[i].count, 0);
		int rc = read_copy(batch, bytes, true, &records);

		if (cases[i].text == NULL)
			check(rc == SL_OK, "'%s' is good", cases[i].hex);
		else
			check(rc == SL_ECORRUPT &&
			          strncmp(err.text, cases[i].text,
			              strlen(cases[i].text)) == 0,
			    "'%s': %s", cases[i].hex, err.text);
	}
}

static void
test_log_append_time(void)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	uint8_t batch[256];
	size_t bytes =
	    batch_make(batch, "0c000100010100", 1, SL_BATCH_LOG_APPEND_TIME);

	CHECK(sl_batch_head_decode(batch, bytes, &head, &err) == SL_OK);
	CHECK(sl_batch_walk_begin(&walk, batch, &head, &err) == SL_OK);
	CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_OK);
	CHECK(record.timestamp_ms == 77);
	sl_batch_walk_release(&walk);
}

/* ---- Compressed ---- */

/* What Kafka's own libraries compressed. */
static void
test_compressed_vectors(void)
{
	static const char *const vectors[] = { VECTOR_LZ4, VECTOR_ZSTD };
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_record record;
	uint8_t batch[256];

	for (size_t i = 0; i < 2; i++) {
		size_t bytes = vector_bytes(vectors[i], batch);
		uint64_t good = 0;

		CHECK(sl_batch_head_decode(batch, bytes, &head, &err) == SL_OK);
		CHECK(head.bytes == bytes && sl_batch_crc_ok(batch, &head));
		CHECK(sl_batch_walk_begin(&walk, batch, &head, &err) == SL_OK);
		while (sl_batch_walk_next(&walk, &record, &err) == SL_OK)
			good += record.offset == 100 + good &&
			        record.timestamp_ms ==
			            VECTOR_TIME_MS + (int64_t)good &&
			        memcmp(record.key, good % 2 ? "key-1" : "key-0",
			            5) == 0 &&
			        record.value_bytes == strlen(VECTOR_TEXT) &&
			        memcmp(record.value, VECTOR_TEXT,
			            strlen(VECTOR_TEXT)) == 0;
		CHECK(good == 8);
		CHECK(sl_batch_walk_next(&walk, &record, &err) == SL_END);
	}
	sl_batch_walk_release(&walk);
}

static void
test_codecs_not_read(void)
{
	static const char *const names[] = { NULL, "gzip", "snappy", NULL, NULL,
		"codec 5", "codec 6", "codec 7" };
	uint8_t batch[256];
	size_t records;
	char text[128];

	for (uint16_t codec = 0; codec < 8; codec++) {
		size_t bytes = batch_make(batch, "0c000000010100", 1, codec);
		int rc = read_copy(batch, bytes, true, &records);

		if (codec == 0)
			continue;
		check(rc == SL_ECORRUPT, "codec %d: %s", codec, err.text);
		if (names[codec] == NULL)
			continue;
		snprintf(text, sizeof(text),
		    "compressed with %s, which streamlog does not read",
		    names[codec]);
		check(strcmp(err.text, text) == 0, "%s", text);
	}
	CHECK(read_copy(batch, vector_bytes(VECTOR_GZIP, batch), true,
	          &records) == SL_ECORRUPT);
	check(strstr(err.text, "gzip") != NULL, "gzip: %s", err.text);
}

/* Frames of 8 MiB of zeros, one behind the other, beyond what is taken. */
static void
test_bomb(enum sl_compression kind)
{
	enum { FRAME = 8 << 20, FRAMES = SL_BATCH_RECORDS_BYTES_MAX / FRAME };
	struct sl_codec codec = SL_CODEC_RELEASED;
	struct sl_codec_room room = { NULL, 0 };
	size_t bound = sl_codec_bound(kind, FRAME);
	uint8_t *zeros = calloc(1, FRAME);
	uint8_t *frames = malloc(bound * (FRAMES + 1));
	size_t bytes = 0;
	size_t written;

	if (zeros == NULL || frames == NULL)
		abort();
	CHECK(sl_codec_compress(&codec, kind, zeros, FRAME, frames, bound,
	          &bytes, &err) == SL_OK);
	for (size_t i = 1; i <= FRAMES; i++)
		memcpy(frames + i * bytes, frames, bytes);
	CHECK(sl_codec_decompress(&codec, kind, frames, bytes, &room, FRAME,
	          &written, &err) == SL_OK &&
	      written == FRAME && memcmp(room.bytes, zeros, FRAME) == 0);
	CHECK(sl_codec_decompress(&codec, kind, frames, 3 * bytes, &room,
	          3 * FRAME, &written, &err) == SL_OK &&
	      written == 3 * FRAME);
	CHECK(sl_codec_decompress(&codec, kind, frames, bytes, &room, FRAME - 1,
	          &written, &err) == SL_ECORRUPT);
	CHECK(sl_codec_decompress(&codec, kind, frames, (FRAMES + 1) * bytes,
	          &room, SL_BATCH_RECORDS_BYTES_MAX, &written,
	          &err) == SL_ECORRUPT);
	check(room.size <= SL_BATCH_RECORDS_BYTES_MAX, "%zu bytes: %s",
	    room.size, err.text);
	CHECK(sl_codec_decompress(&codec, kind, frames, bytes - 1, &room,
	          2 * FRAME, &written, &err) == SL_ECORRUPT);
	CHECK(sl_codec_decompress(&codec, kind, frames, 0, &room, FRAME,
	          &written, &err) == SL_ECORRUPT);
	/* After a failure it can be used as before. */
	CHECK(sl_codec_decompress(&codec, kind, frames, bytes, &room, FRAME,
	          &written, &err) == SL_OK);
	sl_codec_release(&codec);
	free(room.bytes);
	free(frames);
	free(zeros);
}

int
main(void)
{
	test_vector_a();
	test_nothing_to_show();
	test_cuts_and_flips();
	test_wrong_bytes();
	test_bad_heads();
	test_bad_records();
	test_log_append_time();
	test_compressed_vectors();
	test_codecs_not_read();
	test_bomb(SL_COMPRESSION_LZ4);
	test_bomb(SL_COMPRESSION_ZSTD);
	return check_done();
}
