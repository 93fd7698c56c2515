/*
 * test_compact_kill.c: kill -9 before each system call of a compaction that
 * changes something, and in the middle of each write. The log opens complete,
 * old or new; the next run, which is killed somewhere, too, ends where one that
 * was never killed does.
 *
 * This program's own calls stand in for the C library's: the library under test
 * is linked into it.
 */
#include "check.h"
#include "keyed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long kill_at = -1; /* calls to go */
static bool in_the_middle;

/* Is it this one's turn? */
static bool
is_last(void)
{
	return kill_at >= 0 && kill_at-- == 0;
}

static void
die(void)
{
	raise(SIGKILL);
}

ssize_t
pwrite(int fd, const void *from, size_t bytes, off_t at)
{
	bool dies = is_last();

	if (dies && in_the_middle)
		(void)!syscall(SYS_pwrite64, fd, from, bytes / 2, at);
	if (dies)
		die();
	return syscall(SYS_pwrite64, fd, from, bytes, at);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (is_last())
		die();
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int
unlinkat(int dir, const char *name, int flags)
{
	if (is_last())
		die();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

int
openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	va_start(args, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(args, mode_t);
	va_end(args);
	if ((flags & O_CREAT) != 0 && is_last())
		die();
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

int
ftruncate(int fd, off_t bytes)
{
	if (is_last())
		die();
	return (int)syscall(SYS_ftruncate, fd, bytes);
}

int
fdatasync(__attribute__((unused)) int fd)
{
	if (is_last())
		die();
	return 0; /* a kill takes nothing from the page cache */
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

/* ---- A partition, and its state before ---- */

struct saved {
	char *names[256];
	uint8_t *bytes[256];
	size_t sizes[256];
	size_t count;
	const struct keyed *keyed;
};

static int
save_one(void *arg, const char *name, struct sl_error *err)
{
	struct saved *saved = arg;

	(void)err;
	saved->names[saved->count] = strdup(name);
	saved->bytes[saved->count] =
	    logdir_load(&saved->keyed->dir, name, &saved->sizes[saved->count]);
	saved->count++;
	return SL_OK;
}

static void
save(struct saved *saved, const struct keyed *keyed)
{
	struct sl_error err;

	*saved = (struct saved){ .keyed = keyed };
	(void)!sl_fs_list(keyed->dir.partition, save_one, saved, &err);
}

static void
restore(const struct saved *saved)
{
	struct logdir dir = saved->keyed->dir;

	logdir_reset(&dir, 0);
	for (size_t i = 0; i < saved->count; i++)
		logdir_store(&dir, saved->names[i], saved->bytes[i],
		    saved->sizes[i]);
}

static void
forget(struct saved *saved)
{
	for (size_t i = 0; i < saved->count; i++) {
		free(saved->names[i]);
		free(saved->bytes[i]);
	}
}

/* Compact in a child that dies at call `at`; false: it lived. */
static bool
compact_killed(const struct keyed *keyed, long at)
{
	struct sl_compact_report report;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		kill_at = at;
		_exit(keyed_compact(keyed, &report) < 0 ? 1 : 0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status);
}

/* What is wrong after a kill at `at`, and another at `then`. */
static const char *
try_kill(struct keyed *keyed, long at, long then, bool *was_killed)
{
	struct sl_compact_report report;
	const char *wrong;

	*was_killed = compact_killed(keyed, at);
	wrong = keyed_check(keyed, 0, true);
	if (wrong == NULL)
		wrong =
		    keyed_check(keyed, (uint64_t)at * 37 % keyed->count, true);
	if (wrong == NULL && compact_killed(keyed, then))
		wrong = keyed_check(keyed, 0, true);
	if (wrong == NULL && keyed_compact(keyed, &report) < 0)
		wrong = "the next run fails";
	if (wrong == NULL)
		wrong = keyed_check(keyed, 0, false);
	if (wrong == NULL)
		wrong = keyed_check_files(keyed);
	return wrong;
}

static void
test_kills(const char *name, size_t memory_bytes, long step)
{
	struct keyed keyed;
	struct saved saved;
	const char *wrong;
	bool was_killed = true;
	unsigned bad = 0;
	uint64_t expired;
	long at;

	keyed_init(&keyed, 815, SL_COMPRESSION_NONE, 2048);
	keyed.options.memory_bytes = memory_bytes;
	keyed_append(&keyed, 250, 30, 3);
	keyed_roll(&keyed);
	expired = keyed.count;
	/* Some is clean, with tombstones that are due; some is dirty. */
	if (keyed_compact(&keyed, &(struct sl_compact_report){ 0 }) < 0)
		CHECK(false);
	keyed.options.now_ms += 5000;
	keyed_append(&keyed, 250, 30, 3);
	keyed_roll(&keyed);
	keyed_append(&keyed, 20, 30, 3);
	keyed_expect(&keyed, keyed_bound(&keyed), expired);
	save(&saved, &keyed);
	for (at = 0; was_killed && bad < 10; at += step) {
		restore(&saved);
		wrong = try_kill(&keyed, at, at * 7 % 40, &was_killed);
		if (wrong == NULL)
			continue;
		bad++;
		printf("# killed at %ld: %s\n", at, wrong);
	}
	check(bad == 0 && at > 50, "%s: killed at %ld of %ld calls", name,
	    at / step, at);
	forget(&saved);
	keyed_release(&keyed);
}

int
main(void)
{
	test_kills("one pass", 0, 1);
	test_kills("more passes", 24 * 16, 5);
	in_the_middle = true;
	test_kills("one pass, half written", 0, 1);
	return check_done();
}
