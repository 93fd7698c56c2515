/* kafka_assign.c: partitions come to a member and go; see kafka_member.h. */
#include "kafka_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sl_kafka_member_error(const struct sl_member *member, rd_kafka_error_t *error,
    struct sl_error *err)
{
	int rc;

	if (error == NULL)
		return SL_OK;
	rc = sl_kafka_error(err, rd_kafka_error_code(error), "group '%s'",
	    member->group);
	rd_kafka_error_destroy(error);
	return rc;
}

/* ---- What it holds, and changes to tell ---- */

struct sl_kafka_held *
sl_kafka_held_find(const struct sl_member *member, const char *name,
    int partition)
{
	struct sl_kafka_held *held = member->held;
	size_t i;

	for (i = 0; i < member->held_count; i++, held++)
		if (held->partition == partition &&
		    strcmp(held->name, name) == 0)
			return held;
	return NULL;
}

void
sl_kafka_held_forget(struct sl_member *member, struct sl_kafka_held *held)
{
	*held = member->held[--member->held_count];
}

int
sl_kafka_member_tell(struct sl_member *member, enum sl_member_change_kind kind,
    const struct sl_kafka_held *held, struct sl_error *err)
{
	struct sl_member_change *grown = member->changes;
	size_t room = member->change_room;

	if (member->change_count == room) {
		room = room == 0 ? 16 : 2 * room;
		grown = reallocarray(grown, room, sizeof(*grown));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		member->changes = grown;
		member->change_room = room;
	}
	grown += member->change_count++;
	*grown = (struct sl_member_change){ .kind = kind,
		.topic = held->topic,
		.partition = held->partition,
		.offset = held->offset };
	memcpy(grown->name, held->name, sizeof(grown->name));
	return SL_OK;
}

/* ---- Where a partition is read from ---- */

/* Its place, where it has none yet: as --first says. */
static int
find_first(struct sl_member *member, const char *name, int partition,
    const struct sl_range *range, uint64_t *offset, struct sl_error *err)
{
	struct sl_topic topic = { .kafka = &member->kafka };

	switch (member->first) {
	case SL_GROUP_END:
		*offset = range->next;
		return SL_OK;
	case SL_GROUP_TIME:
		snprintf(topic.name, sizeof(topic.name), "%s", name);
		topic.settings.partitions = partition + 1;
		return sl_kafka_topic_offset_at(&topic, partition,
		    member->first_ms, offset, err);
	default:
		*offset = range->first;
		return SL_OK;
	}
}

/* One partition's place; *is_new: it has none yet. list->offset is where it is
 * fetched from. */
static int
take_place(struct sl_member *member, rd_kafka_topic_partition_t *from,
    struct sl_kafka_held *held, bool *is_new, struct sl_error *err)
{
	struct sl_range range;
	int rc;

	*held = (struct sl_kafka_held){ .partition = from->partition };
	snprintf(held->name, sizeof(held->name), "%s", from->topic);
	rc = sl_kafka_offsets(&member->kafka, from->topic, from->partition,
	    &range, err);
	*is_new = from->offset < 0;
	if (rc == SL_OK && *is_new)
		rc = find_first(member, from->topic, from->partition, &range,
		    &held->offset, err);
	else
		held->offset = (uint64_t)from->offset;
	if (rc == SL_OK && held->offset > range.next)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "the place %llu is beyond the end, %llu: was the topic "
		    "made anew? 'kafka-consumer-groups.sh --reset-offsets' "
		    "sets it",
		    (unsigned long long)held->offset,
		    (unsigned long long)range.next);
	if (rc < 0)
		return sl_error_wrap(err, "topic '%s': partition %d",
		    held->name, held->partition);
	from->offset =
	    (int64_t)(held->offset < range.first ? range.first : held->offset);
	return SL_OK;
}

/* Ask where the group is, in all of `list`. */
static int
ask_committed(struct sl_member *member, rd_kafka_topic_partition_list_t *list,
    struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(SL_KAFKA_REQUEST_MS);
	rd_kafka_resp_err_t code;
	int i;

	do {
		code = rd_kafka_committed(member->kafka.rk, list,
		    sl_kafka_slice_ms(&member->kafka));
		for (i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt;
		     i++)
			code = list->elems[i].err;
		sl_kafka_poll(&member->kafka, 0);
	} while (
	    sl_kafka_passes(code) && !sl_kafka_is_over(&member->kafka, &wait));
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SL_OK;
	if (sl_kafka_passes(code))
		return sl_kafka_unreachable(&member->kafka, err);
	return sl_kafka_error(err, code, "places");
}

/* Places of partitions that are new to the group stand from now on. */
static int
pin(struct sl_member *member, const rd_kafka_topic_partition_list_t *list,
    struct sl_error *err)
{
	int rc;

	if (list->cnt == 0)
		return SL_OK;
	rc = sl_kafka_commit(member, list, err);
	return rc == SL_EFENCED ? SL_OK : rc; /* it comes again */
}

/* ---- The coordinator's words ---- */

static bool
is_cooperative(const struct sl_member *member)
{
	return strcmp(rd_kafka_rebalance_protocol(member->kafka.rk),
	           "COOPERATIVE") == 0;
}

/* Have what is fetched of a partition stay in a queue of its own. */
static void
part_queue(struct sl_member *member, const rd_kafka_topic_partition_t *of)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(member->kafka.rk,
	    of->topic, of->partition);

	if (queue == NULL)
		return;
	rd_kafka_queue_forward(queue, NULL);
	rd_kafka_queue_destroy(queue);
}

static int
take_up(struct sl_member *member, rd_kafka_topic_partition_list_t *list,
    struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *pins =
	    rd_kafka_topic_partition_list_new(list->cnt);
	struct sl_kafka_held *held;
	bool is_new;
	int i, rc;

	held = reallocarray(member->held,
	    member->held_count + (size_t)list->cnt + 1, sizeof(*held));
	if (held == NULL) {
		rd_kafka_topic_partition_list_destroy(pins);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	member->held = held;
	rc = list->cnt == 0 ? SL_OK : ask_committed(member, list, err);
	for (i = 0; rc == SL_OK && i < list->cnt; i++) {
		held = &member->held[member->held_count];
		rc = take_place(member, &list->elems[i], held, &is_new, err);
		if (rc == SL_OK && is_new)
			rd_kafka_topic_partition_list_add(pins, held->name,
			    held->partition)
			    ->offset = (int64_t)held->offset;
		member->held_count += rc == SL_OK;
		part_queue(member, &list->elems[i]);
	}
	if (rc == SL_OK)
		rc = pin(member, pins, err);
	rd_kafka_topic_partition_list_destroy(pins);
	return rc;
}

/* It is taken up, or isn't to be any more; then it needs no giving back. */
static void
drop_given(struct sl_member *member)
{
	if (member->given != NULL)
		rd_kafka_topic_partition_list_destroy(member->given);
	member->given = NULL;
}

int
sl_kafka_member_take(struct sl_member *member, struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_copy(member->given);
	size_t before = member->held_count;
	rd_kafka_resp_err_t code;
	int rc;

	rc = take_up(member, list, err);
	if (rc < 0)
		member->held_count = before;
	if (rc == SL_OK && is_cooperative(member)) {
		rc = sl_kafka_member_error(member,
		    rd_kafka_incremental_assign(member->kafka.rk, list), err);
	} else if (rc == SL_OK) {
		code = rd_kafka_assign(member->kafka.rk, list);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			rc = sl_kafka_error(err, code, "assignment");
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (rc == SL_EBUSY) /* a broker is away: another time */
		return SL_OK;
	drop_given(member);
	member->is_settled = member->kafka.was_in = rc == SL_OK;
	sl_kafka_others_forget(member);
	return rc;
}

int
sl_kafka_member_give_back(struct sl_member *member, struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *list = member->revoked;
	int rc = SL_OK;

	member->revoked = NULL;
	if (is_cooperative(member))
		rc = sl_kafka_member_error(member,
		    rd_kafka_incremental_unassign(member->kafka.rk, list), err);
	else
		(void)rd_kafka_assign(member->kafka.rk, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

bool
sl_kafka_member_is_busy(const struct sl_member *member)
{
	size_t i;

	for (i = 0; i < member->held_count; i++)
		if (member->held[i].is_revoked)
			return true;
	return false;
}

static int
revoke(struct sl_member *member, const rd_kafka_topic_partition_list_t *list,
    struct sl_error *err)
{
	bool is_lost = rd_kafka_assignment_lost(member->kafka.rk) != 0;
	struct sl_kafka_held *held;
	int i, rc = SL_OK;

	member->is_settled = false;
	member->revoked = rd_kafka_topic_partition_list_copy(list);
	for (i = 0; rc == SL_OK && i < list->cnt; i++) {
		held = sl_kafka_held_find(member, list->elems[i].topic,
		    list->elems[i].partition);
		if (held == NULL)
			continue;
		if (held->topic == NULL) { /* nobody has begun with it */
			sl_kafka_held_forget(member, held);
			continue;
		}
		held->is_revoked = true;
		rc = sl_kafka_member_tell(member,
		    is_lost ? SL_MEMBER_LOST : SL_MEMBER_REVOKED, held, err);
		if (is_lost)
			sl_kafka_held_forget(member, held);
	}
	if (rc == SL_OK && !sl_kafka_member_is_busy(member))
		rc = sl_kafka_member_give_back(member, err);
	return rc;
}

int
sl_kafka_member_hear(struct sl_member *member, rd_kafka_event_t *event,
    struct sl_error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
		drop_given(member);
		if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
			member->was_assigned = true;
			member->given = rd_kafka_topic_partition_list_copy(
			    rd_kafka_event_topic_partition_list(event));
			return sl_kafka_member_take(member, err);
		}
		return revoke(member,
		    rd_kafka_event_topic_partition_list(event), err);
	}
	/* A topic that isn't there yet is one of them. */
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR || sl_kafka_passes(code) ||
	    code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
	    code == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
	    code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
		return SL_OK;
	return sl_kafka_error(err, code, "%s", member->kafka.dir);
}
