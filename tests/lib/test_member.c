/*
 * test_member.c: members of a group as handles in one process, with a clock of
 * their own: who gets what, who takes over, who is fenced, what damage does.
 */
#include "assignment.h"
#include "check.h"
#include "clock.h"
#include "member.h"
#include "place.h"
#include "streamlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS 100
#define PARTITIONS 4
#define TIMEOUT_MS 10000

static char path[] = "/tmp/test_member.XXXXXX";
static int64_t passed_ms; /* beside the real time */

int64_t
sl_clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + passed_ms;
}

/* ---- Actors ---- */

struct actor {
	struct sl_topic *topic;
	struct sl_reader *reader;
	struct sl_member *member;
	bool mine[PARTITIONS];
	bool is_asked[PARTITIONS]; /* to let go */
	uint64_t at[PARTITIONS];
	unsigned lost;
	int rc;
	struct sl_error err;
};

static struct sl_member_options options = { .dir = path,
	.session_timeout_ms = TIMEOUT_MS };

static bool
join(struct actor *actor)
{
	static const struct sl_reader_options reading;
	static const char *const words[] = { "t" };
	int rc;

	memset(actor, 0, sizeof(*actor));
	options.words = words;
	options.word_count = 1;
	rc = sl_topic_open(&actor->topic, path, "t", &actor->err);
	if (rc == SL_OK)
		rc = sl_reader_open(&actor->reader, &reading, &actor->err);
	if (rc == SL_OK)
		rc = sl_reader_follow(actor->reader, &actor->err);
	if (rc == SL_OK)
		rc = sl_member_join(&actor->member, "g", &options,
		    actor->reader, &actor->topic, 1, &actor->err);
	actor->rc = rc;
	return rc == SL_OK;
}

static void
take(struct actor *actor, const struct sl_member_change *change)
{
	int p = change->partition;

	if (change->kind == SL_MEMBER_ASSIGNED) {
		actor->mine[p] = true;
		actor->is_asked[p] = false;
		actor->at[p] = change->offset;
		actor->rc = sl_reader_assign(actor->reader, change->topic, p,
		    change->offset, SL_OFFSET_NONE, &actor->err);
		return;
	}
	if (change->kind == SL_MEMBER_REVOKED)
		actor->is_asked[p] = true;
	if (change->kind == SL_MEMBER_LOST) {
		actor->mine[p] = false;
		actor->lost++;
		sl_reader_drop_partition(actor->reader, actor->topic, p);
	}
}

/* See what changed, as after an event. */
static void
look(struct actor *actor)
{
	struct sl_member_change change;
	int again_ms, rc;

	rc = sl_reader_wait(actor->reader, NULL, 0, 0, &actor->err);
	if (rc >= 0)
		rc = sl_member_look(actor->member, &actor->topic, 1, &again_ms,
		    &actor->err);
	while (rc == SL_OK) {
		rc = sl_member_next_change(actor->member, &change, &actor->err);
		if (rc == SL_OK)
			take(actor, &change);
	}
	actor->rc = rc < 0 ? rc : SL_OK;
}

static void
let_go(struct actor *actor)
{
	int p;

	for (p = 0; p < PARTITIONS; p++) {
		if (!actor->mine[p] || !actor->is_asked[p])
			continue;
		CHECK(sl_member_release(actor->member, actor->topic, p,
		          &actor->err) == SL_OK);
		sl_reader_drop_partition(actor->reader, actor->topic, p);
		actor->mine[p] = actor->is_asked[p] = false;
	}
}

static int
count(const struct actor *actor)
{
	int p, mine = 0;

	for (p = 0; p < PARTITIONS; p++)
		mine += actor->mine[p];
	return mine;
}

/* Read all there is of its partitions. */
static void
read_all(struct actor *actor)
{
	struct sl_record record;
	struct sl_source source;

	while (sl_reader_next(actor->reader, &record, &source, &actor->err) ==
	       SL_OK)
		actor->at[source.partition] = record.offset + 1;
}

static int
commit(struct actor *actor, int partition, uint64_t offset)
{
	return sl_member_commit(actor->member, actor->topic, partition, offset,
	    &actor->err);
}

/* As a process that is killed. */
static void
die(struct actor *actor)
{
	sl_member_close(actor->member);
	sl_reader_close(actor->reader);
	sl_topic_close(actor->topic);
	actor->member = NULL;
	actor->reader = NULL;
	actor->topic = NULL;
}

static void
leave(struct actor *actor)
{
	CHECK(sl_member_leave(actor->member, &actor->err) == SL_OK);
	die(actor);
}

/* ---- What the test has ---- */

static void
append(int partition)
{
	static const struct sl_encoder_options encoding = { .batch_bytes =
		                                                1 << 20,
		.message_bytes_max = 1 << 20 };
	struct sl_record record = { .timestamp_ms = 1795357200000,
		.value = "{}",
		.value_bytes = 2 };
	struct sl_encoder *encoder;
	struct sl_receipt receipt;
	struct sl_writer *writer;
	struct sl_topic *topic;
	struct sl_error err;
	int i, rc;

	rc = sl_topic_open(&topic, path, "t", &err);
	if (rc == SL_OK)
		rc = sl_writer_open(&writer, topic, &err);
	if (rc == SL_OK)
		rc = sl_encoder_new(&encoder, &encoding, &err);
	for (i = 0; rc == SL_OK && i < EVENTS; i++)
		rc = sl_encoder_add(encoder, partition, &record, &err);
	if (rc == SL_OK)
		rc = sl_encoder_finish(encoder, &err);
	if (rc == SL_OK)
		rc = sl_writer_write(writer, encoder, 0, 1000, &receipt, &err);
	if (rc == SL_OK)
		rc = sl_writer_sync(writer, &err);
	if (rc < 0) {
		printf("Bail out! append: %s\n", err.text);
		exit(1);
	}
	sl_encoder_free(encoder);
	sl_writer_close(writer);
	sl_topic_close(topic);
}

/* A topic of four partitions, and no group. */
static void
begin(void)
{
	static const struct sl_setting settings[] = { { "partitions", "4" } };
	struct sl_error err;
	int p, rc;

	rc = sl_fs_remove_tree(AT_FDCWD, path, &err);
	if (rc == SL_OK)
		rc = sl_topic_create(path, "t", settings, 1, &err);
	if (rc < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	for (p = 0; p < PARTITIONS; p++)
		append(p);
}

static int
open_file(const char *name, int flags)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/@groups/g/%s", path, name);
	return open(file, flags);
}

static void
overwrite(const char *name, off_t at, size_t bytes)
{
	int fd = open_file(name, O_WRONLY);
	char text[1024];

	memset(text, '#', sizeof(text));
	CHECK(fd >= 0 && pwrite(fd, text, bytes, at) == (ssize_t)bytes);
	close(fd);
}

/* ---- The tests ---- */

static void
test_share(void)
{
	struct actor a, b;

	begin();
	CHECK(join(&a));
	look(&a);
	check(count(&a) == 4, "one member has all: %d", count(&a));
	CHECK(join(&b));
	look(&b);
	check(count(&b) == 0, "what has an owner is not taken: %d", count(&b));
	look(&a);
	let_go(&a);
	look(&b);
	check(count(&a) == 2 && count(&b) == 2, "two share: %d and %d",
	    count(&a), count(&b));
	look(&a);
	CHECK(a.lost == 0 && b.lost == 0 && count(&a) == 2);
	die(&b);
	look(&a);
	look(&a);
	check(count(&a) == 4, "a dead one's are taken over: %d", count(&a));
	CHECK(join(&b));
	look(&b);
	look(&a);
	leave(&a);
	look(&b);
	check(count(&b) == 4, "one that leaves hands over: %d", count(&b));
	die(&b);
}

static void
test_commit(void)
{
	struct actor a, b;

	begin();
	CHECK(join(&a));
	look(&a);
	CHECK(commit(&a, 0, 1) == SL_EUSAGE); /* not read yet */
	read_all(&a);
	CHECK(commit(&a, 0, EVENTS + 1) == SL_EUSAGE);
	CHECK(commit(&a, 0, EVENTS) == SL_OK);
	CHECK(commit(&a, 1, 50) == SL_OK);
	CHECK(commit(&a, 1, 40) == SL_OK); /* stays where it is */
	die(&a);
	CHECK(join(&b));
	look(&b);
	check(b.at[0] == EVENTS && b.at[1] == 50 && b.at[2] == 0,
	    "places survive their member");
	leave(&b);
}

/* Silent for its time-out: put out, fenced; and comes in again. */
static void
test_fence(void)
{
	struct actor a, b;
	int i;

	begin();
	CHECK(join(&a));
	look(&a);
	read_all(&a);
	CHECK(commit(&a, 0, 10) == SL_OK);
	CHECK(join(&b));
	for (i = 0; i < 3; i++) { /* three seconds are not the time-out */
		passed_ms += 1100;
		look(&b);
	}
	check(count(&b) == 0, "a member that is silent for 3 of 10 s lives");
	CHECK(commit(&a, 0, 20) == SL_OK);
	passed_ms += 3600 * 1000; /* as if the machine had slept */
	look(&b);
	check(count(&b) == 0, "an hour that passed unseen is no silence");
	for (i = 0; i < 10; i++) {
		passed_ms += 1100;
		look(&b);
	}
	check(count(&b) == 4, "one that is silent is put out: %d", count(&b));
	CHECK(b.at[0] == 20);
	CHECK(commit(&a, 0, 30) == SL_EFENCED);
	check(strstr(a.err.text, "another member has it now") != NULL,
	    "it is told: %s", a.err.text);
	look(&a);
	check(a.lost == 4 && count(&a) == 0, "it loses all: %u", a.lost);
	read_all(&b);
	CHECK(commit(&b, 0, 40) == SL_OK);
	look(&b);
	let_go(&b);
	look(&a);
	check(count(&a) == 2 && count(&b) == 2, "it is in again: %d and %d",
	    count(&a), count(&b));
	CHECK(a.at[0] == 40 || b.at[0] == EVENTS);
	leave(&a);
	leave(&b);
}

static void
test_exclusive(void)
{
	struct actor a, b;

	begin();
	CHECK(join(&a));
	options.is_exclusive = true;
	CHECK(!join(&b));
	check(b.rc == SL_EBUSY && strstr(b.err.text, "is there") != NULL,
	    "an exclusive one wants to be alone: %s", b.err.text);
	die(&b);
	leave(&a);
	CHECK(join(&a));
	options.is_exclusive = false;
	CHECK(!join(&b));
	check(b.rc == SL_EBUSY && strstr(b.err.text, "to be alone") != NULL,
	    "and nobody comes to it: %s", b.err.text);
	die(&b);
	die(&a);
	CHECK(join(&b));
	die(&b);
}

/* What of `lock` can't be read owns nothing; the generation goes on. */
static void
test_lost_assignment(void)
{
	struct sl_assignment view = SL_ASSIGNMENT_EMPTY;
	struct sl_error err;
	uint64_t before;
	struct actor a;
	int fd;

	begin();
	CHECK(join(&a));
	look(&a);
	read_all(&a);
	CHECK(commit(&a, 2, 5) == SL_OK);
	fd = open_file("lock", O_RDONLY);
	CHECK(sl_assignment_read(&view, fd, &err) == SL_OK);
	before = view.generation;
	check(view.count == 4, "a row for each partition: %zu", view.count);
	overwrite("lock", 0, 100);
	overwrite("lock", 3 * SL_ROW_BYTES + 7, 1);
	passed_ms += 1100;
	look(&a);
	CHECK(sl_assignment_read(&view, fd, &err) == SL_OK);
	check(view.generation > before, "generation %" PRIu64 " after %" PRIu64,
	    view.generation, before);
	check(a.lost == 0 && count(&a) == 4,
	    "the row that was damaged is made anew: %u, %d", a.lost, count(&a));
	CHECK(commit(&a, 2, 6) == SL_OK);
	close(fd);
	sl_assignment_release(&view);
	leave(&a);
}

/* Who had the lock's file open when it was removed uses the new one, too. */
static void
test_removed_lock(void)
{
	char lock[128];
	struct actor a, b;
	int p, both = 0;

	begin();
	CHECK(join(&a));
	look(&a);
	read_all(&a);
	snprintf(lock, sizeof(lock), "%s/@groups/g/lock", path);
	CHECK(unlink(lock) == 0);
	CHECK(join(&b));
	look(&b);
	read_all(&b);
	for (p = 0; p < PARTITIONS; p++)
		both += commit(&a, p, 5) == SL_OK && b.mine[p];
	check(both == 0 && count(&b) == 2,
	    "%d partitions have two owners; the new one has %d", both,
	    count(&b));
	look(&a);
	check(count(&a) == 2, "the old one: %d", count(&a));
	leave(&a);
	leave(&b);
}

/* Who polls is told each time that there may be something: it sleeps. */
static void
test_polling(void)
{
	int again_ms = 0, looks;
	struct actor a;

	begin();
	CHECK(join(&a));
	look(&a);
	for (looks = 0; looks < 20; looks++) {
		passed_ms += 20;
		sl_member_note_event(a.member, -1);
		CHECK(sl_member_look(a.member, &a.topic, 1, &again_ms,
		          &a.err) == SL_END);
	}
	check(again_ms > 0, "a member that polls sleeps: %d ms", again_ms);
	leave(&a);
}

static void
test_bad_places(void)
{
	struct actor a;

	begin();
	CHECK(join(&a));
	look(&a);
	read_all(&a);
	CHECK(commit(&a, 1, 7) == SL_OK);
	leave(&a);
	overwrite("places/t-1", 0, 20);
	CHECK(join(&a));
	look(&a);
	check(a.rc == SL_OK && (a.at[1] == 7 || a.at[1] == 0),
	    "one slot damaged, the other is used: %" PRIu64, a.at[1]);
	leave(&a);
	overwrite("places/t-1", 0, SL_PLACE_FILE_BYTES);
	CHECK(join(&a));
	look(&a);
	check(a.rc == SL_ECORRUPT && strstr(a.err.text, "places/t-1") != NULL &&
	          strstr(a.err.text, "streamlog-group reset") != NULL,
	    "both: %s", a.err.text);
	die(&a);
}

/* An event of which partition? Another topic of that name is refused. */
static void
test_replaced(void)
{
	struct sl_error err;
	struct actor a;

	begin();
	CHECK(join(&a));
	look(&a);
	leave(&a);
	CHECK(sl_topic_delete(path, "t", &err) == SL_OK);
	CHECK(sl_topic_create(path, "t", NULL, 0, &err) == SL_OK);
	CHECK(join(&a));
	look(&a);
	check(a.rc == SL_ECORRUPT && strstr(a.err.text, "replaced") != NULL,
	    "a place in another topic: %s", a.err.text);
	die(&a);
}

static void
test_row(void)
{
	struct sl_row row = { .partition = 4095,
		.owner = "atlas:4711-0123456789abcdef",
		.next = "atlas:4712-fedcba9876543210" };
	char line[SL_ROW_BYTES], bad[SL_ROW_BYTES];
	struct sl_row read;
	size_t i, taken = 0;

	memset(row.topic, 'x', SL_TOPIC_NAME_MAX);
	sl_row_print(&row, line);
	CHECK(sl_row_parse(line, &read));
	CHECK(memcmp(&row, &read, sizeof(row)) == 0);
	for (i = 0; i < sizeof(line); i++) {
		memcpy(bad, line, sizeof(line));
		bad[i] ^= 0x01;
		taken += sl_row_parse(bad, &read);
	}
	check(taken == 0, "no row with a bit flipped is taken: %zu", taken);
}

int
main(void)
{
	struct sl_error err;

	if (mkdtemp(path) == NULL)
		return 1;
	test_row();
	test_share();
	test_commit();
	test_fence();
	test_exclusive();
	test_lost_assignment();
	test_removed_lock();
	test_polling();
	test_bad_places();
	test_replaced();
	CHECK(sl_fs_remove_tree(AT_FDCWD, path, &err) == SL_OK);
	return check_done();
}
