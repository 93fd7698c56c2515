/* envelope_read.c: one line of JSON as a record; see envelope.h. */
#include "cli.h"
#include "envelope.h"

/* A name that comes often makes headers larger than their text: a limit. */
#define HEADERS_BYTES_MAX (64u << 20)

/* What the members of a line were so far. */
struct findings {
	bool has_key;
	bool has_key_base64;
	bool has_payload;
	bool has_payload_base64;
};

void
envelope_reader_release(struct envelope_reader *reader)
{
	scratch_release(&reader->key);
	scratch_release(&reader->value);
	scratch_release(&reader->headers);
	scratch_release(&reader->name);
	scratch_release(&reader->word);
}

static bool
is_null(const struct sl_json_member *member)
{
	return member->value_bytes == 4 &&
	       memcmp(member->value, "null", 4) == 0;
}

static bool
is_string(const struct sl_json_member *member)
{
	return member->value[0] == '"';
}

/* Is the member's name `name`, whichever way it is written? */
static bool
is_named(const struct sl_json_member *member, const char *name)
{
	char plain[128];
	size_t bytes = strlen(name);

	if (memchr(member->name, '\\', member->name_bytes) == NULL)
		return member->name_bytes == bytes + 2 &&
		       memcmp(member->name + 1, name, bytes) == 0;
	return member->name_bytes <= sizeof(plain) &&
	       sl_json_unescape(member->name, member->name_bytes, plain) ==
	           (long)bytes &&
	       memcmp(plain, name, bytes) == 0;
}

/* ---- Values ---- */

/* A raw JSON string's text, in `to`, which begins anew. */
static int
read_string(const char *raw, size_t raw_bytes, const char *what,
    struct scratch *to, struct sl_error *err)
{
	long bytes;
	int rc;

	to->used = 0;
	rc = scratch_reserve(to, raw_bytes, err);
	if (rc != SL_OK)
		return rc;
	bytes = sl_json_unescape(raw, raw_bytes, to->bytes);
	if (bytes < 0)
		return sl_error_set(err, SL_EREJECTED,
		    "%s: an escaped lone surrogate has no UTF-8 form", what);
	to->used = (size_t)bytes;
	return SL_OK;
}

static int
read_base64(const struct sl_json_member *member, const char *what,
    struct scratch *to, struct sl_error *err)
{
	long bytes;
	int rc;

	if (!is_string(member))
		return sl_error_set(err, SL_EREJECTED, "%s: not a string",
		    what);
	rc = read_string(member->value, member->value_bytes, what, to, err);
	if (rc != SL_OK)
		return rc;
	/* What it says is shorter than what says it: decoded in place. */
	bytes = sl_base64_decode(to->bytes, to->used, to->bytes);
	if (bytes < 0)
		return sl_error_set(err, SL_EREJECTED, "%s: not base64", what);
	to->used = (size_t)bytes;
	return SL_OK;
}

static int
read_number(const struct sl_json_member *member, const char *what,
    int64_t *number, struct sl_error *err)
{
	const char *text = member->value;
	size_t bytes = member->value_bytes, i;
	bool is_negative = text[0] == '-';
	uint64_t value = 0, largest = INT64_MAX;

	for (i = is_negative; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return sl_error_set(err, SL_EREJECTED,
			    "%s: not a whole number", what);
		if (value > (largest - (uint64_t)(text[i] - '0')) / 10)
			return sl_error_set(err, SL_EREJECTED, "%s: too large",
			    what);
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*number = is_negative ? -(int64_t)value : (int64_t)value;
	return SL_OK;
}

/* ---- Headers ---- */

static int
add_header(struct envelope_reader *reader, const struct sl_header *header,
    struct sl_record *record, struct sl_error *err)
{
	struct scratch *to = &reader->headers;
	int rc;

	if (to->used > HEADERS_BYTES_MAX)
		return sl_error_set(err, SL_EREJECTED,
		    "headers: more than 64 MiB of them");
	rc = scratch_reserve(to, SL_HEADER_SIZE(header), err);
	if (rc != SL_OK)
		return rc;
	to->used += sl_header_encode(header, to->bytes + to->used);
	record->header_count++;
	return SL_OK;
}

/* A string, or an object with base64 alone, as its bytes in `to`. */
static int
read_word(const struct sl_json_member *member, struct scratch *to,
    struct sl_error *err)
{
	struct sl_json_member inner;
	size_t at = 0;

	if (is_string(member))
		return read_string(member->value, member->value_bytes,
		    "headers", to, err);
	if (member->value[0] == '{' &&
	    sl_json_next(member->value, member->value_bytes, &at, &inner) &&
	    is_named(&inner, "base64"))
		return read_base64(&inner, "headers", to, err);
	return sl_error_set(err, SL_EREJECTED,
	    "headers: '%.*s' is neither a string, null nor base64",
	    member->value_bytes < 64 ? (int)member->value_bytes : 64,
	    member->value);
}

/* The header whose name is in reader->name. */
static int
read_header_value(struct envelope_reader *reader,
    const struct sl_json_member *value, struct sl_record *record,
    struct sl_error *err)
{
	struct sl_header header = { .key = reader->name.bytes,
		.key_bytes = reader->name.used };
	int rc;

	if (!is_null(value)) {
		rc = read_word(value, &reader->word, err);
		if (rc != SL_OK)
			return rc;
		header.value = reader->word.bytes;
		header.value_bytes = reader->word.used;
	}
	return add_header(reader, &header, record, err);
}

/* Headers as an object: a name has one value, or an array of them. */
static int
read_header_object(struct envelope_reader *reader,
    const struct sl_json_member *headers, struct sl_record *record,
    struct sl_error *err)
{
	struct sl_json_member member, element;
	size_t at = 0, within;
	int rc = SL_OK;

	while (rc == SL_OK && sl_json_next(headers->value, headers->value_bytes,
	                          &at, &member)) {
		rc = read_string(member.name, member.name_bytes, "headers",
		    &reader->name, err);
		if (rc != SL_OK)
			return rc;
		if (member.value[0] != '[') {
			rc = read_header_value(reader, &member, record, err);
			continue;
		}
		within = 0;
		while (
		    rc == SL_OK && sl_json_next(member.value,
		                       member.value_bytes, &within, &element))
			rc = read_header_value(reader, &element, record, err);
	}
	return rc;
}

/* Headers as an array of [name, value]. */
static int
read_header_pairs(struct envelope_reader *reader,
    const struct sl_json_member *headers, struct sl_record *record,
    struct sl_error *err)
{
	struct sl_json_member pair, name, value;
	size_t at = 0, within;
	int rc = SL_OK;

	while (rc == SL_OK &&
	       sl_json_next(headers->value, headers->value_bytes, &at, &pair)) {
		within = 0;
		if (pair.value[0] != '[' ||
		    !sl_json_next(pair.value, pair.value_bytes, &within,
		        &name) ||
		    !sl_json_next(pair.value, pair.value_bytes, &within,
		        &value))
			return sl_error_set(err, SL_EREJECTED,
			    "headers: an array of other than [name, value]");
		rc = read_word(&name, &reader->name, err);
		if (rc == SL_OK)
			rc = read_header_value(reader, &value, record, err);
	}
	return rc;
}

static int
read_headers(struct envelope_reader *reader,
    const struct sl_json_member *member, struct sl_record *record,
    struct sl_error *err)
{
	int rc;

	reader->headers.used = 0;
	record->header_count = 0;
	if (is_null(member))
		rc = SL_OK;
	else if (member->value[0] == '{')
		rc = read_header_object(reader, member, record, err);
	else if (member->value[0] == '[')
		rc = read_header_pairs(reader, member, record, err);
	else
		rc = sl_error_set(err, SL_EREJECTED, "headers: not an object");
	record->headers = reader->headers.bytes;
	record->headers_bytes = reader->headers.used;
	return rc;
}

/* ---- The line ---- */

static int
read_partition(const struct sl_json_member *member, int *partition,
    struct sl_error *err)
{
	int64_t number;
	int rc;

	rc = read_number(member, "partition", &number, err);
	if (rc != SL_OK)
		return rc;
	if (number < 0 || number >= SL_PARTITIONS_MAX)
		return sl_error_set(err, SL_EREJECTED,
		    "partition: not from 0 to %d", SL_PARTITIONS_MAX - 1);
	*partition = (int)number;
	return SL_OK;
}

static int
read_key(struct envelope_reader *reader, const struct sl_json_member *member,
    struct findings *found, struct sl_error *err)
{
	if (is_named(member, "key_base64")) {
		found->has_key_base64 = true;
		return read_base64(member, "key_base64", &reader->key, err);
	}
	found->has_key = true;
	if (!is_string(member))
		return sl_error_set(err, SL_EREJECTED, "key: not a string");
	return read_string(member->value, member->value_bytes, "key",
	    &reader->key, err);
}

static int
read_payload(struct envelope_reader *reader,
    const struct sl_json_member *member, struct findings *found,
    struct sl_record *record, struct sl_error *err)
{
	int rc;

	if (is_named(member, "payload")) {
		found->has_payload = true;
		record->value = is_null(member) ? NULL : member->value;
		record->value_bytes = is_null(member) ? 0 : member->value_bytes;
		return SL_OK;
	}
	found->has_payload_base64 = true;
	rc = read_base64(member, "payload_base64", &reader->value, err);
	record->value = reader->value.bytes;
	record->value_bytes = reader->value.used;
	return rc;
}

static int
read_member(struct envelope_reader *reader, const struct sl_json_member *member,
    struct findings *found, struct sl_record *record, int *partition,
    struct sl_error *err)
{
	if (is_named(member, "payload") || is_named(member, "payload_base64"))
		return read_payload(reader, member, found, record, err);
	if (is_named(member, "headers"))
		return read_headers(reader, member, record, err);
	if (is_null(member))
		return SL_OK;
	if (is_named(member, "ts"))
		return read_number(member, "ts", &record->timestamp_ms, err);
	if (is_named(member, "partition"))
		return read_partition(member, partition, err);
	if (is_named(member, "key") || is_named(member, "key_base64"))
		return read_key(reader, member, found, err);
	return SL_OK;
}

int
envelope_read(struct envelope_reader *reader, const char *line, size_t bytes,
    struct sl_record *record, int *partition, struct sl_error *err)
{
	struct findings found = { false };
	struct sl_json_member member;
	size_t at = 0;
	int rc;

	*record = (struct sl_record){ .offset = SL_OFFSET_NONE,
		.timestamp_ms = SL_TIME_NONE };
	*partition = ENVELOPE_PARTITION_NONE;
	while (sl_json_next(line, bytes, &at, &member)) {
		rc = read_member(reader, &member, &found, record, partition,
		    err);
		if (rc != SL_OK)
			return rc;
	}
	if (found.has_payload && found.has_payload_base64)
		return sl_error_set(err, SL_EREJECTED,
		    "both payload and payload_base64");
	if (!found.has_payload && !found.has_payload_base64)
		return sl_error_set(err, SL_EREJECTED, "payload is missing");
	if (found.has_key && found.has_key_base64)
		return sl_error_set(err, SL_EREJECTED,
		    "both key and key_base64");
	if (found.has_key || found.has_key_base64) {
		record->key = reader->key.bytes;
		record->key_bytes = reader->key.used;
	}
	return SL_OK;
}
