/* kafka_group.c: consumer groups of a cluster, looked at; see kafka.h. */
#include "kafka.h"

#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sl_group {
	const struct sl_engine *engine; /* the door's */
	struct sl_kafka *kafka;         /* borrowed */
	char *name;                     /* owned */
	rd_kafka_event_t *described;    /* owned: what it was when opened */
	const rd_kafka_ConsumerGroupDescription_t *description; /* in that */
};

/* Groups of a cluster lie there, and nowhere else. */
static int
check_state_dir(const char *state_dir, struct sl_error *err)
{
	if (state_dir == NULL)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "--state-dir: a cluster keeps the places of its groups itself");
}

/* ---- Names ---- */

static void
ask_list(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue, void *arg)
{
	(void)arg;
	rd_kafka_ListConsumerGroups(rk, options, queue);
}

static int
take_names(const rd_kafka_ListConsumerGroups_result_t *result,
    const char *pattern, struct sl_names *all, struct sl_error *err)
{
	const rd_kafka_ConsumerGroupListing_t **listed;
	const rd_kafka_error_t **errors;
	size_t count, i;
	int rc = SL_OK;

	errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
	if (count > 0)
		return sl_kafka_error(err, rd_kafka_error_code(errors[0]),
		    "groups");
	listed = rd_kafka_ListConsumerGroups_result_valid(result, &count);
	for (i = 0; rc == SL_OK && i < count; i++)
		rc = sl_names_add(all, pattern,
		    rd_kafka_ConsumerGroupListing_group_id(listed[i]), err);
	return rc;
}

int
sl_kafka_group_list(const char *dir, const char *state_dir, const char *pattern,
    char ***names, size_t *count, struct sl_error *err)
{
	struct sl_names all = SL_NAMES_EMPTY;
	rd_kafka_event_t *event;
	struct sl_kafka *kafka;
	int rc;

	*names = NULL;
	*count = 0;
	rc = check_state_dir(state_dir, err);
	if (rc == SL_OK)
		rc = sl_kafka_find(&kafka, dir, err);
	if (rc == SL_OK)
		rc = sl_kafka_ask(kafka, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
		    ask_list, NULL, &event, err);
	if (rc < 0)
		return rc;
	rc = take_names(rd_kafka_event_ListConsumerGroups_result(event),
	    pattern, &all, err);
	rd_kafka_event_destroy(event);
	return sl_names_give(&all, rc, names, count);
}

/* ---- One group ---- */

static void
ask_describe(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue, void *arg)
{
	const char *name = arg;

	rd_kafka_DescribeConsumerGroups(rk, &name, 1, options, queue);
}

static int
wrap(const struct sl_group *group, struct sl_error *err)
{
	return sl_error_wrap(err, "group '%s'", group->name);
}

static int
describe(struct sl_group *group, struct sl_error *err)
{
	const rd_kafka_ConsumerGroupDescription_t **found;
	const rd_kafka_error_t *error;
	size_t count;
	int rc;

	rc =
	    sl_kafka_ask(group->kafka, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
	        ask_describe, group->name, &group->described, err);
	if (rc < 0)
		return wrap(group, err);
	found = rd_kafka_DescribeConsumerGroups_result_groups(
	    rd_kafka_event_DescribeConsumerGroups_result(group->described),
	    &count);
	group->description = found[0];
	error = rd_kafka_ConsumerGroupDescription_error(found[0]);
	if (error != NULL &&
	    rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
		return sl_kafka_error(err, rd_kafka_error_code(error),
		    "group '%s'", group->name);
	if (error != NULL ||
	    rd_kafka_ConsumerGroupDescription_state(found[0]) ==
	        RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
		return sl_error_set(err, SL_ENOTFOUND,
		    "group '%s': not in '%s'; 'streamlog-group list' "
		    "shows what is",
		    group->name, group->kafka->dir);
	return SL_OK;
}

int
sl_kafka_group_open(struct sl_group **out, const char *dir,
    const char *state_dir, const char *name, struct sl_error *err)
{
	struct sl_group *group;
	struct sl_kafka *kafka;
	int rc;

	*out = NULL;
	rc = check_state_dir(state_dir, err);
	if (rc == SL_OK)
		rc = sl_kafka_find(&kafka, dir, err);
	if (rc < 0)
		return rc;
	group = calloc(1, sizeof(*group));
	if (group != NULL)
		group->name = strdup(name);
	if (group == NULL || group->name == NULL) {
		free(group);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	group->kafka = kafka;
	rc = describe(group, err);
	if (rc < 0)
		sl_kafka_group_close(group);
	else
		*out = group;
	return rc;
}

void
sl_kafka_group_close(struct sl_group *group)
{
	if (group->described != NULL)
		rd_kafka_event_destroy(group->described);
	free(group->name);
	free(group);
}

int
sl_kafka_group_live(struct sl_group *group, size_t *count, struct sl_error *err)
{
	(void)err;
	*count =
	    rd_kafka_ConsumerGroupDescription_member_count(group->description);
	return SL_OK;
}

/* ---- Places ---- */

static void
ask_places(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue, void *arg)
{
	rd_kafka_ListConsumerGroupOffsets_t *question =
	    rd_kafka_ListConsumerGroupOffsets_new(arg, NULL);

	rd_kafka_ListConsumerGroupOffsets(rk, &question, 1, options, queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
}

/* Who has a partition now: "CLIENT-ID@HOST". */
static void
name_owner(const struct sl_group *group, struct sl_group_place *place)
{
	const rd_kafka_topic_partition_list_t *list;
	const rd_kafka_MemberDescription_t *member;
	const rd_kafka_MemberAssignment_t *has;
	size_t count, i;

	count =
	    rd_kafka_ConsumerGroupDescription_member_count(group->description);
	for (i = 0; i < count; i++) {
		member =
		    rd_kafka_ConsumerGroupDescription_member(group->description,
		        i);
		has = rd_kafka_MemberDescription_assignment(member);
		list = has == NULL ? NULL
		                   : rd_kafka_MemberAssignment_partitions(has);
		if (list == NULL ||
		    rd_kafka_topic_partition_list_find(
		        (rd_kafka_topic_partition_list_t *)(uintptr_t)list,
		        place->topic, place->partition) == NULL)
			continue;
		snprintf(place->member, sizeof(place->member), "%.40s%.22s",
		    rd_kafka_MemberDescription_client_id(member),
		    rd_kafka_MemberDescription_host(member));
	}
}

static int
compare_places(const void *a, const void *b)
{
	const struct sl_group_place *one = a, *other = b;
	int order = strcmp(one->topic, other->topic);

	return order != 0 ? order : one->partition - other->partition;
}

static int
take_places(const struct sl_group *group,
    const rd_kafka_topic_partition_list_t *list, struct sl_group_place **places,
    size_t *count, struct sl_error *err)
{
	const rd_kafka_topic_partition_t *from;
	struct sl_group_place *place;
	int i;

	*places = calloc((size_t)list->cnt + 1, sizeof(**places));
	if (*places == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	for (i = 0; i < list->cnt; i++) {
		from = &list->elems[i];
		if (from->offset < 0)
			continue;
		place = &(*places)[(*count)++];
		snprintf(place->topic, sizeof(place->topic), "%s", from->topic);
		place->partition = from->partition;
		place->offset = (uint64_t)from->offset;
		place->time_ms = SL_TIME_NONE;
		name_owner(group, place);
	}
	if (*count > 1)
		qsort(*places, *count, sizeof(**places), compare_places);
	return SL_OK;
}

int
sl_kafka_group_places(struct sl_group *group, struct sl_group_place **places,
    size_t *count, struct sl_error *err)
{
	const rd_kafka_group_result_t **results;
	const rd_kafka_error_t *error;
	rd_kafka_event_t *event;
	size_t result_count;
	int rc;

	*places = NULL;
	*count = 0;
	rc = sl_kafka_ask(group->kafka,
	    RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, ask_places, group->name,
	    &event, err);
	if (rc < 0)
		return wrap(group, err);
	results = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(event),
	    &result_count);
	error = rd_kafka_group_result_error(results[0]);
	if (error != NULL)
		rc = sl_kafka_error(err, rd_kafka_error_code(error),
		    "group '%s'", group->name);
	else
		rc = take_places(group,
		    rd_kafka_group_result_partitions(results[0]), places, count,
		    err);
	rd_kafka_event_destroy(event);
	return rc;
}

/* ---- Lag ---- */

struct sl_lag_meter {
	const struct sl_engine *engine; /* the door's */
	struct sl_topic *topic;         /* borrowed */
};

int
sl_kafka_lag_meter_open(struct sl_lag_meter **out, struct sl_topic *topic,
    struct sl_error *err)
{
	struct sl_lag_meter *meter = calloc(1, sizeof(*meter));

	*out = meter;
	if (meter == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	meter->topic = topic;
	return SL_OK;
}

void
sl_kafka_lag_meter_close(struct sl_lag_meter *meter)
{
	free(meter);
}

int
sl_kafka_lag_measure(struct sl_lag_meter *meter, int partition, uint64_t offset,
    struct sl_lag *lag, struct sl_error *err)
{
	int rc;

	*lag = (struct sl_lag){ .bytes = SL_UNKNOWN, .first_ms = SL_TIME_NONE };
	rc = sl_kafka_topic_range(meter->topic, partition, &lag->range, err);
	if (rc < 0 || offset == SL_OFFSET_NONE)
		return rc;
	if (offset < lag->range.next)
		lag->events = lag->range.next - offset;
	else
		lag->bytes = 0;
	if (offset < lag->range.first)
		lag->gone = lag->range.first - offset;
	return SL_OK;
}

/* ---- What a cluster's own tools do ---- */

int
sl_kafka_group_create(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	(void)state_dir;
	return sl_kafka_may_change(dir, name, SL_CHANGE_GROUP_SET, err);
}

int
sl_kafka_group_set(struct sl_group *group, const struct sl_group_move *moves,
    size_t count, bool forward, struct sl_error *err)
{
	(void)moves;
	(void)count;
	(void)forward;
	return sl_kafka_may_change(group->kafka->dir, group->name,
	    SL_CHANGE_GROUP_SET, err);
}

int
sl_kafka_group_forget(struct sl_group *group, const char *topic,
    struct sl_error *err)
{
	(void)topic;
	return sl_kafka_may_change(group->kafka->dir, group->name,
	    SL_CHANGE_GROUP_DELETE, err);
}

int
sl_kafka_group_delete(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	(void)state_dir;
	return sl_kafka_may_change(dir, name, SL_CHANGE_GROUP_DELETE, err);
}
