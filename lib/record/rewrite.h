/*
 * rewrite.h: a batch again, with fewer records, as Kafka's cleaner leaves it.
 * Floor: record. Pure: bytes in, bytes out.
 *
 * Base offset, last offset delta, producer, sequence and leader epoch are the
 * old batch's, and so are its records' offsets: what is missing shows as a
 * hole. Times are those of the records that stay.
 */
#ifndef SL_REWRITE_H
#define SL_REWRITE_H

#include "batch.h"

struct sl_rewrite {
	const uint8_t *from; /* borrowed: the old batch */
	struct sl_batch_head head;
	int64_t horizon_ms;
	struct sl_codec codec;        /* owned, as are the next two */
	struct sl_codec_room records; /* a head's room, then the records */
	struct sl_codec_room packed;  /* the same, compressed */
	size_t used;
};

#define SL_REWRITE_CLOSED ((struct sl_rewrite){ .from = NULL })

/*
 * Begin the batch that takes the place of `batch`. `horizon_ms`: when its
 * tombstones may go; SL_TIME_NONE: it has none.
 */
void sl_rewrite_begin(struct sl_rewrite *rewrite, const uint8_t *batch,
    const struct sl_batch_head *head, int64_t horizon_ms);

/* A record of the old batch stays. SL_ECORRUPT: its time is out of range. */
SL_MUST_USE int sl_rewrite_add(struct sl_rewrite *rewrite,
    const struct sl_record *record, struct sl_error *err);

/*
 * Compress as the old one was, where that is smaller, and sum. rewrite->head is
 * the new head; *batch is good until the next call.
 */
SL_MUST_USE int sl_rewrite_end(struct sl_rewrite *rewrite,
    const uint8_t **batch, struct sl_error *err);

/* A batch that has lost all: SL_BATCH_HEAD_SIZE bytes, and its head. */
void sl_rewrite_empty(const uint8_t *batch, struct sl_batch_head *head,
    uint8_t to[SL_BATCH_HEAD_SIZE]);

void sl_rewrite_release(struct sl_rewrite *rewrite);

#endif
