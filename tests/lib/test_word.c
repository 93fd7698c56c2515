/* test_word.c: writers that share their syncs, and what the dead, the failing
 * and strangers leave of that (RULES 9 and 10). */
#include "check.h"
#include "lock.h"
#include "logdir.h"
#include "word.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1546300800000)
#define LEADER 1 /* the byte that a leader locks */
#define PROCESSES 8
#define EVENTS 100

static char runtime[PATH_MAX + 8];

/* The words there are; the name of the last one in `name`. */
static int
count_words(char name[NAME_MAX + 1])
{
	char path[PATH_MAX + 32];
	struct dirent *entry;
	int count = 0;
	DIR *stream;

	snprintf(path, sizeof(path), "%s/streamlog", runtime);
	stream = opendir(path);
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		strcpy(name, entry->d_name);
	}
	if (stream != NULL)
		closedir(stream);
	return count;
}

/* A handle that has a word: it has synced twice. */
static struct sl_log
open_meeting(struct logdir *dir)
{
	struct sl_log log = logdir_open(dir);
	const int64_t now = T0;
	struct sl_error err;
	int i;

	for (i = 0; i < 2; i++) {
		(void)logdir_append(dir, &log, &now, 1);
		if (sl_log_sync(&log, &err) < 0)
			exit(1);
	}
	return log;
}

static void
test_coming_and_going(struct logdir *dir)
{
	struct sl_log one = logdir_open(dir), other;
	char name[NAME_MAX + 1] = "";
	const int64_t now = T0;
	struct sl_error err;

	(void)logdir_append(dir, &one, &now, 1);
	CHECK(sl_log_sync(&one, &err) == SL_OK);
	CHECK(one.word.fd < 0 && count_words(name) == 0);
	(void)logdir_append(dir, &one, &now, 1);
	CHECK(sl_log_sync(&one, &err) == SL_OK);
	CHECK(one.word.fd >= 0 && count_words(name) == 1);
	CHECK(one.word.page->synced == one.size);
	other = open_meeting(dir);
	CHECK(other.word.fd >= 0 && count_words(name) == 1);
	CHECK(one.word.page->synced == other.size);
	sl_log_close(&one);
	CHECK(count_words(name) == 1);
	sl_log_close(&other);
	CHECK(count_words(name) == 0);
}

/* What another synced needs no sync of ours: it is seen to be there. */
static void
test_claims(struct logdir *dir)
{
	struct sl_log one = open_meeting(dir), other = open_meeting(dir);
	const int64_t now = T0;
	struct sl_error err;
	uint32_t turn;

	(void)logdir_append(dir, &one, &now, 1);
	(void)logdir_append(dir, &other, &now, 1);
	CHECK(one.word.page->written == other.size);
	CHECK(sl_log_sync(&other, &err) == SL_OK);
	turn = one.word.page->turn;
	CHECK(sl_log_sync(&one, &err) == SL_OK);
	CHECK(one.word.page->turn == turn && !one.is_dirty);
	sl_log_close(&one);
	sl_log_close(&other);
}

/* A descriptor vouches for nothing that was written before it (H4). */
static void
test_young_descriptor(struct logdir *dir)
{
	struct sl_log one = open_meeting(dir), other;
	const int64_t now = T0;
	struct sl_error err;
	uint64_t begin;

	begin = one.size;
	(void)logdir_append(dir, &one, &now, 1);
	other = open_meeting(dir); /* opened behind that one, unsynced */
	CHECK(one.word.page->from > begin);
	CHECK(one.word.page->synced == other.size);
	CHECK(one.is_dirty);
	CHECK(sl_log_sync(&one, &err) == SL_OK); /* by its own sync */
	CHECK(!one.is_dirty);
	/* And from then on together again. */
	(void)logdir_append(dir, &one, &now, 1);
	CHECK(sl_log_sync(&one, &err) == SL_OK);
	CHECK(one.word.page->synced == one.size);
	sl_log_close(&one);
	sl_log_close(&other);
}

/* Of the dead nothing is believed: inode numbers come back (H3). */
static void
test_left_by_the_dead(struct logdir *dir)
{
	struct sl_log log;
	pid_t child = fork();
	char name[NAME_MAX + 1];

	if (child == 0) {
		log = open_meeting(dir);
		log.word.page->synced = log.word.page->written = INT64_MAX;
		log.word.page->from = 0;
		log.word.page->has_failed = 1;
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	CHECK(count_words(name) == 1);
	log = open_meeting(dir);
	CHECK(log.word.fd >= 0);
	CHECK(log.word.page->synced == log.size);
	CHECK(log.word.page->has_failed == 0);
	sl_log_close(&log);
	CHECK(count_words(name) == 0);
}

/* Words of files that nobody opens any more go, too. */
static void
test_sweep(struct logdir *dir)
{
	char name[NAME_MAX + 1], path[PATH_MAX + NAME_MAX + 32];
	struct sl_log log;
	int fd;

	snprintf(path, sizeof(path), "%s/streamlog/ff-ff", runtime);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	close(fd);
	log = open_meeting(dir);
	CHECK(count_words(name) == 1 && strcmp(name, "ff-ff") != 0);
	sl_log_close(&log);
}

/* A leader that sleeps, or is dead, is not waited for. */
static void
test_stopped_leader(struct logdir *dir)
{
	struct sl_log log = open_meeting(dir);
	const int64_t now = T0;
	struct sl_error err;
	int64_t begin;
	int pipes[2];
	pid_t child;
	char byte;

	if (pipe(pipes) != 0)
		exit(1);
	child = fork();
	if (child == 0) {
		struct sl_log other = open_meeting(dir);

		if (sl_lock_take(other.word.fd, LEADER, true, 1000, &err) < 0 ||
		    write(pipes[1], "", 1) != 1)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	CHECK(read(pipes[0], &byte, 1) == 1);
	(void)logdir_append(dir, &log, &now, 1);
	begin = sl_monotonic_ms();
	CHECK(sl_log_sync(&log, &err) == SL_OK);
	CHECK(sl_monotonic_ms() - begin >= 40);
	CHECK(sl_monotonic_ms() - begin < 5000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	(void)logdir_append(dir, &log, &now, 1);
	begin = sl_monotonic_ms();
	CHECK(sl_log_sync(&log, &err) == SL_OK);
	CHECK(log.word.page->synced == log.size);
	sl_log_close(&log);
	close(pipes[0]);
	close(pipes[1]);
}

/* The verdict on a sync that failed is everyone's (RULE 10). */
static void
test_verdict(struct logdir *dir)
{
	struct sl_log log = open_meeting(dir), next;
	uint64_t position = log.size, found, offset;
	const int64_t now = T0;
	struct sl_error err;

	(void)logdir_append(dir, &log, &now, 1);
	log.word.page->has_failed = 1;
	CHECK(sl_log_sync(&log, &err) == SL_EIO);
	CHECK(log.has_failed);
	CHECK(sl_suspect_find(dir->partition, log.base, &found, &err) == SL_OK);
	CHECK(found == position);
	offset = log.next;
	sl_log_close(&log);
	next = logdir_open(dir);
	CHECK(logdir_append(dir, &next, &now, 1) == offset);
	CHECK(next.base == offset);
	sl_log_close(&next);
}

/* What others could write is no place to meet (H10). */
static void
test_strangers(struct logdir *dir)
{
	char name[NAME_MAX + 1], path[PATH_MAX + 32];
	struct sl_log log;

	snprintf(path, sizeof(path), "%s/streamlog", runtime);
	CHECK(chmod(path, 0770) == 0);
	log = open_meeting(dir);
	CHECK(log.word.fd < 0 || count_words(name) == 0);
	CHECK(!log.is_dirty);
	sl_log_close(&log);
	CHECK(chmod(path, 0700) == 0);
}

static void
write_all(struct logdir *dir)
{
	struct sl_log log = logdir_open(dir);
	const int64_t now = T0;
	struct sl_error err;
	int i;

	for (i = 0; i < EVENTS; i++) {
		(void)logdir_append(dir, &log, &now, 1);
		if (sl_log_sync(&log, &err) < 0 || log.is_dirty)
			_exit(1);
	}
	sl_log_close(&log);
	_exit(0);
}

/* Many at once, through rolls: each ends well, and no word is left. */
static void
test_many(struct logdir *dir)
{
	char name[NAME_MAX + 1];
	struct logdir_read read;
	int i, status, good = 0;
	struct sl_log log;
	uint64_t start;

	log = open_meeting(dir);
	start = log.next;
	sl_log_close(&log);
	dir->limits.segment_bytes = 4096;
	for (i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			write_all(dir);
	while (wait(&status) > 0)
		good += status == 0;
	CHECK(good == PROCESSES);
	logdir_read(dir, start, false, &read);
	CHECK(read.rc == SL_END && read.count == PROCESSES * EVENTS);
	logdir_read_release(&read);
	CHECK(count_words(name) == 0);
}

int
main(void)
{
	struct logdir dir;

	logdir_init(&dir, NULL);
	snprintf(runtime, sizeof(runtime), "%s/run", dir.path);
	if (mkdir(runtime, 0700) != 0 ||
	    setenv("XDG_RUNTIME_DIR", runtime, 1) != 0)
		return 1;
	test_coming_and_going(&dir);
	test_claims(&dir);
	test_young_descriptor(&dir);
	test_left_by_the_dead(&dir);
	test_sweep(&dir);
	test_stopped_leader(&dir);
	test_strangers(&dir);
	test_verdict(&dir);
	test_many(&dir);
	logdir_release(&dir);
	return check_done();
}
