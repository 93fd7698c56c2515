/*
 * test_threads.c: threads stand in for processes, each with handles of its own:
 * for THREADS_SECONDS (2) they append at each sync level, roll, follow, share a
 * group's work, join and leave it and die, let the oldest go, compact, alter,
 * make and delete topics, check and count, all at once on the same topics. In
 * the end nothing is lost, twice, or out of order; `make check-tsan` has the
 * thread sanitizer watch. What it finds in common lies in the process: caches,
 * what is made once, what ought to be the handle's.
 */
#include "actors.h"
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLLOWERS 2
#define LOCK_MS 10000

static struct actor writers[WRITERS] = {
	{ .topic = "log", .sync = SL_SYNC_NONE },
	{ .topic = "log", .sync = SL_SYNC_EXIT },
	{ .topic = "log", .sync = SL_SYNC_BATCH },
	{ .topic = "log", .sync = SL_SYNC_EACH },
	{ .topic = "ring", .sync = SL_SYNC_EXIT },
	{ .topic = "table", .sync = SL_SYNC_BATCH },
};

/* ---- Those who keep house ---- */

static void *
clean(void *arg)
{
	static const struct sl_clean_options options = { .is_named = true,
		.lock_timeout_ms = LOCK_MS };
	struct actor *actor = arg;
	struct sl_clean_sums sums = { .segments = 0 };
	struct sl_topic *topic;
	int rc = SL_OK;

	while (rc == SL_OK && !actors_over) {
		rc = sl_topic_open(&topic, actors_path, actor->topic,
		    &actor->err);
		if (rc != SL_OK)
			break;
		rc = sl_topic_clean(topic, &options, &sums, &actor->err);
		sl_topic_close(topic);
		if (rc == SL_EBUSY)
			rc = SL_OK; /* a writer is at it */
		usleep(10000);
	}
	actor->rc = rc;
	actor->count = sums.segments + sums.passed;
	return NULL;
}

static int
measure(struct sl_topic *topic, int partition, struct sl_error *err)
{
	static const struct sl_clean_options dry = { .is_dry_run = true,
		.lock_timeout_ms = LOCK_MS };
	struct sl_check_sums sums = { .segments = 0 };
	struct sl_clean_sums would = { .segments = 0 };
	struct sl_partition_info info;
	struct sl_lag_meter *meter = NULL;
	struct sl_lag lag;
	uint64_t offset;
	int rc;

	rc = sl_topic_partition_info(topic, partition, &info, err);
	if (rc == SL_OK)
		rc = sl_topic_offset_at(topic, partition, sl_now_ms() - 500,
		    &offset, err);
	if (rc == SL_OK)
		rc = sl_lag_meter_open(&meter, topic, err);
	if (rc == SL_OK)
		rc = sl_lag_measure(meter, partition, 3, &lag, err);
	sl_lag_meter_close(meter);
	if (rc == SL_OK)
		rc = sl_topic_clean(topic, &dry, &would, err);
	if (rc == SL_EBUSY) /* it is being cleaned */
		rc = SL_OK;
	if (rc == SL_OK)
		rc = sl_topic_check(topic, partition,
		    &(struct sl_check_options){ .tell = NULL }, &sums, err);
	if (rc >= 0 && sums.damages > 0)
		rc = sl_error_set(err, SL_ECORRUPT, "%s/%d: damaged",
		    sl_topic_name(topic), partition);
	return rc;
}

/* The group's places, once it was joined. */
static int
look_at_group(struct sl_error *err)
{
	struct sl_group_place *places = NULL;
	struct sl_group *group;
	size_t count;
	int rc;

	rc = sl_group_open(&group, actors_path, NULL, "g", err);
	if (rc == SL_ENOTFOUND)
		return SL_OK;
	if (rc == SL_OK)
		rc = sl_group_places(group, &places, &count, err);
	if (rc == SL_OK)
		rc = sl_group_live(group, &count, err);
	free(places);
	sl_group_close(group);
	return rc;
}

static void *
look_on(void *arg)
{
	static const char *const names[] = { "log", "ring", "table" };
	struct actor *actor = arg;
	struct sl_topic *topic;
	size_t i;
	int p, rc = SL_OK;

	for (i = 0; rc == SL_OK && !actors_over; i = (i + 1) % 3) {
		rc = sl_topic_open(&topic, actors_path, names[i], &actor->err);
		for (p = 0; rc == SL_OK && p < PARTITIONS; p++)
			rc = measure(topic, p, &actor->err);
		sl_topic_close(topic);
		if (rc == SL_OK)
			rc = look_at_group(&actor->err);
		actor->count++;
	}
	actor->rc = rc;
	return NULL;
}

/* Settings change, and a topic comes and goes under whoever appends to it. */
static void *
alter(void *arg)
{
	static const char *const sizes[] = { "16KiB", "64KiB" };
	struct actor *actor = arg;
	struct sl_setting setting = { .name = "segment.bytes" };
	const struct sl_setting brief = { "partitions", "2" };
	int rc = SL_OK;

	while (rc == SL_OK && !actors_over) {
		setting.value = sizes[actor->count++ % 2];
		rc = sl_topic_alter(actors_path, "log", 0, &setting, 1,
		    &actor->err);
		if (rc != SL_OK)
			break;
		rc = sl_topic_create(actors_path, "brief", &brief, 1,
		    &actor->err);
		if (rc == SL_OK || rc == SL_EEXISTS)
			rc = sl_topic_delete(actors_path, "brief", &actor->err);
		if (rc == SL_EBUSY) /* it is written to just now */
			rc = SL_OK;
	}
	actor->rc = rc;
	return NULL;
}

/* Append to the topic that comes and goes: once each time it is there. */
static void *
write_briefly(void *arg)
{
	struct actor *actor = arg;
	struct actor one = { .topic = "brief", .sync = SL_SYNC_EACH };

	while (!actors_over && (one.rc == SL_OK || one.rc == SL_ENOTFOUND)) {
		one.limit = one.count + 1;
		actors_write(&one);
		actor->count += one.rc == SL_OK;
	}
	actor->rc = one.rc == SL_ENOTFOUND ? SL_OK : one.rc;
	actor->err = one.err;
	return NULL;
}

/* ---- All of it ---- */

static bool
make(const char *name, const char *what, const char *value)
{
	const struct sl_setting settings[] = {
		{ "partitions", "2" },
		{ "segment.bytes", "16KiB" },
		{ "file.delete.delay.ms", "0" },
		{ what, value },
	};
	struct sl_error err;

	if (sl_topic_create(actors_path, name, settings, 4, &err) == SL_OK)
		return true;
	printf("Bail out! %s: %s\n", name, err.text);
	return false;
}

/* The last event of each key is there, and none that nobody wrote. */
static int
check_table(const struct actor *writer, struct sl_error *err)
{
	static const struct sl_reader_options options;
	struct sl_topic *topic = NULL;
	struct sl_reader *reader = NULL;
	struct sl_record record;
	struct sl_source source;
	uint64_t n, last[KEYS] = { 0 };
	unsigned id, key;
	int p, rc;

	rc = sl_topic_open(&topic, actors_path, "table", err);
	if (rc == SL_OK)
		rc = sl_reader_open(&reader, &options, err);
	for (p = 0; rc == SL_OK && p < PARTITIONS; p++)
		rc = sl_reader_assign(reader, topic, p, 0, SL_OFFSET_NONE, err);
	while (rc == SL_OK) {
		rc = sl_reader_next(reader, &record, &source, err);
		if (rc == SL_OK &&
		    (!actors_parse(&record, &id, &n) || n >= writer->count))
			rc = sl_error_set(err, SL_ECORRUPT, "not an event");
		if (rc == SL_OK && n > last[n % KEYS])
			last[n % KEYS] = n;
	}
	for (key = 0; rc == SL_END && key < KEYS; key++)
		if (last[key] + KEYS < writer->count)
			rc = sl_error_set(err, SL_ECORRUPT,
			    "key %u: %" PRIu64 " is its last", key, last[key]);
	sl_reader_close(reader);
	sl_topic_close(topic);
	return rc == SL_END ? SL_OK : rc;
}

static uint64_t
count_unhandled(void)
{
	uint64_t n, lacking = 0;
	unsigned i;

	for (i = 0; i < WRITERS; i++)
		for (n = 0; strcmp(writers[i].topic, "log") == 0 &&
		            n < writers[i].count;
		     n++)
			lacking += !actors_handled[i][n];
	return lacking;
}

static bool
begin(struct actor *actor, void *(*act)(void *))
{
	return pthread_create(&actor->thread, NULL, act, actor) == 0;
}

static void
end(struct actor *actor, const char *what)
{
	pthread_join(actor->thread, NULL);
	check(actor->rc == SL_OK && actor->count > 0, "%s: %" PRIu64 "%s%s",
	    what, actor->count, actor->rc == SL_OK ? "" : ": ",
	    actor->rc == SL_OK ? "" : actor->err.text);
}

/* What each of them does, and what it counts. */
static struct {
	void *(*act)(void *);
	const char *what;
	struct actor actor;
} others[] = {
	{ actors_join, "a member's events", { .id = 0 } },
	{ actors_join, "a member's events", { .id = 1 } },
	{ actors_join, "a member's events", { .id = 2 } },
	{ actors_read_ring, "events read of a ring", { .id = 0 } },
	{ clean, "what retention let go", { .topic = "ring" } },
	{ clean, "what compaction let go", { .topic = "table" } },
	{ look_on, "looks at everything", { .id = 0 } },
	{ alter, "alterations", { .id = 0 } },
	{ write_briefly, "events of a topic that comes and goes", { .id = 0 } },
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

/* For so many seconds; false where a thread lacks. */
static bool
run(unsigned seconds, struct actor *followers)
{
	unsigned i;
	bool ok = true;

	for (i = 0; i < WRITERS; i++) {
		writers[i].id = i;
		writers[i].limit = EVENTS_MAX - BATCH;
		ok = ok && begin(&writers[i], actors_write);
	}
	for (i = 0; i < FOLLOWERS; i++) {
		followers[i] = (struct actor){ .id = i };
		ok = ok && begin(&followers[i], actors_follow);
	}
	for (i = 0; i < OTHERS; i++)
		ok = ok && begin(&others[i].actor, others[i].act);
	if (!ok)
		return false;
	sleep(seconds);
	actors_over = true;
	for (i = 0; i < WRITERS; i++)
		end(&writers[i], "events written");
	actors_written = true;
	for (i = 0; i < FOLLOWERS; i++)
		end(&followers[i], "events followed");
	for (i = 0; i < OTHERS; i++)
		end(&others[i].actor, others[i].what);
	return true;
}

int
main(void)
{
	const char *seconds = getenv("THREADS_SECONDS");
	const char *memory =
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct actor followers[FOLLOWERS];
	struct sl_error err = { .code = SL_OK };
	uint64_t written = 0, lacking;
	unsigned i;
	char command[128];

	snprintf(actors_path, sizeof(actors_path), "%s/test_threads.XXXXXX",
	    memory);
	if (mkdtemp(actors_path) == NULL || !make("log", "segment.ms", "1s") ||
	    !make("ring", "retention.bytes", "128KiB") ||
	    !make("table", "cleanup.policy", "compact"))
		return 1;
	if (!run(seconds == NULL ? 2 : (unsigned)atoi(seconds), followers))
		return 1;
	for (i = 0; i < WRITERS; i++)
		written +=
		    strcmp(writers[i].topic, "log") == 0 ? writers[i].count : 0;
	for (i = 0; i < FOLLOWERS; i++)
		check(followers[i].count == written,
		    "a follower saw all of them: %" PRIu64, written);
	check(check_table(&writers[WRITERS - 1], &err) == SL_OK,
	    "the last of each key is there%s%s", err.code == SL_OK ? "" : ": ",
	    err.code == SL_OK ? "" : err.text);
	err.code = actors_drain(&err);
	lacking = count_unhandled();
	check(err.code == SL_OK && lacking == 0,
	    "the group handled each of them: %" PRIu64 " lack%s%s", lacking,
	    err.code == SL_OK ? "" : ": ", err.code == SL_OK ? "" : err.text);
	snprintf(command, sizeof(command), "rm -rf '%s'", actors_path);
	if (system(command) != 0)
		printf("# left behind: %s\n", actors_path);
	return check_done();
}
