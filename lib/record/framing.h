/*
 * framing.h: a record as its bytes in a batch. Floor: record. Pure and inline:
 * encoding spends its time here.
 */
#ifndef SL_FRAMING_H
#define SL_FRAMING_H

#include "streamlog.h"
#include "varint.h"

#include <string.h>

/* The bytes of a record behind its length field. */
static inline size_t
sl_frame_body(const struct sl_record *record, int64_t timestamp_delta,
    uint32_t offset_delta)
{
	return 1 + sl_varint_size(timestamp_delta) +
	       sl_varint_size(offset_delta) +
	       sl_varint_size((int64_t)record->key_bytes) + record->key_bytes +
	       sl_varint_size((int64_t)record->value_bytes) +
	       record->value_bytes + sl_varint_size(record->header_count) +
	       record->headers_bytes;
}

/* A length and as many bytes; NULL is length -1, which takes a byte, too. */
static inline uint8_t *
sl_frame_put_bytes(uint8_t *to, const void *data, size_t bytes)
{
	if (data == NULL)
		return sl_varint_put(to, -1);
	to = sl_varint_put(to, (int64_t)bytes);
	memcpy(to, data, bytes);
	return to + bytes;
}

static inline uint8_t *
sl_frame_put(uint8_t *to, const struct sl_record *record, size_t body,
    int64_t timestamp_delta, uint32_t offset_delta)
{
	to = sl_varint_put(to, (int64_t)body);
	*to++ = 0; /* attributes */
	to = sl_varint_put(to, timestamp_delta);
	to = sl_varint_put(to, offset_delta);
	to = sl_frame_put_bytes(to, record->key, record->key_bytes);
	to = sl_frame_put_bytes(to, record->value, record->value_bytes);
	to = sl_varint_put(to, record->header_count);
	if (record->headers_bytes > 0)
		memcpy(to, record->headers, record->headers_bytes);
	return to + record->headers_bytes;
}

#endif
