/*
 * scan.h: what the parts of the JSON scanner share. Floor: base.
 *
 * Two ways to scan a text give the same lines: by bits (scan_bits.h) where the
 * machine has AVX2, and line by line with the exact check of scan_explain.c,
 * which runs everywhere. The way by bits never takes a bad line; where it is in
 * doubt (a bad line, nesting beyond 64, ...) it asks that check, so that this
 * alone decides what is bad.
 */
#ifndef SL_SCAN_H
#define SL_SCAN_H

#include "streamlog.h"

struct sl_scan_way {
	const char *name;
	bool (*supported)(void); /* by this machine? */
	size_t (*lines)(const struct sl_scan *scan, const char *text,
	    size_t bytes, struct sl_scan_line *lines, size_t lines_max,
	    size_t *used);
};

/* Fastest first; the last is supported everywhere and has the name "plain". */
extern const struct sl_scan_way sl_scan_ways[];

struct sl_scan {
	const struct sl_scan_way *way;
	char *pointer;      /* as given; NULL: no key is looked for */
	const char *deeper; /* its part below the top level; NULL: none */
	/*
	 * The name of the top-level member that the pointer begins with, in
	 * quotes; NULL with the pointer.
	 */
	char *quoted;
	size_t quoted_bytes;
	uint64_t first, first_mask; /* its first 8 bytes at most, as read */
	/* The closing quote's distance, and the bits too near a block's end. */
	unsigned close_shift;
	uint64_t close_beyond;
};

/*
 * Check the line that begins at `start` by the exact check and find its key,
 * walking the whole pointer. Returns where the next line begins.
 */
size_t sl_scan_line_plain(const struct sl_scan *scan, const char *text,
    size_t start, size_t bytes, struct sl_scan_line *line);

/*
 * For a good line of which all but the key is filled in: find it by walking the
 * whole pointer; or walk on from the value of the top-level member, to which
 * the key is set.
 */
void sl_scan_key_walk(const struct sl_scan *scan, const char *text,
    struct sl_scan_line *line);
void sl_scan_key_deeper(const struct sl_scan *scan, const char *text,
    struct sl_scan_line *line);

/* Where the value ends that begins at `value`, in a good text. */
const char *sl_json_value_end(const char *value, const char *end);

/* Does a good exponent begin at `at`, with nothing glued to it? */
bool sl_scan_exponent_good(const char *at, const char *end);

/* Is the escape that begins with the backslash at `at` a good one? */
bool sl_scan_escape_good(const char *at, const char *end);

#if defined(__x86_64__)
bool sl_scan_avx2_supported(void);
size_t sl_scan_avx2_lines(const struct sl_scan *scan, const char *text,
    size_t bytes, struct sl_scan_line *lines, size_t lines_max, size_t *used);
#endif

#endif
