/* test_words.c: numbers, times, text and JSON rows as people write them. */
#include "check.h"
#include "clock.h"
#include "streamlog.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The test owns the clock: see clock.h. */
static int64_t realtime_ms = INT64_C(1546300800123);
static int64_t boottime_ms = 4711;

int64_t
sl_clock_read(clockid_t clock)
{
	return clock == CLOCK_REALTIME ? realtime_ms : boottime_ms;
}

static void
test_clock(void)
{
	CHECK(sl_now_ms() == INT64_C(1546300800123));
	CHECK(sl_monotonic_ms() == 4711);
	realtime_ms = 0;
	CHECK(sl_now_ms() == 0);
}

static void
test_utf8(void)
{
	static const char *const good[] = { "", "plain ascii, and more of it",
		"\xc2\x80", "z\xc3\xbcrich und mehr als acht", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc1\xbf", "\xc3",
		"12345678\xff", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xc3(", "\xe2(\xa1" };

	for (size_t i = 0; i < COUNT(good); i++)
		check(sl_utf8_valid(good[i], strlen(good[i])),
		    "UTF-8 %zu is valid", i);
	for (size_t i = 0; i < COUNT(bad); i++)
		check(!sl_utf8_valid(bad[i], strlen(bad[i])),
		    "not UTF-8 %zu is not", i);
	CHECK(sl_utf8_valid("a\0b", 3));
}

static void
test_excerpt(void)
{
	char excerpt[SL_EXCERPT_SIZE];
	char longer[1000];

	CHECK(strcmp(sl_text_excerpt("z\xc3\xbc", excerpt), "z\xc3\xbc") == 0);
	CHECK(strcmp(sl_text_excerpt("a\nb\x1b\xff\x7f", excerpt), "a?b???") ==
	      0);
	for (size_t i = 0; i + 3 < sizeof(longer); i += 3)
		memcpy(longer + i, "\xe2\x82\xac", 4);
	sl_text_excerpt(longer, excerpt);
	CHECK(strlen(excerpt) < SL_EXCERPT_SIZE);
	CHECK(sl_utf8_valid(excerpt, strlen(excerpt)));
	CHECK(strcmp(excerpt + strlen(excerpt) - 3, "...") == 0);
}

static void
test_base64(void)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" } };
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"====", "Z===", "Zg==Zg==", "Z=g=", "Zm9 ", "Zm-_",
		"Zh==", "Zm9=", " Zg==" };
	char to[SL_BASE64_SIZE(16)];
	char back[16];
	size_t bytes;
	long got;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		bytes = sl_base64_encode(pairs[i][0], strlen(pairs[i][0]), to);
		check(bytes == strlen(to) && strcmp(to, pairs[i][1]) == 0,
		    "base64 %zu: '%s'", i, to);
		got = sl_base64_decode(to, bytes, back);
		check(got == (long)strlen(pairs[i][0]) &&
		          memcmp(back, pairs[i][0], (size_t)got) == 0,
		    "base64 %zu comes back", i);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		check(sl_base64_decode(bad[i], strlen(bad[i]), back) == -1,
		    "base64 '%s' is refused", bad[i]);
}

static void
test_glob(void)
{
	CHECK(sl_glob_match("web.*", "web.eu"));
	CHECK(!sl_glob_match("web.*", "app.eu"));
	CHECK(sl_glob_match("w?b.[a-f]*", "web.eu"));
	CHECK(!sl_glob_match("w?b.[!a-f]*", "web.eu"));
	CHECK(sl_glob_match("*", "orders"));
	CHECK(!sl_glob_match("[", "orders"));
	CHECK(sl_glob_is("web.*") && sl_glob_is("a?") && sl_glob_is("[ab]"));
	CHECK(!sl_glob_is("web.eu-1_x"));
}

static void
size_is(const char *text, int64_t expected)
{
	struct sl_error err = { 0 };
	int64_t bytes = 0;
	int rc = sl_parse_size(text, &bytes, &err);

	check(rc == SL_OK && bytes == expected, "size '%s': %lld %s", text,
	    (long long)bytes, err.text);
}

static void
size_fails(const char *text, const char *expected)
{
	struct sl_error err = { 0 };
	int64_t bytes = 0;
	int rc = sl_parse_size(text, &bytes, &err);

	check(rc == SL_EUSAGE && bytes == 0 && strcmp(err.text, expected) == 0,
	    "size '%s' fails: %s", text, err.text);
}

static void
test_size(void)
{
	size_is("0", 0);
	size_is("1048588", 1048588);
	size_is("4k", 4096);
	size_is("4K", 4096);
	size_is("4KiB", 4096);
	size_is("4kB", 4000);
	size_is("64MiB", 64 << 20);
	size_is("64M", 64 << 20);
	size_is("64 MiB", 64 << 20);
	size_is("64MB", 64000000);
	size_is("1GB", 1000000000);
	size_is("1G", 1 << 30);
	size_is("2T", INT64_C(2) << 40);
	size_is("1TB", INT64_C(1000000000000));
	size_is("512 B", 512);
	size_is("1.5k", 1536);
	size_is("0.0000000001k", 0);
	size_is("0.000000001k", 1);
	size_is("9223372036854775807", INT64_MAX);
	size_is("7.999999999EiB", INT64_C(9223372035701854304));
	size_fails("64 apples", "'64 apples': not a size, such as 64MiB");
	size_fails("", "'': not a size, such as 64MiB");
	size_fails("-1", "'-1': not a size, such as 64MiB");
	size_fails("+1", "'+1': not a size, such as 64MiB");
	size_fails(" 1", "' 1': not a size, such as 64MiB");
	size_fails("1 ", "'1 ': not a size, such as 64MiB");
	size_fails("1.k", "'1.k': not a size, such as 64MiB");
	size_fails("1,5k", "'1,5k': not a size, such as 64MiB");
	size_fails("0x10", "'0x10': not a size, such as 64MiB");
	size_fails("1kb", "'1kb': not a size, such as 64MiB");
	size_fails("9223372036854775808",
	    "'9223372036854775808': too large a number");
	size_fails("8EiB", "'8EiB': too large a number");
	size_fails("99999999999999999999k",
	    "'99999999999999999999k': too large a number");
}

static void
size_prints(uint64_t bytes, const char *expected)
{
	char text[SL_SIZE_TEXT_SIZE];

	sl_format_size(bytes, text);
	check(strcmp(text, expected) == 0, "%llu bytes are '%s'",
	    (unsigned long long)bytes, text);
}

static void
test_format_size(void)
{
	size_prints(0, "0 B");
	size_prints(512, "512 B");
	size_prints(1023, "1023 B");
	size_prints(1024, "1 KiB");
	size_prints(1536, "1.5 KiB");
	size_prints(1025, "1.0 KiB");
	size_prints(64 << 20, "64 MiB");
	size_prints((1 << 20) - 1, "1.0 MiB");
	size_prints(UINT64_C(3328599654), "3.1 GiB");
	size_prints(UINT64_C(1) << 60, "1 EiB");
	size_prints(UINT64_MAX, "16.0 EiB");
}

static void
duration_is(const char *text, int64_t unit_ms, int64_t expected)
{
	struct sl_error err = { 0 };
	int64_t ms = 0;
	int rc = sl_parse_duration(text, unit_ms, &ms, &err);

	check(rc == SL_OK && ms == expected, "duration '%s': %lld %s", text,
	    (long long)ms, err.text);
}

static void
test_duration(void)
{
	static const char *const bad[] = { "", "-1", "d", "1y", "1 day", "1d2h",
		"99999999999999w", "1..5s", "s", "1e3" };
	struct sl_error err;
	int64_t ms;

	duration_is("250ms", 1, 250);
	duration_is("30s", 1, 30000);
	duration_is("5m", 1, 300000);
	duration_is("2h", 1, 7200000);
	duration_is("7d", 1, 604800000);
	duration_is("1w", 1, 604800000);
	duration_is("1.5h", 1, 5400000);
	duration_is("0.0001s", 1, 1);
	duration_is("604800000", 1, 604800000);
	duration_is("5", 1000, 5000);
	duration_is("0.5", 1000, 500);
	for (size_t i = 0; i < COUNT(bad); i++)
		check(sl_parse_duration(bad[i], 1, &ms, &err) == SL_EUSAGE,
		    "duration '%s' is refused: %s", bad[i], err.text);
	CHECK(
	    sl_parse_duration("soon", 1, &ms, &err) == SL_EUSAGE &&
	    strcmp(err.text, "'soon': not a duration, such as 30s or 7d") == 0);
}

/* Zones spelled out: the machine may have no table of them. */
#define ZURICH "CET-1CEST,M3.5.0,M10.5.0/3"
#define ST_JOHNS "NST3:30NDT,M3.2.0,M11.1.0"
#define KIRITIMATI "<+14>-14"
#define LOS_ANGELES "PST8PDT,M3.2.0,M11.1.0"
#define KATHMANDU "<+0545>-5:45"

#define NOW INT64_C(1795441200123) /* 2026-11-23T13:40:00.123Z */

/* A time in zone `zone` is the same as `expected`, printed in UTC. */
static void
time_is(const char *zone, const char *text, const char *expected)
{
	struct sl_error err = { 0 };
	char printed[SL_TIME_TEXT_SIZE] = "";
	int64_t ms;

	setenv("TZ", zone, 1);
	if (sl_parse_time(text, NOW, &ms, &err) == SL_OK)
		sl_format_time(ms, printed);
	check(strcmp(printed, expected) == 0, "%s: time '%s': %s%s", zone, text,
	    printed, err.text);
}

static void
test_time_absolute(void)
{
	time_is("UTC", "@1546300800", "2019-01-01T00:00:00.000Z");
	time_is("UTC", "@1546300800.1239", "2019-01-01T00:00:00.123Z");
	time_is("UTC", "@0", "1970-01-01T00:00:00.000Z");
	time_is("UTC", "1546300800123", "2019-01-01T00:00:00.123Z");
	time_is("UTC", "10000000000", "1970-04-26T17:46:40.000Z");
	time_is("UTC", "2026", "2026-01-01T00:00:00.000Z");
	time_is("UTC", "2026-11", "2026-11-01T00:00:00.000Z");
	time_is("UTC", "2026-11-22", "2026-11-22T00:00:00.000Z");
	time_is("UTC", "2026-11-22T10", "2026-11-22T10:00:00.000Z");
	time_is("UTC", "2026-11-22T10:00", "2026-11-22T10:00:00.000Z");
	time_is("UTC", "2026-11-22 10:00:00.5", "2026-11-22T10:00:00.500Z");
	time_is("UTC", "2026-11-22t10:00:00,1239z", "2026-11-22T10:00:00.123Z");
	time_is("UTC", "2024-02-29", "2024-02-29T00:00:00.000Z");
	time_is("UTC", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z");
	time_is("UTC", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z");
	time_is("UTC", "253402300799999", "9999-12-31T23:59:59.999Z");
}

static void
test_time_zones(void)
{
	time_is(ZURICH, "2026-11-22", "2026-11-21T23:00:00.000Z");
	time_is(ZURICH, "2026-07-01T12:00", "2026-07-01T10:00:00.000Z");
	time_is(ZURICH, "2026-07-01T12:00Z", "2026-07-01T12:00:00.000Z");
	time_is(ZURICH, "2026-07-01T12:00+05:30", "2026-07-01T06:30:00.000Z");
	time_is(ZURICH, "2026-07-01 12:00:00 -0330",
	    "2026-07-01T15:30:00.000Z");
	time_is(ZURICH, "2026-07-01T12+01", "2026-07-01T11:00:00.000Z");
	time_is(ST_JOHNS, "2026-07-01T12:00", "2026-07-01T14:30:00.000Z");
	time_is(KIRITIMATI, "today", "2026-11-23T10:00:00.000Z");
	time_is(LOS_ANGELES, "today", "2026-11-23T08:00:00.000Z");
	time_is(KATHMANDU, "yesterday", "2026-11-21T18:15:00.000Z");
	time_is(KATHMANDU, "tomorrow", "2026-11-23T18:15:00.000Z");
	/* A day of 25 hours lies between. */
	time_is(ZURICH, "2026-10-25", "2026-10-24T22:00:00.000Z");
	time_is(ZURICH, "2026-10-26", "2026-10-25T23:00:00.000Z");
	time_is(ZURICH, "1970-01-01", "1969-12-31T23:00:00.000Z");
	time_is("UTC", "now", "2026-11-23T13:40:00.123Z");
	time_is("UTC", "-2h", "2026-11-23T11:40:00.123Z");
	time_is(ZURICH, "2h ago", "2026-11-23T11:40:00.123Z");
	time_is("UTC", "-1d", "2026-11-22T13:40:00.123Z");
	time_is("UTC", "-250ms", "2026-11-23T13:39:59.873Z");
}

/* 02:30 of the day the clock goes forward isn't: mktime(3) picks a side. */
static void
test_time_gap(void)
{
	struct sl_error err;
	int64_t ms;

	setenv("TZ", ZURICH, 1);
	CHECK(sl_parse_time("2026-03-29T02:30", NOW, &ms, &err) == SL_OK &&
	      (ms == INT64_C(1774747800000) || ms == INT64_C(1774751400000) ||
	          ms == INT64_C(1774744200000)));
	/* Of 02:30, which comes twice, either. */
	CHECK(sl_parse_time("2026-10-25T02:30", NOW, &ms, &err) == SL_OK &&
	      (ms == INT64_C(1792888200000) || ms == INT64_C(1792891800000)));
}

static void
time_fails(const char *text, int64_t now_ms, const char *expected)
{
	struct sl_error err = { 0 };
	int64_t ms = 1;
	int rc = sl_parse_time(text, now_ms, &ms, &err);

	check(rc == SL_EUSAGE && strstr(err.text, expected) != NULL,
	    "time '%s' fails: %s", text, err.text);
}

static void
test_time_bad(void)
{
	static const char *const junk[] = { "", " ", "@", "@-1", "@1.", "@x",
		"@1 ", "-", "-5", "-2y", "--2h", " ago", "5 ago", "ago",
		"two h ago", "Today", "2026-", "2026-1", "2026-11-",
		"2026-11-2", "2026-11-22T", "2026-11-22Z", "2026-11-22T1",
		"2026-11-22T10:", "2026-11-22T10:00:", "2026-11-22T10:00:00.",
		"2026-11-22T10:00+", "2026-11-22T10:00+1",
		"2026-11-22T10:00+24:00",
		"2026-11-22T10:00+01:", "2026-11-22T10:00+01:60",
		"2026-11-22T10:00ZZ", "2026-11-22T10:00 ", "2026/11/22",
		"-99999999999999999999w" };
	static const char *const absent[] = { "2026-13-01", "2026-00-01",
		"2026-02-29", "2100-02-29", "2026-04-31", "2026-01-00",
		"2026-01-32", "2026-11-22T24:00", "2026-11-22T10:60",
		"2026-11-22T10:00:61" };
	static const char *const outside[] = { "1969-12-31", "0000-01-01",
		"9999-12-31T23:59:60Z", "9999-12-31T23:00-01:00",
		"@253402300800", "@99999999999999999999999", "253402300800000",
		"99999999999999999999999999", "-9999w" };

	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < COUNT(junk); i++)
		time_fails(junk[i], NOW,
		    "': not a time, such as 2026-11-22T10");
	for (size_t i = 0; i < COUNT(absent); i++)
		time_fails(absent[i], NOW, "': no such day or hour");
	for (size_t i = 0; i < COUNT(outside); i++)
		time_fails(outside[i], NOW,
		    "': outside the years 1970 to 9999");
	time_fails("1546300800", NOW,
	    "'1546300800': not clear: seconds are written @1546300800");
	time_fails("20261122", NOW, "a date 2026-11-22");
	time_fails("today", INT64_MIN, "outside");
	time_fails("yesterday", INT64_MAX, "outside");
	time_fails("-1d", INT64_MIN, "outside");
}

static void
time_prints(int64_t ms, const char *expected)
{
	char text[SL_TIME_TEXT_SIZE];

	sl_format_time(ms, text);
	check(strcmp(text, expected) == 0, "%lld is %s", (long long)ms, text);
}

static void
test_format_time(void)
{
	time_prints(0, "1970-01-01T00:00:00.000Z");
	time_prints(NOW, "2026-11-23T13:40:00.123Z");
	time_prints(-1, "1969-12-31T23:59:59.999Z");
	time_prints(INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z");
	time_prints(INT64_MAX, "292278994-08-17T07:12:55.807Z");
	time_prints(INT64_MIN, "-292275055-05-16T16:47:04.192Z");
}

static void
test_json(void)
{
	struct sl_json *object = sl_json_object();
	struct sl_json *inner = sl_json_object();
	char *text;

	sl_json_add_text(object, "name", "a\"b\\c\n\x01z\xc3\xbc");
	sl_json_add_text(object, "none", NULL);
	sl_json_add_bytes(object, "bytes", "a\0b", 3);
	sl_json_add_text(object, "broken", "x\xff.");
	sl_json_add_int(object, "big", INT64_MAX);
	sl_json_add_int(object, "small", INT64_MIN);
	sl_json_add_bool(object, "yes", true);
	sl_json_add_null(object, "null");
	sl_json_add_int(inner, "n", INT64_C(9007199254740993));
	sl_json_add_object(object, "inner", inner);
	sl_json_add_bytes(object, "empty", "", 0);
	text = sl_json_print(object);
	check(
	    text != NULL &&
	        strcmp(text,
	            "{\"name\":\"a\\\"b\\\\c\\n\\u0001z\xc3\xbc\","
	            "\"none\":null,\"bytes\":\"a\\u0000b\","
	            "\"broken\":\"x\xef\xbf\xbd.\","
	            "\"big\":9223372036854775807,"
	            "\"small\":-9223372036854775808,\"yes\":true,\"null\":null,"
	            "\"inner\":{\"n\":9007199254740993},\"empty\":\"\"}") == 0,
	    "a row prints: %s", text);
	free(text);
	/* A member that memory lacked for leaves no text. */
	sl_json_add_object(object, "lost", NULL);
	CHECK(sl_json_print(object) == NULL);
	sl_json_free(object);
	sl_json_add_int(NULL, "n", 1);
	CHECK(sl_json_print(NULL) == NULL);
	sl_json_free(NULL);
}

int
main(void)
{
	test_clock();
	test_utf8();
	test_excerpt();
	test_base64();
	test_glob();
	test_size();
	test_format_size();
	test_duration();
	test_time_absolute();
	test_time_zones();
	test_time_gap();
	test_time_bad();
	test_format_time();
	test_json();
	return check_done();
}
