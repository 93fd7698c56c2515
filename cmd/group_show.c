/* group_show.c: groups, place by place; see group_show.h. */
#include "group_show.h"
#include "number.h"
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- For eyes ---- */

void
group_add_duration(struct table *table, int64_t ms)
{
	char text[NUMBER_TEXT_SIZE];

	if (ms == SL_TIME_NONE) {
		table_add(table, "-");
		return;
	}
	duration_format(ms, text);
	table_add(table, text);
}

/* Offsets are names: no commas, so that they can be typed again. */
static void
add_offset(struct table *table, uint64_t offset)
{
	char text[NUMBER_TEXT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, offset);
	table_add(table, text);
}

/* COMMITTED: where the place can't be read on from, why. */
static void
add_committed(struct table *table, const struct scan_row *row)
{
	if (scan_row_has_offset(row) && row->state != PLACE_NONE)
		add_offset(table, row->place->offset);
	else
		table_add(table, place_state_name(row->state));
}

static void
add_lag(struct table *table, const struct scan_row *row)
{
	if (scan_row_is_measured(row))
		table_add_number(table, row->lag.events);
	else if (row->state == PLACE_BEYOND_END)
		table_add(table, place_state_name(row->state));
	else
		table_add(table, "-");
}

static void
add_row(struct table *table, const struct scan_row *row)
{
	const struct sl_group_place *place = row->place;
	bool is_behind = row->lag.events > 0;

	table_add(table, place->topic);
	add_offset(table, (uint64_t)place->partition);
	add_committed(table, row);
	if (row->has_end)
		add_offset(table, row->lag.range.next);
	else
		table_add(table, "-");
	add_lag(table, row);
	group_add_duration(table, is_behind ? row->behind_ms : SL_TIME_NONE);
	group_add_duration(table, row->headroom_ms);
	table_add(table, place->member[0] != '\0' ? place->member : "-");
	table_add_time(table,
	    place->is_damaged ? SL_TIME_NONE : place->time_ms);
}

static int
print_group(const struct scan_row *rows, size_t count, struct sl_error *err)
{
	static const struct table_column columns[] = {
		{ "TOPIC", false },
		{ "PARTITION", true },
		{ "COMMITTED", true },
		{ "END", true },
		{ "LAG", true },
		{ "BEHIND", true },
		{ "HEADROOM", true },
		{ "MEMBER", false },
		{ "AT", false },
		{ NULL, false },
	};
	struct table table;
	size_t i;
	int rc;

	table_init(&table, columns);
	for (i = 0; i < count; i++)
		add_row(&table, &rows[i]);
	rc = table_print(&table, err);
	table_release(&table);
	return rc;
}

int
group_show(const struct group_scan *scan, bool is_named, struct sl_error *err)
{
	const struct scan_group *group;
	bool is_first = true;
	int rc = SL_OK;
	size_t i;

	for (i = 0; rc == SL_OK && i < scan->group_count; i++) {
		group = &scan->groups[i];
		if (group->row_count == 0 && scan->query->topic_count > 0)
			continue;
		if (is_named)
			printf("%s%s:\n", is_first ? "" : "\n", group->name);
		is_first = false;
		rc = print_group(scan->rows + group->row_first,
		    group->row_count, err);
	}
	return rc;
}

/* ---- For programs ---- */

void
group_add_json_ms(struct sl_json *row, const char *name, int64_t ms)
{
	if (ms == SL_TIME_NONE)
		sl_json_add_null(row, name);
	else
		sl_json_add_int(row, name, ms);
}

static int
print_json(const struct scan_row *row, struct sl_error *err)
{
	const struct sl_group_place *place = row->place;
	struct sl_json *json = sl_json_object();
	bool is_ok = scan_row_is_measured(row);

	sl_json_add_text(json, "group", row->group);
	sl_json_add_text(json, "topic", place->topic);
	sl_json_add_int(json, "partition", place->partition);
	row_add_number(json, "offset",
	    scan_row_has_offset(row) ? place->offset : SL_UNKNOWN);
	row_add_number(json, "end_offset",
	    row->has_end ? row->lag.range.next : SL_UNKNOWN);
	row_add_number(json, "lag_events",
	    is_ok ? row->lag.events : SL_UNKNOWN);
	row_add_number(json, "lag_bytes", is_ok ? row->lag.bytes : SL_UNKNOWN);
	group_add_json_ms(json, "behind_ms", row->behind_ms);
	group_add_json_ms(json, "headroom_ms", row->headroom_ms);
	row_add_number(json, "gone_events", is_ok ? row->lag.gone : SL_UNKNOWN);
	sl_json_add_text(json, "state", place_state_name(row->state));
	sl_json_add_text(json, "member",
	    place->member[0] != '\0' ? place->member : NULL);
	row_add_time(json, "committed_time",
	    place->is_damaged ? SL_TIME_NONE : place->time_ms);
	return row_print(json, err);
}

int
group_show_json(const struct group_scan *scan, struct sl_error *err)
{
	int rc = SL_OK;
	size_t i;

	for (i = 0; rc == SL_OK && i < scan->row_count; i++)
		rc = print_json(&scan->rows[i], err);
	return rc;
}
