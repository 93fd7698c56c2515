/* test_reader.c: records of many partitions, in the order of time (RULE 23) and
 * as they arrive. */
#include "check.h"
#include "fs.h"
#include "streamlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 INT64_C(1546300800000)
#define TOPICS 2
#define PARTITIONS 3
#define EVENTS 700
/* So large that a segment of the least size, 4 KiB, holds one of them. */
#define VALUE_SIZE 3000
/* A listing is good where names have not changed for so long. */
#define LISTED_US 100000

static char root[PATH_MAX];

/* What must not fail did: the test is worth nothing. */
static void
need(int rc, const char *what, const struct sl_error *err)
{
	if (rc >= 0)
		return;
	printf("Bail out! %s: %s\n", what, err->text);
	exit(99);
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- Topics to read ---- */

static struct sl_topic *
make_topic(const char *name, const char *segment_bytes)
{
	struct sl_setting settings[] = { { "partitions", "3" },
		{ "segment.bytes", segment_bytes },
		{ "index.interval.bytes", "256" } };
	struct sl_topic *topic;
	struct sl_error err;

	need(sl_topic_create(root, name, settings, 3, &err), "create", &err);
	need(sl_topic_open(&topic, root, name, &err), "open", &err);
	return topic;
}

/* "TOPIC-PARTITION-NUMBER" and blanks. */
static void
make_value(char value[VALUE_SIZE], const char *topic, int partition,
    uint64_t number)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%s-%d-%" PRIu64, topic, partition,
	    number);

	memset(value, ' ', VALUE_SIZE);
	memcpy(value, text, (size_t)n);
}

/* Append one batch of records. */
static void
append(struct sl_writer *writer, const char *topic, int partition,
    uint64_t first, const int64_t *times_ms, uint32_t count)
{
	struct sl_encoder_options options = { .batch_bytes = 1 << 20,
		.message_bytes_max = 1 << 20 };
	struct sl_record record = { .offset = 0 };
	struct sl_encoder *encoder;
	struct sl_receipt receipt;
	struct sl_error err;
	char value[VALUE_SIZE];
	uint32_t i;

	need(sl_encoder_new(&encoder, &options, &err), "encoder", &err);
	for (i = 0; i < count; i++) {
		record.timestamp_ms = times_ms[i];
		record.value = value;
		record.value_bytes = sizeof(value);
		make_value(value, topic, partition, first + i);
		need(sl_encoder_add(encoder, partition, &record, &err), "add",
		    &err);
	}
	need(sl_encoder_finish(encoder, &err), "finish", &err);
	need(sl_writer_write(writer, encoder, 0, 1000, &receipt, &err), "write",
	    &err);
	if (receipt.first_offset != first)
		check(false, "append: offset %" PRIu64 ", not %" PRIu64,
		    receipt.first_offset, first);
	sl_encoder_free(encoder);
}

static void
append_at(struct sl_topic *topic, int partition, uint64_t first, int64_t ms)
{
	struct sl_writer *writer;
	struct sl_error err;

	need(sl_writer_open(&writer, topic, &err), "writer", &err);
	append(writer, sl_topic_name(topic), partition, first, &ms, 1);
	sl_writer_close(writer);
}

/* Is this record the one that was appended there? */
static bool
is_right(const struct sl_record *record, const struct sl_source *source)
{
	char value[VALUE_SIZE];

	make_value(value, sl_topic_name(source->topic), source->partition,
	    record->offset);
	return record->value_bytes == sizeof(value) &&
	       memcmp(record->value, value, sizeof(value)) == 0;
}

/* ---- The order of time ---- */

struct expected {
	int64_t order_ms;
	int topic;
	int partition;
	uint64_t offset;
};

static int
compare_expected(const void *left, const void *right)
{
	const struct expected *a = left;
	const struct expected *b = right;

	if (a->order_ms != b->order_ms)
		return a->order_ms < b->order_ms ? -1 : 1;
	if (a->topic != b->topic)
		return a->topic - b->topic;
	if (a->partition != b->partition)
		return a->partition - b->partition;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Fill the topics and say in which order their records should come. */
static size_t
fill(struct sl_topic *topics[], struct expected *expected, uint64_t *seed)
{
	int64_t largest[TOPICS][PARTITIONS], times[4];
	uint64_t next[TOPICS][PARTITIONS] = { { 0 } };
	struct sl_writer *writers[TOPICS];
	struct sl_error err;
	size_t count = 0;
	uint32_t n, i;
	int t, p;

	for (t = 0; t < TOPICS; t++) {
		need(sl_writer_open(&writers[t], topics[t], &err), "writer",
		    &err);
		for (p = 0; p < PARTITIONS; p++)
			largest[t][p] = INT64_MIN;
	}
	while (count + 4 < EVENTS) {
		t = (int)(next_random(seed) % TOPICS);
		p = (int)(next_random(seed) % PARTITIONS);
		n = 1 + (uint32_t)(next_random(seed) % 4);
		for (i = 0; i < n; i++) {
			times[i] =
			    T0 + (int64_t)(count / 2 + next_random(seed) % 20);
			if (times[i] > largest[t][p])
				largest[t][p] = times[i];
			expected[count++] = (struct expected){ largest[t][p], t,
				p, next[t][p] + i };
		}
		append(writers[t], sl_topic_name(topics[t]), p, next[t][p],
		    times, n);
		next[t][p] += n;
	}
	for (t = 0; t < TOPICS; t++)
		sl_writer_close(writers[t]);
	qsort(expected, count, sizeof(*expected), compare_expected);
	return count;
}

static void
assign_all(struct sl_reader *reader, struct sl_topic *topic)
{
	struct sl_range range;
	struct sl_error err;
	int p;

	for (p = 0; p < PARTITIONS; p++) {
		need(sl_topic_range(topic, p, &range, &err), "range", &err);
		need(sl_reader_assign(reader, topic, p, range.first, range.next,
		         &err),
		    "assign", &err);
	}
}

static void
test_merge(void)
{
	static struct expected expected[EVENTS];
	struct sl_reader_options options = { .synced = false };
	struct sl_source source;
	struct sl_record record;
	struct sl_topic *topics[TOPICS];
	struct sl_reader *reader;
	struct sl_error err;
	uint64_t seed = 0xd1ce;
	size_t count, i, bad = 0;
	int t;

	topics[0] = make_topic("alpha", "20000");
	topics[1] = make_topic("beta", "1GiB");
	count = fill(topics, expected, &seed);
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	for (t = TOPICS - 1; t >= 0;
	     t--) /* the order of assigning is nothing */
		assign_all(reader, topics[t]);
	for (i = 0; i < count; i++) {
		if (sl_reader_next(reader, &record, &source, &err) != SL_OK)
			break;
		bad += source.topic != topics[expected[i].topic] ||
		       source.partition != expected[i].partition ||
		       record.offset != expected[i].offset ||
		       !is_right(&record, &source);
	}
	check(i == count && bad == 0,
	    "%zu records of 6 partitions come in the order of time", count);
	check(sl_reader_next(reader, &record, &source, &err) == SL_END,
	    "and then it is the end");
	sl_reader_close(reader);
	for (t = 0; t < TOPICS; t++)
		sl_topic_close(topics[t]);
}

/* ---- Bounds, following, deletions ---- */

static void
test_bounds(void)
{
	struct sl_reader_options options = { .synced = true };
	struct sl_topic *topic = make_topic("bounds", "4096");
	struct sl_source source;
	struct sl_record record;
	struct sl_reader *reader;
	struct sl_error err;
	uint64_t i;

	for (i = 0; i < 10; i++)
		append_at(topic, 0, i, T0);
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	need(sl_reader_assign(reader, topic, 0, 3, 7, &err), "assign", &err);
	for (i = 3; i < 7; i++)
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
		      record.offset == i && is_right(&record, &source));
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);

	/* Following lifts the bound and goes on where it stood. */
	need(sl_reader_follow(reader, &err), "follow", &err);
	for (i = 7; i < 10; i++)
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
		      record.offset == i);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	for (i = 10; i < 20; i++) {
		append_at(topic, 0, i, T0);
		CHECK(sl_reader_wait(reader, NULL, 0, 900, &err) == SL_OK);
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
		      record.offset == i && is_right(&record, &source));
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	}

	/* A partition that comes while following; then none is left. */
	append_at(topic, 1, 0, T0);
	need(sl_reader_assign(reader, topic, 1, 0, SL_OFFSET_NONE, &err),
	    "assign", &err);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
	      source.partition == 1 && record.offset == 0);
	sl_reader_drop(reader, topic);
	append_at(topic, 0, 20, T0);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	sl_reader_close(reader);
	sl_topic_close(topic);
}

static void
test_drop_in_time(void)
{
	struct sl_reader_options options = { .synced = false };
	struct sl_topic *kept = make_topic("kept", "1GiB");
	struct sl_topic *gone = make_topic("gone", "1GiB");
	struct sl_source source;
	struct sl_record record;
	struct sl_reader *reader;
	struct sl_error err;
	uint64_t i;

	for (i = 0; i < 5; i++) {
		append_at(kept, (int)(i % 3), i / 3, T0 + (int64_t)(2 * i));
		append_at(gone, (int)(i % 3), i / 3, T0 + (int64_t)(2 * i) + 1);
	}
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	assign_all(reader, gone);
	assign_all(reader, kept);
	for (i = 0; i < 3; i++)
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK);
	CHECK(source.topic == kept && record.timestamp_ms == T0 + 2);
	sl_reader_drop(reader, gone);
	sl_topic_close(gone);
	for (i = 2; i < 5; i++)
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
		      source.topic == kept &&
		      record.timestamp_ms == T0 + (int64_t)(2 * i));
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	sl_reader_close(reader);
	sl_topic_close(kept);
}

static int
remove_below(void *arg, const char *name, struct sl_error *err)
{
	const uint64_t *limit = arg;
	char path[PATH_MAX];

	if (strstr(name, ".log") == NULL || strtoull(name, NULL, 10) >= *limit)
		return SL_OK;
	snprintf(path, sizeof(path), "%.2000s/trimmed/0/%.255s", root, name);
	return sl_fs_remove_tree(AT_FDCWD, path, err);
}

/* Take away the segments whose names are below an offset. */
static void
remove_segments(uint64_t limit)
{
	char path[PATH_MAX];
	struct sl_error err;
	int dir;

	snprintf(path, sizeof(path), "%.2000s/trimmed/0", root);
	need(sl_fs_open_dir(&dir, AT_FDCWD, path, &err), "partition", &err);
	need(sl_fs_list(dir, remove_below, &limit, &err), "remove", &err);
	sl_fs_close(&dir);
}

static void
test_gone(bool is_following)
{
	struct sl_reader_options options = { .synced = false };
	struct sl_topic *topic = make_topic("trimmed", "4096");
	const char *what = is_following ? "following" : "bounded";
	struct sl_source source;
	struct sl_record record;
	struct sl_reader *reader;
	struct sl_error err;
	uint64_t i;

	for (i = 0; i < 10; i++)
		append_at(topic, 0, i, T0);
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	need(sl_reader_assign(reader, topic, 0, 0, 10, &err), "assign", &err);
	if (is_following)
		need(sl_reader_follow(reader, &err), "follow", &err);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
	      record.offset == 0);
	remove_segments(4);
	check(sl_reader_next(reader, &record, &source, &err) == SL_EGONE &&
	          record.offset == 4 && source.topic == topic &&
	          source.partition == 0,
	    "%s: what was deleted is gone, told with where it goes on", what);
	for (i = 4; i < 10; i++)
		CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
		      record.offset == i);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_END);
	sl_reader_close(reader);

	/* From the start, where there is nothing any more. */
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	need(sl_reader_assign(reader, topic, 0, 1, 10, &err), "assign", &err);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_EGONE &&
	      record.offset == 4);
	CHECK(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
	      record.offset == 4);
	sl_reader_close(reader);
	sl_topic_close(topic);
	need(sl_topic_delete(root, "trimmed", &err), "delete", &err);
}

/* Write the first byte of two segments again and again, in turn. */
static void
flood(const char *name, long count)
{
	char path[PATH_MAX], byte;
	struct sl_error err;
	size_t done;
	int fd[2];
	long i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path),
		    "%.2000s/%s/%ld/00000000000000000000.log", root, name, i);
		need(sl_fs_open_write(&fd[i], AT_FDCWD, path, &err), "open",
		    &err);
	}
	need(sl_fs_read_at(fd[0], &byte, 1, 0, &done, &err), "read", &err);
	for (i = 0; i < count; i++)
		need(sl_fs_write_at(fd[i % 2], &byte, 1, 0, &done, &err),
		    "write", &err);
	sl_fs_close(&fd[0]);
	sl_fs_close(&fd[1]);
}

/*
 * More events than inotify(7) queues, so that of the roll behind them none
 * comes: then names are looked at, too, not with the look of each second.
 */
static void
test_lost_events(void)
{
	struct sl_reader_options options = { .synced = false };
	struct sl_topic *topic = make_topic("flooded", "4096");
	struct sl_source source;
	struct sl_record record;
	struct sl_reader *reader;
	long events = 16384;
	struct sl_error err;
	FILE *file;

	file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	if (file != NULL && fscanf(file, "%ld", &events) != 1)
		events = 16384;
	if (file != NULL)
		fclose(file);
	append_at(topic, 0, 0, T0);
	append_at(topic, 1, 0, T0);
	usleep(LISTED_US);
	need(sl_reader_open(&reader, &options, &err), "reader", &err);
	assign_all(reader, topic);
	need(sl_reader_follow(reader, &err), "follow", &err);
	while (sl_reader_next(reader, &record, &source, &err) == SL_OK)
		continue;
	flood("flooded", events + 100);
	append_at(topic, 0, 1, T0);
	CHECK(sl_reader_wait(reader, NULL, 0, 0, &err) == SL_OK);
	check(sl_reader_next(reader, &record, &source, &err) == SL_OK &&
	          source.partition == 0 && record.offset == 1,
	    "events were lost, among them a roll's: it is read at once");
	sl_reader_close(reader);
	sl_topic_close(topic);
	need(sl_topic_delete(root, "flooded", &err), "delete", &err);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	struct sl_error err;

	snprintf(root, sizeof(root), "%s/streamlog-test-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(root) == NULL)
		need(sl_error_sys(&err, errno, "'%s'", root), "scratch", &err);
	test_merge();
	test_bounds();
	test_drop_in_time();
	test_gone(false);
	test_gone(true);
	test_lost_events();
	if (sl_fs_remove_tree(AT_FDCWD, root, &err) < 0)
		printf("# left behind: %s\n", err.text);
	return check_done();
}
