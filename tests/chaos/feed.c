/*
 * feed.c: becomes a command whose stdin has the events of one run.
 *
 *     feed WRITER RUN COUNT key|plain file COMMAND [ARG...]
 *     feed WRITER RUN COUNT key|plain PIECE US COMMAND [ARG...]
 *
 * The first way stdin is a file in memory, the second way a pipe that gets
 * PIECE events at a time, US microseconds after those before.
 */
#include "event.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static void
make(struct event *event, unsigned count, struct text *to)
{
	for (; count > 0; count--, event->sequence++) {
		reserve(to, EVENT_MAX + 1);
		to->used += event_make(event, to->bytes + to->used);
		to->bytes[to->used++] = '\n';
	}
}

static void
put_all(int fd, const char *bytes, size_t count)
{
	ssize_t n;

	for (; count > 0; count -= (size_t)n, bytes += n) {
		n = write(fd, bytes, count);
		if (n < 0)
			exit(0); /* who reads is gone */
	}
}

static void
become_reader(int fd, char **command)
{
	if (dup2(fd, STDIN_FILENO) < 0)
		die("dup2");
	close(fd);
	execv(command[0], command);
	die(command[0]);
}

static void
through_file(struct event *event, unsigned count, char **command)
{
	struct text text = { 0 };
	int fd = memfd_create("events", MFD_CLOEXEC);

	make(event, count, &text);
	put_all(fd, text.bytes, text.used);
	if (lseek(fd, 0, SEEK_SET) != 0)
		die("memfd");
	become_reader(fd, command);
}

static void
through_pipe(struct event *event, unsigned count, unsigned piece, useconds_t us,
    char **command)
{
	struct text text = { 0 };
	pid_t reader = getpid();
	int ends[2];
	pid_t child;

	if (pipe(ends) != 0)
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child > 0) {
		close(ends[1]);
		become_reader(ends[0], command);
	}
	close(ends[0]);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != reader)
		exit(0);
	for (; count > 0; count -= piece) {
		piece = piece < count ? piece : count;
		make(event, piece, &text);
		put_all(ends[1], text.bytes, text.used);
		text.used = 0;
		usleep(us);
	}
}

int
main(int argc, char **argv)
{
	struct event event = { 0 };
	unsigned count;

	if (argc < 7)
		die("usage: feed WRITER RUN COUNT key|plain HOW COMMAND");
	event.writer = (unsigned)atoi(argv[1]);
	event.run = (unsigned)atoi(argv[2]);
	event.is_keyed = strcmp(argv[4], "key") == 0;
	count = (unsigned)atoi(argv[3]);
	if (strcmp(argv[5], "file") == 0)
		through_file(&event, count, argv + 6);
	else
		through_pipe(&event, count, (unsigned)atoi(argv[5]),
		    (useconds_t)atoi(argv[6]), argv + 7);
	return 0;
}
