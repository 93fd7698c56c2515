/*
 * streamlog_text.h: the words of the front door: numbers, times and JSON as
 * people write them, rows of JSON, and the scanner of the hot path. A part of
 * streamlog.h, which includes it; include that.
 */
#ifndef STREAMLOG_TEXT_H
#define STREAMLOG_TEXT_H

#ifndef STREAMLOG_H
#error "include streamlog.h, which includes this"
#endif

/* ---- Words: numbers, times and JSON as people write them ---- */

/* "64MiB", "1GB", "1048588", "4k" (k, M, G, T are 1024s as in dd(1)). */
SL_MUST_USE int sl_parse_size(const char *text, int64_t *bytes,
    struct sl_error *err);

/* "250ms", "30s", "5m", "2h", "7d", "1w"; a bare number counts `unit_ms`. */
SL_MUST_USE int sl_parse_duration(const char *text, int64_t unit_ms,
    int64_t *ms, struct sl_error *err);

/*
 * A point in time in ms since 1970: "@1546300800" and "@1546300800.123"
 * (seconds), a bare number of at least 11 digits (ms, as kcat's), ISO 8601 to
 * any precision ("2026-11-22", "2026-11-22T10:00", "2026-11-22 10:00:00.5",
 * "...Z", "...+01:00"; local time where no zone is said), "now", "today",
 * "yesterday", "tomorrow", and "-2h" or "2h ago" counted back from `now_ms`.
 */
SL_MUST_USE int sl_parse_time(const char *text, int64_t now_ms, int64_t *ms,
    struct sl_error *err);

/* RFC 3339 in UTC with ms: "2026-11-22T13:40:00.123Z". */
#define SL_TIME_TEXT_SIZE 32
void sl_format_time(int64_t ms, char text[SL_TIME_TEXT_SIZE]);

/* "512 B", "3.1 GiB"; "64 MiB". */
#define SL_SIZE_TEXT_SIZE 24
void sl_format_size(uint64_t bytes, char text[SL_SIZE_TEXT_SIZE]);

/* Milliseconds since 1970 (CLOCK_REALTIME), and since boot (never steps). */
int64_t sl_now_ms(void);
int64_t sl_monotonic_ms(void);

/* Is every byte of `text` part of well-formed UTF-8 (RFC 3629)? */
bool sl_utf8_valid(const void *text, size_t bytes);

/* Base64 (RFC 4648 section 4, padded). `to` holds SL_BASE64_SIZE(bytes). */
#define SL_BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)
size_t sl_base64_encode(const void *from, size_t bytes, char *to);
/* Returns the bytes written to `to` (bytes / 4 * 3 hold all), or -1. */
SL_MUST_USE long sl_base64_decode(const char *from, size_t bytes, void *to);

/* Does a shell glob (`*`, `?`, `[...]`) match? Is it one at all? */
bool sl_glob_match(const char *pattern, const char *name);
bool sl_glob_is(const char *text);

/* A JSON object to print, one row of `--json`: members in the order added. */
struct sl_json;
SL_MUST_USE struct sl_json *sl_json_object(void); /* NULL: no memory */
void sl_json_free(struct sl_json *object);
/* Values: text (NULL: null), a whole number, true or false, another object. */
void sl_json_add_text(struct sl_json *object, const char *name,
    const char *text);
void sl_json_add_bytes(struct sl_json *object, const char *name,
    const void *text, size_t bytes); /* UTF-8; may hold NULs */
void sl_json_add_int(struct sl_json *object, const char *name, int64_t value);
void sl_json_add_bool(struct sl_json *object, const char *name, bool value);
void sl_json_add_null(struct sl_json *object, const char *name);
void sl_json_add_object(/* takes `member` over */
    struct sl_json *object, const char *name, struct sl_json *member);
/* The text on one line, without newline; free(3) it. NULL: no memory. */
SL_MUST_USE char *sl_json_print(const struct sl_json *object);

/* ---- The JSON scanner of the hot path ---- */

/* What a line is. */
enum sl_scan_kind {
	SL_SCAN_OBJECT, /* a JSON object */
	SL_SCAN_VALUE,  /* another JSON value */
	SL_SCAN_BLANK,  /* no bytes at all */
	SL_SCAN_BAD,    /* not JSON: ask sl_scan_explain() */
};

/*
 * One line of a scanned text. `start` is a position in the text, `bytes` its
 * length without the newline. The key is the raw JSON text of the value that
 * the scanner's pointer leads to (a string with its quotes and escapes);
 * key_bytes 0: the pointer leads nowhere here.
 */
struct sl_scan_line {
	uint32_t start;
	uint32_t bytes;
	uint32_t key_start;
	uint32_t key_bytes;
	enum sl_scan_kind kind;
};

/* Bytes behind the text that must be readable (their values don't matter). */
#define SL_SCAN_PADDING 64
/* Nesting that is taken; what is deeper is bad. */
#define SL_SCAN_DEPTH_MAX 512

struct sl_scan;

/*
 * A scanner that validates lines by RFC 8259 with UTF-8 by RFC 3629, and finds
 * the value at `pointer`: a JSON Pointer (RFC 6901) where it begins with '/',
 * else the name of a top-level member; NULL: none. Of members that repeat a
 * name the last counts, as in jq(1). An escaped lone surrogate is taken.
 * SL_EUSAGE where the pointer is none.
 */
SL_MUST_USE int sl_scan_new(struct sl_scan **scan, const char *pointer,
    struct sl_error *err);
void sl_scan_free(struct sl_scan *scan);

/*
 * Scan `text`, which consists of whole lines (its last byte is a newline; at
 * most 2^31 bytes, SL_SCAN_PADDING readable behind it). Fills up to `lines_max`
 * lines and returns how many; *used is set to the bytes these lines took.
 * A bad line costs itself alone. No allocation.
 */
size_t sl_scan_lines(struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used);

/*
 * Why a line is bad: fills *byte (counted from 1, in the line) and returns a
 * phrase such as "the line ends inside an object" or "not UTF-8"; NULL where
 * the line is good JSON. Slow path; `line` has no newline at its end, but is
 * taken as a JSON text of any bytes, newlines among them.
 */
const char *sl_scan_explain(const char *line, size_t bytes, size_t *byte);

/*
 * Find the value at `pointer` (as for sl_scan_new) in a JSON text known to be
 * good. Returns its raw text and *value_bytes; NULL where it leads nowhere.
 */
const char *sl_json_find(const char *text, size_t bytes, const char *pointer,
    size_t *value_bytes);

/*
 * Step over the members of an object, or the elements of an array, in a JSON
 * text known to be good. `at` starts as 0 and is the walk's place. Returns
 * false at the end. For arrays name is NULL. All views point into `text`.
 */
struct sl_json_member {
	const char *name; /* raw, with quotes; NULL in an array */
	size_t name_bytes;
	const char *value; /* raw JSON text */
	size_t value_bytes;
};
bool sl_json_next(const char *text, size_t bytes, size_t *at,
    struct sl_json_member *member);

/*
 * The text of a raw JSON string (with its quotes) unescaped into `to`, which
 * holds at least `bytes`. Returns its length, or -1 where an escaped lone
 * surrogate has no UTF-8 form.
 */
SL_MUST_USE long sl_json_unescape(const char *raw, size_t bytes, char *to);

/*
 * The text as a JSON string with quotes, escaping only what RFC 8259 asks for;
 * `to` holds 6 * bytes + 2. Returns the length (no NUL is added).
 */
size_t sl_json_quote(const void *text, size_t bytes, char *to);

#endif
