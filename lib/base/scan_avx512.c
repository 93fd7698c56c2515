/*
 * scan_avx512.c: the scanner by bits with AVX-512 BW, whose comparisons give
 * the bits at once. Floor: base.
 */
#include "scan.h"

#if defined(__x86_64__)

#define SCAN_TARGET                                                            \
	__attribute__((target("avx512f,avx512bw,avx2,bmi,bmi2,lzcnt,pclmul")))

#include "scan_bits.h"
#include "scan_x86_utf8.h"

SCAN_INLINE __m512i
load(const char *at)
{
	return _mm512_loadu_si512(at);
}

SCAN_INLINE uint64_t
equal(__m512i v, char byte)
{
	return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(byte));
}

SCAN_INLINE void
scan_load_edges(const char *at, struct scan_bytes *bytes)
{
	__m512i v = load(at);

	bytes->quote = equal(v, '"');
	bytes->rare = equal(v, '\\') | _mm512_cmplt_epi8_mask(v,
	                                   _mm512_set1_epi8(0x20)); /* signed */
}

SCAN_INLINE void
scan_load_rest(const char *at, struct scan_bytes *bytes)
{
	const __m512i bit = _mm512_set1_epi8(0x20);
	__m512i v = load(at), folded = _mm512_or_si512(v, bit);

	bytes->newline = equal(v, '\n');
	bytes->comma = equal(v, ',');
	bytes->colon = equal(v, ':');
	bytes->open = equal(folded, '{');
	bytes->close = equal(folded, '}');
	bytes->square = _mm512_testn_epi8_mask(v, bit); /* what folding hid */
	bytes->space = equal(v, ' ');
	bytes->minus = equal(v, '-');
	bytes->digit =
	    _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('0')),
	        _mm512_set1_epi8(10));
	bytes->zero = equal(v, '0');
	bytes->point = equal(v, '.');
}

SCAN_INLINE void
scan_load_rare(const char *at, struct scan_rare *rare)
{
	__m512i v = load(at);

	rare->backslash = equal(v, '\\');
	rare->high = _mm512_movepi8_mask(v);
	rare->control = _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20));
	rare->blank = equal(v, '\t') | equal(v, '\r');
}

SCAN_INLINE uint64_t
scan_load_equal(const char *at, char byte)
{
	return equal(load(at), byte);
}

bool
sl_scan_avx512_supported(void)
{
	return __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") &&
	       __builtin_cpu_supports("pclmul");
}

SCAN_TARGET size_t
sl_scan_avx512_lines(const struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used)
{
	return scan_bits(scan, text, bytes, lines, lines_max, used);
}

#else
typedef int scan_avx512_is_for_x86; /* a file may not be empty */
#endif
