/*
 * output.h: events onto stdout. Floor: cmd.
 *
 * A buffer of 32 KiB, which is what a pipe likes best, holds whole events only:
 * each write(2) ends at the end of an event, so that a reader at the other end
 * of a killed program is left with as few torn ones as the kernel allows.
 *
 * The functions return SL_OK, SL_END where whoever read stdout is gone (a quiet
 * end), or SL_EIO.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "streamlog.h"

#include <string.h>

#define OUTPUT_BYTES (32 * 1024)

struct output {
	int fd; /* borrowed */
	size_t used;
	char bytes[OUTPUT_BYTES];
};

/* SL_EIO where `fd` was closed when the program began. */
SL_MUST_USE int output_init(struct output *output, int fd,
    struct sl_error *err);

/* Write what is in the buffer. */
SL_MUST_USE int output_flush(struct output *output, struct sl_error *err);

/* What output_event() does where the buffer has no room. */
SL_MUST_USE int output_event_slowly(struct output *output, const void *event,
    size_t bytes, const char *separator, size_t separator_bytes,
    struct sl_error *err);

/* Put an event and its separator (none: 0 bytes) after those before. */
SL_MUST_USE static inline int
output_event(struct output *output, const void *event, size_t bytes,
    const char *separator, size_t separator_bytes, struct sl_error *err)
{
	char *to;

	if (bytes >= OUTPUT_BYTES - output->used - separator_bytes)
		return output_event_slowly(output, event, bytes, separator,
		    separator_bytes, err);
	to = output->bytes + output->used;
	memcpy(to, event, bytes);
	if (separator_bytes != 0)
		to[bytes] = *separator;
	output->used += bytes + separator_bytes;
	return SL_OK;
}

#endif
