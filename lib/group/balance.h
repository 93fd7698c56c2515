/*
 * balance.h: who of a group's members reads which partition. Floor: group.
 * Pure.
 */
#ifndef SL_BALANCE_H
#define SL_BALANCE_H

#include "streamlog.h"

#define SL_BALANCE_NOBODY SIZE_MAX

struct sl_balance {
	size_t member_count;
	size_t topic_count;
	/* Does member m want topic t? wants[t * member_count + m] */
	const bool *wants;
	size_t *load; /* of each member: what it reads beside these */
	size_t partition_count;
	const size_t *topics; /* each partition's topic */
	size_t *holders; /* in: who has it; out: who shall. SL_BALANCE_NOBODY */
};

/*
 * Share the partitions out: each goes to a member that wants its topic, if
 * there is one, and no member could give one away and still have as many as the
 * one that gets it. Sticky: a partition moves only for that. What is balanced
 * stays as it is, so that two who compute it from the same state agree. `load`
 * comes back with all that each reads.
 */
void sl_balance(struct sl_balance *balance);

#endif
