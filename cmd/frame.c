/* frame.c: input as chunks of whole lines; see frame.h. */
#include "frame.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A read so large says that the pipe is full: a larger one saves turns. */
#define PIPE_FULL_BYTES ((size_t)64 << 10)
#define PIPE_BYTES (1 << 20)

void
frame_init(struct frame *frame, char *const *files, char end, int stop_fd,
    atomic_int *stop)
{
	*frame = (struct frame){
		.files = files,
		.fd = -1,
		.end = end,
		.stop_fd = stop_fd,
		.stop = stop,
	};
}

static void
close_source(struct frame *frame)
{
	if (frame->fd > STDIN_FILENO)
		close(frame->fd);
	frame->fd = -1;
}

void
frame_release(struct frame *frame)
{
	close_source(frame);
	free(frame->rest);
	frame->rest = NULL;
}

void
frame_chunk_release(struct frame_chunk *chunk)
{
	free(chunk->text);
	*chunk = (struct frame_chunk){ .text = NULL };
}

uint64_t
frame_total(char *const *files)
{
	uint64_t total = 0;
	struct stat st;

	if (files[0] == NULL)
		return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode)
		           ? (uint64_t)st.st_size
		           : 0;
	for (; *files != NULL; files++) {
		if (stat(*files, &st) != 0 || !S_ISREG(st.st_mode))
			return 0;
		total += (uint64_t)st.st_size;
	}
	return total;
}

static int
read_error(const struct frame *frame, int sys, struct sl_error *err)
{
	if (strcmp(frame->source, "-") != 0)
		return sl_error_sys(err, sys, "'%s'", frame->source);
	if (sys != EBADF)
		return sl_error_sys(err, sys, "stdin");
	sl_error_set(err, SL_EIO, "stdin is closed");
	err->sys = sys;
	return SL_EIO;
}

/* Open the next file. SL_END: there is none. */
static int
open_source(struct frame *frame, struct sl_error *err)
{
	struct stat st;

	if (frame->source != NULL && *frame->files == NULL)
		return SL_END;
	frame->source = *frame->files == NULL ? "-" : *frame->files++;
	if (strcmp(frame->source, "-") == 0) {
		frame->fd = STDIN_FILENO;
		if (cli_is_closed(STDIN_FILENO))
			return read_error(frame, EBADF, err);
	} else {
		frame->fd = open(frame->source, O_RDONLY | O_CLOEXEC);
		if (frame->fd < 0)
			return read_error(frame, errno, err);
	}
	if (fstat(frame->fd, &st) != 0)
		return read_error(frame, errno, err);
	frame->is_regular = S_ISREG(st.st_mode);
	frame->is_pipe = S_ISFIFO(st.st_mode);
	frame->is_first = true;
	frame->last_read = 0;
	return SL_OK;
}

/* Room for `bytes` and the padding. */
static int
reserve(struct frame_chunk *chunk, size_t bytes, struct sl_error *err)
{
	char *grown;

	if (bytes <= chunk->room)
		return SL_OK;
	grown = realloc(chunk->text, bytes + SL_SCAN_PADDING);
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM,
		    "no memory for %zu bytes of input", bytes);
	chunk->text = grown;
	chunk->room = bytes;
	return SL_OK;
}

/* Wait until there is input; a regular file always has it. */
static int
wait_input(struct frame *frame, struct sl_error *err)
{
	struct pollfd fds[] = { { frame->fd, POLLIN, 0 },
		{ frame->stop_fd, POLLIN, 0 } };
	int64_t left = -1;
	int ready;

	if (frame->deadline_ms >= 0) {
		left = frame->deadline_ms - sl_monotonic_ms();
		if (left <= 0)
			return FRAME_IDLE;
	}
	while (!frame->is_regular) {
		if (*frame->stop != 0)
			break;
		ready = poll(fds, 2, (int)left);
		if (ready == 0)
			return FRAME_IDLE;
		if (ready > 0 && fds[0].revents != 0)
			break;
		if (ready < 0 && errno != EINTR)
			return read_error(frame, errno, err);
	}
	return *frame->stop != 0 ? FRAME_STOPPED : SL_OK;
}

/* Read once behind `have` bytes; *got 0: the source is at its end. */
static int
read_once(struct frame *frame, char *to, size_t room, size_t *got,
    struct sl_error *err)
{
	ssize_t n;
	int rc;

	if (frame->is_pipe && frame->last_read >= PIPE_FULL_BYTES) {
		(void)fcntl(frame->fd, F_SETPIPE_SZ, PIPE_BYTES);
		frame->is_pipe = false;
	}
	for (;;) {
		rc = wait_input(frame, err);
		if (rc != SL_OK)
			return rc;
		n = read(frame->fd, to, room);
		if (n >= 0)
			break;
		if (errno != EINTR && errno != EAGAIN)
			return read_error(frame, errno, err);
	}
	*got = (size_t)n;
	frame->last_read = *got;
	frame->position += *got;
	return SL_OK;
}

/* Keep what stands behind the last line end for the next chunk. */
static int
keep_rest(struct frame *frame, const char *from, size_t bytes,
    struct sl_error *err)
{
	char *grown;

	if (bytes > frame->rest_room) {
		grown = realloc(frame->rest, bytes);
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM,
			    "no memory for %zu bytes of input", bytes);
		frame->rest = grown;
		frame->rest_room = bytes;
	}
	if (bytes > 0)
		memcpy(frame->rest, from, bytes);
	frame->rest_bytes = bytes;
	return SL_OK;
}

/*
 * A line longer than any event may be: keep its beginning, count the rest in
 * frame->oversize, and stop behind its end. Constant memory, whatever comes.
 */
static int
pass_over(struct frame *frame, struct frame_chunk *chunk, size_t have,
    struct sl_error *err)
{
	size_t kept = have < FRAME_KEPT_BYTES ? have : FRAME_KEPT_BYTES;
	char *behind = chunk->text + kept;
	size_t room = chunk->room - kept;
	char *found = NULL;
	size_t got;
	int rc;

	for (;;) {
		rc = read_once(frame, behind, room, &got, err);
		if (rc != SL_OK) {
			int saved = keep_rest(frame, chunk->text, kept, err);

			return saved < 0 ? saved : rc;
		}
		found = got == 0 ? NULL : memchr(behind, frame->end, got);
		if (found != NULL || got == 0)
			break;
		frame->oversize += got;
	}
	chunk->oversize = frame->oversize;
	frame->oversize = 0;
	if (got == 0) {
		close_source(frame);
		rc = keep_rest(frame, NULL, 0, err);
	} else {
		chunk->oversize += (size_t)(found - behind);
		rc = keep_rest(frame, found + 1,
		    got - (size_t)(found + 1 - behind), err);
	}
	chunk->text[kept] = frame->end;
	chunk->bytes = kept + 1;
	return rc;
}

static char *
last_end(const struct frame *frame, char *text, size_t from, size_t to)
{
	return memrchr(text + from, frame->end, to - from);
}

/* Fill the chunk from the open source until it holds a line's end. */
static int
fill(struct frame *frame, struct frame_chunk *chunk, struct sl_error *err)
{
	size_t have = frame->rest_bytes;
	char *end = NULL;
	size_t got;
	int rc;

	rc = reserve(chunk, FRAME_CHUNK_BYTES, err);
	if (rc == SL_OK)
		rc = reserve(chunk, have + 1, err);
	if (rc < 0)
		return rc;
	if (have > 0) {
		memcpy(chunk->text, frame->rest, have);
		end = last_end(frame, chunk->text, 0, have);
	}
	while (end == NULL) {
		if (have > frame->line_max && frame->oversize == 0)
			frame->oversize = have;
		if (frame->oversize > 0)
			return pass_over(frame, chunk, have, err);
		if (have + 1 >= chunk->room) {
			rc = reserve(chunk, chunk->room * 2, err);
			if (rc < 0)
				return rc;
		}
		rc = read_once(frame, chunk->text + have,
		    chunk->room - have - 1, &got, err);
		if (rc != SL_OK) {
			int kept = keep_rest(frame, chunk->text, have, err);

			return kept < 0 ? kept : rc;
		}
		if (got == 0) { /* the last line lacks its end */
			close_source(frame);
			chunk->text[have] = frame->end;
			chunk->bytes = have == 0 ? 0 : have + 1;
			return keep_rest(frame, NULL, 0, err);
		}
		end = last_end(frame, chunk->text, have, have + got);
		have += got;
	}
	chunk->bytes = (size_t)(end + 1 - chunk->text);
	return keep_rest(frame, end + 1, have - chunk->bytes, err);
}

int
frame_next(struct frame *frame, struct frame_chunk *chunk, int idle_ms,
    struct sl_error *err)
{
	int rc;

	chunk->bytes = 0;
	chunk->oversize = 0;
	frame->deadline_ms = idle_ms < 0 ? -1 : sl_monotonic_ms() + idle_ms;
	while (chunk->bytes == 0) {
		if (*frame->stop != 0)
			return FRAME_STOPPED;
		if (frame->fd < 0) {
			rc = open_source(frame, err);
			if (rc != SL_OK)
				return rc;
		}
		rc = fill(frame, chunk, err);
		if (rc != SL_OK)
			return rc;
	}
	chunk->source = frame->source;
	chunk->is_first = frame->is_first;
	chunk->position = frame->position;
	frame->is_first = false;
	return SL_OK;
}
