/*
 * The JSON scanner: what is good and what is bad, why, and which key; each way
 * to scan at each place of a block, and on mutations without number, against
 * the exact check.
 */
#include "check.h"
#include "json_cases.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 4096 };

static struct sl_scan_line lines[LINES_MAX];

static const struct sl_scan_way *
way_last(void)
{
	const struct sl_scan_way *way = sl_scan_ways;

	while (strcmp(way->name, "plain") != 0)
		way++;
	return way;
}

static struct sl_scan *
scan_made(const char *pointer)
{
	struct sl_error err;
	struct sl_scan *scan;

	if (sl_scan_new(&scan, pointer, &err) != SL_OK) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return scan;
}

/*
 * The text in memory of its own with just the padding that is asked for, which
 * is filled with what would do the most harm.
 */
static char *
padded(const char *text, size_t bytes)
{
	char *copy = malloc(bytes + SL_SCAN_PADDING);
	size_t i;

	if (copy == NULL)
		abort();
	memcpy(copy, text, bytes);
	for (i = 0; i < SL_SCAN_PADDING; i++)
		copy[bytes + i] = "\"\\{\xff\n}1["[i % 8];
	return copy;
}

static bool
same_lines(const struct sl_scan *scan, const char *text,
    const struct sl_scan_line *line)
{
	const char *start = text + line->start, *key = NULL;
	size_t byte, key_bytes = 0;
	const char *why = sl_scan_explain(start, line->bytes, &byte);

	if ((why == NULL) != (line->kind <= SL_SCAN_VALUE))
		return false;
	if ((line->kind == SL_SCAN_BLANK) != (line->bytes == 0))
		return false;
	if (why == NULL && (line->kind == SL_SCAN_OBJECT) !=
	                       (start[strspn(start, " \t\r")] == '{'))
		return false;
	if (why == NULL && scan->pointer != NULL)
		key =
		    sl_json_find(start, line->bytes, scan->pointer, &key_bytes);
	if (key == NULL)
		return line->key_bytes == 0;
	return line->key_start == (size_t)(key - text) &&
	       line->key_bytes == key_bytes;
}

/*
 * Scan the text by one way, at most `lines_max` lines a call: does each line
 * come, with the verdict and the key that the slow functions give?
 */
static bool
way_agrees(const struct sl_scan *scan, const struct sl_scan_way *way,
    const char *text, size_t bytes, size_t lines_max)
{
	char *copy = padded(text, bytes);
	size_t at = 0, used, count, i;
	const char *newline, *rest;
	bool good = true;

	while (good && at < bytes) {
		rest = copy + at;
		count =
		    way->lines(scan, rest, bytes - at, lines, lines_max, &used);
		good = count > 0;
		for (i = 0; i < count && good; i++) {
			newline = memchr(copy + at, '\n', bytes - at);
			good =
			    newline != NULL &&
			    rest + lines[i].start == copy + at &&
			    rest + lines[i].start + lines[i].bytes == newline &&
			    same_lines(scan, rest, &lines[i]);
			if (!good)
				printf("# %s, pointer %s, line %.*s\n",
				    way->name,
				    scan->pointer ? scan->pointer : "none",
				    (int)(newline - copy - (long)at),
				    copy + at);
			at = (size_t)(newline + 1 - copy);
		}
		good = good && rest + used == copy + at;
	}
	free(copy);
	return good;
}

static bool
ways_agree(const struct sl_scan *scan, const char *text, size_t bytes,
    size_t lines_max)
{
	const struct sl_scan_way *way, *last = way_last();

	for (way = sl_scan_ways; way <= last; way++)
		if (way->supported() &&
		    !way_agrees(scan, way, text, bytes, lines_max))
			return false;
	return true;
}

enum {
	GOOD_COUNT = sizeof(json_good) / sizeof(json_good[0]),
	BAD_COUNT = sizeof(json_bad) / sizeof(json_bad[0]),
};

static void
test_tables(void)
{
	const char *why;
	size_t i, byte;

	for (i = 0; i < GOOD_COUNT; i++) {
		why =
		    sl_scan_explain(json_good[i], strlen(json_good[i]), &byte);
		if (why != NULL)
			printf("# %s: byte %zu: %s\n", json_good[i], byte, why);
		check(why == NULL, "good text %zu is good", i);
	}
	for (i = 0; i < BAD_COUNT; i++) {
		byte = 0;
		why =
		    sl_scan_explain(json_bad[i].text, json_bad[i].bytes, &byte);
		if (why != NULL && (byte != json_bad[i].byte ||
		                       strcmp(why, json_bad[i].why) != 0))
			printf("# %s: byte %zu: %s\n", json_bad[i].text, byte,
			    why);
		check(why != NULL && byte == json_bad[i].byte &&
		          strcmp(why, json_bad[i].why) == 0,
		    "bad text %zu: byte %zu: %s", i, json_bad[i].byte,
		    json_bad[i].why);
	}
	why = sl_scan_explain("", 0, &byte);
	check(why != NULL && byte == 1, "no bytes are no JSON");
	why = sl_scan_explain("{\n\"a\":\n1\n}\n", 11, &byte);
	check(why == NULL, "explain takes newlines as blanks");
	why = sl_scan_explain("\"a\nb\"", 5, &byte);
	check(why != NULL && byte == 3, "but not in a string");
}

/* Each text of the tables at each place of a block, between good lines. */
static void
test_places(const char *pointer)
{
	struct sl_scan *scan = scan_made(pointer);
	char text[512];
	size_t i, shift, bytes, length;
	bool agree = true;

	for (i = 0; i < GOOD_COUNT + BAD_COUNT && agree; i++)
		for (shift = 0; shift < 66 && agree; shift++) {
			bytes = (size_t)snprintf(text, sizeof(text),
			    "{\"a\":\"%*s\"}\n", (int)shift, "");
			length = i < GOOD_COUNT
			             ? strlen(json_good[i])
			             : json_bad[i - GOOD_COUNT].bytes;
			memcpy(text + bytes,
			    i < GOOD_COUNT ? json_good[i]
			                   : json_bad[i - GOOD_COUNT].text,
			    length);
			bytes += length;
			memcpy(text + bytes, "\n{\"a\":1}\n", 9);
			bytes += 9;
			agree = ways_agree(scan, text, bytes, LINES_MAX) &&
			        ways_agree(scan, text, bytes, 1);
		}
	check(agree, "all ways agree at all places, pointer %s",
	    pointer != NULL ? pointer : "none");
	sl_scan_free(scan);
}

static void
test_depth(void)
{
	static char text[3 * SL_SCAN_DEPTH_MAX + 64];
	struct sl_scan *scan = scan_made(NULL);
	size_t depth, byte = 0, bytes, i;
	const char *why;
	bool agree = true;

	for (depth = 1; depth <= SL_SCAN_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		memcpy(text + 2 * depth, "\n[1]\n", 6);
		agree =
		    agree && ways_agree(scan, text, 2 * depth + 5, LINES_MAX);
	}
	/* The outermost, an array, is closed as what is inside it. */
	for (depth = 60; depth < 70; depth++) {
		bytes = 0;
		text[bytes++] = '[';
		for (i = 0; i < depth; i++, bytes += 5)
			memcpy(text + bytes, "{\"a\":", 5);
		text[bytes++] = '1';
		memset(text + bytes, '}', depth + 1);
		bytes += depth + 1;
		text[bytes++] = '\n';
		agree = agree && ways_agree(scan, text, bytes, LINES_MAX);
	}
	check(agree, "all ways agree at all depths");
	memset(text, '[', sizeof(text));
	why = sl_scan_explain(text, 600, &byte);
	check(why != NULL && strcmp(why, "nested deeper than 512") == 0 &&
	          byte == 513,
	    "the 513th bracket is too deep");
	memset(text + 512, ']', 512);
	CHECK(sl_scan_explain(text, 1024, &byte) == NULL);
	sl_scan_free(scan);
}

static uint64_t random_state = 1;

/* Below `limit`. */
static size_t
random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)((random_state >> 11) % limit);
}

static const char *const seeds[] = {
	"{\"id\":123456,\"user\":\"u1234\",\"action\":\"click\",\"amount\":12."
	"5,"
	"\"ok\":true,\"tags\":[\"a\",\"b\"],\"ts\":\"2026-11-22T13:40:00Z\"}",
	"{\"a\":{\"b\":[1,-2,3.5e7,{\"c\":null}]},\"d\":[],\"user\":{},\"e\":"
	"0}",
	"{\"user\":\"\\u0041\\\\\\\"\\n\",\"\\u0075ser\":1,\"x\":[[[]],[[1]]]}",
	"{ \"user\" : 1 ,\t\"b\" : [ 1 , 2 ] , \"c\" : { \"user\" : 3 } }\r",
	"{\"t\":\"\xd0\xbf\xd1\x80\xd0\xb8 \xe2\x82\xac\xf0\x9f\x98\x80\","
	"\"user\":\"\xc3\xa9\",\"u\":"
	"\"\xed\x9f\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf\"}",
	"[0,1,-1,0.5,-0.25,1e5,123456789012345,true,false,null,\"\"]",
	"{\"m\":\"a long text, such as logs have, of which a whole block may "
	"be in one string, and more than one, so that it is skipped: "
	"0123456789 "
	"abcdefghijklmnopqrstuvwxyz\",\"user\":[{\"a\":1},2],\"user\":7}",
	"123",
	"\"x\"",
	"",
	"{}",
	"[]",
	"-1.5",
	"true",
	"[[[[{\"a\":[{\"b\":{}}]},[{}]]]],{}]",
	"{\"a\":1}",
	"  {}  ",
};

/* A line: a seed with up to `count` bytes changed, dropped, doubled, put in. */
static size_t
line_mutated(char *to, size_t count)
{
	static const char likely[] = "{}[],:\"\\ \t\r0123.eE+-tfnu/x\x80\xc3"
	                             "\xa9\xe2\xed\xf0\xf4\xbf\x01";
	const char *seed = seeds[random_below(sizeof(seeds) / sizeof(*seeds))];
	size_t bytes = strlen(seed), place, span;
	char byte;

	memcpy(to, seed, bytes);
	for (; count > 0; count--) {
		place = random_below(bytes + 1);
		byte = random_below(8) == 0
		           ? (char)random_below(256)
		           : likely[random_below(sizeof(likely) - 1)];
		if (byte == '\n')
			continue;
		switch (random_below(4)) {
		case 0: /* change */
			if (place < bytes)
				to[place] = byte;
			break;
		case 1: /* drop */
			span = random_below(4);
			if (place + span > bytes)
				break;
			memmove(to + place, to + place + span,
			    bytes - place - span);
			bytes -= span;
			break;
		case 2: /* double */
			span = random_below(20);
			if (place + span > bytes || bytes > 600)
				break;
			memmove(to + place + span, to + place, bytes - place);
			bytes += span;
			break;
		default: /* put in */
			memmove(to + place + 1, to + place, bytes - place);
			to[place] = byte;
			bytes++;
		}
	}
	return bytes;
}

static void
test_mutations(const char *pointer, unsigned rounds)
{
	enum { LINE_ROOM = 1024, LINES = 24 };
	static char text[LINES * LINE_ROOM];
	struct sl_scan *scan = scan_made(pointer);
	size_t bytes, i;
	bool agree = true;

	for (; rounds > 0 && agree; rounds--) {
		bytes = 0;
		for (i = 0; i < LINES; i++) {
			bytes += line_mutated(text + bytes,
			    random_below(3) == 0 ? random_below(4) : 0);
			text[bytes++] = '\n';
		}
		agree = ways_agree(scan, text, bytes,
		    random_below(4) == 0 ? 1 + random_below(5) : LINES_MAX);
	}
	check(agree, "all ways agree on mutations, pointer %s",
	    pointer != NULL ? pointer : "none");
	sl_scan_free(scan);
}

int
main(void)
{
	static const char *const pointers[] = { NULL, "user", "/user", "a", "",
		"a\":\"", "/a/b/3/c", "/3", "/user/0/a", "user\"", "x",
		"a name that is much longer than a block, so that nothing of "
		"the kind can be seen in one" };
	size_t i;

	test_tables();
	test_depth();
	for (i = 0; i < sizeof(pointers) / sizeof(*pointers); i++) {
		test_places(pointers[i]);
		test_mutations(pointers[i], i < 3 ? 5000 : 1000);
	}
	return check_done();
}
