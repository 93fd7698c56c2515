/*
 * event.h: lines to records, records to encoded batches. Floor: cmd.
 *
 * One maker for each worker: it needs nothing of the others, so that lines are
 * checked and encoded side by side, before any lock.
 */
#ifndef EVENT_H
#define EVENT_H

#include "append_options.h"
#include "envelope.h"
#include "frame.h"
#include "scratch.h"

/* A line that is no event. */
struct event_reject {
	uint64_t line;   /* within the chunk, from 0 */
	size_t start;    /* in the chunk's text */
	size_t bytes;    /* that stand there */
	uint64_t length; /* of the line as it came */
	uint64_t byte;   /* where it is wrong, from 1; 0: all of it */
	bool is_json;    /* good JSON, but no event */
	char reason[256];
};

/* The batches that come from a line on: what a failure leaves undone. */
struct event_batch {
	uint64_t line; /* the first within the chunk */
};

struct event_maker {
	const struct append_options *options; /* borrowed */
	bool one_by_one;
	struct sl_settings settings; /* of the topic, as of the last chunk */
	int64_t segment_bytes;       /* what follows from them */
	struct sl_scan *scan;
	struct sl_encoder *encoder;
	struct sl_scan_line *lines;
	uint32_t *order;  /* of the lines, by partition */
	uint16_t *places; /* the partition of each line */
	uint32_t *counts; /* lines of each partition */
	struct scratch key;
	struct scratch headers;
	struct scratch time;
	struct envelope_reader envelope;

	int turn;       /* where what has neither partition nor key goes */
	int64_t now_ms; /* of the chunk */

	/* What the chunk came to. */
	uint64_t line_count;
	uint64_t event_count;
	uint64_t keyed_count;
	struct event_reject *rejects; /* owned */
	size_t reject_count;
	size_t reject_room;
	struct event_batch *batches; /* owned; one for each of the encoder's */
	size_t batch_count;
	size_t batch_room;
	size_t closed_count;    /* of the encoder's batches, when last seen */
	uint64_t closed_events; /* in those */
	bool is_failed; /* --on-error=fail met its line: nothing behind it */
};

/* `one_by_one`: each event is a batch of its own. */
SL_MUST_USE int event_maker_init(struct event_maker *maker,
    const struct append_options *options, bool one_by_one,
    struct sl_error *err);
void event_maker_release(struct event_maker *maker);

/*
 * Make batches of a chunk, by the topic's settings as they are now. What has
 * neither partition nor key goes to partition `turn`. Fails for want of memory,
 * or where a codec fails; a bad line is no failure.
 */
SL_MUST_USE int event_make(struct event_maker *maker,
    const struct frame_chunk *chunk, int turn,
    const struct sl_settings *settings, struct sl_error *err);

#endif
