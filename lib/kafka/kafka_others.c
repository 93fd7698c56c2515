/*
 * kafka_others.c: what the group's other members have still to read; see
 * kafka_member.h.
 *
 * A coordinator learns that a member is dead when its session is over, and
 * until then its partitions are nobody else's. So who reads to the end, and
 * would leave what a dead one had not read, waits: until the places of the
 * others are where the partitions ended, or until whoever was dead must have
 * been noticed, and all that is left belongs to the living.
 */
#include "clock.h"
#include "kafka_member.h"

/* From the end of a session to the assignment that follows from it. */
#define REBALANCE_MS 5000

void
sl_kafka_others_forget(struct sl_member *member)
{
	if (member->others != NULL)
		rd_kafka_topic_partition_list_destroy(member->others);
	member->others = NULL;
	member->others_until_ms =
	    sl_monotonic_ms() + member->session_ms + REBALANCE_MS;
	member->is_others_turn = true;
}

/* Where the partitions end that others have, and hold something. */
static int
find(struct sl_member *member, struct sl_topic *const *topics, size_t count,
    struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(0);
	struct sl_range range;
	int partition, rc = SL_OK;
	size_t t;

	for (t = 0; t < count; t++) {
		for (partition = 0;
		     rc == SL_OK && partition < topics[t]->settings.partitions;
		     partition++) {
			if (sl_kafka_held_find(member, topics[t]->name,
			        partition) != NULL)
				continue;
			rc = sl_kafka_offsets(&member->kafka, topics[t]->name,
			    partition, &range, err);
			if (rc == SL_OK && range.next > range.first)
				rd_kafka_topic_partition_list_add(list,
				    topics[t]->name, partition)
				    ->offset = (int64_t)range.next;
		}
	}
	if (rc == SL_OK)
		member->others = list;
	else
		rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

/* A place that isn't there yet is one behind the end. */
static bool
are_behind(struct sl_member *member)
{
	rd_kafka_topic_partition_list_t *places =
	    rd_kafka_topic_partition_list_copy(member->others);
	bool is_behind;
	int i;

	is_behind =
	    places->cnt > 0 && rd_kafka_committed(member->kafka.rk, places,
	                           sl_kafka_slice_ms(&member->kafka)) !=
	                           RD_KAFKA_RESP_ERR_NO_ERROR;
	for (i = 0; !is_behind && i < places->cnt; i++)
		is_behind =
		    places->elems[i].offset < member->others->elems[i].offset;
	rd_kafka_topic_partition_list_destroy(places);
	return is_behind;
}

int
sl_kafka_others_look(struct sl_member *member, struct sl_topic *const *topics,
    size_t count, struct sl_error *err)
{
	int rc = SL_OK;

	if (!member->is_settled || !member->is_others_turn)
		return SL_OK;
	if (sl_monotonic_ms() >= member->others_until_ms) {
		member->is_others_turn = false;
		return SL_OK;
	}
	if (member->others == NULL)
		rc = find(member, topics, count, err);
	if (rc == SL_EBUSY)
		return SL_OK;
	if (rc == SL_OK)
		member->is_others_turn = are_behind(member);
	return rc;
}
