/* place_line.c: a line that names an offset in a partition; place_line.h. */
#include "place_line.h"

#include <inttypes.h>
#include <string.h>

/* An offset's digits, and those of no 64-bit number. */
#define DIGITS_MAX 19
/* A topic's name in JSON, each byte escaped, is no longer. */
#define RAW_BYTES_MAX ((size_t)6 * SL_TOPIC_NAME_MAX + 2)
/* So much of what is wrong is shown. */
#define SHOWN(bytes) ((bytes) < 300 ? (int)(bytes) : 300)

static int
bad(struct sl_error *err, const char *what, const char *text, size_t bytes)
{
	return sl_error_set(err, SL_ECORRUPT,
	    "%s: '%.*s' is not a whole number", what, SHOWN(bytes), text);
}

/* A whole number from its digits, which end with `bytes`. */
static int
parse_number(const char *what, const char *text, size_t bytes, uint64_t max,
    uint64_t *number, struct sl_error *err)
{
	size_t i;

	*number = 0;
	if (bytes == 0)
		return bad(err, what, text, bytes);
	for (i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return bad(err, what, text, bytes);
		if (i < DIGITS_MAX)
			*number = *number * 10 + (uint64_t)(text[i] - '0');
	}
	if (bytes > DIGITS_MAX || *number > max)
		return sl_error_set(err, SL_ECORRUPT,
		    "%s: '%.*s' is larger than %" PRIu64, what, SHOWN(bytes),
		    text, max);
	return SL_OK;
}

static int
set_partition(struct place_line *place, const char *text, size_t bytes,
    struct sl_error *err)
{
	uint64_t number = 0;
	int rc;

	rc = parse_number("partition", text, bytes, SL_PARTITIONS_MAX - 1,
	    &number, err);
	place->partition = (int)number;
	return rc;
}

static int
set_offset(struct place_line *place, const char *text, size_t bytes,
    struct sl_error *err)
{
	if (bytes == 4 && memcmp(text, "null", 4) == 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "offset: null: that place was not known; take the line "
		    "out, or set it by --to-offset");
	return parse_number("offset", text, bytes, INT64_MAX, &place->offset,
	    err);
}

static int
set_topic(struct place_line *place, const char *text, size_t bytes,
    struct sl_error *err)
{
	if (bytes > SL_TOPIC_NAME_MAX)
		return sl_error_set(err, SL_ECORRUPT,
		    "a topic's name has at most %d bytes, this one %zu",
		    SL_TOPIC_NAME_MAX, bytes);
	memcpy(place->topic, text, bytes);
	place->topic[bytes] = '\0';
	if (sl_topic_name_check(place->topic, err) < 0)
		return err->code = SL_ECORRUPT;
	return SL_OK;
}

static bool
is_between(char c)
{
	return c != '\0' && strchr(PLACE_LINE_BETWEEN, c) != NULL;
}

/* `TOPIC PARTITION OFFSET` */
static int
parse_words(struct place_line *place, const char *line, size_t line_bytes,
    struct sl_error *err)
{
	const char *words[3];
	size_t bytes[3], count = 0, at = 0;
	int rc;

	while (at < line_bytes && count < 3) {
		words[count] = line + at;
		while (at < line_bytes && !is_between(line[at]))
			at++;
		bytes[count] = (size_t)(line + at - words[count]);
		count++;
		while (at < line_bytes && is_between(line[at]))
			at++;
	}
	if (count < 3 || at < line_bytes)
		return sl_error_set(err, SL_ECORRUPT,
		    "not TOPIC PARTITION OFFSET, and no JSON object");
	rc = set_topic(place, words[0], bytes[0], err);
	if (rc == SL_OK)
		rc = set_partition(place, words[1], bytes[1], err);
	if (rc == SL_OK)
		rc = set_offset(place, words[2], bytes[2], err);
	return rc;
}

/* The text of a JSON string; SL_ECORRUPT where the value is none. */
static int
unescape(const char *what, const char *raw, size_t raw_bytes, char *to,
    size_t *bytes, struct sl_error *err)
{
	long length = -1;

	if (raw[0] == '"' && raw_bytes <= RAW_BYTES_MAX)
		length = sl_json_unescape(raw, raw_bytes, to);
	if (length < 0)
		return sl_error_set(err, SL_ECORRUPT, "%s: %.*s is not a name",
		    what, SHOWN(raw_bytes), raw);
	*bytes = (size_t)length;
	return SL_OK;
}

static int
set_topic_id(struct place_line *place, const char *raw, size_t raw_bytes,
    struct sl_error *err)
{
	char text[RAW_BYTES_MAX];
	size_t bytes = 0;
	int rc;

	rc = unescape("topic_id", raw, raw_bytes, text, &bytes, err);
	if (rc != SL_OK)
		return rc;
	if (bytes == 0 || bytes >= sizeof(place->topic_id))
		return sl_error_set(err, SL_ECORRUPT,
		    "topic_id: %.*s is no topic's id", SHOWN(raw_bytes), raw);
	memcpy(place->topic_id, text, bytes);
	place->topic_id[bytes] = '\0';
	return SL_OK;
}

/* The value of a member; NULL and a message where it lacks. */
static const char *
need(const char *line, size_t bytes, const char *name, size_t *value_bytes,
    struct sl_error *err)
{
	const char *value = sl_json_find(line, bytes, name, value_bytes);

	if (value == NULL)
		sl_error_set(err, SL_ECORRUPT, "it has no member '%s'", name);
	return value;
}

static int
parse_json(struct place_line *place, const char *line, size_t bytes,
    struct sl_error *err)
{
	const char *why, *topic, *partition, *offset, *id;
	size_t topic_bytes, partition_bytes, offset_bytes, id_bytes, byte;
	char name[RAW_BYTES_MAX];
	int rc;

	why = sl_scan_explain(line, bytes, &byte);
	if (why != NULL)
		return sl_error_set(err, SL_ECORRUPT, "byte %zu: not JSON: %s",
		    byte, why);
	topic = need(line, bytes, "topic", &topic_bytes, err);
	if (topic == NULL)
		return SL_ECORRUPT;
	partition = need(line, bytes, "partition", &partition_bytes, err);
	if (partition == NULL)
		return SL_ECORRUPT;
	offset = need(line, bytes, "offset", &offset_bytes, err);
	if (offset == NULL)
		return SL_ECORRUPT;
	id = sl_json_find(line, bytes, "topic_id", &id_bytes);
	rc = unescape("topic", topic, topic_bytes, name, &topic_bytes, err);
	if (rc == SL_OK)
		rc = set_topic(place, name, topic_bytes, err);
	if (rc == SL_OK)
		rc = set_partition(place, partition, partition_bytes, err);
	if (rc == SL_OK)
		rc = set_offset(place, offset, offset_bytes, err);
	if (rc == SL_OK && id != NULL)
		rc = set_topic_id(place, id, id_bytes, err);
	return rc;
}

int
place_line_parse(const char *line, size_t bytes, struct place_line *place,
    struct sl_error *err)
{
	*place = (struct place_line){ .partition = 0 };
	if (bytes > 0 && line[0] == '{')
		return parse_json(place, line, bytes, err);
	return parse_words(place, line, bytes, err);
}
