/*
 * handler.c: takes the events of a group's member, and writes down which.
 *
 *     handler batch FILE              a batch, as streamlog-tail's COMMAND
 *     handler pipe FILE [US]          what comes through a pipe
 *     handler ack FILE FD [US]        the same, and acknowledge each at FD
 *
 * FILE is appended to: "B NS TOPIC PARTITION OFFSET COUNT" begins a batch, "E
 * NS" ends it, "P NS" begins what one read of a pipe gave, whole lines of it;
 * NS is CLOCK_MONOTONIC. A pipe's record begins with "R N": of the bytes that
 * /proc/self/io counts as read, N were no events. US is how long to sleep after
 * each read; HANDLER_US the same for a batch. HANDLER_FAIL=N: exit 1 where the
 * batch's offset and our pid make it one of N. Acknowledged are those of a read
 * from the last to the first.
 */
#include "text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 4096

static unsigned long long
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000u +
	       (unsigned long long)now.tv_nsec;
}

static void
nap(const char *us)
{
	if (us != NULL)
		usleep((useconds_t)atol(us));
}

static void
put(struct text *text, const char *bytes, size_t count)
{
	reserve(text, count);
	memcpy(text->bytes + text->used, bytes, count);
	text->used += count;
}

static void
put_word(struct text *text, const char *word)
{
	put(text, word, strlen(word));
}

/* Read some; false at the end. */
static bool
take(struct text *text)
{
	ssize_t got;

	reserve(text, READ_BYTES);
	got = read(STDIN_FILENO, text->bytes + text->used, READ_BYTES);
	if (got < 0)
		die("read");
	text->used += (size_t)got;
	return got > 0;
}

static bool
shall_fail(void)
{
	const char *one_of = getenv("HANDLER_FAIL");

	return one_of != NULL && atol(one_of) > 0 &&
	       (atol(said("STREAMLOG_OFFSET")) + getpid()) % atol(one_of) == 0;
}

static int
handle_batch(int to)
{
	struct text text = { 0 };
	char line[512];

	snprintf(line, sizeof(line), "\nB %llu %s %s %s %s\n", now_ns(),
	    said("STREAMLOG_TOPIC"), said("STREAMLOG_PARTITION"),
	    said("STREAMLOG_OFFSET"), said("STREAMLOG_COUNT"));
	put_word(&text, line);
	while (take(&text))
		continue;
	nap(getenv("HANDLER_US"));
	record(to, &text);
	if (shall_fail())
		return 1;
	snprintf(line, sizeof(line), "\nE %llu\n", now_ns());
	put_word(&text, line);
	record(to, &text);
	return 0;
}

/* ---- A pipe ---- */

/* What was read before: programs' files, and /proc/self/io itself. */
static void
record_base(int to)
{
	struct text text = { 0 };
	char io[1024], line[64];
	unsigned long long count = 0;
	ssize_t got;
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);

	got = fd < 0 ? -1 : read(fd, io, sizeof(io) - 1);
	if (got < 0)
		die("/proc/self/io");
	close(fd);
	io[got] = '\0';
	if (sscanf(io, "rchar: %llu", &count) != 1)
		die("rchar");
	snprintf(line, sizeof(line), "\nR %llu\n",
	    count + (unsigned long long)got);
	put_word(&text, line);
	record(to, &text);
	free(text.bytes);
}

/* Envelopes, whole lines, the last first. */
static void
acknowledge(int fd, char *lines, size_t bytes)
{
	size_t begin, end = bytes;

	while (end > 0) {
		begin = end - 1;
		while (begin > 0 && lines[begin - 1] != '\n')
			begin--;
		if (write(fd, lines + begin, end - begin) !=
		    (ssize_t)(end - begin))
			exit(0); /* who wants to know is gone */
		end = begin;
	}
}

static int
handle_pipe(int to, int ack_fd, const char *us)
{
	struct text text = { 0 }, in = { 0 };
	char line[64];
	size_t whole;

	record_base(to);
	while (take(&in)) {
		whole = in.used;
		while (whole > 0 && in.bytes[whole - 1] != '\n')
			whole--;
		if (whole == 0)
			continue;
		snprintf(line, sizeof(line), "\nP %llu\n", now_ns());
		put_word(&text, line);
		put(&text, in.bytes, whole);
		record(to, &text);
		nap(us);
		if (ack_fd >= 0)
			acknowledge(ack_fd, in.bytes, whole);
		memmove(in.bytes, in.bytes + whole, in.used - whole);
		in.used -= whole;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	int to;

	if (argc < 3)
		die("usage: handler batch|pipe|ack FILE [FD] [US]");
	to = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (to < 0)
		die(argv[2]);
	if (strcmp(argv[1], "batch") == 0)
		return handle_batch(to);
	if (strcmp(argv[1], "ack") == 0 && argc > 3)
		return handle_pipe(to, atoi(argv[3]), argv[4]);
	return handle_pipe(to, -1, argv[3]);
}
