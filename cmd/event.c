/* event.c: lines to records; see event.h. */
#include "event.h"

#include "time_field.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Lines that are looked at together; at 110 bytes about a chunk. */
#define LINES_MAX 6144
/* In place of a partition: the record decides. */
#define PLACE_OPEN (-1)
/* Of records in one batch, uncompressed. */
#define BATCH_BYTES ((size_t)1 << 20)

static int
no_memory(struct sl_error *err)
{
	return sl_error_set(err, SL_ENOMEM, "out of memory");
}

/* The topic's settings, as they are by now: the encoder follows them. */
static int
settle(struct event_maker *maker, const struct sl_settings *settings,
    struct sl_error *err)
{
	const struct append_options *options = maker->options;
	struct sl_encoder_options encoder = {
		.batch_bytes = maker->one_by_one ? 1 : BATCH_BYTES,
		.message_bytes_max = (size_t)settings->max_message_bytes,
		.compression = options->has_compression ? options->compression
		                                        : settings->compression,
	};

	int64_t segment_bytes = sl_settings_segment_bytes(settings);
	bool is_same =
	    maker->encoder != NULL &&
	    settings->compression == maker->settings.compression &&
	    settings->max_message_bytes == maker->settings.max_message_bytes &&
	    segment_bytes == maker->segment_bytes;

	maker->settings = *settings;
	maker->segment_bytes = segment_bytes;
	if (is_same)
		return SL_OK;
	if (segment_bytes < (int64_t)encoder.batch_bytes)
		encoder.batch_bytes = (size_t)segment_bytes;
	sl_encoder_free(maker->encoder);
	return sl_encoder_new(&maker->encoder, &encoder, err);
}

int
event_maker_init(struct event_maker *maker,
    const struct append_options *options, bool one_by_one, struct sl_error *err)
{
	int rc;

	*maker = (struct event_maker){ .options = options,
		.one_by_one = one_by_one,
		.envelope = ENVELOPE_READER_EMPTY };
	rc = sl_scan_new(&maker->scan, options->key_field, err);
	if (rc < 0)
		return rc;
	maker->lines = calloc(LINES_MAX, sizeof(*maker->lines));
	maker->order = calloc(LINES_MAX, sizeof(*maker->order));
	maker->places = calloc(LINES_MAX, sizeof(*maker->places));
	maker->counts = calloc(SL_PARTITIONS_MAX + 1, sizeof(*maker->counts));
	if (maker->lines == NULL || maker->order == NULL ||
	    maker->places == NULL || maker->counts == NULL)
		return no_memory(err);
	return SL_OK;
}

void
event_maker_release(struct event_maker *maker)
{
	sl_scan_free(maker->scan);
	sl_encoder_free(maker->encoder);
	free(maker->lines);
	free(maker->order);
	free(maker->places);
	free(maker->counts);
	free(maker->rejects);
	free(maker->batches);
	scratch_release(&maker->key);
	scratch_release(&maker->headers);
	scratch_release(&maker->time);
	envelope_reader_release(&maker->envelope);
}

/* ---- Rejects ---- */

static int
add_reject(struct event_maker *maker, uint64_t line, size_t start, size_t bytes,
    uint64_t length, uint64_t byte, const char *reason, struct sl_error *err)
{
	struct event_reject *grown;
	struct event_reject *reject;
	size_t room;

	if (maker->reject_count == maker->reject_room) {
		room = maker->reject_room == 0 ? 16 : maker->reject_room * 2;
		grown = reallocarray(maker->rejects, room, sizeof(*grown));
		if (grown == NULL)
			return no_memory(err);
		maker->rejects = grown;
		maker->reject_room = room;
	}
	reject = &maker->rejects[maker->reject_count++];
	*reject = (struct event_reject){ .line = line,
		.start = start,
		.bytes = bytes,
		.length = length,
		.byte = byte };
	snprintf(reject->reason, sizeof(reject->reason), "%s", reason);
	maker->is_failed = maker->options->on_error == APPEND_FAIL;
	return SL_OK;
}

/* ---- Lines ---- */

/* Where the scanner of newlines doesn't serve: other ends, keys before, raw. */
static void
check_line(const struct event_maker *maker, const char *text,
    struct sl_scan_line *line)
{
	const struct append_options *options = maker->options;
	const char *event = text + line->start;
	size_t bytes = line->bytes;
	const char *delim;
	size_t byte, i;

	line->kind = SL_SCAN_VALUE;
	line->key_bytes = 0;
	if (bytes == 0) {
		line->kind = SL_SCAN_BLANK;
		return;
	}
	if (options->key_delim != NULL) {
		delim = memmem(event, bytes, options->key_delim,
		    strlen(options->key_delim));
		if (delim == NULL) { /* split_key() says so */
			line->kind = SL_SCAN_OBJECT;
			return;
		}
		delim += strlen(options->key_delim);
		bytes -= (size_t)(delim - event);
		event = delim;
	}
	if (options->form == APPEND_RAW)
		return;
	if (sl_scan_explain(event, bytes, &byte) != NULL) {
		line->kind = SL_SCAN_BAD;
		return;
	}
	for (i = 0; i < bytes && strchr(" \t\r\n", event[i]) != NULL; i++)
		continue;
	if (event[i] == '{')
		line->kind = SL_SCAN_OBJECT;
	if (options->key_field != NULL) {
		const char *key =
		    sl_json_find(event, bytes, options->key_field, &byte);

		line->key_start = key == NULL ? 0 : (uint32_t)(key - text);
		line->key_bytes = key == NULL ? 0 : (uint32_t)byte;
	}
}

/* Split and check up to LINES_MAX lines. */
static size_t
take_lines(struct event_maker *maker, const char *text, size_t bytes,
    size_t *used)
{
	const struct append_options *options = maker->options;
	struct sl_scan_line *line;
	const char *end;
	size_t count = 0;

	if (options->end == '\n' && options->key_delim == NULL &&
	    options->form != APPEND_RAW)
		return sl_scan_lines(maker->scan, text, bytes, maker->lines,
		    LINES_MAX, used);
	for (*used = 0; *used < bytes && count < LINES_MAX; count++) {
		end = memchr(text + *used, options->end, bytes - *used);
		assert(end != NULL); /* a chunk has whole lines */
		line = &maker->lines[count];
		line->start = (uint32_t)*used;
		line->bytes = (uint32_t)(end - text - line->start);
		check_line(maker, text, line);
		*used = (size_t)(end - text) + 1;
	}
	return count;
}

/* ---- Records ---- */

/* The key that the scanner found, as bytes. */
static int
take_key(struct event_maker *maker, const char *raw, size_t bytes,
    struct sl_record *record, struct sl_error *err)
{
	long length;
	int rc;

	if (bytes == 0 || (bytes == 4 && memcmp(raw, "null", 4) == 0))
		return SL_OK;
	record->key = raw;
	record->key_bytes = bytes;
	if (raw[0] != '"')
		return SL_OK;
	record->key = raw + 1;
	record->key_bytes = bytes - 2;
	if (memchr(raw, '\\', bytes) == NULL)
		return SL_OK;
	maker->key.used = 0;
	rc = scratch_reserve(&maker->key, bytes, err);
	if (rc < 0)
		return rc;
	length = sl_json_unescape(raw, bytes, maker->key.bytes);
	if (length < 0)
		return sl_error_set(err, SL_EREJECTED,
		    "the key has an escaped lone surrogate");
	record->key = maker->key.bytes;
	record->key_bytes = (size_t)length;
	return SL_OK;
}

/* An envelope's own headers, then those of --header. */
static int
add_headers(struct event_maker *maker, struct sl_record *record,
    struct sl_error *err)
{
	const struct append_options *options = maker->options;
	int rc;

	if (options->header_count == 0)
		return SL_OK;
	if (record->header_count == 0) {
		record->headers = options->headers;
		record->headers_bytes = options->headers_bytes;
		record->header_count = options->header_count;
		return SL_OK;
	}
	maker->headers.used = 0;
	rc = scratch_reserve(&maker->headers,
	    record->headers_bytes + options->headers_bytes, err);
	if (rc < 0)
		return rc;
	scratch_put(&maker->headers, record->headers, record->headers_bytes);
	scratch_put(&maker->headers, options->headers, options->headers_bytes);
	record->headers = maker->headers.bytes;
	record->headers_bytes = maker->headers.used;
	record->header_count += options->header_count;
	return SL_OK;
}

/* -K: what stands before the delimiter is the key. */
static int
split_key(const struct event_maker *maker, struct sl_record *record,
    struct sl_error *err)
{
	const char *delim = maker->options->key_delim;
	const char *line = record->value;
	size_t bytes = strlen(delim);
	const char *at;

	at = memmem(line, record->value_bytes, delim, bytes);
	if (at == NULL)
		return sl_error_set(err, SL_EREJECTED,
		    "there is no '%s' behind a key", delim);
	record->key = line;
	record->key_bytes = (size_t)(at - line);
	record->value = at + bytes;
	record->value_bytes -= record->key_bytes + bytes;
	return SL_OK;
}

/*
 * The record of a line that was checked; views into the line and the maker.
 * SL_EREJECTED: it is none, `err` says why.
 */
static int
make_record(struct event_maker *maker, const char *text,
    const struct sl_scan_line *line, struct sl_record *record, int *partition,
    struct sl_error *err)
{
	const struct append_options *options = maker->options;
	int rc = SL_OK;

	*record = (struct sl_record){ .timestamp_ms = maker->now_ms,
		.value = text + line->start,
		.value_bytes = line->bytes };
	*partition = ENVELOPE_PARTITION_NONE;
	if (line->kind == SL_SCAN_VALUE && options->form == APPEND_OBJECTS)
		return sl_error_set(err, SL_EREJECTED,
		    "an event is a JSON object; --any takes other values");
	if (line->kind == SL_SCAN_VALUE && options->form == APPEND_ENVELOPE)
		return sl_error_set(err, SL_EREJECTED,
		    "an envelope is a JSON object");
	if (options->key_delim != NULL) {
		rc = split_key(maker, record, err);
	} else if (options->form == APPEND_ENVELOPE) {
		rc = envelope_read(&maker->envelope, text + line->start,
		    line->bytes, record, partition, err);
		if (rc == SL_OK && record->timestamp_ms == SL_TIME_NONE)
			record->timestamp_ms = maker->now_ms;
	} else if (line->key_bytes > 0) {
		rc = take_key(maker, text + line->key_start, line->key_bytes,
		    record, err);
	}
	if (rc == SL_OK && options->key != NULL) {
		record->key = options->key;
		record->key_bytes = strlen(options->key);
	}
	if (rc == SL_OK && options->time_field != NULL)
		rc = time_field_read(&maker->time, options->time_field,
		    record->value, record->value_bytes, maker->now_ms,
		    &record->timestamp_ms, err);
	if (rc == SL_OK)
		rc = add_headers(maker, record, err);
	if (rc == SL_OK && record->timestamp_ms < 0)
		rc = sl_error_set(err, SL_EREJECTED,
		    "its time is before 1970, which Kafka's log can't hold");
	if (rc == SL_OK && maker->settings.timestamp_after_max_ms >= 0 &&
	    record->timestamp_ms - maker->now_ms >
	        maker->settings.timestamp_after_max_ms)
		rc = sl_error_set(err, SL_EREJECTED,
		    "its time is %" PRId64 " s ahead of the clock; "
		    "message.timestamp.after.max.ms is %" PRId64,
		    (record->timestamp_ms - maker->now_ms) / 1000,
		    maker->settings.timestamp_after_max_ms);
	return rc;
}

/* Remember from which line on its batch is: in hand, or closed at once. */
static int
note_batch(struct event_maker *maker, uint64_t line, struct sl_error *err)
{
	size_t closed = sl_encoder_count(maker->encoder);
	struct event_batch *grown;
	size_t batches;

	while (maker->closed_count < closed)
		maker->closed_events +=
		    sl_encoder_batch(maker->encoder, maker->closed_count++)
		        .count;
	batches = closed + (maker->closed_events < maker->event_count);
	if (batches > maker->batch_room) {
		grown =
		    reallocarray(maker->batches, batches * 2, sizeof(*grown));
		if (grown == NULL)
			return no_memory(err);
		maker->batches = grown;
		maker->batch_room = batches * 2;
	}
	while (maker->batch_count < batches)
		maker->batches[maker->batch_count++].line = line;
	return SL_OK;
}

/* Why a bad line is bad: the slow check says where. */
static int
reject_bad(struct event_maker *maker, const char *text,
    const struct sl_scan_line *line, uint64_t number, struct sl_error *err)
{
	const char *event = text + line->start;
	size_t bytes = line->bytes;
	const char *reason, *delim;
	size_t byte = 0, before = 0;
	char phrase[128];

	if (maker->options->key_delim != NULL) {
		delim = memmem(event, bytes, maker->options->key_delim,
		    strlen(maker->options->key_delim));
		if (delim != NULL)
			before = (size_t)(delim - event) +
			         strlen(maker->options->key_delim);
	}
	reason = sl_scan_explain(event + before, bytes - before, &byte);
	assert(reason != NULL);
	snprintf(phrase, sizeof(phrase), "not JSON: %s", reason);
	return add_reject(maker, number, line->start, bytes, bytes,
	    before + byte, phrase, err);
}

/* The partition of a record: said, by its key, as it was, or in turn. */
static int
place_of(const struct event_maker *maker, const struct sl_record *record,
    int was)
{
	int partitions = maker->settings.partitions;

	if (maker->options->partition >= 0)
		return maker->options->partition;
	if (record->key != NULL)
		return sl_partition_of_key(record->key, record->key_bytes,
		    partitions);
	return was >= 0 && was < partitions ? was : maker->turn;
}

/* `place`: the partition, or PLACE_OPEN. */
static int
encode_line(struct event_maker *maker, const char *text,
    const struct sl_scan_line *line, uint64_t number, int place,
    struct sl_error *err)
{
	struct sl_record record;
	int was, rc;

	rc = make_record(maker, text, line, &record, &was, err);
	if (rc == SL_OK && record.key == NULL &&
	    (maker->settings.cleanup & SL_CLEANUP_COMPACT) != 0)
		rc = sl_error_set(err, SL_EREJECTED,
		    "no key: of a compacted topic the last event of each key "
		    "stays");
	if (rc == SL_OK && place == PLACE_OPEN)
		place = place_of(maker, &record, was);
	if (rc == SL_OK)
		rc = sl_encoder_add(maker->encoder, place, &record, err);
	if (rc == SL_EREJECTED) {
		rc = add_reject(maker, number, line->start, line->bytes,
		    line->bytes, 0, err->text, err);
		if (rc == SL_OK)
			maker->rejects[maker->reject_count - 1].is_json =
			    line->kind == SL_SCAN_VALUE;
		return rc;
	}
	if (rc < 0)
		return rc;
	maker->event_count++;
	maker->keyed_count += record.key != NULL;
	return note_batch(maker, number, err);
}

/*
 * Group the lines by partition, in their order within each (a counting sort),
 * so that a chunk makes few batches. Lines that are no events go to `turn`: the
 * encoding will find them again.
 */
static void
group_lines(struct event_maker *maker, const char *text, size_t count)
{
	int partitions = maker->settings.partitions;
	const struct sl_scan_line *line;
	struct sl_record record;
	struct sl_error ignored;
	uint32_t at = 0, here;
	int p, was;
	size_t i;

	memset(maker->counts, 0,
	    ((size_t)partitions + 1) * sizeof(*maker->counts));
	for (i = 0; i < count; i++) {
		line = &maker->lines[i];
		p = maker->turn;
		if (line->kind != SL_SCAN_BAD && line->kind != SL_SCAN_BLANK &&
		    make_record(maker, text, line, &record, &was, &ignored) ==
		        SL_OK)
			p = place_of(maker, &record, was);
		maker->places[i] = (uint16_t)p;
		maker->counts[p]++;
	}
	for (p = 0; p < partitions; p++) {
		here = maker->counts[p];
		maker->counts[p] = at;
		at += here;
	}
	for (i = 0; i < count; i++)
		maker->order[maker->counts[maker->places[i]]++] = (uint32_t)i;
}

/* One line: an event, a reject, or blank. */
static int
take_line(struct event_maker *maker, const char *text,
    const struct sl_scan_line *line, uint64_t number, int place,
    struct sl_error *err)
{
	switch (line->kind) {
	case SL_SCAN_BLANK:
		return SL_OK;
	case SL_SCAN_BAD:
		return reject_bad(maker, text, line, number, err);
	default:
		return encode_line(maker, text, line, number, place, err);
	}
}

static int
compare_rejects(const void *a, const void *b)
{
	const struct event_reject *left = a;
	const struct event_reject *right = b;

	return left->line < right->line ? -1 : left->line > right->line;
}

/* Lines that were looked at together: in their order, or by partition. */
static int
make_group(struct event_maker *maker, const char *text, size_t count,
    bool is_grouped, struct sl_error *err)
{
	size_t first_reject = maker->reject_count;
	size_t i, at;
	int rc;

	if (is_grouped)
		group_lines(maker, text, count);
	for (i = 0; i < count && !maker->is_failed; i++) {
		at = is_grouped ? maker->order[i] : i;
		rc = take_line(maker, text, &maker->lines[at],
		    maker->line_count + at,
		    is_grouped ? maker->places[at] : PLACE_OPEN, err);
		if (rc < 0)
			return rc;
	}
	if (is_grouped && maker->reject_count > first_reject)
		qsort(maker->rejects + first_reject,
		    maker->reject_count - first_reject, sizeof(*maker->rejects),
		    compare_rejects);
	maker->line_count += count;
	return SL_OK;
}

static void
forget_chunk(struct event_maker *maker)
{
	sl_encoder_reset(maker->encoder);
	maker->line_count = maker->event_count = maker->keyed_count = 0;
	maker->reject_count = maker->batch_count = 0;
	maker->closed_count = 0;
	maker->closed_events = 0;
	maker->is_failed = false;
}

static int
make_batches(struct event_maker *maker, const struct frame_chunk *chunk,
    bool is_grouped, struct sl_error *err)
{
	size_t at = 0, used, count, first, i;
	const char *text;
	int rc = SL_OK;

	while (rc == SL_OK && at < chunk->bytes && !maker->is_failed) {
		text = chunk->text + at;
		first = maker->reject_count;
		count = take_lines(maker, text, chunk->bytes - at, &used);
		rc = make_group(maker, text, count, is_grouped, err);
		for (i = first; i < maker->reject_count; i++)
			maker->rejects[i].start += at;
		at += used;
	}
	return rc < 0 ? rc : sl_encoder_finish(maker->encoder, err);
}

int
event_make(struct event_maker *maker, const struct frame_chunk *chunk, int turn,
    const struct sl_settings *settings, struct sl_error *err)
{
	char reason[96];
	bool is_grouped;
	int rc;

	rc = settle(maker, settings, err);
	if (rc < 0)
		return rc;
	maker->turn = turn;
	maker->now_ms = sl_now_ms();
	forget_chunk(maker);
	if (chunk->oversize > 0) {
		snprintf(reason, sizeof(reason),
		    "a line of %" PRIu64 " bytes is larger than any event may "
		    "be",
		    chunk->oversize);
		maker->line_count = 1;
		return add_reject(maker, 0, 0, chunk->bytes - 1,
		    chunk->oversize, 0, reason, err);
	}
	is_grouped =
	    maker->settings.partitions > 1 && maker->options->partition < 0;
	rc = make_batches(maker, chunk, is_grouped, err);
	if (rc < 0 || !maker->is_failed || !is_grouped)
		return rc;
	/* Nothing behind the first bad line may go, whatever its partition. */
	forget_chunk(maker);
	return make_batches(maker, chunk, false, err);
}
