/*
 * encoder.c: records to batches; see streamlog.h. Floor: record.
 *
 * All batches lie back to back in one buffer, the one in hand at its end: room
 * for a head, then its records as they come. Closing it writes the head, and
 * puts the compressed records, where they are smaller, in place of the plain.
 */
#include "batch.h"
#include "codec.h"
#include "framing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES_FIRST (64u << 10)
#define BATCHES_FIRST 16u

struct batch {
	int partition;
	uint32_t count;
	size_t start; /* in the buffer */
	size_t bytes;
	int64_t max_timestamp_ms;
};

struct sl_encoder {
	struct sl_encoder_options options;
	uint8_t *buffer;
	size_t used;
	size_t room;
	struct batch *batches; /* those closed */
	size_t closed;
	size_t batches_room;
	bool open;         /* is one in hand? */
	struct batch hand; /* it; and of it: */
	size_t records_start;
	int64_t base_timestamp_ms;
	struct sl_codec codec;
	struct sl_codec_room packed; /* a batch's compressed records */
};

int
sl_encoder_new(struct sl_encoder **encoder,
    const struct sl_encoder_options *options, struct sl_error *err)
{
	struct sl_encoder *made;
	size_t records_max;

	*encoder = NULL;
	if (options->message_bytes_max <= SL_BATCH_HEAD_SIZE ||
	    options->message_bytes_max > SL_BATCH_BYTES_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "max.message.bytes is %zu; it may be %u to %u",
		    options->message_bytes_max, SL_BATCH_HEAD_SIZE + 1,
		    SL_BATCH_BYTES_MAX);
	if (options->compression != SL_COMPRESSION_NONE &&
	    sl_codec_bound(options->compression, 1) == 0)
		return sl_error_set(err, SL_EUSAGE,
		    "compression '%s': its library is not installed",
		    sl_compression_name(options->compression));
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory to encode");
	made->options = *options;
	records_max = options->message_bytes_max - SL_BATCH_HEAD_SIZE;
	if (made->options.batch_bytes > records_max)
		made->options.batch_bytes = records_max;
	*encoder = made;
	return SL_OK;
}

void
sl_encoder_free(struct sl_encoder *encoder)
{
	if (encoder == NULL)
		return;
	sl_codec_release(&encoder->codec);
	free(encoder->packed.bytes);
	free(encoder->batches);
	free(encoder->buffer);
	free(encoder);
}

void
sl_encoder_reset(struct sl_encoder *encoder)
{
	encoder->used = 0;
	encoder->closed = 0;
	encoder->open = false;
}

/* ---- Room ---- */

/* Room for `bytes` more. */
static int
buffer_reserve(struct sl_encoder *encoder, size_t bytes, struct sl_error *err)
{
	size_t room = encoder->room;
	uint8_t *buffer;

	if (bytes <= room - encoder->used)
		return SL_OK;
	if (room == 0)
		room = BUFFER_BYTES_FIRST;
	while (room < encoder->used + bytes)
		room *= 2;
	buffer = realloc(encoder->buffer, room);
	if (buffer == NULL)
		return sl_error_set(err, SL_ENOMEM,
		    "no memory for %zu encoded bytes", room);
	encoder->buffer = buffer;
	encoder->room = room;
	return SL_OK;
}

/* Room for one more batch in the list. */
static int
batches_reserve(struct sl_encoder *encoder, struct sl_error *err)
{
	size_t room = encoder->batches_room;
	struct batch *batches;

	if (encoder->closed < room)
		return SL_OK;
	room = room == 0 ? BATCHES_FIRST : room * 2;
	batches = realloc(encoder->batches, room * sizeof(*batches));
	if (batches == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory for %zu batches",
		    room);
	encoder->batches = batches;
	encoder->batches_room = room;
	return SL_OK;
}

static int
packed_reserve(struct sl_codec_room *packed, size_t size, struct sl_error *err)
{
	uint8_t *bytes;

	if (packed->size >= size)
		return SL_OK;
	bytes = realloc(packed->bytes, size);
	if (bytes == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory to compress");
	packed->bytes = bytes;
	packed->size = size;
	return SL_OK;
}

/* ---- Batches ---- */

/* Begin one at the buffer's end, with room for a head and `bytes`. */
static int
batch_begin(struct sl_encoder *encoder, int partition, int64_t timestamp_ms,
    size_t bytes, struct sl_error *err)
{
	int rc = batches_reserve(encoder, err);

	if (rc == SL_OK)
		rc = buffer_reserve(encoder, SL_BATCH_HEAD_SIZE + bytes, err);
	if (rc != SL_OK)
		return rc;
	encoder->hand = (struct batch){
		.partition = partition,
		.start = encoder->used,
		.max_timestamp_ms = timestamp_ms,
	};
	encoder->used += SL_BATCH_HEAD_SIZE;
	encoder->records_start = encoder->used;
	encoder->base_timestamp_ms = timestamp_ms;
	encoder->open = true;
	return SL_OK;
}

/* Drop the batch that was in hand last; it may have been closed. */
static void
batch_drop(struct sl_encoder *encoder)
{
	if (!encoder->open)
		encoder->closed--;
	encoder->open = false;
	encoder->used = encoder->hand.start;
}

/* Put the compressed records in place of the plain, where it is worth it. */
static int
records_pack(struct sl_encoder *encoder, bool *packed, struct sl_error *err)
{
	enum sl_compression kind = encoder->options.compression;
	uint8_t *records = encoder->buffer + encoder->records_start;
	size_t plain = encoder->used - encoder->records_start;
	size_t bound = sl_codec_bound(kind, plain);
	size_t bytes;
	int rc;

	*packed = false;
	rc = packed_reserve(&encoder->packed, bound, err);
	if (rc != SL_OK)
		return rc;
	rc = sl_codec_compress(&encoder->codec, kind, records, plain,
	    encoder->packed.bytes, bound, &bytes, err);
	if (rc != SL_OK || bytes >= plain)
		return rc;
	memcpy(records, encoder->packed.bytes, bytes);
	encoder->used -= plain - bytes;
	*packed = true;
	return SL_OK;
}

/* Close the batch in hand. What fails leaves it in hand. */
static int
batch_close(struct sl_encoder *encoder, struct sl_error *err)
{
	struct batch *batch = &encoder->hand;
	bool packed = false;

	if (encoder->options.compression != SL_COMPRESSION_NONE) {
		int rc = records_pack(encoder, &packed, err);

		if (rc != SL_OK)
			return rc;
	}
	batch->bytes = encoder->used - batch->start;
	sl_batch_head_encode(encoder->buffer + batch->start,
	    &(struct sl_batch_head){
	        .bytes = (uint32_t)batch->bytes,
	        .attributes = packed ? (uint16_t)encoder->options.compression
	                             : SL_COMPRESSION_NONE,
	        .last_offset_delta = batch->count - 1,
	        .base_timestamp_ms = encoder->base_timestamp_ms,
	        .max_timestamp_ms = batch->max_timestamp_ms,
	        .producer_id = -1,
	        .producer_epoch = -1,
	        .base_sequence = -1,
	        .count = batch->count,
	    });
	encoder->batches[encoder->closed++] = *batch;
	encoder->open = false;
	return SL_OK;
}

/* ---- Records ---- */

__attribute__((cold)) static int
too_large(const struct sl_encoder *encoder, const struct sl_record *record,
    size_t framed, struct sl_error *err)
{
	return sl_error_set(err, SL_EREJECTED,
	    "the event has %zu bytes: with its frame %zu, and "
	    "max.message.bytes is %zu",
	    record->value_bytes, framed, encoder->options.message_bytes_max);
}

/* Add to the batch in hand, which has room for it in every sense. */
static inline void
record_add(struct sl_encoder *encoder, const struct sl_record *record,
    size_t body, int64_t timestamp_delta)
{
	struct batch *batch = &encoder->hand;
	uint8_t *to = encoder->buffer + encoder->used;

	to = sl_frame_put(to, record, body, timestamp_delta, batch->count);
	encoder->used = (size_t)(to - encoder->buffer);
	batch->count++;
	if (record->timestamp_ms > batch->max_timestamp_ms)
		batch->max_timestamp_ms = record->timestamp_ms;
}

/*
 * A record larger than a batch should be is one of its own, closed at once:
 * only then is it known how large it is when compressed.
 */
static int
close_alone(struct sl_encoder *encoder, const struct sl_record *record,
    struct sl_error *err)
{
	size_t bytes;
	int rc = batch_close(encoder, err);

	if (rc != SL_OK) {
		batch_drop(encoder);
		return rc;
	}
	bytes = encoder->hand.bytes;
	if (bytes <= encoder->options.message_bytes_max)
		return SL_OK;
	batch_drop(encoder);
	return too_large(encoder, record, bytes, err);
}

/* A record that can't join the batch in hand begins the next. */
__attribute__((noinline)) static int
add_first(struct sl_encoder *encoder, int partition,
    const struct sl_record *record, struct sl_error *err)
{
	size_t body = sl_frame_body(record, 0, 0);
	size_t bytes = sl_varint_size((int64_t)body) + body;
	size_t bytes_max = SL_BATCH_RECORDS_BYTES_MAX;
	int rc;

	if (encoder->options.compression == SL_COMPRESSION_NONE)
		bytes_max =
		    encoder->options.message_bytes_max - SL_BATCH_HEAD_SIZE;
	if (bytes > bytes_max)
		return too_large(encoder, record, SL_BATCH_HEAD_SIZE + bytes,
		    err);
	rc = sl_encoder_finish(encoder, err);
	if (rc == SL_OK)
		rc = batch_begin(encoder, partition, record->timestamp_ms,
		    bytes, err);
	if (rc != SL_OK)
		return rc;
	record_add(encoder, record, body, 0);
	if (bytes > encoder->options.batch_bytes)
		return close_alone(encoder, record, err);
	return SL_OK;
}

int
sl_encoder_add(struct sl_encoder *encoder, int partition,
    const struct sl_record *record, struct sl_error *err)
{
	const struct batch *batch = &encoder->hand;
	int64_t timestamp_delta;
	size_t body;
	size_t bytes;
	int rc;

	if (!encoder->open)
		return add_first(encoder, partition, record, err);
	if (batch->partition != partition ||
	    __builtin_sub_overflow(record->timestamp_ms,
	        encoder->base_timestamp_ms, &timestamp_delta))
		return add_first(encoder, partition, record, err);
	body = sl_frame_body(record, timestamp_delta, batch->count);
	bytes = sl_varint_size((int64_t)body) + body;
	if (encoder->used - encoder->records_start + bytes >
	    encoder->options.batch_bytes)
		return add_first(encoder, partition, record, err);
	rc = buffer_reserve(encoder, bytes, err);
	if (rc != SL_OK)
		return rc;
	record_add(encoder, record, body, timestamp_delta);
	return SL_OK;
}

int
sl_encoder_finish(struct sl_encoder *encoder, struct sl_error *err)
{
	return encoder->open ? batch_close(encoder, err) : SL_OK;
}

size_t
sl_encoder_count(const struct sl_encoder *encoder)
{
	return encoder->closed;
}

struct sl_batch_view
sl_encoder_batch(const struct sl_encoder *encoder, size_t index)
{
	const struct batch *batch = &encoder->batches[index];

	assert(index < encoder->closed);
	return (struct sl_batch_view){
		.partition = batch->partition,
		.count = batch->count,
		.bytes = encoder->buffer + batch->start,
		.size = batch->bytes,
		.max_timestamp_ms = batch->max_timestamp_ms,
	};
}
