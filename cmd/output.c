/* output.c: events onto stdout; see output.h. */
#include "output.h"

#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A thread is worth beginning once so much came without a pause. */
#define THREAD_WORTH_BYTES ((size_t)1 << 20)

int
output_init(struct output *output, int fd, struct sl_error *err)
{
	*output = (struct output){ .fd = fd, .size = OUTPUT_CALM_BYTES };
	if (cli_is_closed(fd))
		return sl_error_set(err, SL_EIO, "stdout is closed");
	output->bytes = malloc(OUTPUT_FLOW_BYTES);
	if (output->bytes == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	return SL_OK;
}

void
output_release(struct output *output)
{
	output_thread_end(output);
	free(output->bytes);
	*output = OUTPUT_CLOSED;
}

/* After a failed write(2): SL_OK means that it may be tried again. */
static int
write_failed(int fd, int sys, struct sl_error *err)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	switch (sys) {
	case EINTR:
		return SL_OK;
	case EAGAIN:
		/* Somebody who shares this pipe or terminal made it so. */
		(void)poll(&wait, 1, -1);
		return SL_OK;
	case EPIPE:
		return SL_END;
	default:
		/* A full disk there is no full log: not "try again". */
		sl_error_sys(err, sys, "stdout");
		err->code = SL_EIO;
		return SL_EIO;
	}
}

int
output_write(int fd, const char *from, size_t bytes, struct sl_error *err)
{
	ssize_t wrote;
	int rc;

	while (bytes > 0) {
		wrote = write(fd, from, bytes);
		if (wrote < 0) {
			rc = write_failed(fd, errno, err);
			if (rc != SL_OK)
				return rc;
			continue;
		}
		from += wrote;
		bytes -= (size_t)wrote;
	}
	return SL_OK;
}

/* Much came without a pause: from now on a thread writes. */
static void
begin_flow(struct output *output)
{
	output->flowed = 0;
	if (output_thread_begin(output))
		output->size = OUTPUT_FLOW_BYTES;
}

int
output_pass_on(struct output *output, struct sl_error *err)
{
	size_t bytes = output->used;

	if (output->thread != NULL)
		return output_thread_pass(output, false, err);
	output->used = 0;
	output->flowed += bytes;
	if (output->flowed >= THREAD_WORTH_BYTES && bytes > 0) {
		begin_flow(output);
		if (output->thread != NULL) {
			output->used = bytes;
			return output_thread_pass(output, false, err);
		}
	}
	return output_write(output->fd, output->bytes, bytes, err);
}

int
output_flush(struct output *output, struct sl_error *err)
{
	size_t bytes = output->used;

	output->flowed = 0;
	if (output->thread != NULL)
		return output_thread_pass(output, true, err);
	output->used = 0;
	return output_write(output->fd, output->bytes, bytes, err);
}

/* An event larger than the buffer goes out as it is. */
static int
write_large(struct output *output, const char *event, size_t bytes,
    const char *separator, size_t separator_bytes, struct sl_error *err)
{
	int rc;

	rc = output_flush(output, err);
	if (rc == SL_OK)
		rc = output_write(output->fd, event, bytes, err);
	if (rc == SL_OK)
		rc = output_write(output->fd, separator, separator_bytes, err);
	return rc;
}

int
output_event_slowly(struct output *output, const void *event, size_t bytes,
    const char *separator, size_t separator_bytes, struct sl_error *err)
{
	int rc;

	rc = output_pass_on(output, err);
	if (rc != SL_OK)
		return rc;
	if (bytes + separator_bytes < output->size)
		return output_event(output, event, bytes, separator,
		    separator_bytes, err);
	return write_large(output, event, bytes, separator, separator_bytes,
	    err);
}
