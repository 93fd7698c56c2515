/* output.c: the slow half of output.h. */
#include "output.h"
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

int
output_init(struct output *output, int fd, struct sl_error *err)
{
	output->fd = fd;
	output->used = 0;
	if (cli_is_closed(fd))
		return cli_error(err, SL_EIO, "stdout is closed");
	return SL_OK;
}

/* After a failed write(2): SL_OK means that it may be tried again. */
static int
output_failed(const struct output *output, struct sl_error *err)
{
	struct pollfd wait = { .fd = output->fd, .events = POLLOUT };
	int sys = errno;

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
		cli_error(err, SL_EIO, "stdout: %s",
		    sys == ENOSPC ? "no space left on device"
		                  : strerrordesc_np(sys));
		err->sys = sys;
		return SL_EIO;
	}
}

/* Write all of it, in as many writes as it takes. */
static int
write_all(const struct output *output, struct iovec *parts, int count,
    struct sl_error *err)
{
	ssize_t wrote;
	int rc;

	while (count > 0) {
		wrote = writev(output->fd, parts, count);
		if (wrote < 0) {
			rc = output_failed(output, err);
			if (rc != SL_OK)
				return rc;
			continue;
		}
		while (count > 0 && (size_t)wrote >= parts->iov_len) {
			wrote -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (char *)parts->iov_base + wrote;
			parts->iov_len -= (size_t)wrote;
		}
	}
	return SL_OK;
}

int
output_flush(struct output *output, struct sl_error *err)
{
	struct iovec part = { output->bytes, output->used };

	if (output->used == 0)
		return SL_OK;
	output->used = 0;
	return write_all(output, &part, 1, err);
}

/* A view of memory that writev(2) won't write to, whatever its type says. */
static struct iovec
borrowed(const void *bytes, size_t size)
{
	struct iovec part = { .iov_len = size };

	memcpy(&part.iov_base, &bytes, sizeof(bytes));
	return part;
}

int
output_event_slowly(struct output *output, const void *event, size_t bytes,
    const char *separator, size_t separator_bytes, struct sl_error *err)
{
	struct iovec parts[2];
	int rc;

	rc = output_flush(output, err);
	if (rc != SL_OK)
		return rc;
	if (bytes < OUTPUT_BYTES - separator_bytes)
		return output_event(output, event, bytes, separator,
		    separator_bytes, err);
	parts[0] = borrowed(event, bytes);
	parts[1] = borrowed(separator, separator_bytes);
	return write_all(output, parts, separator_bytes != 0 ? 2 : 1, err);
}
