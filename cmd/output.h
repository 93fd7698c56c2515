/*
 * output.h: events onto stdout. Floor: cmd.
 *
 * A buffer holds whole events only: each write(2) ends at the end of an event,
 * so that a reader at the other end of a killed program is left with as few
 * torn ones as the kernel allows. While little is written, 32 KiB at a time,
 * which is what a pipe likes best, by the caller itself; once it is much, by a
 * thread, so that the next events are read and put together meanwhile.
 *
 * The functions return SL_OK, SL_END where whoever read stdout is gone (a quiet
 * end), or SL_EIO.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "streamlog.h"

#include <string.h>

struct output_thread;

struct output {
	int fd;      /* borrowed */
	char *bytes; /* owned: the buffer in hand */
	size_t used;
	size_t size;                  /* it is written when it is so full */
	size_t flowed;                /* bytes since the last flush */
	struct output_thread *thread; /* owned; NULL: none (yet) */
};

#define OUTPUT_CLOSED ((struct output){ .fd = -1 })

/* SL_EIO where `fd` was closed when the program began. */
SL_MUST_USE int output_init(struct output *output, int fd,
    struct sl_error *err);
/* Give back the memory; what was not flushed is lost. Harmless twice. */
void output_release(struct output *output);

/* Write all there is, and wait until it is written. */
SL_MUST_USE int output_flush(struct output *output, struct sl_error *err);

/* Pass on what is in the buffer, so that it has room: output->size - used. */
SL_MUST_USE int output_pass_on(struct output *output, struct sl_error *err);

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

	if (bytes >= output->size - output->used - separator_bytes)
		return output_event_slowly(output, event, bytes, separator,
		    separator_bytes, err);
	to = output->bytes + output->used;
	memcpy(to, event, bytes);
	if (separator_bytes != 0)
		to[bytes] = *separator;
	output->used += bytes + separator_bytes;
	return SL_OK;
}

/* ---- Of output.c and output_thread.c alone ---- */

#define OUTPUT_CALM_BYTES ((size_t)32 << 10)  /* written at once, alone */
#define OUTPUT_FLOW_BYTES ((size_t)256 << 10) /* handed to the thread */

/* Write `bytes` as they are. */
SL_MUST_USE int output_write(int fd, const char *from, size_t bytes,
    struct sl_error *err);

/* Begin a thread; false where there is no processor or memory for it. */
bool output_thread_begin(struct output *output);
void output_thread_end(struct output *output);

/*
 * Hand the buffer in hand to the thread and take an empty one; `all`: and wait
 * until nothing is left to write.
 */
SL_MUST_USE int output_thread_pass(struct output *output, bool all,
    struct sl_error *err);

#endif
