/*
 * place_line.h: a line that names an offset in a partition: a place in a file,
 * or an event that is acknowledged. Floor: cmd.
 *
 * It is `TOPIC PARTITION OFFSET`, with blanks or commas between, or a JSON
 * object with the members topic, partition and offset, such as an envelope;
 * topic_id is taken, too.
 */
#ifndef PLACE_LINE_H
#define PLACE_LINE_H

#include "streamlog.h"

#define PLACE_LINE_BETWEEN " \t,"

struct place_line {
	char topic[SL_TOPIC_NAME_MAX + 1];
	char topic_id[32]; /* "": not said */
	int partition;
	uint64_t offset;
};

/* SL_ECORRUPT says why it is none. */
SL_MUST_USE int place_line_parse(const char *line, size_t bytes,
    struct place_line *place, struct sl_error *err);

#endif
