/* member_plan.c: what the assignment should be; see member.h and balance.h. */
#include "balance.h"
#include "member.h"

#include <stdlib.h>
#include <string.h>

/* What is shared out, and the arrays that sl_balance() works on. */
struct plan {
	struct sl_member *member;
	const struct sl_topics *topics;
	struct sl_balance balance;
	bool *wants; /* owned, as the rest is */
	size_t *load;
	size_t *of_topic;
	size_t *holders;
	size_t *rows; /* each partition's */
};

static void
plan_release(struct plan *plan)
{
	free(plan->wants);
	free(plan->load);
	free(plan->of_topic);
	free(plan->holders);
	free(plan->rows);
}

size_t
sl_topics_partitions(const struct sl_topics *topics)
{
	size_t i, count = 0;

	for (i = 0; i < topics->count; i++)
		count += (size_t)topics->list[i]->config.settings.partitions;
	return count;
}

static int
plan_init(struct plan *plan, struct sl_error *err)
{
	const struct sl_peers *peers = &plan->member->peers;
	size_t partitions = sl_topics_partitions(plan->topics);

	plan->member->partitions = partitions;
	plan->wants =
	    calloc(plan->topics->count * peers->count + 1, sizeof(bool));
	plan->load = calloc(peers->count + 1, sizeof(size_t));
	plan->of_topic = calloc(partitions + 1, sizeof(size_t));
	plan->holders = calloc(partitions + 1, sizeof(size_t));
	plan->rows = calloc(partitions + 1, sizeof(size_t));
	if (plan->wants == NULL || plan->load == NULL ||
	    plan->of_topic == NULL || plan->holders == NULL ||
	    plan->rows == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	plan->balance = (struct sl_balance){
		.member_count = peers->count,
		.topic_count = plan->topics->count,
		.wants = plan->wants,
		.load = plan->load,
		.topics = plan->of_topic,
		.holders = plan->holders,
	};
	return SL_OK;
}

/* A live member's number; SL_BALANCE_NOBODY. */
static size_t
number_of(const struct plan *plan, const char *id)
{
	const struct sl_peers *peers = &plan->member->peers;
	const struct sl_peer *peer = sl_peers_find(peers, id);

	return peer == NULL ? SL_BALANCE_NOBODY : (size_t)(peer - peers->list);
}

/* Who has a row, or is to have it, and lives. */
static size_t
holder_of(const struct plan *plan, const struct sl_row *row)
{
	size_t next = number_of(plan, row->next);

	return next != SL_BALANCE_NOBODY ? next : number_of(plan, row->owner);
}

static int
add_partition(struct plan *plan, size_t topic, int partition,
    struct sl_error *err)
{
	struct sl_assignment *view = &plan->member->view;
	const char *name = plan->topics->list[topic]->name;
	size_t at = plan->balance.partition_count++;
	long row;
	int rc;

	row = sl_assignment_find(view, name, partition,
	    at > 0 ? plan->rows[at - 1] + 1 : 0);
	plan->rows[at] = (size_t)row;
	if (row < 0) {
		rc = sl_assignment_add(view, name, partition, &plan->rows[at],
		    err);
		if (rc < 0)
			return rc;
	}
	plan->of_topic[at] = topic;
	plan->holders[at] = holder_of(plan, &view->rows[plan->rows[at]]);
	return SL_OK;
}

static int
add_topics(struct plan *plan, struct sl_error *err)
{
	const struct sl_peers *peers = &plan->member->peers;
	const struct sl_topic *topic;
	size_t t, m;
	int p, rc = SL_OK;

	for (t = 0; rc == SL_OK && t < plan->topics->count; t++) {
		topic = plan->topics->list[t];
		for (m = 0; m < peers->count; m++)
			plan->wants[t * peers->count + m] =
			    peers->list[m].is_live &&
			    sl_peer_wants(&peers->list[m], topic->name);
		for (p = 0;
		     rc == SL_OK && p < topic->config.settings.partitions; p++)
			rc = add_partition(plan, t, p, err);
	}
	return rc;
}

static bool
is_wanted(const struct sl_peers *peers, const char *topic)
{
	size_t m;

	for (m = 0; m < peers->count; m++)
		if (peers->list[m].is_live &&
		    sl_peer_wants(&peers->list[m], topic))
			return true;
	return false;
}

/*
 * Rows that are not this member's to share out are load on who has them; one
 * that nobody has or wants is free.
 */
static void
weigh_others(struct plan *plan, bool *is_mine)
{
	struct sl_assignment *view = &plan->member->view;
	size_t i, holder;

	for (i = 0; i < plan->balance.partition_count; i++)
		is_mine[plan->rows[i]] = true;
	for (i = 0; i < view->count; i++) {
		if (is_mine[i] || view->rows[i].topic[0] == '\0')
			continue;
		holder = holder_of(plan, &view->rows[i]);
		if (holder != SL_BALANCE_NOBODY)
			plan->load[holder]++;
		else if (!is_wanted(&plan->member->peers, view->rows[i].topic))
			sl_assignment_free(view, i);
	}
}

/* RULE 18: a live owner keeps it until it lets go; a dead one's is taken. */
static void
apply(struct plan *plan)
{
	const struct sl_peers *peers = &plan->member->peers;
	struct sl_assignment *view = &plan->member->view;
	const char *target;
	struct sl_row *row;
	size_t i;

	for (i = 0; i < plan->balance.partition_count; i++) {
		row = &view->rows[plan->rows[i]];
		target = plan->holders[i] == SL_BALANCE_NOBODY
		             ? NULL
		             : peers->list[plan->holders[i]].id;
		if (sl_peers_find(peers, row->owner) == NULL)
			sl_assignment_set(view, plan->rows[i], target, NULL);
		else if (target == NULL || strcmp(target, row->owner) == 0)
			sl_assignment_set(view, plan->rows[i], row->owner,
			    NULL);
		else
			sl_assignment_set(view, plan->rows[i], row->owner,
			    target);
	}
}

int
sl_member_plan(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	struct plan plan = { .member = member, .topics = topics };
	bool *is_mine = NULL;
	int rc;

	rc = plan_init(&plan, err);
	if (rc == SL_OK)
		rc = add_topics(&plan, err);
	if (rc == SL_OK) {
		is_mine = calloc(member->view.count + 1, sizeof(bool));
		if (is_mine == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "no memory");
	}
	if (rc == SL_OK) {
		weigh_others(&plan, is_mine);
		sl_balance(&plan.balance);
		apply(&plan);
	}
	free(is_mine);
	plan_release(&plan);
	return rc;
}
