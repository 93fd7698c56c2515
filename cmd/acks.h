/*
 * acks.h: lines that name events: acknowledgements, as they come in from a
 * descriptor. Floor: cmd.
 *
 * A line is as place_line.h has it: an envelope, say.
 */
#ifndef ACKS_H
#define ACKS_H

#include "ledger.h"
#include "scratch.h"

struct acks {
	int fd;              /* borrowed; -1: none, or at its end */
	struct scratch text; /* owned: a line that is not complete */
	uint64_t told;       /* lines that were complained of */
	bool is_bad;         /* one was no acknowledgement at all */
	bool is_skipping;    /* in a line that is too long */
};

void acks_release(struct acks *acks);

/*
 * Read what is there and take it down, once poll(2) said that there is
 * something. SL_END: the other side has closed it.
 */
SL_MUST_USE int acks_read(struct acks *acks, struct ledger *ledger,
    struct sl_error *err);

#endif
