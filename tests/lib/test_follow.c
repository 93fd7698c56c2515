/* test_follow.c: readers on the heels of writers that roll all the time: what
 * comes between a look at the end and a look for the next segment (RULE 8). */
#include "check.h"
#include "logdir.h"
#include "read.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define READERS 2
#define EVENTS UINT64_C(20000)
/* A batch of one event has some 70 bytes: three to a segment. */
#define SEGMENT_BYTES 220
#define WRITE_MS 3000
#define STALL_MS 10000

static struct logdir dir;
static _Atomic uint64_t written;
static atomic_bool is_over;

/* Append as many as there is time for; where syncs are slow they are fewer. */
static void *
write_all(void *arg)
{
	int64_t end_ms = sl_monotonic_ms() + WRITE_MS;
	struct sl_log log = logdir_open(&dir);
	const int64_t now = INT64_C(1546300800000);
	uint64_t i;

	for (i = 0; i < EVENTS && sl_monotonic_ms() < end_ms; i++) {
		if (logdir_append(&dir, &log, &now, 1) != i)
			break;
		atomic_store(&written, i + 1);
	}
	atomic_store(&is_over, true);
	sl_log_close(&log);
	return arg;
}

struct follower {
	pthread_t thread;
	uint64_t seen;
	char wrong[SL_ERROR_TEXT_SIZE];
};

/* Read to the end of what is written, never sleeping. */
static void *
follow(void *arg)
{
	struct follower *follower = arg;
	int64_t end_ms = sl_monotonic_ms() + WRITE_MS + STALL_MS;
	struct sl_record record;
	struct sl_cursor cursor;
	struct sl_error err;
	uint64_t from;
	int rc;

	rc = sl_cursor_open(&cursor, dir.at, "0", 0, SL_OFFSET_NONE, &err);
	while (rc >= 0 && (!atomic_load(&is_over) ||
	                      follower->seen < atomic_load(&written))) {
		rc = sl_cursor_next(&cursor, &record, &from, &err);
		if (rc == SL_END)
			sched_yield();
		if (rc == SL_OK && record.offset != follower->seen)
			rc = sl_error_set(&err, SL_ECORRUPT,
			    "offset %" PRIu64 " after %" PRIu64, record.offset,
			    follower->seen);
		if (rc == SL_OK)
			follower->seen++;
		if (rc == SL_END && sl_monotonic_ms() > end_ms)
			rc = sl_error_set(&err, SL_EBUSY,
			    "nothing comes behind %" PRIu64, follower->seen);
	}
	if (rc < 0)
		snprintf(follower->wrong, sizeof(follower->wrong), "%s",
		    err.text);
	sl_cursor_close(&cursor);
	return NULL;
}

int
main(void)
{
	/* In memory a sync costs nothing, so that there are many rolls. */
	const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NULL;
	struct follower followers[READERS] = { { .seen = 0 } };
	pthread_t writer;
	size_t i;

	logdir_init(&dir, memory);
	dir.limits.segment_bytes = SEGMENT_BYTES;
	for (i = 0; i < READERS; i++)
		if (pthread_create(&followers[i].thread, NULL, follow,
		        &followers[i]) != 0)
			return 1;
	if (pthread_create(&writer, NULL, write_all, NULL) != 0)
		return 1;
	pthread_join(writer, NULL);
	for (i = 0; i < READERS; i++) {
		pthread_join(followers[i].thread, NULL);
		check(followers[i].wrong[0] == '\0' &&
		          followers[i].seen == atomic_load(&written),
		    "a reader of segments that are rolled as it reads sees "
		    "each event once: %" PRIu64 "%s%s",
		    followers[i].seen,
		    followers[i].wrong[0] != '\0' ? "; " : "",
		    followers[i].wrong);
	}
	logdir_release(&dir);
	return check_done();
}
