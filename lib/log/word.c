/* word.c: the word of a segment file, and who leads; see word.h. */
#include "word.h"

#include "fs.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORD_PRESENCE 0
#define WORD_LEADER 1
#define WORD_GATE 2

#define PAGE_SIZE 4096
#define NAME_SIZE 56
/* A leader that takes longer, or sleeps, is not waited for. */
#define PATIENCE_MS 50
#define GATE_TIMEOUT_MS 10
#define JOIN_TRIES 3

/* ---- Where the words are ---- */

/* Nobody else's, and nobody else may write there (H10). */
static bool
is_mine_alone(int dir, mode_t others)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
	       (st.st_mode & others) == 0;
}

static int
open_within(const char *path, bool must_be_mine, const char *name)
{
	const struct sl_fs_like like = { 0700, geteuid(), getegid() };
	int dir = -1, parent = -1, rc;
	struct sl_error err;

	if (sl_fs_open_dir(&parent, AT_FDCWD, path, &err) < 0)
		return -1;
	if (!must_be_mine || is_mine_alone(parent, 022)) {
		rc = sl_fs_create_dir(parent, name, &like, &err);
		if (rc == SL_OK || err.sys == EEXIST)
			rc = sl_fs_open_dir(&dir, parent, name, &err);
		if (rc == SL_OK && !is_mine_alone(dir, 077))
			sl_fs_close(&dir);
	}
	sl_fs_close(&parent);
	return dir;
}

/* The directory of this user's words; -1: there is none. */
static int
open_words(void)
{
	const char *said = getenv("XDG_RUNTIME_DIR");
	unsigned user = (unsigned)geteuid();
	char path[32];
	int dir = -1;

	if (said != NULL && said[0] == '/')
		dir = open_within(said, true, "streamlog");
	if (dir < 0) {
		snprintf(path, sizeof(path), "/run/user/%u", user);
		dir = open_within(path, true, "streamlog");
	}
	if (dir < 0) {
		snprintf(path, sizeof(path), "streamlog-%u", user);
		dir = open_within("/dev/shm", false, path);
	}
	return dir;
}

/* ---- Joining and leaving ---- */

/*
 * Under the gate: is nobody else there? SL_OK: then presence is ours, alone;
 * SL_EBUSY: others are.
 */
static int
take_alone(int fd)
{
	struct sl_error ignored;

	return sl_lock_take(fd, WORD_PRESENCE, true, 0, &ignored);
}

/* Under the gate, alone: what is there is of the dead, maybe of another file.
 * Written, not made longer: a full tmpfs must not kill us later (H10). */
static bool
set_anew(int fd, uint64_t end)
{
	static const char rest[PAGE_SIZE - sizeof(struct sl_word_page)];
	struct sl_word_page page = { .from = end,
		.synced = end,
		.written = end };
	struct sl_error ignored;
	size_t done;

	return sl_fs_write_at(fd, &page, sizeof(page), 0, &done, &ignored) ==
	           SL_OK &&
	       sl_fs_write_at(fd, rest, sizeof(rest), sizeof(page), &done,
	           &ignored) == SL_OK;
}

/* Take presence in this file; false: it has no name any more, or no room. */
static bool
enter(struct sl_word *word, uint64_t end)
{
	struct sl_error ignored;
	struct stat st;
	bool is_in = false;
	int rc;

	if (sl_lock_take(word->fd, WORD_GATE, true, GATE_TIMEOUT_MS, &ignored) <
	    0)
		return false;
	if (fstat(word->fd, &st) == 0 && st.st_nlink == 1) {
		rc = take_alone(word->fd);
		is_in = rc == SL_OK ? set_anew(word->fd, end)
		                    : rc == SL_EBUSY && st.st_size >= PAGE_SIZE;
		is_in = is_in && sl_lock_take(word->fd, WORD_PRESENCE, false, 0,
		                     &ignored) == SL_OK;
	}
	sl_lock_drop(word->fd, WORD_GATE);
	return is_in;
}

static bool
map(struct sl_word *word)
{
	void *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    word->fd, 0);

	if (page == MAP_FAILED)
		return false;
	word->page = page;
	return true;
}

/* Its name goes with its last user. */
static void
remove_if_alone(int dir, const char *name, int fd)
{
	struct sl_error ignored;

	/* What can't be removed is left to who sweeps. */
	if (sl_lock_take(fd, WORD_GATE, true, 0, &ignored) == SL_OK &&
	    take_alone(fd) == SL_OK && sl_fs_unlink(dir, name, &ignored) < 0)
		return;
}

/* Words that killed users left. */
static int
sweep_one(void *arg, const char *name, struct sl_error *err)
{
	int dir = *(int *)arg;
	int fd = -1;

	if (sl_fs_open_write(&fd, dir, name, err) == SL_OK)
		remove_if_alone(dir, name, fd);
	sl_fs_close(&fd);
	return SL_OK;
}

/*
 * Inode numbers come back (H3), and who dies may have closed the segment, but
 * not yet its word: so the file's birth is part of the name. Where the file
 * system doesn't know that there is no word.
 */
static bool
name_of(char name[NAME_SIZE], int segment)
{
	struct sl_fs_birth birth;
	struct stat st;

	if (fstat(segment, &st) != 0)
		return false;
	sl_fs_birth_of(segment, &birth);
	if (birth.time_ns == 0)
		return false;
	snprintf(name, NAME_SIZE, "%llx-%llx-%llx",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
	    (unsigned long long)birth.time_ns);
	return true;
}

void
sl_word_join(struct sl_word *word, int segment, uint64_t end)
{
	const struct sl_fs_like like = { 0600, geteuid(), getegid() };
	struct sl_error err = { .sys = 0 };
	bool is_new = false, is_in = false;
	char name[NAME_SIZE];
	int dir, tries;

	*word = SL_WORD_NONE;
	word->vouched_from = end;
	word->was_asked = true;
	if (!name_of(name, segment))
		return;
	dir = open_words();
	for (tries = 0; dir >= 0 && !is_in && tries < JOIN_TRIES; tries++) {
		is_new = sl_fs_create(&word->fd, dir, name, &like,
		             SL_FS_READABLE, &err) == SL_OK;
		if (!is_new && (err.sys != EEXIST || sl_fs_open_write(&word->fd,
		                                         dir, name, &err) < 0))
			continue;
		is_in = enter(word, end) && map(word);
		if (!is_in)
			sl_fs_close(&word->fd);
	}
	if (is_in && is_new && sl_fs_list(dir, sweep_one, &dir, &err) < 0)
		err.sys = 0; /* who comes next sweeps */
	sl_fs_close(&dir);
}

void
sl_word_leave(struct sl_word *word, int segment)
{
	char name[NAME_SIZE];
	int dir;

	word->was_asked = false;
	if (word->fd < 0)
		return;
	(void)munmap(word->page, PAGE_SIZE);
	dir = open_words();
	if (dir >= 0 && name_of(name, segment))
		remove_if_alone(dir, name, word->fd);
	sl_fs_close(&dir);
	sl_fs_close(&word->fd);
}

/* ---- One sync for all ---- */

/*
 * `from` is read after `synced`, and a leader stores it before: so no pair is
 * believed that never was.
 */
static bool
is_claimed(const struct sl_word_page *page, uint64_t from, uint64_t end)
{
	return atomic_load(&page->synced) >= end &&
	       atomic_load(&page->from) <= from;
}

/*
 * As the leader, after a sync of ours: what our descriptor vouches for, up to
 * `written`, which was read before the sync. Where something lies between that
 * and what is claimed, the claim begins anew: nobody may say it of those bytes.
 */
static void
claim(struct sl_word *word, uint64_t written)
{
	struct sl_word_page *page = word->page;
	uint64_t synced = atomic_load(&page->synced);

	if (written <= synced)
		return;
	if (word->vouched_from > synced)
		atomic_store(&page->from, word->vouched_from);
	atomic_store(&page->synced, written);
}

/* Sleep until a leader is done, the time is up, or anything else. */
static void
await_turn(const struct sl_word_page *page, uint32_t turn, int64_t ms)
{
	struct timespec time = { .tv_nsec = (long)ms * 1000000 };

	(void)syscall(SYS_futex, &page->turn, FUTEX_WAIT, turn, &time, NULL, 0);
}

static void
end_turn(struct sl_word_page *page)
{
	atomic_fetch_add(&page->turn, 1);
	(void)syscall(SYS_futex, &page->turn, FUTEX_WAKE, INT_MAX, NULL, NULL,
	    0);
}

static int
sync_own(struct sl_word *word, int segment, struct sl_error *err)
{
	int rc = sl_fs_sync(segment, err);

	if (rc < 0)
		atomic_store(&word->page->has_failed, 1);
	return rc;
}

static int
lead(struct sl_word *word, int segment, struct sl_error *err)
{
	uint64_t written;
	int rc;

	/* Who is ready to append does so now, for the same sync. */
	(void)sched_yield();
	written = atomic_load(&word->page->written);
	rc = sync_own(word, segment, err);
	if (rc == SL_OK)
		claim(word, written);
	return rc;
}

int
sl_word_sync(struct sl_word *word, int segment, uint64_t from, uint64_t end,
    struct sl_error *err)
{
	struct sl_word_page *page = word->page;
	int64_t begin = sl_monotonic_ms();
	int64_t waited = 0;
	uint32_t turn;
	int rc;

	for (;;) {
		turn = atomic_load(&page->turn);
		if (is_claimed(page, from, end))
			return SL_OK;
		if (atomic_load(&page->has_failed) != 0)
			return sl_error_set(err, SL_EIO,
			    "another process's sync failed");
		/* What nobody can claim, and who leads for too long. */
		if (atomic_load(&page->from) > from || waited >= PATIENCE_MS)
			return sync_own(word, segment, err);
		rc = sl_lock_take(word->fd, WORD_LEADER, true, 0, err);
		if (rc == SL_OK) {
			if (!is_claimed(page, from, end))
				rc = lead(word, segment, err);
			sl_lock_drop(word->fd, WORD_LEADER);
			end_turn(page);
			return rc;
		}
		await_turn(page, turn, PATIENCE_MS - waited);
		waited = sl_monotonic_ms() - begin;
	}
}
