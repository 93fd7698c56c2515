/*
 * fuzz_envelope.c: any line as an envelope. What is read can be written, and
 * what was written reads back as the same record.
 */
#include "envelope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static bool
is_object(const char *line, size_t bytes)
{
	size_t at = 0, byte;

	if (sl_scan_explain(line, bytes, &byte) != NULL)
		return false;
	while (at < bytes && strchr(" \t\r\n", line[at]) != NULL)
		at++;
	return at < bytes && line[at] == '{';
}

static bool
same_bytes(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
	       (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

static void
try_again(struct envelope_writer *writer, const struct sl_record *record,
    int partition)
{
	struct envelope_reader reader = ENVELOPE_READER_EMPTY;
	struct sl_record again;
	struct sl_error err;
	int place;

	if (envelope_write(writer, "topic", partition < 0 ? 0 : partition,
	        record, &err) != SL_OK)
		return;
	expect(is_object(writer->line.bytes, writer->line.used));
	expect(envelope_read(&reader, writer->line.bytes, writer->line.used,
	           &again, &place, &err) == SL_OK);
	expect(same_bytes(record->key, record->key_bytes, again.key,
	    again.key_bytes));
	expect(same_bytes(record->value, record->value_bytes, again.value,
	    again.value_bytes));
	expect(record->header_count == again.header_count);
	envelope_reader_release(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct envelope_reader reader = ENVELOPE_READER_EMPTY;
	struct envelope_writer writer;
	struct sl_record record;
	struct sl_error err;
	char *line;
	int partition;

	line = malloc(bytes + 1);
	expect(line != NULL);
	if (bytes > 0)
		memcpy(line, data, bytes);
	line[bytes] = '\n';
	expect(envelope_writer_init(&writer, &err) == SL_OK);
	if (is_object(line, bytes) && envelope_read(&reader, line, bytes,
	                                  &record, &partition, &err) == SL_OK) {
		if (record.timestamp_ms == SL_TIME_NONE)
			record.timestamp_ms = 0;
		try_again(&writer, &record, partition);
	}
	envelope_writer_release(&writer);
	envelope_reader_release(&reader);
	free(line);
	return 0;
}
