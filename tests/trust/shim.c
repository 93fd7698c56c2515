/*
 * shim.c: preloaded, kills a program at one of its calls that change a disk, or
 * a pipe, or lets that call fail. By the environment:
 *
 * TRUST_PROGRAM  only in this program
 * TRUST_AT       at which call, from 1 on; 0: never
 * TRUST_HOW      before | half | after: half of what it writes is written
 * first; once | sticky: it fails, and in the end all after it TRUST_ERRNO with
 * what TRUST_COUNT    a file that gets the number of calls made, at exit
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Its functions take the place of the library's. */
#pragma GCC visibility push(default)

enum how { BEFORE, HALF, AFTER, ONCE, STICKY };

static atomic_long calls;
static long at = -1; /* -1: not in this program */
static enum how how;
static int error;

__attribute__((constructor)) static void
begin(void)
{
	const char *program = getenv("TRUST_PROGRAM");
	const char *number = getenv("TRUST_AT");
	const char *word = getenv("TRUST_HOW");
	static const char *const words[] = { "before", "half", "after", "once",
		"sticky" };

	if (program == NULL || number == NULL ||
	    strcmp(program, program_invocation_short_name) != 0)
		return;
	at = strtol(number, NULL, 10);
	for (size_t i = 0; word != NULL && i < 5; i++) {
		if (strcmp(word, words[i]) == 0)
			how = (enum how)i;
	}
	number = getenv("TRUST_ERRNO");
	error = number == NULL ? 0 : atoi(number);
}

__attribute__((destructor)) static void
end(void)
{
	const char *path = getenv("TRUST_COUNT");
	FILE *file;
	long count = calls;

	if (at < 0 || path == NULL)
		return;
	at = -1;
	file = fopen(path, "w");
	if (file != NULL) {
		fprintf(file, "%ld\n", count);
		fclose(file);
	}
}

static void
die(void)
{
	kill(getpid(), SIGKILL);
}

enum now { NOT_NOW, NOW_DIE, NOW_FAIL };

/* What becomes of this call? Dies before it, if so it is said. */
static enum now
what_now(int may_interrupt)
{
	long number;

	if (at <= 0) {
		if (at == 0)
			atomic_fetch_add(&calls, 1);
		return NOT_NOW;
	}
	number = atomic_fetch_add(&calls, 1) + 1;
	if (number != at && !(how == STICKY && number > at))
		return NOT_NOW;
	if (how == BEFORE)
		die();
	if (how < ONCE)
		return NOW_DIE;
	if (error == EINTR && !may_interrupt)
		return NOT_NOW;
	errno = error;
	return NOW_FAIL;
}

/* The library's function of that name; ISO C has no cast from an object. */
#define NEXT(next, name)                                                       \
	__typeof__(&name) next;                                                \
	void *found_##name = dlsym(RTLD_NEXT, #name);                          \
                                                                               \
	memcpy(&next, &found_##name, sizeof(next))

/* A call whose arguments are just handed on. */
#define PASS(type, name, parameters, arguments)                                \
	type name parameters                                                   \
	{                                                                      \
		NEXT(next, name);                                              \
		enum now now = what_now(0);                                    \
		type result;                                                   \
                                                                               \
		if (now == NOW_FAIL)                                           \
			return -1;                                             \
		result = next arguments;                                       \
		if (now == NOW_DIE)                                            \
			die();                                                 \
		return result;                                                 \
	}

PASS(int, fdatasync, (int fd), (fd))
PASS(int, fsync, (int fd), (fd))
PASS(int, ftruncate, (int fd, off_t bytes), (fd, bytes))
PASS(int, mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode))
PASS(int, mkdir, (const char *name, mode_t mode), (name, mode))
PASS(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags))
PASS(int, renameat,
    (int from_dir, const char *from, int to_dir, const char *to),
    (from_dir, from, to_dir, to))
PASS(int, renameat2,
    (int from_dir, const char *from, int to_dir, const char *to,
        unsigned flags),
    (from_dir, from, to_dir, to, flags))

ssize_t
pwrite(int fd, const void *bytes, size_t count, off_t position)
{
	NEXT(next, pwrite);
	enum now now = what_now(1);
	ssize_t done;

	if (now == NOW_FAIL)
		return -1;
	done = next(fd, bytes,
	    now == NOW_DIE && how == HALF ? count / 2 : count, position);
	if (now == NOW_DIE)
		die();
	return done;
}

/* What is said on stderr is no work. */
ssize_t
write(int fd, const void *bytes, size_t count)
{
	NEXT(next, write);
	enum now now = fd == STDERR_FILENO ? NOT_NOW : what_now(1);
	ssize_t done;

	if (now == NOW_FAIL)
		return -1;
	done =
	    next(fd, bytes, now == NOW_DIE && how == HALF ? count / 2 : count);
	if (now == NOW_DIE)
		die();
	return done;
}

/* Only what makes a file changes the disk. */
int
openat(int dir, const char *name, int flags, ...)
{
	NEXT(next, openat);
	enum now now = (flags & O_CREAT) != 0 ? what_now(1) : NOT_NOW;
	mode_t mode = 0;
	va_list rest;
	int fd;

	if (now == NOW_FAIL)
		return -1;
	if ((flags & O_CREAT) != 0) {
		va_start(rest, flags);
		mode = va_arg(rest, mode_t);
		va_end(rest);
	}
	fd = next(dir, name, flags, mode);
	if (now == NOW_DIE)
		die();
	return fd;
}
