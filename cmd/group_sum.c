/* group_sum.c: what came of a scan, in words and in sums; see group_scan.h. */
#include "group_scan.h"
#include "number.h"

#include <string.h>

const char *
place_state_name(enum place_state state)
{
	static const char *const names[] = { "ok", "none", "damaged",
		"replaced", "no topic", "beyond end", "unreadable" };

	return names[state];
}

bool
scan_row_is_measured(const struct scan_row *row)
{
	return row->state == PLACE_OK || row->state == PLACE_NONE;
}

bool
scan_row_has_offset(const struct scan_row *row)
{
	return row->state != PLACE_DAMAGED && row->state != PLACE_REPLACED;
}

bool
scan_row_is_trouble(const struct scan_row *row)
{
	return !scan_row_is_measured(row) &&
	       (row->state != PLACE_REPLACED || row->has_end);
}

/* How many names of members are in the rows. */
static size_t
count_members(const struct scan_row *rows, size_t count)
{
	const char *name, *before = "";
	size_t found = 0, i, j;

	for (i = 0; i < count; i++) {
		name = rows[i].place->member;
		if (name[0] == '\0' || strcmp(name, before) == 0)
			continue;
		for (j = 0; j < i; j++)
			if (strcmp(rows[j].place->member, name) == 0)
				break;
		found += j == i;
		before = name;
	}
	return found;
}

static void
add_row(struct scan_sum *sum, const struct scan_row *row)
{
	int64_t headroom_ms = row->headroom_ms;

	sum->partitions++;
	if (scan_row_is_trouble(row) && sum->trouble == NULL)
		sum->trouble = row;
	sum->events += row->lag.events;
	sum->bytes = number_add(sum->bytes, row->lag.bytes);
	if (row->behind_ms > sum->behind_ms)
		sum->behind_ms = row->behind_ms;
	if (headroom_ms != SL_TIME_NONE && (sum->headroom_ms == SL_TIME_NONE ||
	                                       headroom_ms < sum->headroom_ms))
		sum->headroom_ms = headroom_ms;
}

bool
scan_next_sum(const struct group_scan *scan, size_t *at, struct scan_sum *sum)
{
	const struct scan_row *row = &scan->rows[*at];

	if (*at >= scan->row_count)
		return false;
	*sum = (struct scan_sum){ .group = row->group,
		.topic = row->place->topic,
		.rows = row,
		.behind_ms = SL_TIME_NONE,
		.headroom_ms = SL_TIME_NONE };
	for (; *at < scan->row_count; ++*at, row++) {
		if (row->group != sum->group ||
		    strcmp(row->place->topic, sum->topic) != 0)
			break;
		add_row(sum, row);
	}
	sum->members = count_members(sum->rows, sum->partitions);
	if (sum->trouble != NULL)
		sum->behind_ms = SL_TIME_NONE;
	return true;
}
