/* batch.c: heads and records of batches, decoded with distrust; see batch.h. */
#include "batch.h"
#include "bytes.h"
#include "hash.h"
#include "varint.h"

#include <inttypes.h>
#include <stdlib.h>

/* Where the fields of a head lie; streamlog-format(5) draws them. */
enum {
	AT_BASE = 0,
	AT_LENGTH = 8,
	AT_LEADER_EPOCH = 12,
	AT_MAGIC = 16,
	AT_CRC = 17,
	AT_ATTRIBUTES = 21, /* the CRC covers from here */
	AT_LAST_OFFSET_DELTA = 23,
	AT_BASE_TIMESTAMP = 27,
	AT_MAX_TIMESTAMP = 35,
	AT_PRODUCER_ID = 43,
	AT_PRODUCER_EPOCH = 51,
	AT_BASE_SEQUENCE = 53,
	AT_COUNT = 57,
};

/* The length field counts from behind itself. */
#define LENGTH_FROM 12u

/* ---- Head ---- */

static void
head_fill(struct sl_batch_head *head, const uint8_t *from)
{
	head->crc = sl_get_u32(from + AT_CRC);
	head->attributes = sl_get_u16(from + AT_ATTRIBUTES);
	head->last_offset_delta = sl_get_u32(from + AT_LAST_OFFSET_DELTA);
	head->base_timestamp_ms = (int64_t)sl_get_u64(from + AT_BASE_TIMESTAMP);
	head->max_timestamp_ms = (int64_t)sl_get_u64(from + AT_MAX_TIMESTAMP);
	head->producer_id = (int64_t)sl_get_u64(from + AT_PRODUCER_ID);
	head->producer_epoch = (int16_t)sl_get_u16(from + AT_PRODUCER_EPOCH);
	head->base_sequence = (int32_t)sl_get_u32(from + AT_BASE_SEQUENCE);
	head->count = sl_get_u32(from + AT_COUNT);
}

static int
head_check(const struct sl_batch_head *head, struct sl_error *err)
{
	if (head->last_offset_delta > INT32_MAX)
		return sl_error_set(err, SL_ECORRUPT,
		    "the last offset delta is %" PRId32,
		    (int32_t)head->last_offset_delta);
	if (head->base > (uint64_t)INT64_MAX - head->last_offset_delta)
		return sl_error_set(err, SL_ECORRUPT,
		    "the base offset is %" PRIu64, head->base);
	if (head->count > head->last_offset_delta + 1)
		return sl_error_set(err, SL_ECORRUPT,
		    "the count is %" PRId32 ", of offsets %" PRIu32,
		    (int32_t)head->count, head->last_offset_delta + 1);
	return SL_OK;
}

int
sl_batch_head_decode(const uint8_t *from, size_t bytes,
    struct sl_batch_head *head, struct sl_error *err)
{
	uint32_t length;

	*head = (struct sl_batch_head){ .base = 0 };
	if (bytes < LENGTH_FROM)
		return SL_END;
	head->base = sl_get_u64(from + AT_BASE);
	length = sl_get_u32(from + AT_LENGTH);
	if (length < SL_BATCH_HEAD_SIZE - LENGTH_FROM ||
	    length > SL_BATCH_BYTES_MAX - LENGTH_FROM)
		return sl_error_set(err, SL_ECORRUPT,
		    "the batch length is %" PRId32, (int32_t)length);
	head->bytes = LENGTH_FROM + length;
	if (bytes > AT_MAGIC && from[AT_MAGIC] != 2)
		return sl_error_set(err, SL_ECORRUPT,
		    "the magic byte is %d, not 2", from[AT_MAGIC]);
	if (bytes < SL_BATCH_HEAD_SIZE)
		return SL_END;
	head_fill(head, from);
	return head_check(head, err);
}

bool
sl_batch_crc_ok(const uint8_t *batch, const struct sl_batch_head *head)
{
	return head->crc ==
	       sl_crc32c(0, batch + AT_ATTRIBUTES, head->bytes - AT_ATTRIBUTES);
}

void
sl_batch_set_base(uint8_t *batch, uint64_t base)
{
	sl_put_u64(batch + AT_BASE, base);
}

void
sl_batch_head_encode(uint8_t *to, const struct sl_batch_head *head)
{
	sl_put_u64(to + AT_BASE, head->base);
	sl_put_u32(to + AT_LENGTH, head->bytes - LENGTH_FROM);
	sl_put_u32(to + AT_LEADER_EPOCH, 0);
	to[AT_MAGIC] = 2;
	sl_put_u16(to + AT_ATTRIBUTES, head->attributes);
	sl_put_u32(to + AT_LAST_OFFSET_DELTA, head->last_offset_delta);
	sl_put_u64(to + AT_BASE_TIMESTAMP, (uint64_t)head->base_timestamp_ms);
	sl_put_u64(to + AT_MAX_TIMESTAMP, (uint64_t)head->max_timestamp_ms);
	sl_put_u64(to + AT_PRODUCER_ID, (uint64_t)head->producer_id);
	sl_put_u16(to + AT_PRODUCER_EPOCH, (uint16_t)head->producer_epoch);
	sl_put_u32(to + AT_BASE_SEQUENCE, (uint32_t)head->base_sequence);
	sl_put_u32(to + AT_COUNT, head->count);
	sl_put_u32(to + AT_CRC,
	    sl_crc32c(0, to + AT_ATTRIBUTES, head->bytes - AT_ATTRIBUTES));
}

/* ---- Walk ---- */

int
sl_batch_walk_begin(struct sl_batch_walk *walk, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	unsigned kind = head->attributes & SL_BATCH_CODEC_MASK;
	size_t bytes = head->bytes - SL_BATCH_HEAD_SIZE;

	walk->at = batch + SL_BATCH_HEAD_SIZE;
	walk->end = walk->at;
	walk->base = head->base;
	walk->base_timestamp_ms = head->base_timestamp_ms;
	walk->log_append_ms = head->attributes & SL_BATCH_LOG_APPEND_TIME
	                          ? head->max_timestamp_ms
	                          : SL_TIME_NONE;
	walk->count = 0;
	walk->left = 0;
	walk->last_offset_delta = (int32_t)head->last_offset_delta;
	walk->delta_before = -1;
	if (head->attributes & SL_BATCH_CONTROL)
		return SL_OK;
	if (kind != SL_COMPRESSION_NONE && bytes > 0) {
		int rc = sl_codec_decompress(&walk->codec, kind, walk->at,
		    bytes, &walk->unpacked, SL_BATCH_RECORDS_BYTES_MAX, &bytes,
		    err);

		if (rc != SL_OK)
			return rc;
		walk->at = walk->unpacked.bytes;
	}
	walk->end = walk->at + bytes;
	walk->count = walk->left = head->count;
	return SL_OK;
}

/* No more of this batch: how it goes on can't be told. */
__attribute__((cold)) static int
damaged(struct sl_batch_walk *walk, const char *what, struct sl_error *err)
{
	uint32_t number = walk->count - walk->left + 1;

	walk->left = 0;
	walk->at = walk->end;
	return sl_error_set(err, SL_ECORRUPT,
	    "record %" PRIu32 " of %" PRIu32 ": %s", number, walk->count, what);
}

/* Take a length and as many bytes; length -1 is NULL. */
static inline bool
bytes_take(const uint8_t **at, const uint8_t *end, const void **data,
    size_t *bytes)
{
	int32_t length;

	if (!sl_varint_take_int(at, end, &length) || length < -1 ||
	    length > end - *at)
		return false;
	*data = length < 0 ? NULL : *at;
	*bytes = length < 0 ? 0 : (size_t)length;
	*at += *bytes;
	return true;
}

/* The record's headers are what is left: are they whole, and as many? */
static bool
headers_ok(const struct sl_record *record)
{
	struct sl_header header;
	size_t at = 0;
	uint32_t count = 0;

	while (sl_header_next(record, &at, &header))
		count++;
	return at == record->headers_bytes && count == record->header_count;
}

/* The record whose body lies in [at, end). NULL, or what is wrong with it. */
static inline const char *
record_take(struct sl_batch_walk *walk, const uint8_t *at, const uint8_t *end,
    struct sl_record *record)
{
	int64_t timestamp_delta;
	int32_t delta;
	int32_t header_count;

	if (at == end)
		return "it is empty";
	at++; /* attributes: none are defined */
	if (!sl_varint_take_long(&at, end, &timestamp_delta) ||
	    !sl_varint_take_int(&at, end, &delta))
		return "its deltas are damaged";
	if (delta <= walk->delta_before || delta > walk->last_offset_delta)
		return "its offset is out of order";
	walk->delta_before = delta;
	record->offset = walk->base + (uint32_t)delta;
	if (__builtin_add_overflow(walk->base_timestamp_ms, timestamp_delta,
	        &record->timestamp_ms))
		return "its time is out of range";
	if (walk->log_append_ms != SL_TIME_NONE)
		record->timestamp_ms = walk->log_append_ms;
	if (!bytes_take(&at, end, &record->key, &record->key_bytes))
		return "its key is damaged";
	if (!bytes_take(&at, end, &record->value, &record->value_bytes))
		return "its value is damaged";
	if (!sl_varint_take_int(&at, end, &header_count) || header_count < 0)
		return "its headers are damaged";
	record->headers = at;
	record->headers_bytes = (size_t)(end - at);
	record->header_count = (uint32_t)header_count;
	if ((record->header_count | record->headers_bytes) != 0 &&
	    !headers_ok(record))
		return "its headers are damaged";
	return NULL;
}

static inline int
walk_next(struct sl_batch_walk *walk, struct sl_record *record,
    struct sl_error *err)
{
	const uint8_t *at = walk->at;
	const char *wrong;
	int32_t length;

	if (walk->left == 0) {
		if (at == walk->end)
			return SL_END;
		walk->at = walk->end;
		return sl_error_set(err, SL_ECORRUPT,
		    "%td bytes lie behind the last of %" PRIu32 " records",
		    walk->end - at, walk->count);
	}
	if (!sl_varint_take_int(&at, walk->end, &length) || length < 0 ||
	    length > walk->end - at)
		return damaged(walk, "its length is damaged", err);
	wrong = record_take(walk, at, at + length, record);
	if (wrong != NULL)
		return damaged(walk, wrong, err);
	walk->at = at + length;
	walk->left--;
	return SL_OK;
}

int
sl_batch_walk_next(struct sl_batch_walk *walk, struct sl_record *record,
    struct sl_error *err)
{
	return walk_next(walk, record, err);
}

int
sl_batch_walk_copy(struct sl_batch_walk *walk, struct sl_batch_copy *copy,
    struct sl_error *err)
{
	struct sl_batch_walk here = *walk; /* in registers, and to step back */
	struct sl_batch_walk before;
	struct sl_record record;
	int rc = SL_OK;

	while (copy->count_max > 0) {
		before.at = here.at;
		before.delta_before = here.delta_before;
		rc = walk_next(&here, &record, err);
		if (rc != SL_OK)
			break;
		if (record.offset >= copy->stop ||
		    (size_t)(copy->end - copy->to) <= record.value_bytes) {
			here.at = before.at;
			here.delta_before = before.delta_before;
			here.left++;
			break;
		}
		if (record.offset < copy->first)
			continue;
		copy->next = record.offset + 1;
		if (record.timestamp_ms > copy->largest_ms)
			copy->largest_ms = record.timestamp_ms;
		if (record.value == NULL)
			continue;
		memcpy(copy->to, record.value, record.value_bytes);
		copy->to += record.value_bytes;
		*copy->to++ = copy->separator;
		copy->count++;
		copy->count_max--;
	}
	*walk = here;
	return rc;
}

void
sl_batch_walk_release(struct sl_batch_walk *walk)
{
	sl_codec_release(&walk->codec);
	free(walk->unpacked.bytes);
	*walk = SL_BATCH_WALK_CLOSED;
}
