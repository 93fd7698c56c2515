/*
 * jsontext.c: walk, find, unescape and quote in JSON texts known to be good,
 * without building a tree.
 */
#include "scan.h"

#include <assert.h>
#include <string.h>

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end &&
	       (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

/* From the opening quote to behind the closing one. */
static const char *
skip_string(const char *at, const char *end)
{
	const char *quote, *back;

	at++;
	for (;;) {
		quote = memchr(at, '"', (size_t)(end - at));
		if (quote == NULL)
			return end;
		for (back = quote; back > at && back[-1] == '\\'; back--)
			;
		if ((quote - back) % 2 == 0)
			return quote + 1;
		at = quote + 1;
	}
}

/* From the opening bracket to behind the closing one. */
static const char *
skip_container(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return end;
}

const char *
sl_json_value_end(const char *value, const char *end)
{
	const char *at = value;

	if (at < end && *at == '"')
		return skip_string(at, end);
	if (at < end && (*at == '{' || *at == '['))
		return skip_container(at, end);
	while (at < end && *at != ',' && *at != '}' && *at != ']' &&
	       *at != ' ' && *at != '\t' && *at != '\r' && *at != '\n')
		at++;
	return at;
}

bool
sl_json_next(const char *text, size_t bytes, size_t *at,
    struct sl_json_member *member)
{
	const char *end = text + bytes;
	const char *here = skip_blanks(text, end);
	bool object;

	if (here == end || (*here != '{' && *here != '['))
		return false;
	object = *here == '{';
	if (*at == 0) {
		here = skip_blanks(here + 1, end);
	} else {
		here = skip_blanks(text + *at, end);
		if (here < end && *here == ',')
			here = skip_blanks(here + 1, end);
	}
	if (here == end || *here == '}' || *here == ']') {
		*at = (size_t)(here - text);
		return false;
	}
	*member = (struct sl_json_member){ 0 };
	if (object) {
		member->name = here;
		here = skip_string(here, end);
		member->name_bytes = (size_t)(here - member->name);
		here = skip_blanks(here, end);
		here = skip_blanks(here + (here < end), end); /* the colon */
	}
	member->value = here;
	here = sl_json_value_end(here, end);
	member->value_bytes = (size_t)(here - member->value);
	*at = (size_t)(here - text);
	return true;
}

static unsigned
hex_value(char digit)
{
	if (digit <= '9')
		return (unsigned)(digit - '0');
	return (unsigned)((digit | 0x20) - 'a') + 10;
}

static unsigned
hex4(const char *at)
{
	return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 |
	       hex_value(at[2]) << 4 | hex_value(at[3]);
}

static size_t
utf8_put(unsigned point, char to[4])
{
	if (point < 0x80) {
		to[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		to[0] = (char)(0xc0 | point >> 6);
		to[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		to[0] = (char)(0xe0 | point >> 12);
		to[1] = (char)(0x80 | (point >> 6 & 0x3f));
		to[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | point >> 18);
	to[1] = (char)(0x80 | (point >> 12 & 0x3f));
	to[2] = (char)(0x80 | (point >> 6 & 0x3f));
	to[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

/*
 * The character that the escape at **at stands for, as UTF-8; steps over it.
 * Returns its length; 0: a lone surrogate, which has no such form.
 */
static size_t
unescape_one(const char **at, const char *end, char to[4])
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *escape = *at;
	unsigned point, low;

	if (escape[1] != 'u') {
		*at += 2;
		to[0] = into[strchr(from, escape[1]) - from];
		return 1;
	}
	*at += 6;
	point = hex4(escape + 2);
	if (point < 0xd800 || point > 0xdfff)
		return utf8_put(point, to);
	if (point > 0xdbff || end - *at < 6 || (*at)[0] != '\\' ||
	    (*at)[1] != 'u')
		return 0;
	low = hex4(*at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*at += 6;
	return utf8_put(0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00),
	    to);
}

long
sl_json_unescape(const char *raw, size_t bytes, char *to)
{
	const char *at = raw + 1, *end = raw + bytes - 1, *escape;
	char *out = to;
	size_t plain, length;

	assert(bytes >= 2 && raw[0] == '"');
	for (;;) {
		escape = memchr(at, '\\', (size_t)(end - at));
		plain = (size_t)((escape != NULL ? escape : end) - at);
		memmove(out, at, plain);
		out += plain;
		if (escape == NULL)
			return out - to;
		at = escape;
		length = unescape_one(&at, end, out);
		if (length == 0)
			return -1;
		out += length;
	}
}

size_t
sl_json_quote(const void *text, size_t bytes, char *to)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	const unsigned char *at = text;
	const char *known;
	char *out = to;
	size_t i;

	*out++ = '"';
	for (i = 0; i < bytes; i++) {
		if (at[i] >= 0x20 && at[i] != '"' && at[i] != '\\') {
			*out++ = (char)at[i];
			continue;
		}
		known = at[i] != '\0' ? strchr(from, at[i]) : NULL;
		*out++ = '\\';
		if (known != NULL) {
			*out++ = into[known - from];
			continue;
		}
		memcpy(out, "u00", 3);
		out[3] = hex[at[i] >> 4];
		out[4] = hex[at[i] & 15];
		out += 5;
	}
	*out++ = '"';
	return (size_t)(out - to);
}

/*
 * One name of a pointer, as it stands there: in a JSON Pointer "~1" means '/'
 * and "~0" means '~', in a bare name nothing does.
 */
struct step {
	const char *at;
	const char *end;
	bool bare;
};

/* Take `bytes` of text off the step; false: it goes on with something else. */
static bool
step_take(struct step *step, const char *text, size_t bytes)
{
	char want;
	size_t i;

	for (i = 0; i < bytes; i++) {
		if (step->at == step->end)
			return false;
		want = *step->at++;
		if (want == '~' && !step->bare && step->at < step->end)
			want = *step->at++ == '0' ? '~' : '/';
		if (want != text[i])
			return false;
	}
	return true;
}

/* Is this raw string, once unescaped, the step's name? */
static bool
step_is(struct step step, const char *raw, size_t bytes)
{
	const char *at = raw + 1, *end = raw + bytes - 1;
	char character[4];
	size_t length;

	while (at < end) {
		if (*at == '\\') {
			length = unescape_one(&at, end, character);
			if (length == 0 || !step_take(&step, character, length))
				return false;
		} else if (!step_take(&step, at++, 1)) {
			return false;
		}
	}
	return step.at == step.end;
}

/* The step as the index of an element: digits without a leading 0. */
static bool
step_index(const struct step *step, size_t *index)
{
	const char *at;

	if (step->at == step->end || step->end - step->at > 18 ||
	    (*step->at == '0' && step->end - step->at > 1))
		return false;
	*index = 0;
	for (at = step->at; at < step->end; at++) {
		if (*at < '0' || *at > '9')
			return false;
		*index = *index * 10 + (size_t)(*at - '0');
	}
	return true;
}

/* One step down from `text`; NULL where it leads nowhere. */
static const char *
step_down(const struct step *step, const char *text, size_t bytes,
    size_t *value_bytes)
{
	struct sl_json_member member;
	const char *found = NULL;
	size_t at = 0, count = 0, index = 0;
	bool indexed = !step->bare && step_index(step, &index);

	while (sl_json_next(text, bytes, &at, &member)) {
		if (member.name != NULL
		        ? !step_is(*step, member.name, member.name_bytes)
		        : !indexed || count++ != index)
			continue;
		found = member.value;
		*value_bytes = member.value_bytes;
		if (member.name == NULL)
			break;
	}
	return found;
}

const char *
sl_json_find(const char *text, size_t bytes, const char *pointer,
    size_t *value_bytes)
{
	struct step step = { pointer, strchr(pointer, '\0'), true };

	*value_bytes = bytes;
	if (*pointer != '/')
		text = step_down(&step, text, bytes, value_bytes);
	while (text != NULL && *pointer == '/') {
		step.bare = false;
		step.at = pointer + 1;
		step.end = pointer = strchrnul(step.at, '/');
		text = step_down(&step, text, *value_bytes, value_bytes);
	}
	if (text == NULL)
		*value_bytes = 0;
	return text;
}
