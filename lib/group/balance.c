/* balance.c: who of a group's members reads which partition; see balance.h. */
#include "balance.h"

static bool
wants(const struct sl_balance *balance, size_t member, size_t partition)
{
	size_t topic = balance->topics[partition];

	return balance->wants[topic * balance->member_count + member];
}

/* The member that wants it and reads the least; NOBODY wants it. */
static size_t
idlest(const struct sl_balance *balance, size_t partition)
{
	size_t best = SL_BALANCE_NOBODY, m;

	for (m = 0; m < balance->member_count; m++)
		if (wants(balance, m, partition) &&
		    (best == SL_BALANCE_NOBODY ||
		        balance->load[m] < balance->load[best]))
			best = m;
	return best;
}

/* What nobody who wants it has goes to the idlest, one after the other. */
static void
share_out(struct sl_balance *balance)
{
	size_t p, holder;

	for (p = 0; p < balance->partition_count; p++) {
		holder = balance->holders[p];
		if (holder != SL_BALANCE_NOBODY && wants(balance, holder, p))
			balance->load[holder]++;
		else
			balance->holders[p] = SL_BALANCE_NOBODY;
	}
	for (p = 0; p < balance->partition_count; p++) {
		if (balance->holders[p] != SL_BALANCE_NOBODY)
			continue;
		holder = idlest(balance, p);
		balance->holders[p] = holder;
		if (holder != SL_BALANCE_NOBODY)
			balance->load[holder]++;
	}
}

/*
 * Move partitions, from the last to the first, to who reads at least two fewer.
 * Each move makes the loads' squares fewer, so it ends.
 */
static bool
level(struct sl_balance *balance)
{
	size_t p, from, to;
	bool has_moved = false;

	for (p = balance->partition_count; p-- > 0;) {
		from = balance->holders[p];
		if (from == SL_BALANCE_NOBODY)
			continue;
		to = idlest(balance, p);
		if (balance->load[to] + 1 >= balance->load[from])
			continue;
		balance->holders[p] = to;
		balance->load[from]--;
		balance->load[to]++;
		has_moved = true;
	}
	return has_moved;
}

void
sl_balance(struct sl_balance *balance)
{
	share_out(balance);
	while (level(balance))
		continue;
}
