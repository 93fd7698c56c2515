/*
 * scan_avx2.c: the scanner by bits with AVX2 (x86 since 2013). Floor: base.
 */
#include "scan.h"

#if defined(__x86_64__)

#define SCAN_TARGET __attribute__((target("avx2,bmi,bmi2,pclmul")))

#include "scan_bits_lines.h"

#include <immintrin.h>

SCAN_INLINE __m256i
load_32(const char *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

struct vectors {
	__m256i low, high;
};

SCAN_INLINE struct vectors
load(const char *at)
{
	return (struct vectors){ load_32(at), load_32(at + 32) };
}

/* The top bits of all bytes. */
SCAN_INLINE uint64_t
top_bits(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

SCAN_INLINE uint64_t
equal(struct vectors v, char byte)
{
	__m256i all = _mm256_set1_epi8(byte);

	return top_bits(_mm256_cmpeq_epi8(v.low, all),
	    _mm256_cmpeq_epi8(v.high, all));
}

SCAN_INLINE __m256i
rare_32(__m256i v)
{
	return _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v),
	    _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
}

SCAN_INLINE __m256i
digits_32(__m256i v)
{
	__m256i value = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));

	return _mm256_cmpeq_epi8(value,
	    _mm256_min_epu8(value, _mm256_set1_epi8(9)));
}

SCAN_INLINE void
scan_load_edges(const char *at, struct scan_bytes *bytes)
{
	struct vectors v = load(at);

	bytes->quote = equal(v, '"');
	bytes->rare = top_bits(rare_32(v.low), rare_32(v.high));
}

SCAN_INLINE void
scan_load_rest(const char *at, struct scan_bytes *bytes)
{
	const __m256i fold = _mm256_set1_epi8(0x20);
	struct vectors v = load(at);
	struct vectors folded = { _mm256_or_si256(v.low, fold),
		_mm256_or_si256(v.high, fold) };

	bytes->newline = equal(v, '\n');
	bytes->comma = equal(v, ',');
	bytes->colon = equal(v, ':');
	bytes->open = equal(folded, '{');
	bytes->close = equal(folded, '}');
	bytes->square = ~top_bits(_mm256_slli_epi16(v.low, 2),
	    _mm256_slli_epi16(v.high, 2)); /* what folding hid */
	bytes->space = equal(v, ' ');
	bytes->minus = equal(v, '-');
	bytes->digit = top_bits(digits_32(v.low), digits_32(v.high));
	bytes->zero = equal(v, '0');
	bytes->point = equal(v, '.');
}

SCAN_INLINE void
scan_load_rare(const char *at, struct scan_rare *rare)
{
	const __m256i limit = _mm256_set1_epi8(0x20);
	struct vectors v = load(at);
	uint64_t below = top_bits(_mm256_cmpgt_epi8(limit, v.low),
	    _mm256_cmpgt_epi8(limit, v.high)); /* signed: so has high bytes */

	rare->backslash = equal(v, '\\');
	rare->high = top_bits(v.low, v.high);
	rare->control = below & ~rare->high;
	rare->blank = equal(v, '\t') | equal(v, '\r');
}

SCAN_INLINE uint64_t
scan_load_equal(const char *at, char byte)
{
	return equal(load(at), byte);
}

/*
 * UTF-8 after Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction
 * Per Byte" (2020): what is wrong with two bytes in a row shows in the high and
 * low half of the first and the high half of the second; each half has a table
 * of the faults it allows, and a fault that all three allow is there.
 */
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

static const uint8_t utf8_first_high[16] = {
	[0x0] = TOO_LONG,
	[0x1] = TOO_LONG,
	[0x2] = TOO_LONG,
	[0x3] = TOO_LONG,
	[0x4] = TOO_LONG,
	[0x5] = TOO_LONG,
	[0x6] = TOO_LONG,
	[0x7] = TOO_LONG,
	[0x8] = TWO_CONTS,
	[0x9] = TWO_CONTS,
	[0xa] = TWO_CONTS,
	[0xb] = TWO_CONTS,
	[0xc] = TOO_SHORT | OVERLONG_2,
	[0xd] = TOO_SHORT,
	[0xe] = TOO_SHORT | OVERLONG_3 | SURROGATE,
	[0xf] = TOO_SHORT | TOO_LARGE | OVERLONG_4,
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
	[0x0] = TOO_SHORT,
	[0x1] = TOO_SHORT,
	[0x2] = TOO_SHORT,
	[0x3] = TOO_SHORT,
	[0x4] = TOO_SHORT,
	[0x5] = TOO_SHORT,
	[0x6] = TOO_SHORT,
	[0x7] = TOO_SHORT,
	[0x8] = TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | OVERLONG_4,
	[0x9] = TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
	[0xa] = TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
	[0xb] = TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
	[0xc] = TOO_SHORT,
	[0xd] = TOO_SHORT,
	[0xe] = TOO_SHORT,
	[0xf] = TOO_SHORT,
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

bool
sl_scan_avx2_supported(void)
{
	return __builtin_cpu_supports("avx2") &&
	       __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") &&
	       __builtin_cpu_supports("pclmul");
}

SCAN_TARGET size_t
sl_scan_avx2_lines(const struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used)
{
	return scan_bits(scan, text, bytes, lines, lines_max, used);
}

#endif
