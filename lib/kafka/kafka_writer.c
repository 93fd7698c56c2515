/*
 * kafka_writer.c: batches to a cluster by its idempotent producer; see kafka.h.
 *
 * One batch of an encoder becomes one batch of Kafka's: its records are handed
 * over while nothing is sent yet, and then sent at once. So a broker takes all
 * of it or nothing, a receipt's offsets stand in a row, and a batch that was
 * sent twice is there once. The call returns when all in-sync replicas have it.
 *
 * Of an encoder that was begun, batches of other partitions that come next go
 * out together with the one that is written: else many partitions would mean as
 * many round trips, one after the other.
 */
#include "batch.h"
#include "clock.h"
#include "kafka.h"

#include <errno.h>
#include <stdlib.h>

/* So long a batch is waited for in one call. */
#define WAIT_MS 1000

/* A batch on its way; all zero: it isn't. */
struct flight {
	uint32_t sent;
	uint32_t answered;
	uint32_t stored;
	uint64_t first_offset;
	rd_kafka_resp_err_t code; /* the first failure's */
	bool is_doubtful;         /* it may be there all the same */
};

struct sl_writer {
	const struct sl_engine *engine; /* the door's */
	struct sl_topic *topic;         /* borrowed */
	struct sl_kafka kafka;          /* owned */
	rd_kafka_topic_t *handle;       /* owned; made at the first batch */
	struct sl_batch_walk walk;      /* owned: for its memory */
	struct flight alone;            /* of an encoder that wasn't begun */
	const struct sl_encoder *begun; /* borrowed; NULL: none */
	struct flight *flights;         /* owned; one for each of its batches */
	size_t count;
	size_t room;
};

/* A record was stored, or wasn't. */
static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct flight *flight = message->_private;
	uint64_t offset = (uint64_t)message->offset;

	(void)rk;
	(void)opaque;
	flight->answered++;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (flight->stored++ == 0 || offset < flight->first_offset)
			flight->first_offset = offset;
		return;
	}
	if (flight->code == RD_KAFKA_RESP_ERR_NO_ERROR)
		flight->code = message->err;
	if (rd_kafka_message_status(message) !=
	    RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
		flight->is_doubtful = true;
}

int
sl_kafka_writer_open(struct sl_writer **out, struct sl_topic *topic,
    struct sl_error *err)
{
	static const struct sl_setting usual[] = {
		{ "enable.idempotence", "true" },
		{ "message.timeout.ms",
		    "120000" }, /* Kafka's delivery.timeout.ms */
		{ NULL, NULL },
	};
	/* A batch is sent when it is whole, and is what the encoder made. */
	static const struct sl_setting fixed[] = {
		{ "acks", "all" },
		{ "delivery.report.only.error", "false" },
		{ "linger.ms", "1000" },
		{ "batch.num.messages", "1000000" },
		{ "batch.size", "2147483647" },
		{ "message.max.bytes", "1000000000" },
		{ "queue.buffering.max.messages", "10000000" },
		{ "queue.buffering.max.kbytes", "2147483647" },
		{ NULL, NULL },
	};
	const struct sl_kafka_make make = { .type = RD_KAFKA_PRODUCER,
		.dir = topic->kafka->dir,
		.usual = { usual },
		.fixed = { fixed },
		.delivered = delivered };
	struct sl_writer *writer = calloc(1, sizeof(*writer));
	int rc;

	*out = NULL;
	if (writer == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	writer->topic = topic;
	writer->walk = SL_BATCH_WALK_CLOSED;
	rc = sl_kafka_open(&writer->kafka, &make, err);
	if (rc < 0)
		free(writer);
	else
		*out = writer;
	return rc;
}

void
sl_kafka_writer_close(struct sl_writer *writer)
{
	if (writer->handle != NULL)
		rd_kafka_topic_destroy(writer->handle);
	sl_kafka_close(&writer->kafka);
	sl_batch_walk_release(&writer->walk);
	free(writer->flights);
	free(writer);
}

/* ---- Handing over ---- */

static int
fail(struct sl_writer *writer, int partition, rd_kafka_resp_err_t code,
    struct sl_error *err)
{
	sl_kafka_error(err, code, "%s", writer->kafka.dir);
	return sl_kafka_wrap(writer->topic, partition, err);
}

/* A record's headers, which librdkafka takes over; NULL: none. */
static rd_kafka_headers_t *
headers_of(const struct sl_record *record)
{
	rd_kafka_headers_t *headers;
	struct sl_header header;
	size_t at = 0;

	if (record->header_count == 0)
		return NULL;
	headers = rd_kafka_headers_new(record->header_count);
	while (sl_header_next(record, &at, &header))
		rd_kafka_header_add(headers, header.key,
		    (ssize_t)header.key_bytes, header.value,
		    (ssize_t)header.value_bytes);
	return headers;
}

static int
hand_over(struct sl_writer *writer, struct flight *flight, int partition,
    const struct sl_record *record, struct sl_error *err)
{
	rd_kafka_headers_t *headers = headers_of(record);
	rd_kafka_vu_t vus[8] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = writer->handle },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS,
		    .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP,
		    .u.i64 = record->timestamp_ms },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = flight },
	};
	size_t count = 5;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;

	/* The API takes what it copies as not const. */
	if (record->key != NULL) {
		vus[count].vtype = RD_KAFKA_VTYPE_KEY;
		vus[count].u.mem.ptr = (void *)(uintptr_t)record->key;
		vus[count++].u.mem.size = record->key_bytes;
	}
	if (record->value != NULL) {
		vus[count].vtype = RD_KAFKA_VTYPE_VALUE;
		vus[count].u.mem.ptr = (void *)(uintptr_t)record->value;
		vus[count++].u.mem.size = record->value_bytes;
	}
	if (headers != NULL) {
		vus[count].vtype = RD_KAFKA_VTYPE_HEADERS;
		vus[count++].u.headers = headers;
	}
	error = rd_kafka_produceva(writer->kafka.rk, vus, count);
	if (error == NULL) {
		flight->sent++;
		return SL_OK;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers != NULL)
		rd_kafka_headers_destroy(headers);
	return fail(writer, partition, code, err);
}

/* Batches go out compressed as the first one came from the encoder. */
static int
make_handle(struct sl_writer *writer, const struct sl_batch_head *head,
    struct sl_error *err)
{
	enum sl_compression kind = head->attributes & SL_BATCH_CODEC_MASK;
	rd_kafka_topic_conf_t *conf;
	char why[128] = "";

	if (writer->handle != NULL)
		return SL_OK;
	conf = rd_kafka_default_topic_conf_dup(writer->kafka.rk);
	if (kind != SL_COMPRESSION_NONE)
		rd_kafka_topic_conf_set(conf, "compression.codec",
		    sl_compression_name(kind), why, sizeof(why));
	if (why[0] == '\0')
		writer->handle = rd_kafka_topic_new(writer->kafka.rk,
		    writer->topic->name, conf);
	if (writer->handle != NULL)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE, "topic '%s': %s",
	    writer->topic->name,
	    why[0] != '\0' ? why : rd_kafka_err2str(rd_kafka_last_error()));
}

/* All records of a batch. */
static int
hand_over_batch(struct sl_writer *writer, struct flight *flight,
    const struct sl_batch_view *view, struct sl_error *err)
{
	struct sl_batch_head head;
	struct sl_record record;
	int rc;

	*flight = (struct flight){ .sent = 0 };
	rc = sl_batch_head_decode(view->bytes, view->size, &head, err);
	if (rc == SL_OK)
		rc = make_handle(writer, &head, err);
	if (rc == SL_OK)
		rc =
		    sl_batch_walk_begin(&writer->walk, view->bytes, &head, err);
	while (rc == SL_OK) {
		rc = sl_batch_walk_next(&writer->walk, &record, err);
		if (rc == SL_OK)
			rc = hand_over(writer, flight, view->partition, &record,
			    err);
	}
	return rc == SL_END ? SL_OK : rc;
}

static struct flight *
flight_of(struct sl_writer *writer, const struct sl_encoder *encoder,
    size_t index)
{
	return encoder == writer->begun && index < writer->count
	           ? &writer->flights[index]
	           : &writer->alone;
}

/*
 * A batch, and of an encoder that was begun those behind it, one a partition.
 * Where one can't be, all that is not sent yet is called back.
 */
static int
hand_over_run(struct sl_writer *writer, const struct sl_encoder *encoder,
    size_t index, struct sl_error *err)
{
	size_t end = encoder == writer->begun && index < writer->count
	                 ? writer->count
	                 : index + 1;
	struct sl_batch_view view;
	struct flight *flight;
	int before = -1, rc = SL_OK;
	size_t i;

	for (i = index; rc == SL_OK && i < end; i++) {
		view = sl_encoder_batch(encoder, i);
		if (view.partition <= before)
			break; /* two would become one */
		before = view.partition;
		flight = flight_of(writer, encoder, i);
		if (flight->sent == 0)
			rc = hand_over_batch(writer, flight, &view, err);
	}
	if (rc == SL_OK)
		return rc;
	rd_kafka_purge(writer->kafka.rk, RD_KAFKA_PURGE_F_QUEUE);
	rd_kafka_flush(writer->kafka.rk, WAIT_MS);
	while (i-- > index) {
		flight = flight_of(writer, encoder, i);
		if (flight->code == RD_KAFKA_RESP_ERR__PURGE_QUEUE)
			flight->sent = 0;
	}
	return rc;
}

/* ---- Waiting ---- */

/* What became of the batches that were sent together with one that failed. */
static uint32_t
count_others(struct sl_writer *writer, bool *is_doubtful)
{
	const struct flight *flight;
	uint32_t count = 0;
	size_t i;

	if (writer->begun == NULL)
		return 0;
	rd_kafka_flush(writer->kafka.rk, WAIT_MS);
	for (i = 0; i < writer->count; i++) {
		flight = &writer->flights[i];
		if (flight->sent == 0)
			continue;
		if (flight->answered < flight->sent || flight->is_doubtful)
			*is_doubtful = true;
		count += flight->stored;
	}
	return count;
}

/* All are answered: what became of the batch? */
static int
conclude(struct sl_writer *writer, struct flight *flight,
    const struct sl_batch_view *view, struct sl_receipt *receipt,
    struct sl_error *err)
{
	struct flight was = *flight;
	int rc;

	flight->sent = 0;
	if (was.stored == was.sent) {
		*receipt = (struct sl_receipt){ .partition = view->partition,
			.first_offset = was.first_offset,
			.count = view->count,
			.bytes = view->size };
		return SL_OK;
	}
	receipt->count = count_others(writer, &was.is_doubtful);
	rc = sl_kafka_error(err, was.code, "%s", writer->kafka.dir);
	if (was.stored > 0 || was.is_doubtful) {
		sl_error_wrap(err, "in doubt, it may be there all the same");
		rc = err->code = SL_EIO;
	} else if (rc == SL_EIO && writer->kafka.is_down) {
		rc = err->code = SL_EBUSY;
	}
	sl_kafka_wrap(writer->topic, view->partition, err);
	return rc;
}

int
sl_kafka_writer_write(struct sl_writer *writer,
    const struct sl_encoder *encoder, size_t index, int lock_timeout_ms,
    struct sl_receipt *receipt, struct sl_error *err)
{
	struct sl_batch_view view = sl_encoder_batch(encoder, index);
	struct flight *flight = flight_of(writer, encoder, index);
	int64_t until_ms = sl_monotonic_ms() + WAIT_MS;
	int rc;

	(void)lock_timeout_ms;
	*receipt = (struct sl_receipt){ .partition = view.partition };
	if (view.partition == SL_PARTITION_REJECTED)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': Kafka keeps no rejected lines",
		    writer->topic->name);
	if (flight->sent == 0) {
		rc = hand_over_run(writer, encoder, index, err);
		if (rc < 0)
			return rc;
	}
	while (flight->answered < flight->sent) {
		(void)rd_kafka_flush(writer->kafka.rk, SL_KAFKA_SLICE_MS);
		if (flight->answered == flight->sent ||
		    sl_monotonic_ms() < until_ms)
			continue;
		sl_kafka_poll(&writer->kafka, 0);
		sl_error_set(err, SL_EBUSY,
		    "topic '%s': %s has not answered%s%s", writer->topic->name,
		    writer->kafka.dir, writer->kafka.why[0] != '\0' ? ": " : "",
		    writer->kafka.why);
		err->sys = EINPROGRESS;
		return err->code;
	}
	writer->kafka.is_down =
	    writer->kafka.is_down && flight->stored < flight->sent;
	return conclude(writer, flight, &view, receipt, err);
}

/* Without memory, or while one is on its way still, each goes alone. */
void
sl_kafka_writer_begin(struct sl_writer *writer,
    const struct sl_encoder *encoder)
{
	size_t count = sl_encoder_count(encoder), i;
	struct flight *grown;

	writer->begun = NULL;
	for (i = 0; i < writer->count; i++)
		if (writer->flights[i].answered < writer->flights[i].sent)
			return;
	writer->count = 0;
	if (count > writer->room) {
		grown = reallocarray(writer->flights, count, sizeof(*grown));
		if (grown == NULL)
			return;
		writer->flights = grown;
		writer->room = count;
	}
	for (i = 0; i < count; i++)
		writer->flights[i] = (struct flight){ .sent = 0 };
	writer->begun = encoder;
	writer->count = count;
}

/* What was answered is as safe as the cluster makes it. */
int
sl_kafka_writer_sync(struct sl_writer *writer, struct sl_error *err)
{
	(void)writer;
	(void)err;
	return SL_OK;
}

void
sl_kafka_writer_begin_sync(struct sl_writer *writer)
{
	(void)writer;
}

void
sl_kafka_writer_heed_groups(struct sl_writer *writer)
{
	(void)writer;
}
