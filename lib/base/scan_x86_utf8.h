/*
 * scan_x86_utf8.h: UTF-8 of a block by table look-ups, and the prefix-xor, for
 * both ways of x86. Floor: base. Included where scan_bits.h's SCAN_INLINE is.
 *
 * After Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per
 * Byte" (2020): what is wrong with two bytes in a row shows in the high and low
 * half of the first and the high half of the second; each half has a table of
 * the faults it allows, and a fault that all three allow is there.
 */
#ifndef SL_SCAN_X86_UTF8_H
#define SL_SCAN_X86_UTF8_H

#include <immintrin.h>

enum {
	TOO_SHORT = 1 << 0,  /* a lead byte without what must follow */
	TOO_LONG = 1 << 1,   /* a continuation behind ASCII */
	OVERLONG_3 = 1 << 2, /* e0 80..9f */
	TOO_LARGE = 1 << 3,  /* f4 90..bf, f5.. */
	SURROGATE = 1 << 4,  /* ed a0..bf */
	OVERLONG_2 = 1 << 5, /* c0, c1 */
	OVERLONG_4 = 1 << 6, /* f0 80..8f; and f5.. 80..8f */
	TWO_CONTS = 1 << 7,  /* two continuations: a fault unless one is due */
	ANY_LOW = TOO_SHORT | TOO_LONG | TWO_CONTS,
};

SCAN_INLINE __m256i
both_lanes(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const __m128i *)(const void *)table));
}

SCAN_INLINE __m256i
load_32(const char *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

static const uint8_t utf8_first_high[16] = {
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG, /* 0xxx xxxx */
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TOO_LONG,
	TWO_CONTS,
	TWO_CONTS,
	TWO_CONTS,
	TWO_CONTS, /* 10xx xxxx */
	TOO_SHORT | OVERLONG_2,
	TOO_SHORT,
	TOO_SHORT | OVERLONG_3 | SURROGATE,
	TOO_SHORT | TOO_LARGE | OVERLONG_4,
};

static const uint8_t utf8_first_low[16] = {
	ANY_LOW | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
	ANY_LOW | OVERLONG_2,
	ANY_LOW,
	ANY_LOW,
	ANY_LOW | TOO_LARGE,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4 | SURROGATE,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
	ANY_LOW | TOO_LARGE | OVERLONG_4,
};

static const uint8_t utf8_second_high[16] = {
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, /* 0xxx xxxx */
	TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | OVERLONG_4,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
	TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE, TOO_SHORT,
	TOO_SHORT, TOO_SHORT, TOO_SHORT, /* 11xx xxxx */
};

/* The faults of 32 bytes; three more are read before them. */
SCAN_INLINE __m256i
utf8_faults(const char *at)
{
	const __m256i low = _mm256_set1_epi8(0x0f);
	__m256i this = load_32(at), before = load_32(at - 1);
	__m256i due = _mm256_or_si256(_mm256_subs_epu8(load_32(at - 2),
	                                  _mm256_set1_epi8(0xe0 - 0x80)),
	    _mm256_subs_epu8(load_32(at - 3), _mm256_set1_epi8(0xf0 - 0x80)));
	__m256i faults = _mm256_shuffle_epi8(both_lanes(utf8_first_high),
	    _mm256_and_si256(_mm256_srli_epi16(before, 4), low));

	faults = _mm256_and_si256(faults,
	    _mm256_shuffle_epi8(both_lanes(utf8_first_low),
	        _mm256_and_si256(before, low)));
	faults = _mm256_and_si256(faults,
	    _mm256_shuffle_epi8(both_lanes(utf8_second_high),
	        _mm256_and_si256(_mm256_srli_epi16(this, 4), low)));
	due = _mm256_and_si256(due, _mm256_set1_epi8((char)0x80));
	return _mm256_xor_si256(due, faults);
}

SCAN_INLINE bool
scan_utf8_bad(const char *at)
{
	__m256i faults = _mm256_or_si256(utf8_faults(at), utf8_faults(at + 32));

	return !_mm256_testz_si256(faults, faults);
}

SCAN_INLINE uint64_t
scan_prefix_xor(uint64_t bits)
{
	__m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits),
	    _mm_set1_epi8(-1), 0);

	return (uint64_t)_mm_cvtsi128_si64(product);
}

#endif
