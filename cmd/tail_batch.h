/*
 * tail_batch.h: what one partition has now, ready to be handed on: the events'
 * looks one after the other, and where each ends. Floor: cmd.
 */
#ifndef TAIL_BATCH_H
#define TAIL_BATCH_H

#include "select.h"
#include "shape.h"

/* A batch ends with the event that makes it so large. */
#define BATCH_BYTES_MAX ((size_t)1 << 20)

struct batch_event {
	uint64_t offset;
	size_t end; /* in the batch's text, its separator included */
};

struct batch {
	struct scratch text;        /* owned */
	struct batch_event *events; /* owned */
	size_t count;
	size_t room;
	struct sl_source source; /* topic NULL: nothing was read */
	uint64_t next; /* the place behind it, and behind what was left out */
};

void batch_release(struct batch *batch);

/*
 * Fill the batch with the next events of one partition, at most `count_max`.
 * SL_OK; SL_END: no partition has more now. A failure of reading is told once
 * what came before it was handed on: the batch is whole.
 */
SL_MUST_USE int batch_fill(struct batch *batch, struct sl_reader *reader,
    const struct select *select, struct shape *shape, uint64_t count_max,
    struct sl_source *source, struct sl_error *err);

#endif
