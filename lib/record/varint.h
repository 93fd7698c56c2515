/*
 * varint.h: Kafka's variable-length numbers: zigzag, then LEB128, at most 5
 * bytes for an int and 10 for a long. Floor: record. Pure and inline: encoding
 * and walking spend their time here.
 */
#ifndef SL_VARINT_H
#define SL_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t
sl_varint_zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

/* The bytes that sl_varint_put() takes for it. */
static inline size_t
sl_varint_size(int64_t value)
{
	uint64_t whole = sl_varint_zigzag(value);

	if (whole < 0x80)
		return 1;
	if (whole < 0x4000)
		return 2;
	return (63 - (size_t)__builtin_clzll(whole)) / 7 + 1;
}

/* Returns the place behind it. An int32_t takes 5 bytes at most. */
static inline uint8_t *
sl_varint_put(uint8_t *to, int64_t value)
{
	uint64_t left = sl_varint_zigzag(value);

	while (left >= 0x80) {
		*to++ = (uint8_t)(left | 0x80);
		left >>= 7;
	}
	*to++ = (uint8_t)left;
	return to;
}

/*
 * Take a number of at most `bits` bits from *at, and move it behind. False
 * where it doesn't end before `end`, is longer than a number of such a width
 * may be, or doesn't fit it.
 */
static inline bool
sl_varint_take(const uint8_t **at, const uint8_t *end, unsigned bits,
    uint64_t *whole)
{
	const uint8_t *from = *at;

	*whole = 0;
	for (unsigned shift = 0; from < end; shift += 7) {
		uint8_t byte = *from++;

		if (shift + 7 > bits && byte >> (bits - shift) != 0)
			return false;
		*whole |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*at = from;
			return true;
		}
	}
	return false;
}

static inline bool
sl_varint_take_long(const uint8_t **at, const uint8_t *end, int64_t *value)
{
	uint64_t whole;

	if (*at < end && **at < 0x80)
		whole = *(*at)++; /* nearly always */
	else if (!sl_varint_take(at, end, 64, &whole))
		return false;
	*value = (int64_t)(whole >> 1) ^ -(int64_t)(whole & 1);
	return true;
}

static inline bool
sl_varint_take_int(const uint8_t **at, const uint8_t *end, int32_t *value)
{
	uint64_t whole;

	if (*at < end && **at < 0x80)
		whole = *(*at)++;
	else if (end - *at >= 2 && (*at)[1] < 0x80) {
		whole = ((*at)[0] & 0x7fu) | (uint64_t)(*at)[1] << 7;
		*at += 2;
	} else if (!sl_varint_take(at, end, 32, &whole))
		return false;
	*value = (int32_t)(whole >> 1) ^ -(int32_t)(whole & 1);
	return true;
}

#endif
