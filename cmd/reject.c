/* reject.c: lines that are no events; see reject.h. */
#include "reject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "progress.h"

/* So many are told; then only their count. */
#define TOLD_MAX 10
/* So many with none good among them: this is something else. */
#define HOPELESS_COUNT 100
/* A rejected line's record is small: its input is cut at 64 KiB. */
#define RECORD_BYTES_MAX ((size_t)1 << 20)

int
reject_init(struct reject *reject, enum append_on_error on_error,
    struct sl_error *err)
{
	struct sl_encoder_options encoder = {
		.batch_bytes = RECORD_BYTES_MAX,
		.message_bytes_max = RECORD_BYTES_MAX + 4096,
	};

	*reject = (struct reject){ .encoder = NULL };
	if (on_error != APPEND_DIVERT)
		return SL_OK;
	return sl_encoder_new(&reject->encoder, &encoder, err);
}

void
reject_release(struct reject *reject)
{
	sl_encoder_free(reject->encoder);
	reject->encoder = NULL;
}

static void
tell(const struct frame_chunk *chunk, const struct event_reject *line,
    uint64_t number)
{
	char source[280] = "", byte[32] = "";

	if (strcmp(chunk->source, "-") != 0)
		snprintf(source, sizeof(source), "'%.255s': ", chunk->source);
	if (line->byte > 0)
		snprintf(byte, sizeof(byte), "byte %" PRIu64 ": ", line->byte);
	progress_clear();
	cli_message("%sline %" PRIu64 ": %s%s", source, number, byte,
	    line->reason);
}

/* The input as JSON text where it is text, else in base64. */
static int
add_input(struct sl_json *row, const char *text, size_t bytes,
    struct sl_error *err)
{
	char *encoded;

	if (sl_utf8_valid(text, bytes)) {
		sl_json_add_bytes(row, "input", text, bytes);
		return SL_OK;
	}
	encoded = malloc(SL_BASE64_SIZE(bytes));
	if (encoded == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	sl_base64_encode(text, bytes, encoded);
	sl_json_add_text(row, "input_base64", encoded);
	free(encoded);
	return SL_OK;
}

/* A cut in the middle of a character would make the text none. */
static size_t
cut_input(const char *text, size_t bytes)
{
	size_t cut = FRAME_KEPT_BYTES;

	if (bytes <= cut)
		return bytes;
	while (cut > FRAME_KEPT_BYTES - 4 &&
	       ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	return cut;
}

static int
keep(struct reject *reject, const struct frame_chunk *chunk,
    const struct event_reject *line, uint64_t number, struct sl_error *err)
{
	const char *text = chunk->text + line->start;
	struct sl_record record = { .timestamp_ms = sl_now_ms() };
	char time[SL_TIME_TEXT_SIZE];
	struct sl_json *row;
	char *printed = NULL;
	int rc;

	row = sl_json_object();
	sl_format_time(record.timestamp_ms, time);
	sl_json_add_text(row, "time", time);
	sl_json_add_text(row, "source", chunk->source);
	sl_json_add_int(row, "line", (int64_t)number);
	if (line->byte > 0)
		sl_json_add_int(row, "byte", (int64_t)line->byte);
	else
		sl_json_add_null(row, "byte");
	sl_json_add_text(row, "reason", line->reason);
	rc = add_input(row, text, cut_input(text, line->bytes), err);
	sl_json_add_int(row, "input_bytes", (int64_t)line->length);
	if (rc == SL_OK) {
		printed = sl_json_print(row);
		if (printed == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	if (rc == SL_OK) {
		record.value = printed;
		record.value_bytes = strlen(printed);
		rc = sl_encoder_add(reject->encoder, SL_PARTITION_REJECTED,
		    &record, err);
	}
	free(printed);
	sl_json_free(row);
	return rc;
}

/* What does a line look like that is no event? */
static void
note_looks(struct reject *reject, const struct event_reject *line,
    const char *text)
{
	size_t bytes = line->bytes;
	size_t i = 0;

	while (i < bytes && (text[i] == ' ' || text[i] == '\t'))
		i++;
	if (line->is_json)
		reject->values++;
	else if (i < bytes && text[i] == '{' && text[bytes - 1] == '}')
		return; /* an object that is bad in itself */
	else if (i == bytes || strchr("{}[]\"", text[i]) != NULL)
		reject->pieces++;
	else if (sl_utf8_valid(text, bytes))
		reject->texts++;
}

int
reject_take(struct reject *reject, const struct event_maker *maker,
    const struct frame_chunk *chunk, uint64_t first_line, bool has_good,
    size_t *taken, struct sl_error *err)
{
	const struct event_reject *line;
	uint64_t number;
	int rc = SL_OK;

	if (reject->encoder != NULL)
		sl_encoder_reset(reject->encoder);
	for (*taken = 0; rc == SL_OK && *taken < maker->reject_count &&
	                 !reject->is_hopeless;
	     ++*taken) {
		line = &maker->rejects[*taken];
		number = first_line + line->line;
		reject->count++;
		note_looks(reject, line, chunk->text + line->start);
		if (reject->count <= TOLD_MAX)
			tell(chunk, line, number);
		if (reject->encoder != NULL)
			rc = keep(reject, chunk, line, number, err);
		reject->is_hopeless =
		    !has_good && reject->count >= HOPELESS_COUNT;
	}
	if (rc == SL_OK && reject->encoder != NULL)
		rc = sl_encoder_finish(reject->encoder, err);
	return rc;
}

const char *
reject_advice(const struct reject *reject)
{
	uint64_t most = reject->count - reject->count / 4;

	if (reject->values >= most)
		return "this looks like JSON values; --any takes them";
	if (reject->pieces >= most)
		return "this looks like JSON over several lines; 'jq -c .' "
		       "makes lines of it";
	if (reject->texts >= most)
		return "this looks like plain text; --raw takes any lines";
	return "streamlog-append(1) says what an event is";
}
