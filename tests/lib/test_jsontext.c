/*
 * JSON texts known to be good: walked, searched by pointer, unescaped, quoted.
 */
#include "check.h"
#include "streamlog.h"

#include <string.h>

static void
check_find(const char *text, const char *pointer, const char *expected)
{
	static unsigned count;
	char shown[512];
	size_t bytes = 0;
	const char *found = sl_json_find(text, strlen(text), pointer, &bytes);
	bool same = expected == NULL
	                ? found == NULL
	                : found != NULL && bytes == strlen(expected) &&
	                      memcmp(found, expected, bytes) == 0;

	shown[sl_json_quote(text, strlen(text), shown)] = '\0';
	check(same, "find %u, in %s: %s", ++count, shown,
	    expected != NULL ? expected : "nowhere");
}

static void
test_find(void)
{
	static const char nested[] =
	    " {\"a\" : {\"b\":[10, {\"c\":null} ,[ ]]} , \"a/b\":1,\"m~n\":2,"
	    "\"\":3,\"0\":4,\"/\":5,\"e\":\"}\\\"]\"}\r";

	check_find("{\"a\":1}", "a", "1");
	check_find("{\"a\":1}", "/a", "1");
	check_find("{\"a\":1}", "b", NULL);
	check_find("{}", "a", NULL);
	check_find("{\"a\":1,\"a\":2}", "a", "2");
	check_find("{\"a\":{\"b\":1},\"a\":{\"c\":2}}", "/a/b", NULL);
	check_find("{\"a\":null}", "a", "null");
	check_find(nested, "a", "{\"b\":[10, {\"c\":null} ,[ ]]}");
	check_find(nested, "/a/b", "[10, {\"c\":null} ,[ ]]");
	check_find(nested, "/a/b/0", "10");
	check_find(nested, "/a/b/1/c", "null");
	check_find(nested, "/a/b/2", "[ ]");
	check_find(nested, "/a/b/2/0", NULL);
	check_find(nested, "/a/b/3", NULL);
	check_find(nested, "/a/b/-", NULL);
	check_find(nested, "/a/b/00", NULL);
	check_find(nested, "/a/b/01", NULL);
	check_find(nested, "/a/b/18446744073709551616", NULL);
	check_find(nested, "/a/b/0/c", NULL);
	check_find(nested, "a/b", "1");
	check_find(nested, "/a~1b", "1");
	check_find(nested, "m~n", "2");
	check_find(nested, "/m~0n", "2");
	check_find(nested, "/m~n", NULL);
	check_find("{\"m/\":1,\"m~\":2}", "/m~", "2");
	check_find(nested, "", "3");
	check_find(nested, "/", "3");
	check_find(nested, "/0", "4");
	check_find(nested, "/~1", "5");
	check_find(nested, "e", "\"}\\\"]\"");
	check_find("[1,[2,3]]", "/1/0", "2");
	check_find("[1,[2,3]]", "0", NULL);
	check_find("5", "/a", NULL);
	check_find("\"a\"", "a", NULL);
	check_find("{\"\\u0061\":1}", "a", "1");
	check_find("{\"\\u0061\\u00e9\\ud83d\\ude00\":1}",
	    "/a\xc3\xa9\xf0\x9f\x98\x80", "1");
	check_find("{\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\":1}", "a\"\\/\b\f\n\r\t",
	    "1");
	check_find("{\"\\ud800\":1}", "\xed\xa0\x80", NULL);
	check_find("{\"a\\u0000\":1}", "a", NULL);
	check_find("{\n\"a\":\n[\n1\n]\n}", "/a/0", "1");
}

static void
test_next(void)
{
	static const char object[] =
	    "{ \"a\" : 1 ,\"b\":[2,{}],\"c\":\"x,\\\"\"}";
	static const char *const names[] = { "\"a\"", "\"b\"", "\"c\"" };
	static const char *const values[] = { "1", "[2,{}]", "\"x,\\\"\"" };
	struct sl_json_member member;
	size_t at = 0, i;

	for (i = 0; i < 3; i++) {
		CHECK(sl_json_next(object, strlen(object), &at, &member));
		check(member.name_bytes == strlen(names[i]) &&
		          memcmp(member.name, names[i], member.name_bytes) ==
		              0 &&
		          member.value_bytes == strlen(values[i]) &&
		          memcmp(member.value, values[i], member.value_bytes) ==
		              0,
		    "member %s: %s", names[i], values[i]);
	}
	CHECK(!sl_json_next(object, strlen(object), &at, &member));
	CHECK(!sl_json_next(object, strlen(object), &at, &member));

	at = 0;
	CHECK(sl_json_next("[true , 2]", 10, &at, &member));
	CHECK(member.name == NULL && member.value_bytes == 4);
	CHECK(sl_json_next("[true , 2]", 10, &at, &member));
	CHECK(member.value_bytes == 1 && *member.value == '2');
	CHECK(!sl_json_next("[true , 2]", 10, &at, &member));
	at = 0;
	CHECK(!sl_json_next(" [ ] ", 5, &at, &member));
	at = 0;
	CHECK(!sl_json_next("17", 2, &at, &member));
}

static void
check_unescape(const char *raw, const char *expected, long bytes)
{
	char to[64];
	long length = sl_json_unescape(raw, strlen(raw), to);

	check(length == bytes &&
	          (bytes < 0 || memcmp(to, expected, (size_t)bytes) == 0),
	    "unescaped: %s", raw);
}

static void
test_unescape(void)
{
	check_unescape("\"\"", "", 0);
	check_unescape("\"plain\"", "plain", 5);
	check_unescape("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	check_unescape("\"a\\u0041\\u00e9b\"",
	    "aA\xc3\xa9"
	    "b",
	    5);
	check_unescape("\"\\u20AC\\uFfFf\"", "\xe2\x82\xac\xef\xbf\xbf", 6);
	check_unescape("\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!", 5);
	check_unescape("\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4);
	check_unescape("\"\\u0000\"", "\0", 1);
	check_unescape("\"\\ud800\"", NULL, -1);
	check_unescape("\"\\ud800x\"", NULL, -1);
	check_unescape("\"\\udc00\"", NULL, -1);
	check_unescape("\"\\ud800\\u0041\"", NULL, -1);
	check_unescape("\"\\ud800\\n12345\"", NULL, -1);
	check_unescape("\"\xd0\xba\\n\"", "\xd0\xba\n", 3);
}

static void
test_quote(void)
{
	static const char expected[] =
	    "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa9\"";
	static const char text[] = "a\"\\/\b\f\n\r\t\0\x1f\x7f\xc3\xa9";
	char to[6 * sizeof(text) + 2], back[6 * sizeof(text) + 2];
	size_t length = sl_json_quote(text, sizeof(text) - 1, to), i, byte;
	unsigned char all[128];
	char quoted[6 * sizeof(all) + 2];

	CHECK(length == sizeof(expected) - 1);
	CHECK(memcmp(to, expected, sizeof(expected) - 1) == 0);
	CHECK(sl_json_unescape(to, length, back) == (long)sizeof(text) - 1);
	CHECK(memcmp(back, text, sizeof(text) - 1) == 0);
	CHECK(sl_json_quote("", 0, to) == 2 && memcmp(to, "\"\"", 2) == 0);

	for (i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	length = sl_json_quote(all, sizeof(all), quoted);
	CHECK(sl_scan_explain(quoted, length, &byte) == NULL);
}

static void
test_pointer(void)
{
	static const char *const wrong[] = { "/~", "/a~", "/~2", "/a/b~x/c" };
	struct sl_error err;
	struct sl_scan *scan;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		check(sl_scan_new(&scan, wrong[i], &err) == SL_EUSAGE &&
		          scan == NULL,
		    "'%s' is no pointer", wrong[i]);
	}
	check(sl_scan_new(&scan, "a~2", &err) == SL_OK,
	    "but 'a~2' is a member's name");
	sl_scan_free(scan);
	sl_scan_free(NULL);
}

int
main(void)
{
	test_find();
	test_next();
	test_unescape();
	test_quote();
	test_pointer();
	return check_done();
}
