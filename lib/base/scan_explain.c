/*
 * scan_explain.c: the exact check of one JSON text, by RFC 8259 with UTF-8 by
 * RFC 3629. It alone decides what is bad, says where and why, and is the whole
 * scanner on machines that have no faster way. No recursion, no allocation.
 */
#include "scan.h"

#include <endian.h>
#include <string.h>

/* Each check moves `at`: behind what it took, or to the byte that is wrong. */
struct check {
	const unsigned char *at;
	const unsigned char *end;
	unsigned depth;
	uint64_t arrays[SL_SCAN_DEPTH_MAX / 64]; /* a bit a level: an array? */
};

static const char not_utf8[] = "not UTF-8";
static const char ends_in_string[] = "the line ends inside a string";
static const char ends_in_number[] = "the line ends inside a number";

static inline bool
is_digit(const struct check *check)
{
	return check->at < check->end && *check->at >= '0' && *check->at <= '9';
}

static inline void
skip_digits(struct check *check)
{
	while (is_digit(check))
		check->at++;
}

static inline void
skip_blanks(struct check *check)
{
	while (check->at < check->end &&
	       (*check->at == ' ' || *check->at == '\t' || *check->at == '\r' ||
	           *check->at == '\n'))
		check->at++;
}

static inline bool
in_array(const struct check *check)
{
	unsigned level = check->depth - 1;

	return check->arrays[level / 64] >> (level % 64) & 1;
}

/* The length of the UTF-8 sequence at `at`, 2 to 4 bytes; 0: there is none. */
static size_t
utf8_length(const unsigned char *at, const unsigned char *end)
{
	unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t length, i;

	if (*at < 0xc2 || *at > 0xf4)
		return 0;
	length = *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
	if ((size_t)(end - at) < length)
		return 0;
	if (*at == 0xe0)
		low = 0xa0;
	else if (*at == 0xed)
		high = 0x9f;
	else if (*at == 0xf0)
		low = 0x90;
	else if (*at == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static bool
is_hex(unsigned char byte)
{
	return (byte >= '0' && byte <= '9') ||
	       ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
}

/* At a backslash. */
static const char *
check_escape(struct check *check)
{
	int digits;

	check->at++;
	if (check->at == check->end)
		return ends_in_string;
	if (*check->at == '\0' || !strchr("\"\\/bfnrtu", *check->at))
		return "no such escape in a string";
	if (*check->at++ != 'u')
		return NULL;
	for (digits = 0; digits < 4; digits++, check->at++) {
		if (check->at == check->end)
			return ends_in_string;
		if (!is_hex(*check->at))
			return "expected four hex digits after '\\u'";
	}
	return NULL;
}

/*
 * Step over what needs no look: eight bytes at a time while none of them is a
 * quote, a backslash, a control character or beyond ASCII.
 */
static inline void
skip_plain(struct check *check)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word, rare;

	while (check->end - check->at >= 8) {
		memcpy(&word, check->at, sizeof(word));
		word = le64toh(word);
		rare = (word - ones * 0x20) | ((word ^ ones * '"') - ones) |
		       ((word ^ ones * '\\') - ones) | word;
		rare &= ones * 0x80;
		if (rare != 0) { /* a borrow can only mark bytes behind it */
			check->at += __builtin_ctzll(rare) / 8;
			return;
		}
		check->at += 8;
	}
}

/* At the opening quote. */
static const char *
check_string(struct check *check)
{
	const char *why;
	size_t length;

	check->at++;
	for (;;) {
		skip_plain(check);
		if (check->at == check->end)
			return ends_in_string;
		if (*check->at == '"') {
			check->at++;
			return NULL;
		}
		if (*check->at == '\\') {
			why = check_escape(check);
			if (why != NULL)
				return why;
		} else if (*check->at < 0x20) {
			return "a control character in a string";
		} else if (*check->at < 0x80) {
			check->at++;
		} else {
			length = utf8_length(check->at, check->end);
			if (length == 0)
				return not_utf8;
			check->at += length;
		}
	}
}

/* At least one digit. */
static const char *
check_digits(struct check *check, const char *why)
{
	if (check->at == check->end)
		return ends_in_number;
	if (!is_digit(check))
		return why;
	skip_digits(check);
	return NULL;
}

/* At what may be an 'e'. */
static const char *
check_exponent(struct check *check)
{
	if (check->at == check->end || (*check->at | 0x20) != 'e')
		return NULL;
	check->at++;
	if (check->at < check->end && (*check->at == '+' || *check->at == '-'))
		check->at++;
	return check_digits(check, "expected a digit in the exponent");
}

/* At a minus sign or a digit. */
static const char *
check_number(struct check *check)
{
	const char *why = NULL;

	if (*check->at == '-')
		check->at++;
	if (check->at < check->end && *check->at == '0') {
		check->at++;
		if (is_digit(check)) {
			check->at--;
			return "a number begins with 0";
		}
	} else {
		why = check_digits(check, "expected a digit after '-'");
	}
	if (why == NULL && check->at < check->end && *check->at == '.') {
		check->at++;
		why = check_digits(check, "expected a digit after the point");
	}
	return why == NULL ? check_exponent(check) : why;
}

/* true, false or null, up to the first byte that differs. */
static const char *
check_word(struct check *check, const char *word)
{
	for (; *word != '\0'; word++, check->at++) {
		if (check->at == check->end)
			return "the line ends inside a word";
		if (*check->at != (unsigned char)*word)
			return "expected 'true', 'false' or 'null'";
	}
	return NULL;
}

/* What to say of a byte that can't stand here, where `what` was expected. */
static const char *
unexpected(const struct check *check, const char *what)
{
	if (check->at == check->end)
		return check->depth == 0 ? "the line is blank"
		       : in_array(check) ? "the line ends inside an array"
		                         : "the line ends inside an object";
	if (*check->at == '\0')
		return "a NUL byte";
	if (*check->at >= 0x80 && utf8_length(check->at, check->end) == 0)
		return not_utf8;
	return what;
}

/* A string, number or word. */
static const char *
check_scalar(struct check *check)
{
	if (check->at == check->end)
		return unexpected(check, "");
	switch (*check->at) {
	case '"':
		return check_string(check);
	case 't':
		return check_word(check, "true");
	case 'f':
		return check_word(check, "false");
	case 'n':
		return check_word(check, "null");
	case '-':
		return check_number(check);
	case '+':
		return "a number begins with '+'";
	case '.':
		return "a number begins with a point";
	default:
		if (is_digit(check))
			return check_number(check);
		return unexpected(check, "expected a value");
	}
}

/* A member's name and its colon, up to the value. */
static const char *
check_name(struct check *check)
{
	const char *why;

	if (check->at == check->end || *check->at != '"')
		return unexpected(check, "expected a name in double quotes");
	why = check_string(check);
	if (why != NULL)
		return why;
	skip_blanks(check);
	if (check->at == check->end || *check->at != ':')
		return unexpected(check, "expected ':' after the name");
	check->at++;
	skip_blanks(check);
	return NULL;
}

/*
 * At '{' or '[': go in, up to its first value. *closed: it was empty, and was
 * left again.
 */
static const char *
check_open(struct check *check, bool *closed)
{
	bool array = *check->at == '[';
	uint64_t *word, bit;

	if (check->depth == SL_SCAN_DEPTH_MAX)
		return "nested deeper than 512";
	word = &check->arrays[check->depth / 64];
	bit = UINT64_C(1) << (check->depth % 64);
	*word = array ? *word | bit : *word & ~bit;
	check->depth++;
	check->at++;
	skip_blanks(check);
	*closed = check->at < check->end && *check->at == (array ? ']' : '}');
	if (*closed) {
		check->at++;
		check->depth--;
		return NULL;
	}
	return array ? NULL : check_name(check);
}

/*
 * Behind a value: close what ends here, up to the next value. *done: there is
 * none, the text is over.
 */
static const char *
check_next(struct check *check, bool *done)
{
	bool array;

	for (;;) {
		skip_blanks(check);
		*done = check->depth == 0 && check->at == check->end;
		if (*done)
			return NULL;
		if (check->depth == 0)
			return unexpected(check, "something follows the value");
		array = in_array(check);
		if (check->at < check->end && *check->at == ',') {
			check->at++;
			skip_blanks(check);
			return array ? NULL : check_name(check);
		}
		if (check->at == check->end ||
		    *check->at != (array ? ']' : '}'))
			return unexpected(check,
			    array ? "expected a comma or ']'"
			          : "expected a comma or '}'");
		check->at++;
		check->depth--;
	}
}

static const char *
check_text(struct check *check)
{
	const char *why;
	bool done, closed;

	if (check->end - check->at >= 3 &&
	    memcmp(check->at, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark";
	skip_blanks(check);
	for (;;) {
		closed = true;
		if (check->at < check->end &&
		    (*check->at == '{' || *check->at == '['))
			why = check_open(check, &closed);
		else
			why = check_scalar(check);
		if (why == NULL && closed) {
			why = check_next(check, &done);
			if (why == NULL && done)
				return NULL;
		}
		if (why != NULL)
			return why;
	}
}

const char *
sl_scan_explain(const char *line, size_t bytes, size_t *byte)
{
	const unsigned char *start = (const unsigned char *)line;
	struct check check;
	const char *why;

	check.at = start;
	check.end = start + bytes;
	check.depth = 0;
	why = check_text(&check);
	if (why != NULL)
		*byte = (size_t)(check.at - start) + 1;
	return why;
}

bool
sl_scan_exponent_good(const char *at, const char *end)
{
	struct check check;

	check.at = (const unsigned char *)at;
	check.end = (const unsigned char *)end;
	if (check_exponent(&check) != NULL || check.at == (const void *)at)
		return false;
	return check.at == check.end ||
	       (*check.at != '\0' &&
	           strchr(" \t\r\n,:[]{}\"", *check.at) != NULL);
}

bool
sl_scan_escape_good(const char *at, const char *end)
{
	struct check check;

	check.at = (const unsigned char *)at;
	check.end = (const unsigned char *)end;
	return check_escape(&check) == NULL;
}
