/*
 * envelope.h: a record as one line of JSON, and back. Floor: cmd.
 *
 * {"topic":"orders","partition":0,"offset":42,"ts":1546300800000,"key":"u1",
 *  "headers":{"k":"v"},"payload":{"amount":3}}        (one line, no space)
 *
 * Written: the members in this order, each time the same bytes for a record.
 * What is written reads back as the same key, headers, time and value.
 * - partition is left out for a rejected line, which has none.
 * - key: a JSON string; key_base64 where it is not UTF-8; neither: no key.
 * - headers: an object, left out where there are none. A value is a string,
 *   null for null, {"base64":"..."} where it is not UTF-8. A name that comes
 *   more than once has an array of its values. Names stand in the order of
 *   their first use, values of a name in theirs. Where a name is not UTF-8 all
 *   of them are an array of [name, value], such a name {"base64":"..."}, too.
 * - payload is last: the value verbatim where it is one JSON text, but for
 *   null; payload_base64 for any other value: not JSON, JSON with white space
 *   around it or a newline in it, nested so deep that the line could not be
 *   read back, the text null, no bytes. A tombstone has "payload":null.
 *
 * Read: any order, any white space; of members that repeat a name the last
 * counts; topic, offset and unknown members are skipped. ts, partition, key and
 * headers may be missing or null; the payload must be there in one form.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "scratch.h"
#include "streamlog.h"

struct envelope_header;

struct envelope_writer {
	struct sl_scan *scan;
	struct scratch line; /* the envelope last written, without newline */
	struct envelope_header *headers; /* owned; room for header_room */
	size_t header_room;
};

/* Release is due whatever it returns. */
SL_MUST_USE int envelope_writer_init(struct envelope_writer *writer,
    struct sl_error *err);
void envelope_writer_release(struct envelope_writer *writer);

/* Write `record` to writer->line. Fails only for want of memory. */
SL_MUST_USE int envelope_write(struct envelope_writer *writer,
    const char *topic, int partition, const struct sl_record *record,
    struct sl_error *err);

#define ENVELOPE_PARTITION_NONE (-1)

struct envelope_reader {
	struct scratch key;
	struct scratch value;
	struct scratch headers;
	struct scratch name; /* a header's */
	struct scratch word; /* its value */
};

#define ENVELOPE_READER_EMPTY ((struct envelope_reader){ .key = SCRATCH_EMPTY })

void envelope_reader_release(struct envelope_reader *reader);

/*
 * Read a line that is known to be a JSON object. `record` gets views into the
 * line and the reader, good until the next call; its timestamp is SL_TIME_NONE
 * and *partition ENVELOPE_PARTITION_NONE where the line says none.
 * SL_EREJECTED: `err` says which member is wrong, and how; or SL_ENOMEM.
 */
SL_MUST_USE int envelope_read(struct envelope_reader *reader, const char *line,
    size_t bytes, struct sl_record *record, int *partition,
    struct sl_error *err);

#endif
