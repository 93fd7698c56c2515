/*
 * shim.c: preloaded, kills a program at one of its calls, lets that call fail
 * or do but a part, or leaves it without memory. By the environment:
 *
 * TRUST_PROGRAM  only in this program
 * TRUST_CALL     at which call, by its name below; "change": any of those up to
 *                fsync, counted together
 * TRUST_AT       and which of them, from 1 on; 0: never
 * TRUST_HOW      before | one | half | after: it is killed, when one byte or
 *                half is written; once | sticky: the call fails, and in the end
 *                so do from then on
 * TRUST_ALSO     these calls, "open pread"
 * TRUST_ERRNO    with what; -1: of the bytes only one is read or written;
 *                -2: half
 * TRUST_STRUCK   a file that is made when it was done
 * TRUST_COUNT    a file that gets the number of each call made, at exit
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its functions take the place of the library's. */
#pragma GCC visibility push(default)

enum how { BEFORE, ONE, HALF, AFTER, ONCE, STICKY };

/* `create` is an open that may make a file, `open` another; `stat` each of that
 * kind; `await` a sync_file_range that waits, `begin` another; `lock`, `unlock`
 * and `ask` are byte locks; `malloc` is all that gives memory. */
#define CALLS(X)                                                               \
	X(pwrite)                                                              \
	X(write)                                                               \
	X(create)                                                              \
	X(mkdir)                                                               \
	X(unlink)                                                              \
	X(rename)                                                              \
	X(ftruncate)                                                           \
	X(fdatasync)                                                           \
	X(fsync)                                                               \
	X(await)                                                               \
	X(begin)                                                               \
	X(lock)                                                                \
	X(unlock)                                                              \
	X(futimens)                                                            \
	X(chmod)                                                               \
	X(spawn)                                                               \
	X(open)                                                                \
	X(read)                                                                \
	X(pread)                                                               \
	X(stat)                                                                \
	X(fdopendir)                                                           \
	X(readdir)                                                             \
	X(ask)                                                                 \
	X(statfs)                                                              \
	X(inotify_init)                                                        \
	X(inotify_add)                                                         \
	X(poll)                                                                \
	X(memfd)                                                               \
	X(eventfd)                                                             \
	X(thread)                                                              \
	X(pidfd)                                                               \
	X(waitpid)                                                             \
	X(close)                                                               \
	X(malloc)

#define ENUM(name) CALL_##name,
enum call { CALLS(ENUM) CALL_COUNT };
#define NAME(name) #name,
static const char *const names[] = { CALLS(NAME) };

static atomic_long counts[CALL_COUNT];
static atomic_long changes;
static bool at_change; /* `at` is one of them */
static bool also[CALL_COUNT];
static enum call at_call = CALL_COUNT;
static long at = -1; /* -1: not in this program */
static enum how how;
static int error;
static const char *struck_path;
static atomic_bool is_struck;

/* Which of the words is this? `count`: none. */
static size_t
find(const char *word, const char *const *words, size_t count)
{
	size_t i = 0;

	while (i < count && (word == NULL || strcmp(word, words[i]) != 0))
		i++;
	return i;
}

__attribute__((constructor)) static void
begin(void)
{
	static const char *const hows[] = { "before", "one", "half", "after",
		"once", "sticky" };
	static char words[512];
	const char *program = getenv("TRUST_PROGRAM");
	const char *number = getenv("TRUST_ERRNO");
	char *word, *rest = words;
	size_t call;

	if (program == NULL ||
	    strcmp(program, program_invocation_short_name) != 0)
		return;
	how = (enum how)find(getenv("TRUST_HOW"), hows, STICKY);
	error = number == NULL ? 0 : atoi(number);
	word = getenv("TRUST_CALL");
	at_call = (enum call)find(word, names, CALL_COUNT);
	at_change = word != NULL && strcmp(word, "change") == 0;
	struck_path = getenv("TRUST_STRUCK");
	snprintf(words, sizeof(words), "%s",
	    getenv("TRUST_ALSO") == NULL ? "" : getenv("TRUST_ALSO"));
	while ((word = strsep(&rest, " ")) != NULL) {
		call = find(word, names, CALL_COUNT);
		if (call < CALL_COUNT)
			also[call] = true;
	}
	number = getenv("TRUST_AT");
	at = number == NULL ? 0 : strtol(number, NULL, 10);
}

__attribute__((destructor)) static void
end(void)
{
	const char *path = getenv("TRUST_COUNT");
	FILE *file;
	size_t i;

	if (at < 0 || path == NULL)
		return;
	at = -1;
	file = fopen(path, "w");
	for (i = 0; file != NULL && i < CALL_COUNT; i++)
		fprintf(file, "%s %ld\n", names[i], (long)counts[i]);
	if (file != NULL)
		fclose(file);
}

static void
die(void)
{
	kill(getpid(), SIGKILL);
}

/* The library's function of that name; ISO C has no cast from an object. */
#define NEXT(next, name)                                                       \
	__typeof__(&name) next;                                                \
	void *found_##name = dlsym(RTLD_NEXT, #name);                          \
                                                                               \
	memcpy(&next, &found_##name, sizeof(next))

static void
note_strike(void)
{
	NEXT(next, open);

	if (!atomic_exchange(&is_struck, true) && struck_path != NULL)
		(void)next(struck_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
}

/* Is this call, the `number`th of its name, the one? */
static bool
is_here(enum call call, long number)
{
	if (!at_change)
		return call == at_call && number == at;
	return call <= CALL_fsync && atomic_fetch_add(&changes, 1) + 1 == at;
}

enum now { NOT_NOW, NOW_DIE, NOW_FAIL, NOW_PART };

/* What becomes of this call? Dies before it, if so it is said. */
static enum now
what_now(enum call call)
{
	long number;

	if (at < 0)
		return NOT_NOW;
	number = atomic_fetch_add(&counts[call], 1) + 1;
	if (!is_here(call, number) &&
	    !(how == STICKY && is_struck && also[call]))
		return NOT_NOW;
	if (how == BEFORE)
		die();
	if (how < ONCE)
		return NOW_DIE;
	note_strike();
	errno = error;
	return error < 0 ? NOW_PART : NOW_FAIL;
}

/* Of so many bytes, how many are read or written? */
static size_t
part_of(enum now now, size_t count)
{
	if ((now == NOW_DIE && how == ONE) || (now == NOW_PART && error == -1))
		return count < 1 ? count : 1;
	if ((now == NOW_DIE && how == HALF) || now == NOW_PART)
		return count < 2 ? count : count / 2;
	return count;
}

/* A call whose arguments are just handed on, if it doesn't fail with `failed`.
 */
#define PASS(type, call, name, failed, parameters, arguments)                  \
	type name parameters                                                   \
	{                                                                      \
		NEXT(next, name);                                              \
		enum now now = what_now(CALL_##call);                          \
		type result;                                                   \
                                                                               \
		if (now == NOW_FAIL)                                           \
			return failed;                                         \
		result = next arguments;                                       \
		if (now == NOW_DIE)                                            \
			die();                                                 \
		return result;                                                 \
	}

/* ---- What changes a file ---- */

PASS(int, fdatasync, fdatasync, -1, (int fd), (fd))
PASS(int, fsync, fsync, -1, (int fd), (fd))
PASS(int, ftruncate, ftruncate, -1, (int fd, off_t bytes), (fd, bytes))
PASS(int, mkdir, mkdirat, -1, (int dir, const char *name, mode_t mode),
    (dir, name, mode))
PASS(int, mkdir, mkdir, -1, (const char *name, mode_t mode), (name, mode))
PASS(int, unlink, unlinkat, -1, (int dir, const char *name, int flags),
    (dir, name, flags))
PASS(int, unlink, unlink, -1, (const char *name), (name))
PASS(int, rename, renameat, -1,
    (int from_dir, const char *from, int to_dir, const char *to),
    (from_dir, from, to_dir, to))
PASS(int, rename, renameat2, -1,
    (int from_dir, const char *from, int to_dir, const char *to,
        unsigned flags),
    (from_dir, from, to_dir, to, flags))
PASS(int, rename, rename, -1, (const char *from, const char *to), (from, to))
PASS(int, create, mkostemp, -1, (char *name, int flags), (name, flags))
PASS(int, futimens, futimens, -1, (int fd, const struct timespec times[2]),
    (fd, times))
PASS(int, chmod, fchmod, -1, (int fd, mode_t mode), (fd, mode))
PASS(int, chmod, fchown, -1, (int fd, uid_t user, gid_t group),
    (fd, user, group))
PASS(int, spawn, posix_spawnp, error,
    (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,
        const posix_spawnattr_t *attributes, char *const argv[],
        char *const words[]),
    (pid, file, actions, attributes, argv, words))

int
sync_file_range(int fd, off_t position, off_t bytes, unsigned flags)
{
	NEXT(next, sync_file_range);
	enum now now =
	    what_now((flags & SYNC_FILE_RANGE_WAIT_AFTER) != 0 ? CALL_await
	                                                       : CALL_begin);

	return now == NOW_FAIL ? -1 : next(fd, position, bytes, flags);
}

ssize_t
pwrite(int fd, const void *bytes, size_t count, off_t position)
{
	NEXT(next, pwrite);
	enum now now = what_now(CALL_pwrite);
	ssize_t done;

	if (now == NOW_FAIL)
		return -1;
	done = next(fd, bytes, part_of(now, count), position);
	if (now == NOW_DIE)
		die();
	return done;
}

/* What is said on stderr is no work. */
ssize_t
write(int fd, const void *bytes, size_t count)
{
	NEXT(next, write);
	enum now now = fd == STDERR_FILENO ? NOT_NOW : what_now(CALL_write);
	ssize_t done;

	if (now == NOW_FAIL)
		return -1;
	done = next(fd, bytes, part_of(now, count));
	if (now == NOW_DIE)
		die();
	return done;
}

static mode_t
mode_of(int flags, va_list rest)
{
	return (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
}

int
openat(int dir, const char *name, int flags, ...)
{
	NEXT(next, openat);
	enum now now =
	    what_now((flags & O_CREAT) != 0 ? CALL_create : CALL_open);
	mode_t mode;
	va_list rest;
	int fd;

	if (now == NOW_FAIL)
		return -1;
	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	fd = next(dir, name, flags, mode);
	if (now == NOW_DIE)
		die();
	return fd;
}

int
open(const char *name, int flags, ...)
{
	mode_t mode;
	va_list rest;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return openat(AT_FDCWD, name, flags, mode);
}

/* ---- Locks; a lock's other commands are none of ours ---- */

int
fcntl(int fd, int command, ...)
{
	NEXT(next, fcntl);
	enum now now = NOT_NOW;
	struct flock *lock;
	va_list rest;
	void *argument;
	int result;

	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	lock = argument;
	if (command == F_OFD_GETLK)
		now = what_now(CALL_ask);
	else if (command == F_OFD_SETLK)
		now =
		    what_now(lock->l_type == F_UNLCK ? CALL_unlock : CALL_lock);
	if (now == NOW_FAIL)
		return -1;
	result = next(fd, command, argument);
	if (now == NOW_DIE)
		die();
	return result;
}

/* ---- What looks ---- */

PASS(FILE *, open, fopen, NULL, (const char *name, const char *mode),
    (name, mode))
PASS(int, stat, fstat, -1, (int fd, struct stat *st), (fd, st))
PASS(int, stat, stat, -1, (const char *name, struct stat *st), (name, st))
PASS(int, stat, fstatat, -1,
    (int dir, const char *name, struct stat *st, int flags),
    (dir, name, st, flags))
PASS(int, stat, statx, -1,
    (int dir, const char *name, int flags, unsigned mask, struct statx *stx),
    (dir, name, flags, mask, stx))
PASS(int, stat, faccessat, -1, (int dir, const char *name, int mode, int flags),
    (dir, name, mode, flags))
PASS(int, statfs, fstatfs, -1, (int fd, struct statfs *fs), (fd, fs))
PASS(int, statfs, fstatvfs, -1, (int fd, struct statvfs *fs), (fd, fs))
PASS(DIR *, fdopendir, fdopendir, NULL, (int fd), (fd))
PASS(struct dirent *, readdir, readdir, NULL, (DIR * stream), (stream))
PASS(int, inotify_init, inotify_init1, -1, (int flags), (flags))
PASS(int, inotify_add, inotify_add_watch, -1,
    (int fd, const char *name, uint32_t mask), (fd, name, mask))
PASS(int, poll, poll, -1, (struct pollfd * fds, nfds_t count, int timeout),
    (fds, count, timeout))
PASS(int, memfd, memfd_create, -1, (const char *name, unsigned flags),
    (name, flags))
PASS(int, eventfd, eventfd, -1, (unsigned value, int flags), (value, flags))
PASS(int, thread, pthread_create, error,
    (pthread_t * thread, const pthread_attr_t *attributes,
        void *(*routine)(void *), void *arg),
    (thread, attributes, routine, arg))
PASS(pid_t, waitpid, waitpid, -1, (pid_t pid, int *status, int options),
    (pid, status, options))

long
syscall(long number, ...)
{
	NEXT(next, syscall);
	enum now now =
	    number == SYS_pidfd_open ? what_now(CALL_pidfd) : NOT_NOW;
	long arguments[4];
	va_list rest;
	size_t i;

	va_start(rest, number);
	for (i = 0; i < 4; i++)
		arguments[i] = va_arg(rest, long);
	va_end(rest);
	return now == NOW_FAIL ? -1
	                       : next(number, arguments[0], arguments[1],
	                             arguments[2], arguments[3]);
}

/* A failed close(2) has closed it all the same. */
int
close(int fd)
{
	NEXT(next, close);
	enum now now = what_now(CALL_close);
	int result = next(fd);

	if (now != NOW_FAIL)
		return result;
	errno = error;
	return -1;
}

ssize_t
pread(int fd, void *bytes, size_t count, off_t position)
{
	NEXT(next, pread);
	enum now now = what_now(CALL_pread);

	return now == NOW_FAIL ? -1
	                       : next(fd, bytes, part_of(now, count), position);
}

/* Of an event, unlike a stream's bytes, there is no part. */
ssize_t
read(int fd, void *bytes, size_t count)
{
	NEXT(next, read);
	NEXT(look, fstat);
	enum now now = what_now(CALL_read);
	struct stat st;

	if (now == NOW_PART &&
	    (look(fd, &st) != 0 ||
	        (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))))
		now = NOT_NOW;
	return now == NOW_FAIL ? -1 : next(fd, bytes, part_of(now, count));
}

/* ---- Memory: strdup(3) and the like come here, too ---- */

#define GIVE(name, parameters, arguments)                                      \
	void *name parameters                                                  \
	{                                                                      \
		NEXT(next, name);                                              \
                                                                               \
		return what_now(CALL_malloc) == NOW_FAIL ? NULL                \
		                                         : next arguments;     \
	}

GIVE(malloc, (size_t bytes), (bytes))
GIVE(calloc, (size_t count, size_t bytes), (count, bytes))
GIVE(realloc, (void *old, size_t bytes), (old, bytes))
GIVE(aligned_alloc, (size_t alignment, size_t bytes), (alignment, bytes))

int
posix_memalign(void **to, size_t alignment, size_t bytes)
{
	NEXT(next, posix_memalign);

	return what_now(CALL_malloc) == NOW_FAIL ? ENOMEM
	                                         : next(to, alignment, bytes);
}
