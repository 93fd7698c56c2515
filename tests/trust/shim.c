/*
 * shim.c: preloaded, kills a program at one of its calls that change a disk, or
 * a pipe. By the environment:
 *
 * TRUST_PROGRAM  only in this program
 * TRUST_AT       at which call, from 1 on; 0: never
 * TRUST_HOW      before | half | after: half of what it writes is written first
 * TRUST_COUNT    a file that gets the number of calls made, at exit
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

enum how { BEFORE, HALF, AFTER };

static atomic_long calls;
static long at = -1; /* -1: not in this program */
static enum how how;

__attribute__((constructor)) static void
begin(void)
{
	const char *program = getenv("TRUST_PROGRAM");
	const char *number = getenv("TRUST_AT");
	const char *word = getenv("TRUST_HOW");

	if (program == NULL || number == NULL ||
	    strcmp(program, program_invocation_short_name) != 0)
		return;
	at = strtol(number, NULL, 10);
	if (word != NULL)
		how = word[0] == 'b' ? BEFORE : word[0] == 'h' ? HALF : AFTER;
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

/* Is this the call? Dies before it, if so it is said. */
static int
is_it(void)
{
	if (at < 0 || atomic_fetch_add(&calls, 1) + 1 != at)
		return 0;
	if (how == BEFORE)
		die();
	return 1;
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
		int is_now = is_it();                                          \
		NEXT(next, name);                                              \
		type result = next arguments;                                  \
                                                                               \
		if (is_now)                                                    \
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
	int is_now = is_it();
	ssize_t done;
	NEXT(next, pwrite);

	done = next(fd, bytes, is_now && how == HALF ? count / 2 : count,
	    position);
	if (is_now)
		die();
	return done;
}

ssize_t
write(int fd, const void *bytes, size_t count)
{
	int is_now = is_it();
	ssize_t done;
	NEXT(next, write);

	done = next(fd, bytes, is_now && how == HALF ? count / 2 : count);
	if (is_now)
		die();
	return done;
}

/* Only what makes a file changes the disk. */
int
openat(int dir, const char *name, int flags, ...)
{
	int is_now = (flags & O_CREAT) != 0 && is_it();
	mode_t mode = 0;
	va_list rest;
	int fd;
	NEXT(next, openat);

	if ((flags & O_CREAT) != 0) {
		va_start(rest, flags);
		mode = va_arg(rest, mode_t);
		va_end(rest);
	}
	fd = next(dir, name, flags, mode);
	if (is_now)
		die();
	return fd;
}
