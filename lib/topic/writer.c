/*
 * writer.c: batches to the partitions of a topic. Floor: topic.
 *
 * A partition is opened, and its presence taken, at its first batch; partition
 * 0 at once. Once a second the topic is looked at again: settings may have
 * changed, or it may have been deleted (RULE 12).
 */
#include "log.h"
#include "room.h"
#include "topic.h"
#include "topic_clean.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define LOOK_MS 1000
/* On a full disk: so long we wait for who is cleaning. */
#define FULL_TIMEOUT_MS 10000
/* After a roll: so long, where another was cleaning at the roll before, too. */
#define BUSY_TIMEOUT_MS 100
/* So often in a row we try again without having made room ourselves. */
#define FULL_TRIES 8
/* Early writeback begins when so much is new. */
#define BEGIN_SYNC_BYTES (8u << 20)

struct part {
	int number;
	struct sl_log log;
	struct sl_room room;
	bool was_busy;           /* another cleaned when we were to */
	uint64_t begun_base;     /* writeback was begun in this segment ... */
	uint64_t begun_position; /* ... up to here */
};

struct sl_writer {
	const struct sl_engine *engine; /* the door's; see files.h */
	struct sl_topic *topic;
	struct part **parts; /* those in use, in the order of their first use */
	size_t count;
	int64_t looked_ms;
	sl_keep_fn *keep; /* what groups keep; NULL: nobody asked for it */
};

void
sl_files_writer_close(struct sl_writer *writer)
{
	size_t i;

	if (writer == NULL)
		return;
	for (i = 0; i < writer->count; i++) {
		sl_log_close(&writer->parts[i]->log);
		free(writer->parts[i]);
	}
	free(writer->parts);
	free(writer);
}

static int
open_part(struct sl_writer *writer, int number, struct part **out,
    struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	struct sl_log_limits limits = sl_topic_limits(writer->topic, number);
	struct part **parts;
	struct part *part;
	int rc;

	rc = sl_topic_check_partition(writer->topic, number, err);
	if (rc < 0)
		return rc;
	if (number == SL_PARTITION_REJECTED) {
		rc = sl_topic_make_rejected(writer->topic, err);
		if (rc < 0)
			return rc;
	}
	parts = reallocarray(writer->parts, writer->count + 1,
	    sizeof(struct part *));
	if (parts != NULL)
		writer->parts = parts;
	part = calloc(1, sizeof(*part));
	if (parts == NULL || part == NULL) {
		free(part);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	part->number = number;
	sl_partition_name(name, number);
	rc = sl_log_open(&part->log, writer->topic->fd, name, &limits, err);
	if (rc < 0) {
		free(part);
		if (err->sys == ENOENT)
			err->code = SL_ENOTFOUND;
		return sl_topic_wrap(writer->topic, number, err);
	}
	writer->parts[writer->count++] = part;
	*out = part;
	return SL_OK;
}

static int
find_part(struct sl_writer *writer, int number, struct part **part,
    struct sl_error *err)
{
	size_t i;

	for (i = 0; i < writer->count; i++) {
		if (writer->parts[i]->number == number) {
			*part = writer->parts[i];
			return SL_OK;
		}
	}
	return open_part(writer, number, part, err);
}

static int
check_takes(const struct sl_topic *topic, struct sl_error *err)
{
	if (topic->config.settings.read_only)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': it takes no events (read.only=true)",
		    topic->name);
	return SL_OK;
}

int
sl_files_writer_open(struct sl_writer **out, struct sl_topic *topic,
    struct sl_error *err)
{
	struct sl_writer *writer;
	struct part *first;
	int rc;

	*out = NULL;
	rc = check_takes(topic, err);
	if (rc < 0)
		return rc;
	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	writer->topic = topic;
	writer->looked_ms = sl_monotonic_ms();
	/* So that a delete sees us, also while we wait for input. */
	rc = find_part(writer, 0, &first, err);
	/* And one that was faster is seen by us. */
	if (rc == SL_OK)
		rc = sl_files_topic_refresh(topic, err);
	if (rc < 0) {
		sl_files_writer_close(writer);
		return rc;
	}
	*out = writer;
	return SL_OK;
}

/* Settings and the topic's name are looked at each second (RULE 12). */
static int
look(struct sl_writer *writer, struct sl_error *err)
{
	int64_t now = sl_monotonic_ms();
	size_t i;
	int rc;

	if (now - writer->looked_ms < LOOK_MS)
		return SL_OK;
	writer->looked_ms = now;
	rc = sl_files_topic_refresh(writer->topic, err);
	if (rc < 0)
		return rc;
	/* Whoever else looked may have seen it first: take them anyhow. */
	rc = check_takes(writer->topic, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < writer->count; i++)
		writer->parts[i]->log.limits =
		    sl_topic_limits(writer->topic, writer->parts[i]->number);
	return SL_OK;
}

void
sl_writer_keep(struct sl_writer *writer, sl_keep_fn *keep)
{
	writer->keep = keep;
}

/*
 * What is past the topic's bounds less `room` goes, if nobody else cleans just
 * now (RULE 13). The event is written: who comes next cleans where this can't,
 * but two in a row would be more than the bound and two segments.
 */
static void
clean(struct sl_writer *writer, struct part *part, uint64_t room)
{
	struct sl_topic_cleaning cleaning = { .only = part->number,
		.room = room,
		.keep = writer->keep };
	struct sl_clean_sums sums = { .segments = 0 };
	struct sl_error ignored;
	int rc;

	if (!sl_topic_is_bounded(writer->topic, part->number))
		return;
	/* Who cleans has planned without what we have closed since. */
	if (part->was_busy)
		cleaning.options.lock_timeout_ms = BUSY_TIMEOUT_MS;
	rc = sl_topic_clean_as(writer->topic, &cleaning, &sums, &ignored);
	part->was_busy = rc == SL_EBUSY;
}

/*
 * A topic that lets nothing go for a writer's sake: is there room, perhaps
 * after what may go has gone? Nothing is locked (RULE 22).
 */
static int
check_room(struct sl_writer *writer, struct part *part, uint64_t bytes,
    struct sl_error *err)
{
	int rc;

	if (!sl_room_matters(writer->topic, part->number))
		return SL_OK;
	rc = sl_room_check(&part->room, writer->topic, part->number, &part->log,
	    bytes, err);
	if (rc != SL_EFULL)
		return rc;
	clean(writer, part, bytes);
	return sl_room_check(&part->room, writer->topic, part->number,
	    &part->log, bytes, err);
}

/*
 * The disk is full: make room by the oldest events of a topic that has a bound
 * (RULES 13, 14). SL_OK: try again; SL_END: nothing may go. What is to go was
 * planned before we waited for who else cleans: that may have made the room, or
 * merged what we meant, so that we free nothing. That isn't the end yet.
 */
static int
make_room(struct sl_writer *writer, const struct part *part, int *tries,
    const struct sl_error *why)
{
	struct sl_topic_cleaning cleaning = { .only = part->number,
		.is_full = true,
		.keep = writer->keep,
		.options = { .lock_timeout_ms = FULL_TIMEOUT_MS } };
	struct sl_clean_sums sums = { .segments = 0 };
	struct sl_error ignored;
	int rc;

	/* A limit on one file's size is not the disk's. */
	if (why->sys == EFBIG ||
	    !sl_topic_is_bounded(writer->topic, part->number))
		return SL_END;
	rc = sl_topic_clean_as(writer->topic, &cleaning, &sums, &ignored);
	if (sums.freed > 0) {
		*tries = 0;
		return SL_OK;
	}
	return rc == SL_OK && ++*tries < FULL_TRIES ? SL_OK : SL_END;
}

void
sl_files_writer_begin(struct sl_writer *writer,
    const struct sl_encoder *encoder)
{
	(void)writer;
	(void)encoder;
}

int
sl_files_writer_write(struct sl_writer *writer,
    const struct sl_encoder *encoder, size_t index, int lock_timeout_ms,
    struct sl_receipt *receipt, struct sl_error *err)
{
	struct sl_batch_view batch = sl_encoder_batch(encoder, index);
	struct part *part = NULL;
	uint64_t rolls;
	int tries = 0, rc;

	*receipt = (struct sl_receipt){ .partition = batch.partition };
	rc = look(writer, err);
	if (rc == SL_OK)
		rc = find_part(writer, batch.partition, &part, err);
	if (rc < 0)
		return rc;
	rc = check_room(writer, part, batch.size, err);
	if (rc < 0)
		return sl_topic_wrap(writer->topic, batch.partition, err);
	rolls = part->log.rolls;
	do {
		rc = sl_log_append(&part->log, batch.bytes, batch.size,
		    batch.count, batch.max_timestamp_ms, lock_timeout_ms,
		    &receipt->first_offset, err);
	} while (
	    rc == SL_EFULL && make_room(writer, part, &tries, err) == SL_OK);
	if (part->log.rolls != rolls)
		clean(writer, part, 0);
	if (rc < 0)
		return sl_topic_wrap(writer->topic, batch.partition, err);
	receipt->count = batch.count;
	receipt->bytes = batch.size;
	return rc;
}

int
sl_files_writer_sync(struct sl_writer *writer, struct sl_error *err)
{
	struct part *part;
	size_t i;
	int rc;

	for (i = 0; i < writer->count; i++) {
		part = writer->parts[i];
		rc = sl_log_sync(&part->log, err);
		if (rc < 0)
			return sl_topic_wrap(writer->topic, part->number, err);
	}
	return SL_OK;
}

void
sl_files_writer_begin_sync(struct sl_writer *writer)
{
	struct part *part;
	size_t i;

	for (i = 0; i < writer->count; i++) {
		part = writer->parts[i];
		if (part->begun_base != part->log.base ||
		    part->begun_position > part->log.size) {
			part->begun_base = part->log.base;
			part->begun_position = 0;
		}
		if (part->log.fd < 0 ||
		    part->log.size - part->begun_position < BEGIN_SYNC_BYTES)
			continue;
		sl_fs_begin_sync(part->log.fd, part->begun_position,
		    part->log.size - part->begun_position);
		part->begun_position = part->log.size;
	}
}
