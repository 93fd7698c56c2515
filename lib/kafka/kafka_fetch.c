/* kafka_fetch.c: what librdkafka fetched of one partition; see kafka.h. */
#include "kafka.h"

#include "clock.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An offset that is beyond the end is tried again so often. */
#define AGAIN_MS 1000

void
sl_kafka_part_forget(struct sl_kafka_part *part)
{
	while (part->fetched_at < part->fetched_count)
		rd_kafka_message_destroy(part->fetched[part->fetched_at++]);
	part->fetched_at = part->fetched_count = 0;
}

/* ---- What was fetched ---- */

/* The message in hand, or NULL: none is there now. */
static rd_kafka_message_t *
peek(struct sl_kafka_part *part)
{
	ssize_t count;

	if (part->fetched_at < part->fetched_count)
		return part->fetched[part->fetched_at];
	part->fetched_at = part->fetched_count = 0;
	count = rd_kafka_consume_batch_queue(part->queue, 0, part->fetched,
	    SL_KAFKA_FETCHED_MAX);
	if (count <= 0)
		return NULL;
	part->fetched_count = (size_t)count;
	return part->fetched[0];
}

static void
pass(struct sl_kafka_part *part)
{
	rd_kafka_message_destroy(part->fetched[part->fetched_at++]);
}

/* Fetch from part->next on, after librdkafka has stopped for an error. */
static int
fetch_again(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_error_t *error;
	int rc = SL_OK;

	sl_kafka_part_forget(part);
	part->again_ms = 0;
	if (!reader->is_member) {
		rd_kafka_consume_stop(part->handle, part->number);
		if (rd_kafka_consume_start(part->handle, part->number,
		        (int64_t)part->next) != 0)
			rc =
			    sl_kafka_error(err, rd_kafka_last_error(), "fetch");
		return rc;
	}
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, part->topic->name, part->number)
	    ->offset = (int64_t)part->next;
	error = rd_kafka_incremental_unassign(reader->kafka->rk, list);
	if (error == NULL)
		error = rd_kafka_incremental_assign(reader->kafka->rk, list);
	if (error != NULL) {
		rc = sl_kafka_error(err, rd_kafka_error_code(error), "fetch");
		rd_kafka_error_destroy(error);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

/* Offsets before part->next are gone: say it once. */
static int
tell_gone(struct sl_kafka_part *part, struct sl_error *err)
{
	uint64_t from = part->asked;

	part->asked = part->next;
	return sl_error_gone(err, from, part->next, SL_WERE_DELETED);
}

/*
 * It ends before what was read of it: whatever comes now would be missed up to
 * there. A follower begins anew with the topic; a member's group is told.
 */
static int
tell_anew(const struct sl_reader *reader, const struct sl_kafka_part *part,
    uint64_t end, struct sl_error *err)
{
	return sl_error_set(err, reader->is_member ? SL_ECORRUPT : SL_ENOTFOUND,
	    "the place %" PRIu64 " is beyond the end, %" PRIu64
	    ": the topic was made anew",
	    part->next, end);
}

/* A broker has no such offset: gone, or not there yet. */
static int
out_of_range(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	struct sl_range range;
	int rc;

	rc = sl_kafka_offsets(reader->kafka, part->topic->name, part->number,
	    &range, err);
	if (rc < 0)
		return rc;
	if (part->next > range.next) {
		part->again_ms = sl_monotonic_ms() + AGAIN_MS;
		return part->was_inside
		           ? tell_anew(reader, part, range.next, err)
		           : SL_OK;
	}
	part->asked = part->next;
	if (part->next < range.first)
		part->next = range.first;
	return fetch_again(reader, part, err);
}

/* Something that is no record. SL_OK: it is passed over. */
static int
take_trouble(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	rd_kafka_message_t *message = part->fetched[part->fetched_at];
	rd_kafka_resp_err_t code = message->err;
	uint64_t offset = (uint64_t)message->offset;

	pass(part);
	switch (code) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		if (offset > part->next)
			part->next = part->asked = offset;
		part->is_at_end = part->was_inside = true;
		return SL_OK;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		return out_of_range(reader, part, err);
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		/* While following the topic is looked at each second. */
		if (reader->is_following)
			return SL_OK;
		return sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	case RD_KAFKA_RESP_ERR_UNKNOWN:
		return SL_OK; /* the broker's own; it is tried again */
	default:
		if (sl_kafka_passes(code))
			return SL_OK; /* it goes on by itself */
		return sl_kafka_error(err, code, "fetch");
	}
}

int
sl_kafka_part_look(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_error *err)
{
	rd_kafka_message_t *message;
	int rc;

	if (part->asked < part->next)
		return tell_gone(part, err);
	if (part->again_ms != 0 && sl_monotonic_ms() >= part->again_ms) {
		rc = fetch_again(reader, part, err);
		if (rc < 0)
			return rc;
	}
	for (;;) {
		if (part->next >= part->end)
			return SL_END;
		message = peek(part);
		if (message == NULL)
			return SL_END;
		if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
			rc = take_trouble(reader, part, err);
			if (rc < 0)
				return rc;
			if (part->asked < part->next)
				return tell_gone(part, err);
			if (part->is_at_end)
				return SL_END;
			continue;
		}
		part->is_at_end = false;
		reader->kafka->is_down = reader->kafka->is_refused = false;
		reader->kafka->was_in = true;
		if ((uint64_t)message->offset >= part->end)
			return SL_END;
		if ((uint64_t)message->offset >= part->next)
			return SL_OK;
		pass(part); /* it was there before: a fetch that began anew */
	}
}

/* ---- A record ---- */

static int
add_headers(struct sl_reader *reader, const rd_kafka_headers_t *headers,
    struct sl_record *record, struct sl_error *err)
{
	struct sl_header header;
	const void *value;
	const char *name;
	void *grown;
	size_t need, size, i;

	for (i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
	            RD_KAFKA_RESP_ERR_NO_ERROR;
	     i++) {
		header = (struct sl_header){ .key = name,
			.key_bytes = strlen(name),
			.value = value,
			.value_bytes = size };
		need = record->headers_bytes + SL_HEADER_SIZE(&header);
		if (need > reader->headers_room) {
			grown = realloc(reader->headers, 2 * need);
			if (grown == NULL)
				return sl_error_set(err, SL_ENOMEM,
				    "no memory");
			reader->headers = grown;
			reader->headers_room = 2 * need;
		}
		record->headers_bytes += sl_header_encode(&header,
		    (char *)reader->headers + record->headers_bytes);
		record->header_count++;
	}
	record->headers = reader->headers;
	return SL_OK;
}

int
sl_kafka_part_show(struct sl_reader *reader, struct sl_kafka_part *part,
    struct sl_record *record, struct sl_source *source, struct sl_error *err)
{
	rd_kafka_message_t *message = part->fetched[part->fetched_at++];
	rd_kafka_headers_t *headers;
	rd_kafka_timestamp_type_t type;
	rd_kafka_resp_err_t code;

	reader->shown = message;
	*record = (struct sl_record){ .offset = (uint64_t)message->offset,
		.timestamp_ms = rd_kafka_message_timestamp(message, &type),
		.key = message->key,
		.key_bytes = message->key_len,
		.value = message->payload,
		.value_bytes = message->len };
	*source = (struct sl_source){ part->topic, part->number };
	if (record->timestamp_ms > part->largest_ms)
		part->largest_ms = record->timestamp_ms;
	part->next = part->asked = record->offset + 1;
	part->was_inside = true;
	code = rd_kafka_message_headers(message, &headers);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return add_headers(reader, headers, record, err);
	if (code == RD_KAFKA_RESP_ERR__NOENT)
		return SL_OK;
	return sl_kafka_error(err, code, "headers of offset %" PRIu64,
	    record->offset);
}
