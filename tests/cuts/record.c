/*
 * record.c: preloaded, writes down each call that changes a file system, each
 * sync, and what is said on stdout, of several programs in one order. A call
 * and its record are made under one lock, so that no other comes between.
 *
 * CUTS_TRACE  the file that the records are appended to; files on other file
 *             systems than its own are none of ours
 *
 * A record is a struct record, then a name or bytes, then another name; which
 * of its numbers mean what is told beside each kind in disk.py.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Its functions take the place of the library's. */
#pragma GCC visibility push(default)

struct record {
	uint32_t kind;
	uint32_t pid;
	uint64_t inode; /* what was changed, made or moved */
	uint64_t dir;   /* where its name was */
	uint64_t to;    /* where its name is now; or a position, or a size */
	uint32_t bytes; /* of what follows, and of the second thing */
	uint32_t more;
};

static int trace = -1;
static dev_t device;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The library's function of that name; ISO C has no cast from an object. */
#define NEXT(next, name)                                                       \
	__typeof__(&name) next;                                                \
	void *found_##name = dlsym(RTLD_NEXT, #name);                          \
                                                                               \
	memcpy(&next, &found_##name, sizeof(next))

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("CUTS_TRACE");
	struct stat st;

	NEXT(next, openat);
	if (path == NULL)
		return;
	trace = next(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (trace < 0 || fstat(trace, &st) != 0) {
		perror(path);
		_exit(2);
	}
	device = st.st_dev;
}

/* One call at a time, of all programs. */
static void
enter(void)
{
	if (trace < 0)
		return;
	pthread_mutex_lock(&mutex);
	while (flock(trace, LOCK_EX) != 0 && errno == EINTR)
		continue;
}

static void
leave(void)
{
	int saved = errno;

	if (trace < 0)
		return;
	flock(trace, LOCK_UN);
	pthread_mutex_unlock(&mutex);
	errno = saved;
}

static void
put(struct record record, const void *bytes, const void *more)
{
	struct iovec parts[3] = {
		{ &record, sizeof(record) },
		{ NULL, record.bytes },
		{ NULL, record.more },
	};
	size_t size = sizeof(record) + record.bytes + record.more;

	NEXT(next, writev);
	record.pid = (uint32_t)getpid();
	memcpy(&parts[1].iov_base, &bytes, sizeof(bytes));
	memcpy(&parts[2].iov_base, &more, sizeof(more));
	if (next(trace, parts, 3) != (ssize_t)size) {
		perror("the trace");
		_exit(2);
	}
}

static bool
is_ours(const struct stat *st)
{
	return st->st_dev == device &&
	       (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

/* Something became of an open file; `bytes` may be none. */
static void
put_file(uint32_t kind, int fd, uint64_t number, const void *bytes, size_t size)
{
	int saved = errno;
	struct stat st;

	if (trace >= 0 && fstat(fd, &st) == 0 && is_ours(&st))
		put((struct record){ .kind = kind,
		        .inode = st.st_ino,
		        .to = number,
		        .bytes = (uint32_t)size },
		    bytes, NULL);
	errno = saved;
}

/* The directory that holds a name, 0 if none, and the name's last part. */
static uint64_t
holder(int at, const char *name, char *last)
{
	char path[PATH_MAX];
	char part[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s", name);
	snprintf(part, sizeof(part), "%s", name);
	snprintf(last, NAME_MAX + 1, "%.255s", basename(part));
	if (fstatat(at, dirname(path), &st, 0) != 0)
		return 0;
	return st.st_ino;
}

/* A name came, or is about to go. */
static void
put_name(uint32_t kind, int at, const char *name)
{
	char last[NAME_MAX + 1];
	int saved = errno;
	struct stat st;

	if (trace >= 0 && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_ours(&st))
		put((struct record){ .kind = kind,
		        .inode = st.st_ino,
		        .dir = holder(at, name, last),
		        .bytes = (uint32_t)strlen(last) },
		    last, NULL);
	errno = saved;
}

/* These don't call each other by name: who stands before us would count both.
 */

static int
open_at(int dir, const char *name, int flags, mode_t mode)
{
	struct stat st;
	bool is_new;
	int fd;

	NEXT(next, openat);
	if ((flags & (O_CREAT | O_TRUNC)) == 0)
		return next(dir, name, flags, mode);
	enter();
	is_new = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0;
	fd = next(dir, name, flags, mode);
	if (fd >= 0 && is_new)
		put_name('c', dir, name);
	else if (fd >= 0 && (flags & O_TRUNC) != 0)
		put_file('t', fd, 0, NULL, 0);
	leave();
	return fd;
}

static int
make_dir_at(int dir, const char *name, mode_t mode)
{
	int rc;

	NEXT(next, mkdirat);
	enter();
	rc = next(dir, name, mode);
	if (rc == 0)
		put_name('d', dir, name);
	leave();
	return rc;
}

static int
unlink_at(int dir, const char *name, int flags)
{
	char last[NAME_MAX + 1];
	bool is_there;
	struct stat st;
	uint64_t at;
	int rc;

	NEXT(next, unlinkat);
	enter();
	is_there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	at = holder(dir, name, last);
	rc = next(dir, name, flags);
	if (trace >= 0 && rc == 0 && is_there && is_ours(&st))
		put((struct record){ .kind = 'u',
		        .inode = st.st_ino,
		        .dir = at,
		        .bytes = (uint32_t)strlen(last) },
		    last, NULL);
	leave();
	return rc;
}

static int
rename_at(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	char last[NAME_MAX + 1], to_last[NAME_MAX + 1];
	struct record record = { .kind = 'r' };
	struct stat st = { .st_ino = 0 };
	int rc;

	NEXT(next, renameat2);
	enter();
	record.dir = holder(from_dir, from, last);
	record.to = holder(to_dir, to, to_last);
	(void)fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW);
	rc = next(from_dir, from, to_dir, to, flags);
	record.inode = st.st_ino;
	record.bytes = (uint32_t)strlen(last);
	record.more = (uint32_t)strlen(to_last);
	if (trace >= 0 && rc == 0 && is_ours(&st))
		put(record, last, to_last);
	leave();
	return rc;
}

/* The mode that may come behind the flags of an open. */
#define MODE(mode, flags)                                                      \
	mode_t mode = 0;                                                       \
                                                                               \
	if ((flags & O_CREAT) != 0) {                                          \
		va_list rest;                                                  \
                                                                               \
		va_start(rest, flags);                                         \
		mode = va_arg(rest, mode_t);                                   \
		va_end(rest);                                                  \
	}

int
openat(int dir, const char *name, int flags, ...)
{
	MODE(mode, flags)
	return open_at(dir, name, flags, mode);
}

int
open(const char *name, int flags, ...)
{
	MODE(mode, flags)
	return open_at(AT_FDCWD, name, flags, mode);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	return make_dir_at(dir, name, mode);
}

int
mkdir(const char *name, mode_t mode)
{
	return make_dir_at(AT_FDCWD, name, mode);
}

int
unlinkat(int dir, const char *name, int flags)
{
	return unlink_at(dir, name, flags);
}

int
unlink(const char *name)
{
	return unlink_at(AT_FDCWD, name, 0);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	return rename_at(from_dir, from, to_dir, to, flags);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return rename_at(from_dir, from, to_dir, to, 0);
}

int
rename(const char *from, const char *to)
{
	return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

ssize_t
pwrite(int fd, const void *bytes, size_t count, off_t position)
{
	ssize_t done;

	NEXT(next, pwrite);
	enter();
	done = next(fd, bytes, count, position);
	if (done > 0)
		put_file('w', fd, (uint64_t)position, bytes, (size_t)done);
	leave();
	return done;
}

/* What is said on stdout is a promise. */
ssize_t
write(int fd, const void *bytes, size_t count)
{
	ssize_t done;

	NEXT(next, write);
	if (fd == STDERR_FILENO)
		return next(fd, bytes, count);
	enter();
	done = next(fd, bytes, count);
	if (trace >= 0 && done > 0 && fd == STDOUT_FILENO)
		put((struct record){ .kind = 'a', .bytes = (uint32_t)done },
		    bytes, NULL);
	else if (done > 0)
		put_file('w', fd,
		    (uint64_t)(lseek(fd, 0, SEEK_CUR) - (off_t)done), bytes,
		    (size_t)done);
	leave();
	return done;
}

int
ftruncate(int fd, off_t bytes)
{
	int rc;

	NEXT(next, ftruncate);
	enter();
	rc = next(fd, bytes);
	if (rc == 0)
		put_file('t', fd, (uint64_t)bytes, NULL, 0);
	leave();
	return rc;
}

static int
pass_sync(int (*next)(int), int fd)
{
	int rc;

	enter();
	rc = next(fd);
	if (rc == 0)
		put_file('s', fd, 0, NULL, 0);
	leave();
	return rc;
}

int
fdatasync(int fd)
{
	NEXT(next, fdatasync);
	return pass_sync(next, fd);
}

int
fsync(int fd)
{
	NEXT(next, fsync);
	return pass_sync(next, fd);
}

/* Nobody here calls these: a trace that has one of them is refused. */
#define STRANGE(type, name, parameters, arguments)                             \
	type name parameters                                                   \
	{                                                                      \
		NEXT(next, name);                                              \
		type done = next arguments;                                    \
                                                                               \
		enter();                                                       \
		if (done >= 0)                                                 \
			put_file('?', fd, 0, #name, strlen(#name));            \
		leave();                                                       \
		return done;                                                   \
	}

STRANGE(ssize_t, writev, (int fd, const struct iovec *parts, int count),
    (fd, parts, count))
STRANGE(ssize_t, pwritev,
    (int fd, const struct iovec *parts, int count, off_t position),
    (fd, parts, count, position))
STRANGE(ssize_t, copy_file_range,
    (int from, off_t *from_at, int fd, off_t *at, size_t count, unsigned flags),
    (from, from_at, fd, at, count, flags))
STRANGE(int, fallocate, (int fd, int mode, off_t position, off_t bytes),
    (fd, mode, position, bytes))
