/* group_plan.c: which places would be set, and to what; see group_plan.h. */
#include "group_plan.h"
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
no_memory(struct sl_error *err)
{
	return sl_error_set(err, SL_ENOMEM, "out of memory");
}

static void
note_failure(struct plan *plan, const struct sl_error *err)
{
	int status = cli_fail(err);

	if (plan->status == CLI_EXIT_OK)
		plan->status = status;
}

bool
plan_row_moves(const struct plan_row *row)
{
	return row->was != NULL || row->from != row->to;
}

/* ---- Which topics ---- */

/* Add a topic's name, unless it is there; its id comes later. */
static int
add_topic(struct plan *plan, const char *name, struct sl_error *err)
{
	struct plan_topic **topics, *topic;
	size_t i;

	/* They mostly come in their order. */
	for (i = plan->topic_count; i-- > 0;)
		if (strcmp(plan->topics[i]->name, name) == 0)
			return SL_OK;
	topics = reallocarray(plan->topics, plan->topic_count + 1,
	    sizeof(struct plan_topic *));
	if (topics == NULL)
		return no_memory(err);
	plan->topics = topics;
	topic = calloc(1, sizeof(*topic));
	if (topic == NULL)
		return no_memory(err);
	snprintf(topic->name, sizeof(topic->name), "%s", name);
	topics[plan->topic_count++] = topic;
	return SL_OK;
}

static int
compare_topics(const void *a, const void *b)
{
	const struct plan_topic *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

/* Those that a pattern matches: of the log directory, and of the places. */
static int
add_matches(struct plan *plan, const char *pattern, struct sl_error *err)
{
	size_t before = plan->topic_count, count, i;
	char **names;
	int rc;

	rc = sl_topic_list(plan->query->dir, pattern, &names, &count, err);
	if (rc == SL_END)
		rc = SL_OK;
	for (i = 0; rc == SL_OK && i < count; i++)
		rc = add_topic(plan, names[i], err);
	sl_names_free(names, count);
	for (i = 0; rc == SL_OK && i < plan->place_count; i++)
		if (sl_glob_match(pattern, plan->places[i].topic))
			rc = add_topic(plan, plan->places[i].topic, err);
	if (rc == SL_OK && plan->topic_count == before) {
		sl_error_set(err, SL_ENOTFOUND,
		    "'%s': no topic matches; 'streamlog-topic list' shows what "
		    "is",
		    pattern);
		note_failure(plan, err);
	}
	return rc;
}

/* Those of the file, if they are asked for. */
static int
add_file_topics(struct plan *plan, struct sl_error *err)
{
	const struct group_query *query = plan->query;
	const char *name;
	size_t i, j;
	int rc = SL_OK;

	for (i = 0; rc == SL_OK && i < plan->file.count; i++) {
		name = plan->file.places[i].at.topic;
		if (group_query_takes(query, name))
			rc = add_topic(plan, name, err);
	}
	for (i = 0; rc == SL_OK && i < query->topic_count; i++) {
		for (j = 0; j < plan->topic_count; j++)
			if (sl_glob_match(query->topics[i],
			        plan->topics[j]->name))
				break;
		if (j < plan->topic_count)
			continue;
		sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': no line of %s has it", query->topics[i],
		    plan->file.name);
		note_failure(plan, err);
	}
	return rc;
}

static int
add_topics(struct plan *plan, struct sl_error *err)
{
	const struct group_query *query = plan->query;
	int rc = SL_OK;
	size_t i;

	if (plan->goal->kind == RESET_FILE)
		return add_file_topics(plan, err);
	for (i = 0; rc == SL_OK && i < query->topic_count; i++) {
		if (sl_glob_is(query->topics[i]))
			rc = add_matches(plan, query->topics[i], err);
		else
			rc = add_topic(plan, query->topics[i], err);
	}
	if (query->topic_count > 0)
		return rc;
	for (i = 0; rc == SL_OK && i < plan->place_count; i++)
		rc = add_topic(plan, plan->places[i].topic, err);
	return rc;
}

/* ---- What becomes of a topic's places ---- */

static const struct sl_group_place *
find_place(const struct plan *plan, const char *topic, int partition)
{
	const struct sl_group_place *place;
	size_t low = 0, high = plan->place_count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		place = &plan->places[middle];
		order = strcmp(place->topic, topic);
		order = order != 0 ? order : place->partition - partition;
		if (order == 0)
			return place;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int
find_wanted(const struct plan *plan, struct sl_topic *topic,
    struct plan_row *row, const struct sl_range *range, struct sl_error *err)
{
	switch (plan->goal->kind) {
	case RESET_EARLIEST:
		row->wanted = range->first;
		return SL_OK;
	case RESET_TIME:
		return sl_topic_offset_at(topic, row->partition,
		    plan->goal->time_ms, &row->wanted, err);
	case RESET_OFFSET:
		row->wanted = plan->goal->offset;
		return SL_OK;
	case RESET_FILE:
		row->wanted = row->line->at.offset;
		return SL_OK;
	default:
		row->wanted = range->next;
		return SL_OK;
	}
}

static int
add_row(struct plan *plan, struct sl_topic *topic, const struct plan_row *from,
    struct sl_error *err)
{
	const struct sl_group_place *place;
	struct plan_row row = *from, *rows;
	struct sl_range range;
	int rc;

	rc = sl_topic_range(topic, row.partition, &range, err);
	if (rc == SL_OK)
		rc = find_wanted(plan, topic, &row, &range, err);
	if (rc != SL_OK)
		return rc;
	row.end = range.next;
	row.to = row.wanted < range.first ? range.first : row.wanted;
	row.to = row.to > range.next ? range.next : row.to;
	place = find_place(plan, row.topic->name, row.partition);
	if (place == NULL)
		row.was = place_state_name(PLACE_NONE);
	else if (place->is_damaged)
		row.was = place_state_name(PLACE_DAMAGED);
	else if (strcmp(place->topic_id, row.topic->id) != 0)
		row.was = place_state_name(PLACE_REPLACED);
	else
		row.from = place->offset;
	rows = reallocarray(plan->rows, plan->row_count + 1, sizeof(*rows));
	if (rows == NULL)
		return no_memory(err);
	plan->rows = rows;
	rows[plan->row_count++] = row;
	return SL_OK;
}

/* May this line of the file be one of the topic's? */
static int
check_line(const struct plan *plan, const struct sl_topic *topic,
    const struct file_place *line, struct sl_error *err)
{
	int partitions = sl_topic_settings(topic)->partitions;

	if (line->at.topic_id[0] != '\0' &&
	    strcmp(line->at.topic_id, sl_topic_id(topic)) != 0) {
		sl_error_set(err, SL_ECORRUPT,
		    "topic '%s' was replaced by another of that name: its id "
		    "is '%s', not '%s'",
		    line->at.topic, sl_topic_id(topic), line->at.topic_id);
		return places_file_wrap(&plan->file, line, err);
	}
	if (line->at.partition >= partitions) {
		sl_error_set(err, SL_ECORRUPT,
		    "topic '%s' has no partition %d, only %d in all",
		    line->at.topic, line->at.partition, partitions);
		return places_file_wrap(&plan->file, line, err);
	}
	return SL_OK;
}

/* The rows of a topic in the file: its lines are one behind the other. */
static int
add_file_rows(struct plan *plan, struct sl_topic *topic,
    const struct plan_topic *name, struct sl_error *err)
{
	struct plan_row row = { .topic = name };
	int rc = SL_OK;
	size_t i;

	for (i = 0; rc == SL_OK && i < plan->file.count; i++) {
		row.line = &plan->file.places[i];
		row.partition = row.line->at.partition;
		if (strcmp(row.line->at.topic, name->name) != 0)
			continue;
		rc = check_line(plan, topic, row.line, err);
		if (rc == SL_OK)
			rc = add_row(plan, topic, &row, err);
	}
	return rc;
}

static int
add_all_rows(struct plan *plan, struct sl_topic *topic,
    const struct plan_topic *name, struct sl_error *err)
{
	int count = sl_topic_settings(topic)->partitions;
	struct plan_row row = { .topic = name };
	int rc;

	for (; row.partition < count; row.partition++) {
		rc = add_row(plan, topic, &row, err);
		if (rc == SL_ENOMEM)
			return rc;
		if (rc != SL_OK)
			note_failure(plan, err);
	}
	return SL_OK;
}

/* Where the topic came from a file, say from which line. */
static int
wrap_line(const struct plan *plan, const char *topic, struct sl_error *err)
{
	size_t i;

	for (i = 0; i < plan->file.count; i++)
		if (strcmp(plan->file.places[i].at.topic, topic) == 0)
			return places_file_wrap(&plan->file,
			    &plan->file.places[i], err);
	return err->code;
}

static int
add_rows(struct plan *plan, struct plan_topic *name, struct sl_error *err)
{
	struct sl_topic *topic;
	int rc;

	rc = sl_topic_open(&topic, plan->query->dir, name->name, err);
	if (rc != SL_OK)
		return wrap_line(plan, name->name, err);
	snprintf(name->id, sizeof(name->id), "%s", sl_topic_id(topic));
	rc = plan->goal->kind == RESET_FILE
	         ? add_file_rows(plan, topic, name, err)
	         : add_all_rows(plan, topic, name, err);
	sl_topic_close(topic);
	return rc;
}

/* ---- The plan ---- */

static int
read_places(struct plan *plan, struct sl_error *err)
{
	const struct group_query *query = plan->query;
	struct sl_group *group;
	int rc;

	rc = sl_group_open(&group, query->dir, query->state_dir, query->group,
	    err);
	if (rc == SL_ENOTFOUND &&
	    (query->topic_count > 0 || plan->goal->kind == RESET_FILE)) {
		plan->is_new = true;
		return SL_OK;
	}
	if (rc != SL_OK)
		return rc;
	rc = sl_group_places(group, &plan->places, &plan->place_count, err);
	sl_group_close(group);
	return rc;
}

int
plan_make(struct plan *plan, const struct group_query *query,
    const struct reset_goal *goal, struct sl_error *err)
{
	size_t i;
	int rc;

	*plan = (struct plan){ .query = query, .goal = goal };
	rc = sl_may_change(query->dir, query->group, SL_CHANGE_GROUP_SET, err);
	if (rc == SL_OK)
		rc = read_places(plan, err);
	if (rc == SL_OK && goal->kind == RESET_FILE)
		rc = places_file_read(&plan->file, goal->file, err);
	if (rc == SL_OK)
		rc = add_topics(plan, err);
	if (rc == SL_OK && plan->topic_count > 1)
		qsort(plan->topics, plan->topic_count, sizeof(*plan->topics),
		    compare_topics);
	for (i = 0; rc == SL_OK && i < plan->topic_count; i++) {
		rc = add_rows(plan, plan->topics[i], err);
		/* Of a file all lines are taken or none. */
		if (rc == SL_OK || rc == SL_ENOMEM || goal->kind == RESET_FILE)
			continue;
		note_failure(plan, err);
		rc = SL_OK;
	}
	return rc;
}

void
plan_release(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->topic_count; i++)
		free(plan->topics[i]);
	free(plan->topics);
	free(plan->rows);
	free(plan->places);
	places_file_release(&plan->file);
}

int
plan_check_commit(const struct plan *plan, struct sl_error *err)
{
	const struct plan_row *row;
	size_t i;

	for (i = 0; i < plan->row_count; i++) {
		row = &plan->rows[i];
		if (row->wanted <= row->end)
			continue;
		sl_error_set(err, SL_ECORRUPT,
		    "offset %" PRIu64 " is beyond the end of partition %d of "
		    "topic '%s', which is %" PRIu64,
		    row->wanted, row->partition, row->topic->name, row->end);
		return places_file_wrap(&plan->file, row->line, err);
	}
	return SL_OK;
}
