/*
 * ledger.h: events that were handed on and are not yet known to be taken.
 * Floor: cmd.
 *
 * An event is taken by its place in the stream, when whoever reads stdout has
 * taken the bytes up to it, or by name, when it was acknowledged, in any order.
 * A partition's place is its first event that is not taken.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "tail_batch.h"

struct ledger_event {
	uint64_t offset;
	uint64_t end; /* in the stream of all bytes handed on */
	bool is_taken;
};

struct ledger_part {
	struct sl_topic *topic; /* borrowed */
	int partition;
	struct ledger_event *events; /* owned: those from `head` on */
	size_t head;
	size_t count;
	size_t room;
	uint64_t next;      /* behind all that was handed on */
	bool is_refused;    /* its commit failed for good */
	bool is_leaving;    /* no more of it is handed on */
	uint64_t committed; /* its place as it was committed last */
};

struct ledger {
	struct ledger_part *parts; /* owned */
	size_t part_count;
	uint64_t open;   /* events that are not taken */
	uint64_t handed; /* bytes handed on so far */
};

void ledger_release(struct ledger *ledger);

/* Begin with a partition at its place; NULL: out of memory. */
SL_MUST_USE struct ledger_part *ledger_begin(struct ledger *ledger,
    struct sl_topic *topic, int partition, uint64_t place);
struct ledger_part *ledger_find(const struct ledger *ledger,
    const struct sl_topic *topic, int partition);
/* Forget a partition; pointers to others may change. */
void ledger_drop(struct ledger *ledger, struct ledger_part *part);

/* A batch is handed on, as the next bytes of the stream. */
SL_MUST_USE int ledger_add(struct ledger *ledger, const struct batch *batch,
    struct sl_error *err);

/* The stream's bytes up to `taken` were taken. */
void ledger_take(struct ledger *ledger, uint64_t taken);

/*
 * An event was acknowledged. False: it isn't one that was handed on; one that
 * was taken before is.
 */
bool ledger_acknowledge(struct ledger *ledger, const char *topic, int partition,
    uint64_t offset);

/* The place of a partition: all before it were taken. */
uint64_t ledger_place(const struct ledger_part *part);

#endif
