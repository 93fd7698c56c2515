/*
 * reject.h: lines that are no events: told, kept aside, counted. Floor: cmd.
 *
 * With --on-error=divert each goes, with its reason, into the topic's rejected
 * log; streamlog-append(1) has the form. The first few are told on stderr.
 */
#ifndef REJECT_H
#define REJECT_H

#include "event.h"

struct reject {
	struct sl_encoder *encoder; /* of the rejected log; NULL: not kept */
	uint64_t count;
	/* How many of these look like ... */
	uint64_t pieces;  /* ... JSON over several lines */
	uint64_t values;  /* ... JSON, but no objects */
	uint64_t texts;   /* ... plain text */
	bool is_hopeless; /* so many bad, none good: stop */
};

SL_MUST_USE int reject_init(struct reject *reject,
    enum append_on_error on_error, struct sl_error *err);
void reject_release(struct reject *reject);

/*
 * Tell the rejects of a chunk, whose first line is number `first_line` of its
 * source, and leave in reject->encoder what is to be written. `has_good`: some
 * line was an event. Stops at one that makes it hopeless; *taken says how many
 * it were.
 */
SL_MUST_USE int reject_take(struct reject *reject,
    const struct event_maker *maker, const struct frame_chunk *chunk,
    uint64_t first_line, bool has_good, size_t *taken, struct sl_error *err);

/* What the input looks like, when it is hopeless. */
const char *reject_advice(const struct reject *reject);

#endif
