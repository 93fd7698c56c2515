/*
 * batch.h: the record batch v2 of Apache Kafka; its bytes are drawn in
 * streamlog-format(5). Floor: record. Pure: bytes in, structs out, no file.
 *
 * A batch is valid if and only if (1) its length field lies in
 * [SL_BATCH_HEAD_SIZE, SL_BATCH_BYTES_MAX] and within the bytes there are,
 * (2) its magic is 2, (3) its CRC-32C holds over bytes 21 to its end, (4) its
 * count is not negative and at most lastOffsetDelta + 1, its offsets are, too,
 * and (5) its records, decompressed, take exactly the bytes there are, and
 * their offsets rise. Whether its base offset fits is for the log to say: the
 * CRC does not cover it.
 */
#ifndef SL_BATCH_H
#define SL_BATCH_H

#include "codec.h"
#include "streamlog.h"

#define SL_BATCH_HEAD_SIZE 61u
/* The largest batch that is read: 100 MiB, as the hard limit of writing. */
#define SL_BATCH_BYTES_MAX (100u << 20)
/* The largest that decompressed records of one batch may become. */
#define SL_BATCH_RECORDS_BYTES_MAX (128u << 20)

#define SL_BATCH_CODEC_MASK 0x07u
#define SL_BATCH_LOG_APPEND_TIME 0x08u
#define SL_BATCH_TRANSACTIONAL 0x10u
#define SL_BATCH_CONTROL 0x20u
#define SL_BATCH_DELETE_HORIZON 0x40u

struct sl_batch_head {
	uint64_t base;  /* the record deltas count from it */
	uint32_t bytes; /* of the whole batch: 12 + its length field */
	uint32_t crc;
	uint16_t attributes;
	uint32_t last_offset_delta; /* last offset - base */
	int64_t base_timestamp_ms;
	int64_t max_timestamp_ms;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t base_sequence;
	uint32_t count;
};

/*
 * Decode and check a head. SL_OK; SL_END: `bytes` end before the head or before
 * its length field can be read (the rest of `head` is zero); SL_ECORRUPT: it
 * can be no batch, and err->text says what of it is wrong. The length may reach
 * beyond `bytes`: that is the caller's to see.
 */
SL_MUST_USE int sl_batch_head_decode(const uint8_t *from, size_t bytes,
    struct sl_batch_head *head, struct sl_error *err);

/* Does the CRC of the whole batch (head->bytes at `batch`) hold? */
bool sl_batch_crc_ok(const uint8_t *batch, const struct sl_batch_head *head);

/*
 * Write a head before the records of a batch that is all in place (head->bytes
 * at `to`), and sum it: head->crc is not used. The leader epoch is 0.
 */
void sl_batch_head_encode(uint8_t *to, const struct sl_batch_head *head);

/* Set the base offset: not under the CRC, so under the lock it is a store. */
void sl_batch_set_base(uint8_t *batch, uint64_t base);

/* Walks over the records of one batch that is all in memory. */
struct sl_batch_walk {
	const uint8_t *at;
	const uint8_t *end;
	uint64_t base;
	int64_t base_timestamp_ms;
	int64_t log_append_ms; /* SL_TIME_NONE unless the broker stamped it */
	uint32_t count;
	uint32_t left; /* records to come */
	int32_t last_offset_delta;
	int32_t delta_before;          /* deltas must rise */
	struct sl_codec codec;         /* owned, as is the next */
	struct sl_codec_room unpacked; /* decompressed records */
};

#define SL_BATCH_WALK_CLOSED ((struct sl_batch_walk){ .at = NULL })

/*
 * Begin a walk; decompresses where it must. `batch` (borrowed) has passed
 * sl_batch_head_decode and its CRC. A control batch has no records to show.
 * The walk may be one that was used before: its memory is used again.
 */
SL_MUST_USE int sl_batch_walk_begin(struct sl_batch_walk *walk,
    const uint8_t *batch, const struct sl_batch_head *head,
    struct sl_error *err);

/*
 * SL_OK, SL_END, or SL_ECORRUPT: then this batch has no more. Views point into
 * the batch or the walk.
 */
SL_MUST_USE int sl_batch_walk_next(struct sl_batch_walk *walk,
    struct sl_record *record, struct sl_error *err);

/* Values for a reader who wants nothing else: where they go, and how many. */
struct sl_batch_copy {
	char *to; /* moves on */
	char *end;
	uint64_t count_max; /* goes down */
	uint64_t count;     /* goes up */
	uint64_t first;     /* offsets below are passed over */
	uint64_t next;      /* set: behind the last record taken */
	uint64_t stop;      /* offsets from here on are left */
	int64_t largest_ms; /* raised */
	char separator;     /* behind each value */
};

/*
 * Copy the values of the next records, tombstones left out, as many as fit.
 * SL_OK: room, count or offsets are at their end, and records are left; SL_END:
 * all are copied; SL_ECORRUPT.
 */
SL_MUST_USE int sl_batch_walk_copy(struct sl_batch_walk *walk,
    struct sl_batch_copy *copy, struct sl_error *err);

void sl_batch_walk_release(struct sl_batch_walk *walk);

#endif
