/*
 * scan_avx2.c: the scanner by bits with AVX2 (x86 since 2013). Floor: base.
 */
#include "scan.h"

#if defined(__x86_64__)

#define SCAN_TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,pclmul")))

#include "scan_bits.h"
#include "scan_x86_utf8.h"

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

#else
typedef int scan_avx2_is_for_x86; /* a file may not be empty */
#endif
