/* text.c: UTF-8, base64, globs, and words of errors; see streamlog.h and
 * text.h. */
#include "text.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

/* A longer word resembles none. */
#define WORD_BYTES_MAX 48

bool
sl_digit_is(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- UTF-8 ---- */

static bool
continuation_is(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t
sl_utf8_length(const void *text, size_t bytes)
{
	const unsigned char *at = text;
	size_t length;

	if (bytes == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4 || length > bytes)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (!continuation_is(at[i]))
			return 0;
	}
	/* Longer than need be, a surrogate, or past U+10FFFF. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f))
		return 0;
	if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

/* The bytes below 0x80 that begin a text, counted in words of eight. */
static size_t
ascii_words_bytes(const unsigned char *text, size_t bytes)
{
	size_t at;
	uint64_t word;

	for (at = 0; bytes - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return at;
}

bool
sl_utf8_valid(const void *text, size_t bytes)
{
	const unsigned char *from = text;
	size_t at = 0;
	size_t length;

	while (at < bytes) {
		at += ascii_words_bytes(from + at, bytes - at);
		if (at == bytes)
			break;
		length = sl_utf8_length(from + at, bytes - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

const char *
sl_text_excerpt(const char *text, char excerpt[SL_EXCERPT_SIZE])
{
	static const char cut[] = "...";
	size_t bytes = strlen(text);
	size_t used = 0;
	size_t length;

	for (size_t at = 0; at < bytes; at += length) {
		length = sl_utf8_length(text + at, bytes - at);
		if (used + 4 + sizeof(cut) > SL_EXCERPT_SIZE) {
			memcpy(excerpt + used, cut, sizeof(cut));
			return excerpt;
		}
		if (length == 0 || (unsigned char)text[at] < 0x20 ||
		    text[at] == 0x7f) {
			excerpt[used++] = '?';
			length = 1;
			continue;
		}
		memcpy(excerpt + used, text + at, length);
		used += length;
	}
	excerpt[used] = '\0';
	return excerpt;
}

/* ---- Base64 ---- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
sl_base64_encode(const void *from, size_t bytes, char *to)
{
	const unsigned char *at = from;
	char *start = to;
	uint32_t group;
	size_t count;

	for (; bytes > 0; at += count, bytes -= count) {
		count = bytes < 3 ? bytes : 3;
		group = (uint32_t)at[0] << 16;
		if (count > 1)
			group |= (uint32_t)at[1] << 8;
		if (count > 2)
			group |= at[2];
		*to++ = base64_digits[group >> 18];
		*to++ = base64_digits[group >> 12 & 63];
		*to++ = count > 1 ? base64_digits[group >> 6 & 63] : '=';
		*to++ = count > 2 ? base64_digits[group & 63] : '=';
	}
	*to = '\0';
	return (size_t)(to - start);
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four digits, of which the last `padding` are '='; false where they aren't. */
static bool
base64_group(const char *from, size_t padding, uint32_t *group)
{
	int value;

	*group = 0;
	for (size_t i = 0; i < 4 - padding; i++) {
		value = base64_value(from[i]);
		if (value < 0)
			return false;
		*group |= (uint32_t)value << (18 - 6 * i);
	}
	/* Bits that no byte takes must be zero: one text for each value. */
	return padding == 0 || (*group & ((1u << (8 * padding)) - 1)) == 0;
}

long
sl_base64_decode(const char *from, size_t bytes, void *to)
{
	unsigned char *out = to;
	size_t padding = 0;
	size_t written = 0;
	uint32_t group;
	bool is_last;

	if (bytes % 4 != 0)
		return -1;
	if (bytes > 0 && from[bytes - 1] == '=')
		padding = from[bytes - 2] == '=' ? 2 : 1;
	for (size_t at = 0; at < bytes; at += 4) {
		is_last = at + 4 == bytes;
		if (!base64_group(from + at, is_last ? padding : 0, &group))
			return -1;
		for (size_t i = 0; i < 3 - (is_last ? padding : 0); i++)
			out[written++] = (unsigned char)(group >> (16 - 8 * i));
	}
	return (long)written;
}

/* ---- Globs ---- */

bool
sl_glob_match(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, 0) == 0;
}

bool
sl_glob_is(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

size_t
sl_text_distance(const char *a, const char *b)
{
	size_t row[WORD_BYTES_MAX + 1];
	size_t b_bytes = strlen(b);
	size_t diagonal;
	size_t best;

	if (strlen(a) > WORD_BYTES_MAX || b_bytes > WORD_BYTES_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= b_bytes; i++)
		row[i] = i;
	for (size_t i = 0; a[i] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b_bytes; j++) {
			best = diagonal + (a[i] != b[j] ? 1 : 0);
			diagonal = row[j + 1];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > diagonal + 1)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[b_bytes];
}

int
sl_error_gone(struct sl_error *err, uint64_t from, uint64_t next,
    const char *what)
{
	return sl_error_set(err, SL_EGONE,
	    "offsets %" PRIu64 " to %" PRIu64 " %s (%" PRIu64
	    " event%s); going on at %" PRIu64,
	    from, next - 1, what, next - from, next - from == 1 ? "" : "s",
	    next);
}
