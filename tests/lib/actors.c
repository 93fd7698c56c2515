/* actors.c: threads that write and read; see actors.h. */
#include "actors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOCK_MS 10000

char actors_path[64];
atomic_bool actors_over;
atomic_bool actors_written;
atomic_bool actors_handled[WRITERS][EVENTS_MAX];

/* ---- Writers ---- */

static int
encode(struct sl_encoder *encoder, const struct actor *actor, uint64_t count,
    struct sl_error *err)
{
	char value[64], key[16];
	struct sl_record record = { .value = value, .key = key };
	uint64_t i, n;
	int rc = SL_OK;

	sl_encoder_reset(encoder);
	for (i = 0; rc == SL_OK && i < count; i++) {
		/* The even ones, then the odd ones: a batch a partition. */
		n = actor->count + i * PARTITIONS % count +
		    i * PARTITIONS / count;
		record.timestamp_ms = sl_now_ms();
		record.value_bytes = (size_t)snprintf(value, sizeof(value),
		    "{\"writer\":%u,\"n\":%" PRIu64 "}", actor->id, n);
		record.key_bytes = (size_t)snprintf(key, sizeof(key), "%u-%u",
		    actor->id, (unsigned)(n % KEYS));
		rc = sl_encoder_add(encoder, (int)(n % PARTITIONS), &record,
		    err);
	}
	if (rc == SL_OK)
		rc = sl_encoder_finish(encoder, err);
	return rc;
}

static int
append(struct actor *actor, struct sl_writer *writer,
    struct sl_encoder *encoder)
{
	uint64_t count = actor->sync == SL_SYNC_EACH ? 1 : BATCH;
	struct sl_receipt receipt;
	size_t i;
	int rc;

	rc = encode(encoder, actor, count, &actor->err);
	for (i = 0; rc == SL_OK && i < sl_encoder_count(encoder); i++)
		rc = sl_writer_write(writer, encoder, i, LOCK_MS, &receipt,
		    &actor->err);
	if (rc == SL_OK && actor->sync >= SL_SYNC_BATCH)
		rc = sl_writer_sync(writer, &actor->err);
	actor->count += count;
	return rc;
}

void *
actors_write(void *arg)
{
	static const struct sl_encoder_options options = {
		.batch_bytes = 1 << 16,
		.message_bytes_max = 1 << 20,
		.compression = SL_COMPRESSION_NONE,
	};
	struct actor *actor = arg;
	struct sl_topic *topic = NULL;
	struct sl_writer *writer = NULL;
	struct sl_encoder *encoder = NULL;
	int rc;

	rc = sl_topic_open(&topic, actors_path, actor->topic, &actor->err);
	if (rc == SL_OK)
		rc = sl_writer_open(&writer, topic, &actor->err);
	if (rc == SL_OK)
		rc = sl_encoder_new(&encoder, &options, &actor->err);
	while (rc == SL_OK && !actors_over && actor->count < actor->limit)
		rc = append(actor, writer, encoder);
	if (rc == SL_OK && actor->sync == SL_SYNC_EXIT)
		rc = sl_writer_sync(writer, &actor->err);
	actor->rc = rc;
	sl_encoder_free(encoder);
	sl_writer_close(writer);
	sl_topic_close(topic);
	return NULL;
}

/* ---- Readers ---- */

bool
actors_parse(const struct sl_record *record, unsigned *writer, uint64_t *n)
{
	char text[64] = "";

	if (record->value == NULL || record->value_bytes >= sizeof(text))
		return false;
	memcpy(text, record->value, record->value_bytes);
	return sscanf(text, "{\"writer\":%u,\"n\":%" SCNu64 "}", writer, n) ==
	           2 &&
	       *writer < WRITERS && *n < EVENTS_MAX;
}

/* What a reader has seen: of each writer in each partition, the next to come.
 */
struct seen {
	uint64_t next[WRITERS][PARTITIONS];
	uint64_t offset[PARTITIONS];
	uint64_t count;
};

/* Each event of `log` once and in its order. */
static int
note(struct seen *seen, const struct sl_record *record, int partition,
    struct sl_error *err)
{
	unsigned writer;
	uint64_t n;

	if (!actors_parse(record, &writer, &n))
		return sl_error_set(err, SL_ECORRUPT, "not an event");
	if (record->offset != seen->offset[partition]++ ||
	    n / PARTITIONS != seen->next[writer][partition]++)
		return sl_error_set(err, SL_ECORRUPT,
		    "partition %d: offset %" PRIu64 ": writer %u's %" PRIu64
		    " is out of order",
		    partition, record->offset, writer, n);
	seen->count++;
	return SL_OK;
}

/* Open a topic of these, and follow all of it from its beginning. */
static int
begin_following(const char *name, const struct sl_reader_options *options,
    struct sl_topic **topic, struct sl_reader **reader, struct sl_error *err)
{
	int p, rc;

	rc = sl_topic_open(topic, actors_path, name, err);
	if (rc == SL_OK)
		rc = sl_reader_open(reader, options, err);
	for (p = 0; rc == SL_OK && p < PARTITIONS; p++)
		rc = sl_reader_assign(*reader, *topic, p, 0, SL_OFFSET_NONE,
		    err);
	return rc == SL_OK ? sl_reader_follow(*reader, err) : rc;
}

/* All of `log`, to the end that it has once the writers are done. */
void *
actors_follow(void *arg)
{
	struct actor *actor = arg;
	const struct sl_reader_options options = { .synced =
		                                       actor->id % 2 == 1 };
	struct sl_topic *topic = NULL;
	struct sl_reader *reader = NULL;
	struct sl_record record;
	struct sl_source source;
	struct seen seen = { .count = 0 };
	bool was_over = false;
	int rc;

	rc = begin_following("log", &options, &topic, &reader, &actor->err);
	while (rc >= 0) {
		rc = sl_reader_next(reader, &record, &source, &actor->err);
		if (rc == SL_OK)
			rc =
			    note(&seen, &record, source.partition, &actor->err);
		else if (rc == SL_END && was_over)
			break;
		else if (rc == SL_END) {
			was_over = actors_written;
			rc = sl_reader_wait(reader, NULL, 0, 20, &actor->err);
		}
	}
	actor->rc = rc < 0 ? rc : SL_OK;
	actor->count = seen.count;
	sl_reader_close(reader);
	sl_topic_close(topic);
	return NULL;
}

/* A ring loses its oldest while it is read: told, and never out of order. */
void *
actors_read_ring(void *arg)
{
	static const struct sl_reader_options options;
	struct actor *actor = arg;
	struct sl_topic *topic = NULL;
	struct sl_reader *reader = NULL;
	struct sl_record record;
	struct sl_source source;
	uint64_t next[PARTITIONS] = { 0 };
	int p, rc;

	rc = begin_following("ring", &options, &topic, &reader, &actor->err);
	while (rc >= 0 && !actors_over) {
		rc = sl_reader_next(reader, &record, &source, &actor->err);
		p = source.partition;
		if (rc == SL_END)
			rc = sl_reader_wait(reader, NULL, 0, 20, &actor->err);
		else if (rc == SL_EGONE)
			rc = SL_END;
		else if (rc == SL_OK && record.offset < next[p])
			rc = sl_error_set(&actor->err, SL_ECORRUPT,
			    "ring: offset %" PRIu64 " again", record.offset);
		else if (rc == SL_OK) {
			next[p] = record.offset + 1;
			actor->count++;
		}
	}
	actor->rc = rc < 0 ? rc : SL_OK;
	sl_reader_close(reader);
	sl_topic_close(topic);
	return NULL;
}
