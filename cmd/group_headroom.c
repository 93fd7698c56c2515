/* group_headroom.c: until retention passes a place; see group_headroom.h. */
#include "group_headroom.h"

#include <stdlib.h>
#include <string.h>

/* Of what came within less no rate is told. */
#define SPAN_MS_MIN 1000

/* Ten thousand years: what takes longer never comes. */
#define HEADROOM_MS_MAX 315360000000000.0

void
headroom_init(struct headroom *headroom, struct sl_topic *topic,
    const struct group_query *query, int64_t now_ms)
{
	*headroom = (struct headroom){ .topic = topic,
		.now_ms = now_ms,
		.is_default_dir = query->state_dir == NULL };
}

void
headroom_release(struct headroom *headroom)
{
	free(headroom->infos);
	headroom->infos = NULL;
}

/* Look at all partitions, once. What can't be read leaves all unknown. */
static bool
knows_partitions(struct headroom *headroom)
{
	int count = sl_topic_settings(headroom->topic)->partitions;
	struct sl_error err;

	if (headroom->is_tried)
		return headroom->infos != NULL;
	headroom->is_tried = true;
	headroom->infos = calloc((size_t)count, sizeof(*headroom->infos));
	headroom->count = count;
	while (headroom->infos != NULL && count-- > 0)
		if (sl_topic_partition_info(headroom->topic, count,
		        &headroom->infos[count], &err) != SL_OK)
			headroom_release(headroom);
	return headroom->infos != NULL;
}

/* What came to a partition in a millisecond, of `amount` in all; 0: unknown. */
static double
rate_of(const struct sl_partition_info *info, uint64_t amount)
{
	int64_t span_ms = info->last_ms - info->first_ms;

	if (info->first_ms == SL_TIME_NONE || span_ms < SPAN_MS_MIN)
		return 0;
	return (double)amount / (double)span_ms;
}

/* The time until `used` is at the bound. */
static int64_t
until_full(int64_t bound, double used, double rate)
{
	double left = (double)bound - used;

	if (left <= 0)
		return 0;
	if (rate <= 0 || left / rate > HEADROOM_MS_MAX)
		return SL_TIME_NONE;
	return (int64_t)(left / rate);
}

/* ---- The bounds, each alone ---- */

static int64_t
until_old(const struct headroom *headroom, const struct scan_row *row)
{
	int64_t bound = sl_topic_settings(headroom->topic)->retention_ms;
	int64_t age_ms = row->behind_ms;

	if (age_ms == SL_TIME_NONE || age_ms > bound)
		return age_ms == SL_TIME_NONE ? SL_TIME_NONE : 0;
	return bound - age_ms;
}

static int64_t
until_bytes(const struct headroom *headroom, const struct scan_row *row)
{
	const struct sl_partition_info *info =
	    &headroom->infos[row->place->partition];

	return until_full(sl_topic_settings(headroom->topic)->retention_bytes,
	    (double)row->lag.bytes, rate_of(info, info->bytes));
}

static int64_t
until_count(const struct headroom *headroom, const struct scan_row *row)
{
	const struct sl_partition_info *info =
	    &headroom->infos[row->place->partition];

	return until_full(sl_topic_settings(headroom->topic)->retention_count,
	    (double)row->lag.events,
	    rate_of(info, info->range.next - info->range.first));
}

/*
 * The oldest of all partitions go first, so that what came to the others since
 * the first unread event goes after it.
 */
static int64_t
until_total(const struct headroom *headroom, const struct scan_row *row)
{
	double used = (double)row->lag.bytes, rate = 0, one, later;
	const struct sl_partition_info *info;
	int64_t since_ms = headroom->now_ms;
	int i;

	if (row->lag.events > 0)
		since_ms = row->lag.first_ms;
	if (since_ms == SL_TIME_NONE)
		return SL_TIME_NONE;
	for (i = 0; i < headroom->count; i++) {
		info = &headroom->infos[i];
		one = rate_of(info, info->bytes);
		rate += one;
		if (i == row->place->partition || info->last_ms < since_ms)
			continue;
		later = one * (double)(info->last_ms - since_ms);
		if (one <= 0 || later > (double)info->bytes)
			later = (double)info->bytes;
		used += later;
	}
	return until_full(sl_topic_settings(headroom->topic)
	                      ->retention_total_bytes,
	    used, rate);
}

/* ---- All bounds ---- */

/* Does the topic keep what the group has not read for its age or number? */
static bool
is_protected(const struct headroom *headroom, const char *group)
{
	const char *at = sl_topic_settings(headroom->topic)->protect_groups;
	size_t bytes;

	for (; headroom->is_default_dir && *at != '\0'; at += bytes) {
		at += strspn(at, ",");
		bytes = strcspn(at, ",");
		if (bytes == strlen(group) && memcmp(at, group, bytes) == 0)
			return true;
	}
	return false;
}

static void
lessen(int64_t *least, int64_t ms)
{
	if (ms != SL_TIME_NONE && (*least == SL_TIME_NONE || ms < *least))
		*least = ms;
}

int64_t
headroom_of(struct headroom *headroom, const struct scan_row *row)
{
	const struct sl_settings *settings = sl_topic_settings(headroom->topic);
	bool is_kept = is_protected(headroom, row->group);
	bool is_room_made = settings->on_full == SL_FULL_DROP_OLDEST;
	bool by_age = settings->retention_ms >= 0 && !is_kept;
	bool by_count = settings->retention_count >= 0 && !is_kept;
	bool by_bytes = settings->retention_bytes >= 0 && is_room_made;
	bool by_total = settings->retention_total_bytes >= 0 && is_room_made;
	int64_t least = SL_TIME_NONE;

	if ((settings->cleanup & SL_CLEANUP_DELETE) == 0 ||
	    !(by_age || by_count || by_bytes || by_total))
		return SL_TIME_NONE;
	if (row->place->offset < row->lag.range.first)
		return 0; /* it has passed */
	if (by_age)
		lessen(&least, until_old(headroom, row));
	if (!(by_count || by_bytes || by_total) || !knows_partitions(headroom))
		return least;
	if (by_count)
		lessen(&least, until_count(headroom, row));
	if (by_bytes)
		lessen(&least, until_bytes(headroom, row));
	if (by_total)
		lessen(&least, until_total(headroom, row));
	return least;
}
