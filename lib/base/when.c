/*
 * when.c: points in time as people write them; see streamlog.h. The only place
 * that knows of time zones.
 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* 9999-12-31T23:59:59.999Z. */
#define TIME_MS_MAX INT64_C(253402300799999)
/* A bare number is taken as ms from this many digits on. */
#define MS_DIGITS_MIN 11

/* What an ISO 8601 text says; what it leaves out is the least there is. */
struct date {
	int year;
	int month; /* 1 to 12 */
	int day;
	int hour;
	int minute;
	int second; /* 60 is taken as the next minute's first */
	int ms;
	bool has_zone;
	int zone_minutes; /* east of Greenwich */
};

static int
time_junk(const char *text, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];

	return sl_error_set(err, SL_EUSAGE,
	    "'%s': not a time, such as 2026-11-22T10:00, yesterday, -2h or "
	    "@1546300800",
	    sl_text_excerpt(text, excerpt));
}

static int
time_outside(const char *text, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];

	return sl_error_set(err, SL_EUSAGE,
	    "'%s': outside the years 1970 to 9999",
	    sl_text_excerpt(text, excerpt));
}

/* Step over a number of exactly `digits` digits. */
static bool
number_read(const char **at, int digits, int *number)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (!sl_digit_is((*at)[i]))
			return false;
		value = value * 10 + ((*at)[i] - '0');
	}
	*at += digits;
	*number = value;
	return true;
}

/* Step over the digits of a fraction of a second; what is below 1 ms is cut. */
static bool
fraction_read(const char **at, int *ms)
{
	int factor = 100;

	if (!sl_digit_is(**at))
		return false;
	for (*ms = 0; sl_digit_is(**at); (*at)++) {
		*ms += (**at - '0') * factor;
		factor /= 10;
	}
	return true;
}

static bool
mark_read(const char **at, const char *marks)
{
	if (**at == '\0' || strchr(marks, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

/* "Z", "+01:00", "+0100", "+01", "-05:30"; a blank may stand before it. */
static bool
zone_read(const char **at, struct date *date)
{
	bool is_west;
	int hours;
	int minutes = 0;

	mark_read(at, " ");
	date->has_zone = true;
	if (mark_read(at, "Zz"))
		return true;
	is_west = **at == '-';
	if (!mark_read(at, "+-") || !number_read(at, 2, &hours))
		return false;
	if ((mark_read(at, ":") || **at != '\0') &&
	    !number_read(at, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	date->zone_minutes = hours * 60 + minutes;
	if (is_west)
		date->zone_minutes = -date->zone_minutes;
	return true;
}

/* What follows the hour's mark: "10", "10:00", "10:00:00.123", and a zone. */
static bool
clock_read(const char **at, struct date *date)
{
	if (!number_read(at, 2, &date->hour))
		return false;
	if (mark_read(at, ":")) {
		if (!number_read(at, 2, &date->minute))
			return false;
		if (mark_read(at, ":")) {
			if (!number_read(at, 2, &date->second))
				return false;
			if (mark_read(at, ".,") &&
			    !fraction_read(at, &date->ms))
				return false;
		}
	}
	return **at == '\0' || zone_read(at, date);
}

static bool
date_read(const char *text, struct date *date)
{
	const char *at = text;

	*date = (struct date){ .month = 1, .day = 1 };
	if (!number_read(&at, 4, &date->year))
		return false;
	if (mark_read(&at, "-")) {
		if (!number_read(&at, 2, &date->month))
			return false;
		if (mark_read(&at, "-")) {
			if (!number_read(&at, 2, &date->day))
				return false;
			if (mark_read(&at, "Tt ") && !clock_read(&at, date))
				return false;
		}
	}
	return *at == '\0';
}

static bool
date_exists(const struct date *date)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool is_leap = date->year % 4 == 0 &&
	               (date->year % 100 != 0 || date->year % 400 == 0);

	if (date->month < 1 || date->month > 12 || date->day < 1)
		return false;
	if (date->day >
	    days[date->month - 1] + (date->month == 2 && is_leap ? 1 : 0))
		return false;
	return date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

/* Seconds since 1970 of a local time; in a gap of the clock mktime(3) rules. */
static bool
local_seconds(struct tm *local, int64_t *seconds)
{
	time_t time;

	local->tm_isdst = -1;
	local->tm_wday = -1; /* mktime sets it if and only if it succeeds */
	time = mktime(local);
	if (local->tm_wday == -1)
		return false;
	*seconds = time;
	return true;
}

static int
date_parse(const char *text, int64_t *ms, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	struct date date;
	struct tm tm;
	int64_t seconds;

	if (!date_read(text, &date))
		return time_junk(text, err);
	if (!date_exists(&date))
		return sl_error_set(err, SL_EUSAGE, "'%s': no such day or hour",
		    sl_text_excerpt(text, excerpt));
	tm = (struct tm){ .tm_year = date.year - 1900,
		.tm_mon = date.month - 1,
		.tm_mday = date.day,
		.tm_hour = date.hour,
		.tm_min = date.minute,
		.tm_sec = date.second };
	if (date.year < 1970)
		return time_outside(text, err);
	if (date.has_zone)
		seconds = timegm(&tm) - (int64_t)date.zone_minutes * 60;
	else if (!local_seconds(&tm, &seconds))
		return time_outside(text, err);
	*ms = seconds * 1000 + date.ms;
	/* A zone may put the first hours of 1970 before 0: that is no harm. */
	return *ms <= TIME_MS_MAX ? SL_OK : time_outside(text, err);
}

/* Local midnight, `days` days from the one that holds `now_ms`. */
static int
midnight_parse(const char *text, int64_t now_ms, int days, int64_t *ms,
    struct sl_error *err)
{
	time_t now = now_ms / 1000;
	struct tm tm;
	int64_t seconds;

	if (now_ms < 0 || now_ms > TIME_MS_MAX)
		return time_outside(text, err);
	tzset();
	if (localtime_r(&now, &tm) == NULL)
		return time_outside(text, err);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	if (!local_seconds(&tm, &seconds))
		return time_outside(text, err);
	*ms = seconds * 1000;
	return SL_OK;
}

/* "1546300800" or "1546300800.123", from behind the '@'. */
static int
epoch_parse(const char *text, int64_t *ms, struct sl_error *err)
{
	const char *at = text + 1;
	int64_t seconds = 0;
	int part_ms = 0;

	if (!sl_digit_is(*at))
		return time_junk(text, err);
	for (; sl_digit_is(*at); at++) {
		if (seconds <= TIME_MS_MAX)
			seconds = seconds * 10 + (*at - '0');
	}
	if (mark_read(&at, ".,") && !fraction_read(&at, &part_ms))
		return time_junk(text, err);
	if (*at != '\0')
		return time_junk(text, err);
	if (seconds > TIME_MS_MAX / 1000)
		return time_outside(text, err);
	*ms = seconds * 1000 + part_ms;
	return SL_OK;
}

/* A number alone: ms, if it is long enough to be no date and no seconds. */
static int
number_parse(const char *text, size_t digits, int64_t *ms, struct sl_error *err)
{
	if (digits == 4)
		return date_parse(text, ms, err);
	if (digits < MS_DIGITS_MIN)
		return sl_error_set(err, SL_EUSAGE,
		    "'%s': not clear: seconds are written @%s, a date "
		    "2026-11-22, and ms have %d digits or more",
		    text, text, MS_DIGITS_MIN);
	*ms = 0;
	for (; *text != '\0'; text++) {
		if (*ms <= TIME_MS_MAX)
			*ms = *ms * 10 + (*text - '0');
	}
	return SL_OK;
}

/* "2h" of "-2h" or "2h ago": so long before `now_ms`. */
static int
ago_parse(const char *text, const char *from, size_t bytes, int64_t now_ms,
    int64_t *ms, struct sl_error *err)
{
	char duration[SL_EXCERPT_SIZE];
	int64_t ago_ms;

	if (bytes == 0 || bytes >= sizeof(duration) ||
	    sl_digit_is(from[bytes - 1]))
		return time_junk(text, err);
	memcpy(duration, from, bytes);
	duration[bytes] = '\0';
	if (sl_parse_duration(duration, 1, &ago_ms, err) != SL_OK)
		return time_junk(text, err);
	if (ago_ms > now_ms)
		return time_outside(text, err);
	*ms = now_ms - ago_ms;
	return SL_OK;
}

int
sl_parse_time(const char *text, int64_t now_ms, int64_t *ms,
    struct sl_error *err)
{
	static const char ago[] = " ago";
	size_t bytes = strlen(text);
	size_t digits = strspn(text, "0123456789");
	int rc;

	*ms = 0;
	if (strcmp(text, "now") == 0) {
		*ms = now_ms;
		return SL_OK;
	}
	if (strcmp(text, "today") == 0)
		return midnight_parse(text, now_ms, 0, ms, err);
	if (strcmp(text, "yesterday") == 0)
		return midnight_parse(text, now_ms, -1, ms, err);
	if (strcmp(text, "tomorrow") == 0)
		return midnight_parse(text, now_ms, 1, ms, err);
	if (*text == '@')
		return epoch_parse(text, ms, err);
	if (*text == '-')
		return ago_parse(text, text + 1, bytes - 1, now_ms, ms, err);
	if (bytes >= sizeof(ago) &&
	    strcmp(text + bytes - (sizeof(ago) - 1), ago) == 0)
		return ago_parse(text, text, bytes - (sizeof(ago) - 1), now_ms,
		    ms, err);
	if (bytes == 0 || digits < bytes)
		return date_parse(text, ms, err);
	rc = number_parse(text, digits, ms, err);
	if (rc == SL_OK && *ms > TIME_MS_MAX)
		return time_outside(text, err);
	return rc;
}

void
sl_format_time(int64_t ms, char text[SL_TIME_TEXT_SIZE])
{
	int64_t part_ms = ms % 1000;
	time_t seconds = ms / 1000;
	struct tm tm;
	size_t used;

	if (part_ms < 0) {
		part_ms += 1000;
		seconds--;
	}
	/* Can't fail: no count of ms leads to a year past an int. */
	gmtime_r(&seconds, &tm);
	used = (size_t)snprintf(text, SL_TIME_TEXT_SIZE, "%04d",
	    tm.tm_year + 1900);
	used += strftime(text + used, SL_TIME_TEXT_SIZE - used,
	    "-%m-%dT%H:%M:%S", &tm);
	snprintf(text + used, SL_TIME_TEXT_SIZE - used, ".%03dZ", (int)part_ms);
}
