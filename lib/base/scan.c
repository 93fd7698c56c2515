/*
 * scan.c: the front of the JSON scanner: its pointer, the choice of a way by
 * what the machine can, and the plain way.
 */
#include "scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool
plain_supported(void)
{
	return true;
}

static size_t
plain_lines(const struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used)
{
	size_t count = 0, at = 0;

	while (at < bytes && count < lines_max)
		at = sl_scan_line_plain(scan, text, at, bytes, &lines[count++]);
	*used = at;
	return count;
}

const struct sl_scan_way sl_scan_ways[] = {
#if defined(__x86_64__)
	{ "avx2", sl_scan_avx2_supported, sl_scan_avx2_lines },
#endif
	{ "plain", plain_supported, plain_lines },
};

/* Is each '~' of a JSON Pointer followed by 0 or 1? */
static bool
pointer_good(const char *pointer)
{
	const char *at = pointer;

	while ((at = strchr(at, '~')) != NULL) {
		at++;
		if (*at != '0' && *at != '1')
			return false;
	}
	return true;
}

/* Make `quoted` of the pointer's first name. */
static void
pointer_split(struct sl_scan *scan)
{
	bool bare = *scan->pointer != '/';
	const char *at = scan->pointer + !bare;
	const char *end = bare ? strchr(at, '\0') : strchrnul(at, '/');
	char *to = scan->quoted;

	scan->deeper = *end != '\0' ? end : NULL;
	*to++ = '"';
	while (at < end) {
		if (*at == '~' && !bare)
			*to++ = *++at == '0' ? '~' : '/';
		else
			*to++ = *at;
		at++;
	}
	*to++ = '"';
	scan->quoted_bytes = (size_t)(to - scan->quoted);
}

/*
 * What the way by bits compares. A name with bytes that JSON escapes is never
 * met as it is, but `a":"` looks like a name and its value: where it begins, a
 * byte is expected then that no string holds.
 */
static void
quoted_prepare(struct sl_scan *scan)
{
	size_t bytes = scan->quoted_bytes, close = bytes - 1, i;

	memset(&scan->first_mask, 0xff, bytes < 8 ? bytes : 8);
	memcpy(&scan->first, scan->quoted, 8);
	scan->close_shift = close < 64 ? (unsigned)close : 63;
	scan->close_beyond = close < 64 ? ~(UINT64_MAX >> close) : UINT64_MAX;
	for (i = 1; i < close; i++)
		if (scan->quoted[i] == '"' || scan->quoted[i] == '\\')
			scan->quoted[1] = '\n';
}

int
sl_scan_new(struct sl_scan **scan, const char *pointer, struct sl_error *err)
{
	struct sl_scan *made;

	*scan = NULL;
	if (pointer != NULL && *pointer == '/' && !pointer_good(pointer))
		return sl_error_set(err, SL_EUSAGE,
		    "'%s' is no JSON Pointer: a '~' is written '~0'", pointer);
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		goto fail;
	made->way = sl_scan_ways;
	while (!made->way->supported())
		made->way++;
	if (pointer != NULL) {
		made->pointer = strdup(pointer);
		made->quoted = calloc(1, strlen(pointer) + 2 + 8);
		if (made->pointer == NULL || made->quoted == NULL)
			goto fail;
		pointer_split(made);
		quoted_prepare(made);
	}
	*scan = made;
	return SL_OK;

fail:
	sl_scan_free(made);
	return sl_error_set(err, SL_ENOMEM, "no memory for a scanner");
}

void
sl_scan_free(struct sl_scan *scan)
{
	if (scan == NULL)
		return;
	free(scan->pointer);
	free(scan->quoted);
	free(scan);
}

size_t
sl_scan_lines(struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used)
{
	assert(bytes == 0 || text[bytes - 1] == '\n');
	return scan->way->lines(scan, text, bytes, lines, lines_max, used);
}

static enum sl_scan_kind
line_kind(const char *line, size_t bytes)
{
	size_t byte, blanks;

	if (bytes == 0)
		return SL_SCAN_BLANK;
	if (sl_scan_explain(line, bytes, &byte) != NULL)
		return SL_SCAN_BAD;
	blanks = strspn(line, " \t\r");
	return line[blanks] == '{' ? SL_SCAN_OBJECT : SL_SCAN_VALUE;
}

size_t
sl_scan_line_plain(const struct sl_scan *scan, const char *text, size_t start,
    size_t bytes, struct sl_scan_line *line)
{
	const char *newline = memchr(text + start, '\n', bytes - start);
	size_t end = (size_t)(newline - text);

	*line = (struct sl_scan_line){
		.start = (uint32_t)start,
		.bytes = (uint32_t)(end - start),
		.kind = line_kind(text + start, end - start),
	};
	if (scan->pointer != NULL && line->kind <= SL_SCAN_VALUE)
		sl_scan_key_walk(scan, text, line);
	return end + 1;
}

/* The key is what the pointer leads to in this part of the line. */
static void
key_find(struct sl_scan_line *line, const char *text, size_t start,
    size_t bytes, const char *pointer)
{
	size_t value_bytes = 0;
	const char *value =
	    sl_json_find(text + start, bytes, pointer, &value_bytes);

	line->key_start = value != NULL ? (uint32_t)(value - text) : 0;
	line->key_bytes = value != NULL ? (uint32_t)value_bytes : 0;
}

void
sl_scan_key_walk(const struct sl_scan *scan, const char *text,
    struct sl_scan_line *line)
{
	key_find(line, text, line->start, line->bytes, scan->pointer);
}

void
sl_scan_key_deeper(const struct sl_scan *scan, const char *text,
    struct sl_scan_line *line)
{
	key_find(line, text, line->key_start, line->key_bytes, scan->deeper);
}
