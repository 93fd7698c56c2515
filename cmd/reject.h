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
	const struct append_options *options; /* borrowed */
	struct sl_writer *writer;             /* borrowed */
	struct sl_encoder *encoder;           /* of the rejected log; or NULL */
	uint64_t count;
	uint64_t looks_like_json; /* of these: broken over several lines? */
	bool is_hopeless;         /* so many bad, none good: stop */
};

SL_MUST_USE int reject_init(struct reject *reject,
    const struct append_options *options, struct sl_writer *writer,
    struct sl_error *err);
void reject_release(struct reject *reject);

/*
 * Take the rejects of a chunk, whose first line is number `first_line` of its
 * source. `has_good`: some line was an event. A line that can't be kept is a
 * failure; *taken says how many were. Stops at one that makes it hopeless.
 */
SL_MUST_USE int reject_take(struct reject *reject,
    const struct event_maker *maker, const struct frame_chunk *chunk,
    uint64_t first_line, bool has_good, size_t *taken, struct sl_error *err);

/* What the input looks like, when it is hopeless. */
const char *reject_advice(const struct reject *reject);

#endif
