/* rewrite.c: a batch again, with fewer records; see rewrite.h. */
#include "rewrite.h"

#include "framing.h"

#include <stdlib.h>

#define AT_LEADER_EPOCH 12u
#define LEADER_EPOCH_BYTES 4u

void
sl_rewrite_begin(struct sl_rewrite *rewrite, const uint8_t *batch,
    const struct sl_batch_head *head, int64_t horizon_ms)
{
	rewrite->from = batch;
	rewrite->head = *head;
	rewrite->horizon_ms = horizon_ms;
	rewrite->head.count = 0;
	rewrite->head.attributes &= (uint16_t)~SL_BATCH_DELETE_HORIZON;
	if (horizon_ms != SL_TIME_NONE) {
		rewrite->head.attributes |= SL_BATCH_DELETE_HORIZON;
		rewrite->head.base_timestamp_ms = horizon_ms;
	}
	rewrite->used = SL_BATCH_HEAD_SIZE;
}

static int
reserve(struct sl_codec_room *room, size_t bytes, struct sl_error *err)
{
	size_t size = room->size < 4096 ? 4096 : room->size;
	uint8_t *grown;

	if (bytes <= room->size)
		return SL_OK;
	while (size < bytes)
		size *= 2;
	grown = realloc(room->bytes, size);
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM,
		    "no memory for a batch of %zu bytes", bytes);
	room->bytes = grown;
	room->size = size;
	return SL_OK;
}

int
sl_rewrite_add(struct sl_rewrite *rewrite, const struct sl_record *record,
    struct sl_error *err)
{
	struct sl_batch_head *head = &rewrite->head;
	uint32_t offset_delta = (uint32_t)(record->offset - head->base);
	bool is_stamped = (head->attributes & SL_BATCH_LOG_APPEND_TIME) != 0;
	int64_t delta;
	size_t body;
	int rc;

	if (head->count == 0 && rewrite->horizon_ms == SL_TIME_NONE)
		head->base_timestamp_ms = record->timestamp_ms;
	if (!is_stamped &&
	    (head->count == 0 || record->timestamp_ms > head->max_timestamp_ms))
		head->max_timestamp_ms = record->timestamp_ms;
	if (__builtin_sub_overflow(record->timestamp_ms,
	        head->base_timestamp_ms, &delta))
		return sl_error_set(err, SL_ECORRUPT,
		    "the time of offset %llu is out of range",
		    (unsigned long long)record->offset);
	body = sl_frame_body(record, delta, offset_delta);
	rc = reserve(&rewrite->records,
	    rewrite->used + sl_varint_size((int64_t)body) + body, err);
	if (rc < 0)
		return rc;
	rewrite->used =
	    (size_t)(sl_frame_put(rewrite->records.bytes + rewrite->used,
	                 record, body, delta, offset_delta) -
	             rewrite->records.bytes);
	head->count++;
	return SL_OK;
}

/* Compress the records into rewrite->packed. */
static int
pack(struct sl_rewrite *rewrite, enum sl_compression kind, size_t *packed,
    struct sl_error *err)
{
	size_t plain = rewrite->used - SL_BATCH_HEAD_SIZE;
	size_t bound = sl_codec_bound(kind, plain);
	int rc;

	rc = reserve(&rewrite->packed, SL_BATCH_HEAD_SIZE + bound, err);
	if (rc < 0)
		return rc;
	return sl_codec_compress(&rewrite->codec, kind,
	    rewrite->records.bytes + SL_BATCH_HEAD_SIZE, plain,
	    rewrite->packed.bytes + SL_BATCH_HEAD_SIZE, bound, packed, err);
}

int
sl_rewrite_end(struct sl_rewrite *rewrite, const uint8_t **batch,
    struct sl_error *err)
{
	struct sl_batch_head *head = &rewrite->head;
	unsigned kind = head->attributes & SL_BATCH_CODEC_MASK;
	size_t bytes = rewrite->used, packed = 0;
	uint8_t *to = rewrite->records.bytes;
	int rc;

	if (kind != SL_COMPRESSION_NONE) {
		rc = pack(rewrite, (enum sl_compression)kind, &packed, err);
		if (rc < 0)
			return rc;
		if (packed + SL_BATCH_HEAD_SIZE < bytes) {
			to = rewrite->packed.bytes;
			bytes = packed + SL_BATCH_HEAD_SIZE;
		} else {
			head->attributes &= (uint16_t)~SL_BATCH_CODEC_MASK;
		}
	}
	if (bytes > SL_BATCH_BYTES_MAX)
		return sl_error_set(err, SL_ECORRUPT,
		    "the batch at offset %llu would become too large",
		    (unsigned long long)head->base);
	head->bytes = (uint32_t)bytes;
	sl_batch_head_encode(to, head);
	/* Outside the checksum, and not ours to change. */
	memcpy(to + AT_LEADER_EPOCH, rewrite->from + AT_LEADER_EPOCH,
	    LEADER_EPOCH_BYTES);
	*batch = to;
	return SL_OK;
}

void
sl_rewrite_empty(const uint8_t *batch, struct sl_batch_head *head,
    uint8_t to[SL_BATCH_HEAD_SIZE])
{
	head->bytes = SL_BATCH_HEAD_SIZE;
	head->count = 0;
	head->base_timestamp_ms = -1;
	head->attributes &=
	    (uint16_t) ~(SL_BATCH_CODEC_MASK | SL_BATCH_DELETE_HORIZON);
	sl_batch_head_encode(to, head);
	memcpy(to + AT_LEADER_EPOCH, batch + AT_LEADER_EPOCH,
	    LEADER_EPOCH_BYTES);
}

void
sl_rewrite_release(struct sl_rewrite *rewrite)
{
	sl_codec_release(&rewrite->codec);
	free(rewrite->records.bytes);
	free(rewrite->packed.bytes);
	*rewrite = SL_REWRITE_CLOSED;
}
