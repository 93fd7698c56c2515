/* time_field.c: an event's own time; see time_field.h. */
#include "time_field.h"

#include <stdlib.h>

/*
 * A number since 1970: the unit follows from its size, which is none but for
 * times between 1973 and 5138: s, ms, us (as journald's), ns.
 */
static bool
time_of_number(double number, int64_t *ms)
{
	double size = number < 0 ? -number : number;

	if (!(size < 1e20) || (size < 1e8 && number > 0))
		return false;
	if (size < 1e11)
		number *= 1e3;
	else if (size >= 1e17)
		number /= 1e6;
	else if (size >= 1e14)
		number /= 1e3;
	*ms = (int64_t)number;
	return true;
}

int
time_field_read(struct scratch *room, const char *field, const char *text,
    size_t bytes, int64_t now_ms, int64_t *ms, struct sl_error *err)
{
	struct sl_error inner;
	const char *raw;
	size_t raw_bytes;
	double number;
	long length;
	char *end;
	int rc;

	raw = sl_json_find(text, bytes, field, &raw_bytes);
	if (raw == NULL)
		return sl_error_set(err, SL_EREJECTED,
		    "there is no time at '%s'", field);
	room->used = 0;
	rc = scratch_reserve(room, raw_bytes + 1, err);
	if (rc < 0)
		return rc;
	if (raw[0] == '"') {
		length = sl_json_unescape(raw, raw_bytes, room->bytes);
	} else {
		scratch_put(room, raw, raw_bytes);
		length = (long)raw_bytes;
	}
	if (length <= 0 || memchr(room->bytes, '\0', (size_t)length) != NULL)
		return sl_error_set(err, SL_EREJECTED, "'%s' is not a time",
		    field);
	room->bytes[length] = '\0';
	number = strtod(room->bytes, &end);
	if (*end == '\0' && time_of_number(number, ms))
		return SL_OK;
	if (raw[0] != '"')
		return sl_error_set(err, SL_EREJECTED, "'%s' is not a time",
		    field);
	if (sl_parse_time(room->bytes, now_ms, ms, &inner) < 0)
		return sl_error_set(err, SL_EREJECTED, "'%s': %s", field,
		    inner.text);
	return SL_OK;
}
