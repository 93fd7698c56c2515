/*
 * kafka_reader.c: records of a cluster's partitions; see kafka.h.
 *
 * librdkafka fetches each partition into a queue of its own, from which a few
 * messages at a time are taken here. Bounded: the earliest of all partitions
 * (RULE 23), each read up to its end. Following: whichever has something; a
 * queue that fills wakes the reader by an eventfd.
 */
#include "kafka.h"

#include "clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Records of one partition in a row while others have some. */
#define TURN_MAX 1000
/* Without a broker for so long, a bounded read is given up. */
#define STALLED_MS 60000
/* The longest sleep: librdkafka's tellings are to be heard. */
#define SLEEP_MS_MAX 1000

const struct sl_setting sl_kafka_reading[] = {
	{ "check.crcs", "true" },
	{ "fetch.error.backoff.ms", "100" },
	{ "queued.max.messages.kbytes", "4096" },
	{ NULL, NULL },
};

const struct sl_setting sl_kafka_reading_fixed[] = {
	{ "allow.auto.create.topics", "false" },
	{ "auto.offset.reset", "error" },
	{ "enable.auto.commit", "false" },
	{ "enable.auto.offset.store", "false" },
	{ "enable.partition.eof", "true" },
	{ NULL, NULL },
};

/* ---- Opening and closing ---- */

int
sl_kafka_reader_open(struct sl_reader **out,
    const struct sl_reader_options *options, struct sl_error *err)
{
	struct sl_reader *reader = calloc(1, sizeof(*reader));

	*out = NULL;
	if (reader == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	reader->options = *options;
	reader->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reader->wake < 0) {
		free(reader);
		return sl_error_sys(err, errno, "eventfd");
	}
	*out = reader;
	return SL_OK;
}

static void
free_part(struct sl_reader *reader, struct sl_kafka_part *part)
{
	if (part->queue != NULL) {
		if (!reader->is_member)
			rd_kafka_consume_stop(part->handle, part->number);
		rd_kafka_queue_io_event_enable(part->queue, -1, NULL, 0);
		sl_kafka_part_forget(part);
		rd_kafka_queue_destroy(part->queue);
	}
	if (part->handle != NULL)
		rd_kafka_topic_destroy(part->handle);
	free(part->fetched);
	free(part);
}

static void
free_shown(struct sl_reader *reader)
{
	if (reader->shown != NULL)
		rd_kafka_message_destroy(reader->shown);
	reader->shown = NULL;
}

void
sl_kafka_reader_part(struct sl_reader *reader)
{
	free_shown(reader);
	while (reader->count > 0)
		free_part(reader, reader->parts[--reader->count]);
	reader->kafka = NULL;
}

void
sl_kafka_reader_close(struct sl_reader *reader)
{
	sl_kafka_reader_part(reader);
	free(reader->parts);
	free(reader->headers);
	sl_kafka_close(&reader->own);
	close(reader->wake);
	free(reader);
}

void
sl_kafka_reader_heed(struct sl_reader *reader, rd_kafka_queue_t *queue)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(queue, reader->wake, &one, sizeof(one));
}

/* ---- Partitions ---- */

static int
open_client(struct sl_reader *reader, const struct sl_topic *topic,
    struct sl_error *err)
{
	const struct sl_kafka_make make = { .type = RD_KAFKA_CONSUMER,
		.dir = topic->kafka->dir,
		.usual = { sl_kafka_reading },
		.fixed = { sl_kafka_reading_fixed } };
	int rc;

	if (reader->kafka != NULL &&
	    strcmp(reader->kafka->dir, topic->kafka->dir) != 0)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': it lies at %s, others at %s: one command "
		    "reads one cluster",
		    topic->name, topic->kafka->dir, reader->kafka->dir);
	if (reader->kafka != NULL)
		return SL_OK;
	rc = sl_kafka_open(&reader->own, &make, err);
	if (rc == SL_OK)
		reader->kafka = &reader->own;
	return rc;
}

/* Begin to fetch at part->next; a member's partition is fetched already. */
static int
begin_fetch(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	rd_kafka_t *rk = reader->kafka->rk;

	part->handle = rd_kafka_topic_new(rk, part->topic->name, NULL);
	part->queue =
	    rd_kafka_queue_get_partition(rk, part->topic->name, part->number);
	part->fetched =
	    calloc(SL_KAFKA_FETCHED_MAX, sizeof(rd_kafka_message_t *));
	if (part->handle == NULL || part->queue == NULL ||
	    part->fetched == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	sl_kafka_reader_heed(reader, part->queue);
	if (!reader->is_member && rd_kafka_consume_start(part->handle,
	                              part->number, (int64_t)part->next) != 0)
		return sl_kafka_error(err, rd_kafka_last_error(), "fetch");
	return SL_OK;
}

int
sl_kafka_reader_assign(struct sl_reader *reader, struct sl_topic *topic,
    int partition, uint64_t start, uint64_t end, struct sl_error *err)
{
	struct sl_kafka_part **parts, *part;
	struct sl_range range;
	int rc;

	rc = open_client(reader, topic, err);
	if (rc == SL_OK)
		rc = sl_kafka_topic_range(topic, partition, &range, err);
	if (rc < 0)
		return rc;
	parts = reallocarray(reader->parts, reader->count + 1,
	    sizeof(struct sl_kafka_part *));
	if (parts != NULL)
		reader->parts = parts;
	part = calloc(1, sizeof(*part));
	if (parts == NULL || part == NULL) {
		free(part);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	*part = (struct sl_kafka_part){ .topic = topic,
		.number = partition,
		.asked = start,
		.next = start < range.first ? range.first : start,
		.end = end,
		.largest_ms = SL_TIME_NONE };
	rc = begin_fetch(reader, part, err);
	if (rc < 0) {
		free_part(reader, part);
		return sl_kafka_wrap(topic, partition, err);
	}
	reader->parts[reader->count++] = part;
	return SL_OK;
}

static struct sl_kafka_part *
find_part(const struct sl_reader *reader, const struct sl_topic *topic,
    int partition)
{
	struct sl_kafka_part *part;
	size_t i;

	for (i = 0; i < reader->count; i++) {
		part = reader->parts[i];
		if (part->topic == topic && part->number == partition)
			return part;
	}
	return NULL;
}

/* Stop reading what `takes` says. */
static void
drop(struct sl_reader *reader, const struct sl_topic *topic, int partition)
{
	struct sl_kafka_part *part;
	size_t i, kept = 0;

	for (i = 0; i < reader->count; i++) {
		part = reader->parts[i];
		if (part->topic == topic &&
		    (partition < 0 || part->number == partition))
			free_part(reader, part);
		else
			reader->parts[kept++] = part;
	}
	reader->count = kept;
	reader->turn = 0;
	reader->turn_records = 0;
}

void
sl_kafka_reader_drop(struct sl_reader *reader, const struct sl_topic *topic)
{
	drop(reader, topic, -1);
}

void
sl_kafka_reader_drop_partition(struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	drop(reader, topic, partition);
}

uint64_t
sl_kafka_reader_place(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	const struct sl_kafka_part *part = find_part(reader, topic, partition);

	return part == NULL ? SL_OFFSET_NONE : part->next;
}

uint64_t
sl_kafka_reader_end(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	const struct sl_kafka_part *part = find_part(reader, topic, partition);

	return part == NULL ? SL_OFFSET_NONE : part->end;
}

void
sl_kafka_reader_end_at(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, uint64_t end)
{
	struct sl_kafka_part *part = find_part(reader, topic, partition);

	if (part != NULL)
		part->end = end;
}

/* A broker hands out only what all in-sync replicas have. */
int
sl_kafka_reader_sync(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	(void)reader;
	(void)topic;
	(void)partition;
	(void)err;
	return SL_OK;
}

static int
fail(struct sl_kafka_part *part, int rc, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	*source = (struct sl_source){ part->topic, part->number };
	record->offset = part->next;
	sl_kafka_wrap(part->topic, part->number, err);
	return rc;
}

/* ---- Bounded ---- */

/* Sleep until a queue has something. */
static void
nap(struct sl_reader *reader, int timeout_ms)
{
	struct pollfd wake = { reader->wake, POLLIN, 0 };
	uint64_t ignored;

	if (poll(&wake, 1, timeout_ms) > 0 &&
	    read(reader->wake, &ignored, sizeof(ignored)) < 0)
		return; /* it is looked at all the same */
}

/* Wait for a part's next record, until it is at its end. */
static int
await(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	int64_t until_ms = sl_monotonic_ms() + STALLED_MS;
	int rc;

	for (;;) {
		rc = sl_kafka_part_look(reader, part, err);
		if (rc != SL_END || part->next >= part->end ||
		    part->is_at_end || part->fetched_at < part->fetched_count)
			return rc;
		sl_kafka_poll(reader->kafka, 0);
		if (reader->kafka->is_refused || sl_monotonic_ms() >= until_ms)
			return sl_kafka_unreachable(reader->kafka, err);
		nap(reader, SL_KAFKA_SLICE_MS);
	}
}

/* What a record in hand is ordered by. */
static int64_t
order_of(const struct sl_kafka_part *part)
{
	rd_kafka_timestamp_type_t type;
	int64_t time_ms =
	    rd_kafka_message_timestamp(part->fetched[part->fetched_at], &type);

	return time_ms > part->largest_ms ? time_ms : part->largest_ms;
}

static bool
is_earlier(const struct sl_kafka_part *part, const struct sl_kafka_part *than)
{
	int64_t mine = order_of(part), theirs = order_of(than);
	int order;

	if (mine != theirs)
		return mine < theirs;
	order = strcmp(part->topic->name, than->topic->name);
	return order != 0 ? order < 0 : part->number < than->number;
}

static int
next_in_time(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_kafka_part *part, *earliest = NULL;
	size_t i;
	int rc;

	for (i = 0; i < reader->count; i++) {
		part = reader->parts[i];
		rc = await(reader, part, err);
		if (rc < 0)
			return fail(part, rc, record, source, err);
		if (rc == SL_OK &&
		    (earliest == NULL || is_earlier(part, earliest)))
			earliest = part;
	}
	if (earliest == NULL)
		return SL_END;
	return sl_kafka_part_show(reader, earliest, record, source, err);
}

/* ---- Following ---- */

int
sl_kafka_reader_follow(struct sl_reader *reader, struct sl_error *err)
{
	size_t i;

	(void)err;
	if (!reader->is_following)
		for (i = 0; i < reader->count; i++)
			reader->parts[i]->end = SL_OFFSET_NONE;
	reader->is_following = true;
	return SL_OK;
}

static int
next_of(struct sl_reader *reader, size_t at, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_kafka_part *part = reader->parts[at];
	int rc;

	rc = sl_kafka_part_look(reader, part, err);
	if (rc < 0)
		return fail(part, rc, record, source, err);
	if (rc == SL_END)
		return rc;
	reader->turn_records =
	    at == reader->turn ? reader->turn_records + 1 : 1;
	reader->turn = at;
	return sl_kafka_part_show(reader, part, record, source, err);
}

static int
next_as_it_comes(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	size_t first = reader->turn, i;
	int rc;

	if (reader->turn_records >= TURN_MAX)
		first++;
	for (i = 0; i < reader->count; i++) {
		rc = next_of(reader, (first + i) % reader->count, record,
		    source, err);
		if (rc != SL_END)
			return rc;
	}
	return SL_END;
}

int
sl_kafka_reader_next(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	free_shown(reader);
	return reader->is_following
	           ? next_as_it_comes(reader, record, source, err)
	           : next_in_time(reader, record, source, err);
}

int
sl_kafka_reader_next_here(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	free_shown(reader);
	if (reader->turn >= reader->count)
		return SL_END;
	return next_of(reader, reader->turn, record, source, err);
}

void
sl_kafka_reader_end_turn(struct sl_reader *reader)
{
	reader->turn_records = TURN_MAX;
}

/* Records lie one by one here: sl_kafka_reader_next() has them. */
int
sl_kafka_reader_copy(struct sl_reader *reader, char *to, size_t room,
    char separator, uint64_t count_max, size_t *used, uint64_t *count,
    struct sl_source *source, struct sl_error *err)
{
	(void)reader;
	(void)to;
	(void)room;
	(void)separator;
	(void)count_max;
	(void)source;
	(void)err;
	*used = 0;
	*count = 0;
	return SL_OK;
}

/* ---- Sleeping ---- */

/* A cluster has no names that could be watched: the look each second. */
void
sl_kafka_reader_watch_dir(struct sl_reader *reader, const char *path)
{
	(void)reader;
	(void)path;
}

int
sl_kafka_reader_wait(struct sl_reader *reader, struct pollfd *fds,
    nfds_t fd_count, int timeout_ms, struct sl_error *err)
{
	struct pollfd *all = calloc(fd_count + 1, sizeof(*all));
	int sleep_ms = timeout_ms, ready;
	uint64_t ignored;
	bool is_woken;

	if (all == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	if (sleep_ms < 0 || sleep_ms > SLEEP_MS_MAX)
		sleep_ms = SLEEP_MS_MAX;
	if (reader->kafka != NULL)
		sl_kafka_poll(reader->kafka, 0);
	if (fd_count > 0)
		memcpy(all, fds, fd_count * sizeof(*all));
	all[fd_count] = (struct pollfd){ reader->wake, POLLIN, 0 };
	ready = poll(all, fd_count + 1, sleep_ms);
	if (ready < 0 && errno != EINTR) {
		free(all);
		return sl_error_sys(err, errno, "poll");
	}
	if (fd_count > 0)
		memcpy(fds, all, fd_count * sizeof(*all));
	is_woken = ready > 0 && all[fd_count].revents != 0;
	free(all);
	if (is_woken && read(reader->wake, &ignored, sizeof(ignored)) < 0)
		return SL_OK; /* somebody else took it: look all the same */
	return ready == 0 && sleep_ms == timeout_ms ? SL_END : SL_OK;
}
