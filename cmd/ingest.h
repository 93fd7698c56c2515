/*
 * ingest.h: input to the topic: workers, their turns, syncs and receipts.
 * Floor: cmd.
 *
 * Up to two workers. Under the input's lock a worker takes a chunk and a
 * ticket; it checks and encodes alone; in the order of tickets it writes. So a
 * partition has its events in the order of the input. The second worker begins
 * when a read was large: a single event starts no thread.
 */
#ifndef INGEST_H
#define INGEST_H

#include "event.h"
#include "output.h"
#include "reject.h"

#include <pthread.h>

struct ingest {
	const struct append_options *options; /* borrowed */
	struct sl_topic *topic;               /* borrowed */
	struct sl_writer *writer;             /* borrowed */
	enum sl_sync_level sync;
	int stop_fd;      /* an eventfd: wakes who waits for input */
	atomic_int *stop; /* the signal that came, or INGEST_HALT */

	pthread_mutex_t input; /* held while a chunk is taken */
	struct frame frame;
	uint64_t tickets;    /* given out */
	bool is_over;        /* no chunk will come */
	uint64_t first_turn; /* which partition is first in turn: at random */
	pthread_t second;
	bool has_second;

	pthread_mutex_t turn_lock;
	pthread_cond_t turn_came;
	uint64_t turn; /* the ticket whose turn it is */

	/* What only the turn's holder touches. */
	struct reject reject;
	struct output output;      /* of receipts */
	struct sl_receipt *queued; /* owned; NULL: nobody asked for receipts */
	size_t queued_count;
	struct sl_settings settings;     /* read by all, as of the last turn */
	_Atomic(int64_t) dirty_since_ms; /* 0: all is synced */
	uint64_t lines;                  /* done, of the source in hand */
	uint64_t synced_lines;           /* of those, on disk */
	const char *source;
	uint64_t events;
	uint64_t keyed;
	bool has_said_wait;
	bool is_partial; /* lines behind those done were written, too */
	int rc;          /* the first failure, SL_OK, or SL_END */
	struct sl_error err;
};

/* Not a signal: the run is over for another reason. */
#define INGEST_HALT (-1)

SL_MUST_USE int ingest_init(struct ingest *ingest,
    const struct append_options *options, struct sl_topic *topic,
    struct sl_writer *writer, int stop_fd, atomic_int *stop,
    struct sl_error *err);
void ingest_release(struct ingest *ingest);

/*
 * Take all input. Returns SL_END at its end or at a signal, or the failure that
 * ended it; then what was written before is synced nevertheless (unless
 * --sync=none), and its receipts are out.
 */
SL_MUST_USE int ingest_run(struct ingest *ingest, struct sl_error *err);

#endif
