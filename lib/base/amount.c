/* amount.c: sizes and durations as people write them; see streamlog.h. */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A decimal number as written; its value is whole + part / scale. */
struct decimal {
	uint64_t whole;
	uint64_t part;
	uint64_t scale;
};

/* A fraction's digits behind these count for nothing. */
#define PART_SCALE_MAX 1000000000u

struct unit {
	const char *name;
	uint64_t factor;
};

/*
 * Read "12" or "1.5" from *at and step over it. False where no number is, or
 * it is past 64 bits (*is_large then).
 */
static bool
decimal_read(const char **at, struct decimal *decimal, bool *is_large)
{
	const char *from = *at;

	*decimal = (struct decimal){ .scale = 1 };
	*is_large = false;
	if (!sl_digit_is(*from))
		return false;
	for (; sl_digit_is(*from); from++) {
		if (decimal->whole > (UINT64_MAX - 9) / 10) {
			*is_large = true;
			return false;
		}
		decimal->whole = decimal->whole * 10 + (uint64_t)(*from - '0');
	}
	if (*from == '.') {
		from++;
		if (!sl_digit_is(*from))
			return false;
		for (; sl_digit_is(*from); from++) {
			if (decimal->scale == PART_SCALE_MAX)
				continue;
			decimal->scale *= 10;
			decimal->part =
			    decimal->part * 10 + (uint64_t)(*from - '0');
		}
	}
	*at = from;
	return true;
}

/*
 * The number times `factor`, where a fraction at the end counts as one: what
 * was written as more than nothing is more than nothing. False: past int64_t.
 */
static bool
decimal_scale(const struct decimal *decimal, uint64_t factor, int64_t *amount)
{
	uint64_t whole;
	uint64_t rest;

	/* Neither product is past 64 bits: part < scale <= 10^9. */
	rest = factor / decimal->scale * decimal->part +
	       (factor % decimal->scale * decimal->part + decimal->scale - 1) /
	           decimal->scale;
	if (__builtin_mul_overflow(decimal->whole, factor, &whole) ||
	    __builtin_add_overflow(whole, rest, &whole) || whole > INT64_MAX)
		return false;
	*amount = (int64_t)whole;
	return true;
}

/* A number and a unit of the table; `bare` is what a number alone counts. */
static int
amount_parse(const char *text, const struct unit *units, uint64_t bare,
    const char *what, int64_t *amount, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	const char *at = text;
	struct decimal decimal;
	uint64_t factor = bare;
	bool is_large;

	*amount = 0;
	if (!decimal_read(&at, &decimal, &is_large)) {
		if (is_large)
			goto large;
		goto junk;
	}
	if (*at != '\0') {
		while (*at == ' ')
			at++;
		while (units->name != NULL && strcmp(units->name, at) != 0)
			units++;
		if (units->name == NULL)
			goto junk;
		factor = units->factor;
	}
	if (!decimal_scale(&decimal, factor, amount))
		goto large;
	return SL_OK;

junk:
	return sl_error_set(err, SL_EUSAGE, "'%s': not a %s",
	    sl_text_excerpt(text, excerpt), what);
large:
	return sl_error_set(err, SL_EUSAGE, "'%s': too large a number",
	    sl_text_excerpt(text, excerpt));
}

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

int
sl_parse_size(const char *text, int64_t *bytes, struct sl_error *err)
{
	static const struct unit units[] = {
		{ "B", 1 },
		{ "k", KIB },
		{ "K", KIB },
		{ "KiB", KIB },
		{ "kB", 1000 },
		{ "KB", 1000 },
		{ "M", MIB },
		{ "MiB", MIB },
		{ "MB", UINT64_C(1000000) },
		{ "G", GIB },
		{ "GiB", GIB },
		{ "GB", UINT64_C(1000000000) },
		{ "T", TIB },
		{ "TiB", TIB },
		{ "TB", UINT64_C(1000000000000) },
		{ "PiB", TIB << 10 },
		{ "EiB", TIB << 20 },
		{ NULL, 0 },
	};

	return amount_parse(text, units, 1, "size, such as 64MiB", bytes, err);
}

int
sl_parse_duration(const char *text, int64_t unit_ms, int64_t *ms,
    struct sl_error *err)
{
	static const struct unit units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 60 * 60 * 1000 },
		{ "d", 24 * 60 * 60 * 1000 },
		{ "w", 7 * 24 * 60 * 60 * 1000 },
		{ NULL, 0 },
	};

	return amount_parse(text, units, (uint64_t)unit_ms,
	    "duration, such as 30s or 7d", ms, err);
}

void
sl_format_size(uint64_t bytes, char text[SL_SIZE_TEXT_SIZE])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	size_t power = 0;
	uint64_t unit = 1;
	uint64_t whole;
	uint64_t tenths;

	while (power < 6 && bytes / unit >= 1024) {
		unit <<= 10;
		power++;
	}
	whole = bytes / unit;
	if (bytes % unit == 0) {
		snprintf(text, SL_SIZE_TEXT_SIZE, "%" PRIu64 " %s", whole,
		    names[power]);
		return;
	}
	tenths = (bytes % unit * 10 + unit / 2) / unit;
	if (tenths == 10) {
		tenths = 0;
		whole++;
	}
	if (whole == 1024) { /* below EiB: there can't be 1024 of those */
		whole = 1;
		power++;
	}
	snprintf(text, SL_SIZE_TEXT_SIZE, "%u.%c %s", (unsigned)whole,
	    (char)('0' + tenths), names[power]);
}
