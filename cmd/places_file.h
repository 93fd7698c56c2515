/*
 * places_file.h: places in a file, for streamlog-group reset and commit.
 * Floor: cmd.
 *
 * Its lines are as place_line.h has them: the CSV of Kafka's tools, and what
 * streamlog-group describe --json and streamlog-tail --print-place write. Empty
 * lines are none.
 */
#ifndef PLACES_FILE_H
#define PLACES_FILE_H

#include "place_line.h"

struct file_place {
	struct place_line at;
	size_t line; /* counted from 1 */
};

struct places_file {
	char *name; /* owned, for messages: "'PATH'", or "stdin" */
	struct file_place *places; /* owned, by topic and partition */
	size_t count;
};

#define PLACES_FILE_EMPTY ((struct places_file){ .places = NULL })

/*
 * Read all of `path` ("-": stdin). SL_ECORRUPT names the line that is no
 * place, or is one a second time.
 */
SL_MUST_USE int places_file_read(struct places_file *file, const char *path,
    struct sl_error *err);
void places_file_release(struct places_file *file);

/* Put "FILE: line N: " before an error about a place; returns its code. */
int places_file_wrap(const struct places_file *file,
    const struct file_place *place, struct sl_error *err);

#endif
