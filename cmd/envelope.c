/* envelope.c: a record as one line of JSON; see envelope.h. */
#include "envelope.h"
#include "cli.h"

#include <stdlib.h>

#define PUT(scratch, literal) scratch_put(scratch, literal, sizeof(literal) - 1)

/* The fixed words of an envelope and its numbers take no more than this. */
#define FRAME_BYTES 256

struct envelope_header {
	struct sl_header header;
	size_t index; /* among the record's headers */
	size_t first; /* index of the first one of that name */
};

int
envelope_writer_init(struct envelope_writer *writer, struct sl_error *err)
{
	*writer = (struct envelope_writer){ .line = SCRATCH_EMPTY };
	return sl_scan_new(&writer->scan, NULL, err);
}

void
envelope_writer_release(struct envelope_writer *writer)
{
	sl_scan_free(writer->scan);
	scratch_release(&writer->line);
	free(writer->headers);
	*writer = (struct envelope_writer){ .line = SCRATCH_EMPTY };
}

/* ---- Pieces of text ---- */

static int
put_mark(struct scratch *line, char mark, struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(line, 1, err);
	if (rc == SL_OK)
		line->bytes[line->used++] = mark;
	return rc;
}

static int
put_quoted(struct scratch *line, const void *bytes, size_t count,
    struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(line, 6 * count + 2, err);
	if (rc == SL_OK)
		line->used +=
		    sl_json_quote(bytes, count, line->bytes + line->used);
	return rc;
}

static int
put_base64(struct scratch *line, const void *bytes, size_t count,
    struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(line, SL_BASE64_SIZE(count) + 2, err);
	if (rc != SL_OK)
		return rc;
	PUT(line, "\"");
	line->used += sl_base64_encode(bytes, count, line->bytes + line->used);
	PUT(line, "\"");
	return SL_OK;
}

static int
put_key(struct scratch *line, const struct sl_record *record,
    struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc != SL_OK)
		return rc;
	if (sl_utf8_valid(record->key, record->key_bytes)) {
		PUT(line, ",\"key\":");
		return put_quoted(line, record->key, record->key_bytes, err);
	}
	PUT(line, ",\"key_base64\":");
	return put_base64(line, record->key, record->key_bytes, err);
}

/* ---- Headers ---- */

static int
compare_names(const struct sl_header *a, const struct sl_header *b)
{
	size_t shorter;
	int order;

	shorter = a->key_bytes < b->key_bytes ? a->key_bytes : b->key_bytes;
	order = memcmp(a->key, b->key, shorter);
	if (order != 0)
		return order;
	return (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);
}

static int
by_name(const void *one, const void *other)
{
	const struct envelope_header *a = one, *b = other;
	int order;

	order = compare_names(&a->header, &b->header);
	if (order != 0)
		return order;
	return (a->index > b->index) - (a->index < b->index);
}

static int
by_first_use(const void *one, const void *other)
{
	const struct envelope_header *a = one, *b = other;

	if (a->first != b->first)
		return a->first > b->first ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Those of one name side by side, in the order of a name's first use. */
static void
group_headers(struct envelope_header *headers, size_t count)
{
	size_t i;

	qsort(headers, count, sizeof(*headers), by_name);
	for (i = 0; i < count; i++) {
		headers[i].first = headers[i].index;
		if (i > 0 && compare_names(&headers[i].header,
		                 &headers[i - 1].header) == 0)
			headers[i].first = headers[i - 1].first;
	}
	qsort(headers, count, sizeof(*headers), by_first_use);
}

/*
 * Gather a record's headers, grouped by name. *are_text becomes false where a
 * name is not UTF-8.
 */
static int
gather_headers(struct envelope_writer *writer, const struct sl_record *record,
    bool *are_text, struct sl_error *err)
{
	struct envelope_header *grown;
	struct sl_header header;
	size_t at = 0, count = 0;

	if (record->header_count > writer->header_room) {
		grown = realloc(writer->headers,
		    record->header_count * sizeof(*grown));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "out of memory");
		writer->headers = grown;
		writer->header_room = record->header_count;
	}
	while (count < record->header_count &&
	       sl_header_next(record, &at, &header)) {
		*are_text &= sl_utf8_valid(header.key, header.key_bytes);
		writer->headers[count] =
		    (struct envelope_header){ header, count, count };
		count++;
	}
	if (count > 1)
		group_headers(writer->headers, count);
	return SL_OK;
}

/* A string, or {"base64":"..."} for what is none. */
static int
put_word(struct scratch *line, const void *bytes, size_t count,
    struct sl_error *err)
{
	int rc;

	if (sl_utf8_valid(bytes, count))
		return put_quoted(line, bytes, count, err);
	rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc != SL_OK)
		return rc;
	PUT(line, "{\"base64\":");
	rc = put_base64(line, bytes, count, err);
	if (rc == SL_OK)
		rc = put_mark(line, '}', err);
	return rc;
}

static int
put_header_value(struct scratch *line, const struct sl_header *header,
    struct sl_error *err)
{
	int rc;

	if (header->value != NULL)
		return put_word(line, header->value, header->value_bytes, err);
	rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc == SL_OK)
		PUT(line, "null");
	return rc;
}

/* One name and its value, or the array of its values. */
static int
put_header_group(struct scratch *line, const struct envelope_header *group,
    size_t count, struct sl_error *err)
{
	size_t i;
	int rc;

	rc = put_quoted(line, group->header.key, group->header.key_bytes, err);
	if (rc == SL_OK)
		rc = put_mark(line, ':', err);
	if (rc == SL_OK && count > 1)
		rc = put_mark(line, '[', err);
	for (i = 0; i < count && rc == SL_OK; i++) {
		if (i > 0)
			rc = put_mark(line, ',', err);
		if (rc == SL_OK)
			rc = put_header_value(line, &group[i].header, err);
	}
	if (rc == SL_OK && count > 1)
		rc = put_mark(line, ']', err);
	return rc;
}

static int
put_header_object(struct scratch *line, const struct envelope_header *headers,
    size_t count, struct sl_error *err)
{
	size_t at, end;
	int rc = SL_OK;

	for (at = 0; at < count && rc == SL_OK; at = end) {
		for (end = at + 1;
		     end < count && headers[end].first == headers[at].first;
		     end++)
			continue;
		rc = put_mark(line, at == 0 ? '{' : ',', err);
		if (rc == SL_OK)
			rc =
			    put_header_group(line, headers + at, end - at, err);
	}
	if (rc == SL_OK)
		rc = put_mark(line, '}', err);
	return rc;
}

/* Each as [name, value]: what an object has no form for. */
static int
put_header_pairs(struct scratch *line, const struct sl_record *record,
    struct sl_error *err)
{
	struct sl_header header;
	size_t at = 0;
	char before = '[';
	int rc = SL_OK;

	while (rc == SL_OK && sl_header_next(record, &at, &header)) {
		rc = put_mark(line, before, err);
		before = ',';
		if (rc == SL_OK)
			rc = put_mark(line, '[', err);
		if (rc == SL_OK)
			rc = put_word(line, header.key, header.key_bytes, err);
		if (rc == SL_OK)
			rc = put_mark(line, ',', err);
		if (rc == SL_OK)
			rc = put_header_value(line, &header, err);
		if (rc == SL_OK)
			rc = put_mark(line, ']', err);
	}
	if (rc == SL_OK)
		rc = put_mark(line, ']', err);
	return rc;
}

static int
put_headers(struct envelope_writer *writer, const struct sl_record *record,
    struct sl_error *err)
{
	struct scratch *line = &writer->line;
	bool are_text = true;
	int rc;

	rc = gather_headers(writer, record, &are_text, err);
	if (rc == SL_OK)
		rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc != SL_OK)
		return rc;
	PUT(line, ",\"headers\":");
	if (!are_text)
		return put_header_pairs(line, record, err);
	return put_header_object(line, writer->headers, record->header_count,
	    err);
}

/* ---- The payload ---- */

/* May the brackets in here nest as deep as the scanner goes? A rough guess. */
static bool
may_be_deep(const char *value, size_t bytes)
{
	size_t i, openers = 0;

	if (bytes < 2 * SL_SCAN_DEPTH_MAX)
		return false;
	for (i = 0; i < bytes; i++)
		openers += value[i] == '[' || value[i] == '{';
	return openers >= SL_SCAN_DEPTH_MAX;
}

static bool
scans_as_line(struct envelope_writer *writer, size_t start, size_t bytes)
{
	struct sl_scan_line found;
	size_t used;

	return sl_scan_lines(writer->scan, writer->line.bytes + start, bytes,
	           &found, 1, &used) == 1 &&
	       used == bytes &&
	       (found.kind == SL_SCAN_OBJECT || found.kind == SL_SCAN_VALUE);
}

/*
 * Does the value, which stands with a newline at the end of the line in hand
 * from `start` on, go as it is?
 */
static bool
goes_verbatim(struct envelope_writer *writer, size_t start)
{
	struct scratch *line = &writer->line;
	const char *value = line->bytes + start;
	size_t bytes = line->used - 1 - start;
	bool fits;

	if (bytes == 0 || (unsigned char)value[0] <= ' ' ||
	    (unsigned char)value[bytes - 1] <= ' ')
		return false;
	if (bytes == 4 && memcmp(value, "null", 4) == 0)
		return false;
	if (memchr(value, '\n', bytes) != NULL ||
	    !scans_as_line(writer, start, bytes + 1))
		return false;
	if (!may_be_deep(value, bytes))
		return true;
	/* The envelope around it is one level more. */
	line->bytes[line->used - 1] = '}';
	PUT(line, "\n");
	fits = scans_as_line(writer, 0, line->used);
	line->used--;
	return fits;
}

static int
put_payload(struct envelope_writer *writer, const struct sl_record *record,
    struct sl_error *err)
{
	struct scratch *line = &writer->line;
	size_t before, start;
	int rc;

	rc = scratch_reserve(line,
	    FRAME_BYTES + record->value_bytes + SL_SCAN_PADDING, err);
	if (rc != SL_OK)
		return rc;
	before = line->used;
	PUT(line, ",\"payload\":");
	if (record->value == NULL) {
		PUT(line, "null}");
		return SL_OK;
	}
	start = line->used;
	scratch_put(line, record->value, record->value_bytes);
	PUT(line, "\n");
	if (goes_verbatim(writer, start)) {
		line->bytes[line->used - 1] = '}';
		return SL_OK;
	}
	line->used = before;
	PUT(line, ",\"payload_base64\":");
	rc = put_base64(line, record->value, record->value_bytes, err);
	if (rc == SL_OK)
		rc = put_mark(line, '}', err);
	return rc;
}

int
envelope_write(struct envelope_writer *writer, const char *topic, int partition,
    const struct sl_record *record, struct sl_error *err)
{
	struct scratch *line = &writer->line;
	int rc;

	line->used = 0;
	rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc != SL_OK)
		return rc;
	PUT(line, "{\"topic\":");
	rc = put_quoted(line, topic, strlen(topic), err);
	if (rc == SL_OK)
		rc = scratch_reserve(line, FRAME_BYTES, err);
	if (rc != SL_OK)
		return rc;
	if (partition >= 0) {
		PUT(line, ",\"partition\":");
		scratch_put_number(line, partition);
	}
	PUT(line, ",\"offset\":");
	scratch_put_number(line, (int64_t)record->offset);
	PUT(line, ",\"ts\":");
	scratch_put_number(line, record->timestamp_ms);
	if (record->key != NULL)
		rc = put_key(line, record, err);
	if (rc == SL_OK && record->header_count != 0)
		rc = put_headers(writer, record, err);
	if (rc == SL_OK)
		rc = put_payload(writer, record, err);
	return rc;
}
