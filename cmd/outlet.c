/* outlet.c: stdout of a group's member; see outlet.h. */
#include "outlet.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A full disk there is no full log: not "try again". */
static int
fail(int sys, struct sl_error *err)
{
	sl_error_sys(err, sys, "stdout");
	if (err->code != SL_ENOMEM)
		err->code = SL_EIO;
	return err->code;
}

/* The byte before where the next one goes; -1: there is none, or who knows. */
static int
last_byte(const struct stat *st)
{
	bool appends = (fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND) != 0;
	off_t end = appends ? st->st_size : lseek(STDOUT_FILENO, 0, SEEK_CUR);
	unsigned char byte;
	ssize_t got = -1;
	int fd;

	if (end <= 0)
		return -1;
	/* stdout itself may be for writing only. */
	fd = open("/proc/self/fd/1", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = pread(fd, &byte, 1, end - 1);
		close(fd);
	}
	return got == 1 ? byte : -1;
}

/*
 * Another may write into the pipe between our look and our write, which then
 * waits for the reader. O_NONBLOCK on stdout itself would be the others', too.
 */
static void
open_pipe(struct outlet *outlet)
{
	int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) /* else another user's: then we may wait */
		outlet->fd = fd;
}

int
outlet_init(struct outlet *outlet, int separator, struct sl_error *err)
{
	char text = (char)separator;
	struct stat st;
	int last;

	*outlet = (struct outlet){ .fd = STDOUT_FILENO,
		.separator = separator,
		.pending = SCRATCH_EMPTY };
	if (cli_is_closed(STDOUT_FILENO))
		return sl_error_set(err, SL_EIO, "stdout is closed");
	if (fstat(STDOUT_FILENO, &st) != 0)
		return fail(errno, err);
	if (S_ISFIFO(st.st_mode)) {
		outlet->kind = OUTLET_PIPE;
		open_pipe(outlet);
	}
	if (!S_ISREG(st.st_mode))
		return SL_OK;
	outlet->kind = OUTLET_FILE;
	last = separator < 0 ? -1 : last_byte(&st);
	if (last >= 0 && last != separator)
		return write(STDOUT_FILENO, &text, 1) == 1 ? SL_OK
		                                           : fail(errno, err);
	return SL_OK;
}

void
outlet_release(struct outlet *outlet)
{
	scratch_release(&outlet->pending);
	if (outlet->fd > STDERR_FILENO)
		close(outlet->fd);
}

size_t
outlet_waiting(const struct outlet *outlet)
{
	return outlet->pending.used - outlet->at;
}

int
outlet_put(struct outlet *outlet, const char *bytes, size_t count,
    struct sl_error *err)
{
	int rc;

	if (outlet->at == outlet->pending.used)
		outlet->at = outlet->pending.used = 0;
	rc = scratch_reserve(&outlet->pending, count, err);
	if (rc == SL_OK)
		scratch_put(&outlet->pending, bytes, count);
	return rc;
}

/*
 * May something be written without waiting? poll(2) calls a pipe writable when
 * a page of it is free, and PIPE_BUF bytes fit into that.
 */
static bool
has_room(const struct outlet *outlet)
{
	struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };

	return outlet->kind == OUTLET_FILE ||
	       (poll(&out, 1, 0) > 0 && out.revents != 0);
}

/* How much to write at once. */
static size_t
next_piece(const struct outlet *outlet)
{
	const char *from = outlet->pending.bytes + outlet->at;
	const char *last = NULL;

	if (outlet->kind == OUTLET_FILE || outlet_waiting(outlet) <= PIPE_BUF)
		return outlet_waiting(outlet);
	if (outlet->separator >= 0)
		last = memrchr(from, outlet->separator, PIPE_BUF);
	return last == NULL ? PIPE_BUF : (size_t)(last - from) + 1;
}

int
outlet_write(struct outlet *outlet, struct sl_error *err)
{
	bool had_any = outlet_waiting(outlet) > 0;
	size_t piece;
	ssize_t n;

	while (outlet_waiting(outlet) > 0 && has_room(outlet)) {
		piece = next_piece(outlet);
		n = write(outlet->fd, outlet->pending.bytes + outlet->at,
		    piece);
		if (n < 0 && errno == EPIPE)
			return SL_END;
		if (n < 0 && errno == EAGAIN)
			return SL_OK; /* another was first, or made it so */
		if (n < 0 && errno != EINTR)
			return fail(errno, err);
		if (n > 0) {
			outlet->at += (size_t)n;
			outlet->written += (size_t)n;
		}
	}
	if (had_any && outlet->kind == OUTLET_FILE &&
	    fdatasync(STDOUT_FILENO) != 0)
		return fail(errno, err);
	return SL_OK;
}

uint64_t
outlet_taken(const struct outlet *outlet)
{
	int unread = 0;

	if (outlet->kind != OUTLET_PIPE)
		return outlet->written;
	if (ioctl(STDOUT_FILENO, FIONREAD, &unread) != 0 || unread < 0)
		return 0; /* nobody can tell: nothing is sure */
	/* Others may write into the same pipe, too: then it is less. */
	return (uint64_t)unread > outlet->written
	           ? 0
	           : outlet->written - (uint64_t)unread;
}
