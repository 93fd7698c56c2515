/* group_measure.c: how far places are behind; see group_measure.h. */
#include "group_measure.h"
#include "group_headroom.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is under way. */
struct measure {
	struct group_scan *scan;
	int64_t now_ms;
	struct headroom headroom; /* of the topic in hand */
	struct scan_row *rows;    /* owned: of partitions without a place */
	size_t row_count;
};

static int
no_memory(struct sl_error *err)
{
	return sl_error_set(err, SL_ENOMEM, "out of memory");
}

/* ---- By topics ---- */

/* What rows are sorted by: those of a topic are one behind the other. */
struct key {
	const char *topic; /* one pointer for each name */
	struct scan_row *row;
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *left = a, *right = b;
	const struct sl_group_place *one = left->row->place;
	const struct sl_group_place *other = right->row->place;

	if (left->topic != right->topic)
		return left->topic < right->topic ? -1 : 1;
	if (one->partition != other->partition)
		return one->partition < other->partition ? -1 : 1;
	return one->offset < other->offset ? -1 : one->offset > other->offset;
}

static void
keep_name(void *name)
{
	(void)name; /* it is a place's */
}

/* A key for each row, sorted; free(3) them. */
static int
make_keys(const struct group_scan *scan, struct key **keys,
    struct sl_error *err)
{
	const char *topic, *before = "";
	void *names = NULL, *node;
	size_t i;

	*keys = calloc(scan->row_count + 1, sizeof(**keys));
	for (i = 0; *keys != NULL && i < scan->row_count; i++) {
		topic = scan->rows[i].place->topic;
		if (strcmp(topic, before) != 0) {
			node = tsearch(topic, &names, compare_names);
			if (node == NULL)
				break;
			before = *(const char **)node;
		}
		(*keys)[i].topic = before;
		(*keys)[i].row = &scan->rows[i];
	}
	tdestroy(names, keep_name);
	if (*keys == NULL || i < scan->row_count) {
		free(*keys);
		*keys = NULL;
		return no_memory(err);
	}
	qsort(*keys, scan->row_count, sizeof(**keys), compare_keys);
	return SL_OK;
}

/* ---- One place ---- */

static void
set_times(struct measure *measure, struct scan_row *row)
{
	int64_t now_ms = measure->now_ms;

	row->behind_ms = SL_TIME_NONE;
	if (row->lag.events == 0)
		row->behind_ms = 0;
	else if (row->lag.first_ms != SL_TIME_NONE)
		row->behind_ms =
		    now_ms > row->lag.first_ms ? now_ms - row->lag.first_ms : 0;
	row->headroom_ms = headroom_of(&measure->headroom, row);
}

/* Where a place can't be measured at least the partition's end is told. */
static int
measure_row(struct measure *measure, struct sl_lag_meter *meter,
    const struct sl_topic *topic, struct scan_row *row, struct sl_error *err)
{
	const struct sl_group_place *place = row->place;
	uint64_t offset = place->offset;
	int rc;

	if (place->is_damaged)
		row->state = PLACE_DAMAGED;
	else if (strcmp(place->topic_id, sl_topic_id(topic)) != 0)
		row->state = PLACE_REPLACED;
	if (row->state != PLACE_OK)
		offset = SL_OFFSET_NONE;
	rc = sl_lag_measure(meter, place->partition, offset, &row->lag, err);
	if (rc == SL_EUSAGE && row->state != PLACE_OK)
		return SL_OK; /* this topic has no such partition */
	row->has_end = rc == SL_OK;
	if (rc != SL_OK && row->state == PLACE_OK)
		row->state = PLACE_UNREADABLE;
	else if (row->state == PLACE_OK && offset > row->lag.range.next)
		row->state = PLACE_BEYOND_END;
	if (row->state == PLACE_OK)
		set_times(measure, row);
	return rc;
}

/* ---- Partitions without a place ---- */

/* Add a row for one; a member would make the place at the beginning. */
static int
add_placeless(struct measure *measure, const struct scan_row *like,
    int partition, struct sl_error *err)
{
	struct scan_row *rows, *row;

	rows =
	    reallocarray(measure->rows, measure->row_count + 1, sizeof(*rows));
	if (rows == NULL)
		return no_memory(err);
	measure->rows = rows;
	row = &rows[measure->row_count];
	*row = (struct scan_row){ .group = like->group,
		.state = PLACE_NONE,
		.behind_ms = SL_TIME_NONE,
		.headroom_ms = SL_TIME_NONE };
	row->made = calloc(1, sizeof(*row->made));
	if (row->made == NULL)
		return no_memory(err);
	snprintf(row->made->topic, sizeof(row->made->topic), "%s",
	    like->place->topic);
	row->made->partition = partition;
	row->made->time_ms = SL_TIME_NONE;
	row->place = row->made;
	measure->row_count++;
	return SL_OK;
}

static int
measure_placeless(struct measure *measure, struct sl_lag_meter *meter,
    struct scan_row *row, struct sl_error *err)
{
	int partition = row->place->partition;
	int rc;

	rc = sl_lag_measure(meter, partition, SL_OFFSET_NONE, &row->lag, err);
	if (rc == SL_OK)
		rc = sl_lag_measure(meter, partition, row->lag.range.first,
		    &row->lag, err);
	row->has_end = rc == SL_OK;
	row->made->offset = row->lag.range.first;
	if (rc == SL_OK)
		set_times(measure, row);
	else
		row->state = PLACE_UNREADABLE;
	return rc;
}

/* The rows of one group in a topic, from `row` on: which partitions lack? */
static int
find_placeless(struct measure *measure, struct sl_lag_meter *meter,
    int partitions, const struct scan_row *row, struct sl_error *err)
{
	const struct group_scan *scan = measure->scan;
	const struct scan_row *end = scan->rows + scan->row_count, *at = row;
	int partition, rc;

	for (partition = 0; partition < partitions; partition++) {
		if (at < end && at->group == row->group &&
		    at->place->partition == partition &&
		    strcmp(at->place->topic, row->place->topic) == 0) {
			at++;
			continue;
		}
		rc = add_placeless(measure, row, partition, err);
		if (rc != SL_OK)
			return rc;
		rc = measure_placeless(measure, meter,
		    &measure->rows[measure->row_count - 1], err);
		if (rc != SL_OK)
			group_scan_note(measure->scan, err);
	}
	return SL_OK;
}

/* Is it the first of its group and topic? */
static bool
is_first(const struct group_scan *scan, const struct scan_row *row)
{
	return row == scan->rows || row[-1].group != row->group ||
	       strcmp(row[-1].place->topic, row->place->topic) != 0;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct scan_row *one = a, *other = b;
	int order = strcmp(one->group, other->group);

	if (order == 0)
		order = strcmp(one->place->topic, other->place->topic);
	return order != 0 ? order
	                  : one->place->partition - other->place->partition;
}

/* Put the rows that were added among the others. */
static int
merge(struct measure *measure, struct sl_error *err)
{
	struct group_scan *scan = measure->scan;
	size_t count = scan->row_count + measure->row_count, i, at = 0;
	struct scan_row *rows;

	if (measure->row_count == 0)
		return SL_OK;
	rows = reallocarray(scan->rows, count, sizeof(*rows));
	if (rows == NULL)
		return no_memory(err);
	memcpy(rows + scan->row_count, measure->rows,
	    measure->row_count * sizeof(*rows));
	measure->row_count = 0;
	scan->rows = rows;
	scan->row_count = count;
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (i = 0; i < scan->group_count; i++) {
		scan->groups[i].row_first = at;
		while (at < count && rows[at].group == scan->groups[i].name)
			at++;
		scan->groups[i].row_count = at - scan->groups[i].row_first;
	}
	return SL_OK;
}

/* ---- All ---- */

/* All places of one topic. What fails is told once a partition. */
static int
measure_rows(struct measure *measure, struct sl_lag_meter *meter,
    const struct sl_topic *topic, const struct key *keys, size_t count,
    struct sl_error *err)
{
	int partitions = sl_topic_settings(topic)->partitions;
	int told = -1, rc = SL_OK;
	struct scan_row *row;
	size_t i;

	for (i = 0; i < count && rc == SL_OK; i++) {
		row = keys[i].row;
		if (measure_row(measure, meter, topic, row, err) != SL_OK &&
		    row->place->partition != told) {
			group_scan_note(measure->scan, err);
			told = row->place->partition;
		}
		if (is_first(measure->scan, row))
			rc = find_placeless(measure, meter, partitions, row,
			    err);
	}
	return rc;
}

static int
measure_topic(struct measure *measure, const struct key *keys, size_t count,
    struct sl_error *err)
{
	enum place_state state = PLACE_OK;
	struct sl_lag_meter *meter = NULL;
	struct sl_topic *topic;
	size_t i;
	int rc;

	rc = sl_topic_open(&topic, measure->scan->query->dir, keys[0].topic,
	    err);
	if (rc == SL_OK)
		rc = sl_lag_meter_open(&meter, topic, err);
	if (rc == SL_OK) {
		headroom_init(&measure->headroom, topic, measure->scan->query,
		    measure->now_ms);
		rc = measure_rows(measure, meter, topic, keys, count, err);
		headroom_release(&measure->headroom);
	} else if (rc == SL_ENOTFOUND) {
		state = PLACE_NO_TOPIC;
		rc = SL_OK;
	} else if (rc != SL_ENOMEM) {
		state = PLACE_UNREADABLE;
		group_scan_note(measure->scan, err);
		rc = SL_OK;
	}
	for (i = 0; state != PLACE_OK && i < count; i++)
		keys[i].row->state =
		    keys[i].row->place->is_damaged ? PLACE_DAMAGED : state;
	sl_lag_meter_close(meter);
	sl_topic_close(topic);
	return rc;
}

int
group_measure(struct group_scan *scan, struct sl_error *err)
{
	struct measure measure = { .scan = scan, .now_ms = sl_now_ms() };
	size_t from, to;
	struct key *keys;
	int rc;

	rc = make_keys(scan, &keys, err);
	for (from = 0; rc == SL_OK && from < scan->row_count; from = to) {
		to = from + 1;
		while (
		    to < scan->row_count && keys[to].topic == keys[from].topic)
			to++;
		rc = measure_topic(&measure, keys + from, to - from, err);
	}
	free(keys);
	if (rc == SL_OK)
		rc = merge(&measure, err);
	while (measure.row_count > 0)
		free(measure.rows[--measure.row_count].made);
	free(measure.rows);
	return rc;
}
