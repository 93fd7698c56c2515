/* number.c: numbers for eyes; see number.h. */
#include "number.h"

#include "streamlog.h"

#include <inttypes.h>
#include <stdio.h>

void
number_format(uint64_t number, char text[NUMBER_TEXT_SIZE])
{
	char digits[21];
	size_t count, i, at = 0;

	count = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	for (i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
}

uint64_t
number_add(uint64_t a, uint64_t b)
{
	return a == SL_UNKNOWN || b == SL_UNKNOWN ? SL_UNKNOWN : a + b;
}

void
duration_format(int64_t ms, char text[NUMBER_TEXT_SIZE])
{
	static const struct {
		int64_t from_s; /* so many seconds or more are told in it */
		int64_t s;
		const char *name;
	} units[] = {
		{ 48 * 3600, 24 * 3600, "d" },
		{ 3600, 3600, "h" },
		{ 60, 60, "min" },
		{ 10, 1, "s" },
	};
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms / 1000 < units[i].from_s)
			continue;
		snprintf(text, NUMBER_TEXT_SIZE, "%" PRId64 " %s",
		    ms / 1000 / units[i].s, units[i].name);
		return;
	}
	snprintf(text, NUMBER_TEXT_SIZE, "%" PRId64 ".%" PRId64 " s", ms / 1000,
	    ms % 1000 / 100);
}
