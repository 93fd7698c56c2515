/* topic_show.c: a topic as streamlog-topic describes it; see topic_show.h. */
#include "topic_show.h"
#include "cli.h"
#include "number.h"
#include "row.h"
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was written so lately is "now". */
#define NOW_MS (60 * 1000)

#define DATE_BYTES 10 /* 2026-11-22 */

/* The tighter of the topic's bounds in bytes; -1: it has none. */
static int64_t
bound_of(const struct sl_settings *settings)
{
	int64_t total = settings->retention_total_bytes;
	int64_t each = settings->retention_bytes;

	if ((settings->cleanup & SL_CLEANUP_DELETE) == 0)
		return -1;
	if (each >= 0 && (total < 0 || each < total / settings->partitions))
		return each * settings->partitions;
	return total;
}

int
topic_sums_read(struct sl_topic *topic, struct topic_sums *sums,
    struct sl_partition_info **infos, struct sl_error *err)
{
	struct sl_partition_info *info;
	int i, rc;

	*sums = (struct topic_sums){ .first_ms = SL_TIME_NONE,
		.last_ms = SL_TIME_NONE };
	sums->partitions = sl_topic_settings(topic)->partitions;
	sums->bound_bytes = bound_of(sl_topic_settings(topic));
	*infos = calloc((size_t)sums->partitions, sizeof(**infos));
	if (*infos == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	for (i = 0; i < sums->partitions; i++) {
		info = &(*infos)[i];
		rc = sl_topic_partition_info(topic, i, info, err);
		if (rc != SL_OK) {
			free(*infos);
			*infos = NULL;
			return rc;
		}
		sums->bytes = number_add(sums->bytes, info->bytes);
		sums->segments = number_add(sums->segments, info->segments);
		sums->events += info->range.next - info->range.first;
		if (info->first_ms != SL_TIME_NONE &&
		    (sums->first_ms == SL_TIME_NONE ||
		        info->first_ms < sums->first_ms))
			sums->first_ms = info->first_ms;
		if (info->last_ms > sums->last_ms)
			sums->last_ms = info->last_ms;
	}
	return SL_OK;
}

void
topic_sums_format(const struct topic_sums *sums,
    char text[TOPIC_SUMS_TEXT_SIZE])
{
	char size[SL_SIZE_TEXT_SIZE] = "", events[NUMBER_TEXT_SIZE];
	char bound[SL_SIZE_TEXT_SIZE] = "";

	if (sums->bytes != SL_UNKNOWN)
		sl_format_size(sums->bytes, size);
	if (sums->bound_bytes >= 0)
		sl_format_size((uint64_t)sums->bound_bytes, bound);
	number_format(sums->events, events);
	snprintf(text, TOPIC_SUMS_TEXT_SIZE, "%d %s, %s%s%s%s%s %s",
	    sums->partitions,
	    sums->partitions == 1 ? "partition" : "partitions", size,
	    bound[0] != '\0' ? " of " : "", bound, size[0] != '\0' ? ", " : "",
	    events, sums->events == 1 ? "event" : "events");
}

/* ---- For eyes ---- */

/* ", 2026-11-15 to now" */
static void
print_span(const struct topic_sums *sums)
{
	char first[SL_TIME_TEXT_SIZE], last[SL_TIME_TEXT_SIZE];
	int64_t age_ms;

	if (sums->first_ms == SL_TIME_NONE)
		return;
	sl_format_time(sums->first_ms, first);
	sl_format_time(sums->last_ms, last);
	age_ms = sl_now_ms() - sums->last_ms;
	printf(", %.*s to ", DATE_BYTES, first);
	if (age_ms >= 0 && age_ms < NOW_MS)
		printf("now");
	else
		printf("%.*s", DATE_BYTES, last);
}

/* ", delete after 7 d" */
static void
print_age(const struct sl_settings *settings)
{
	char age[NUMBER_TEXT_SIZE];

	if ((settings->cleanup & SL_CLEANUP_DELETE) == 0 ||
	    settings->retention_ms < 0)
		return;
	duration_format(settings->retention_ms, age);
	printf(", delete after %s", age);
}

static int
print_partitions(const struct sl_partition_info *infos, int count,
    struct sl_error *err)
{
	static const struct table_column columns[] = {
		{ "PARTITION", true },
		{ "FIRST", true },
		{ "NEXT", true },
		{ "SEGMENTS", true },
		{ "SIZE", true },
		{ "OLDEST", false },
		{ "NEWEST", false },
		{ NULL, false },
	};
	struct table table;
	int i, rc;

	table_init(&table, columns);
	for (i = 0; i < count; i++) {
		table_add_number(&table, (uint64_t)i);
		table_add_number(&table, infos[i].range.first);
		table_add_number(&table, infos[i].range.next);
		table_add_number(&table, infos[i].segments);
		table_add_size(&table, infos[i].bytes);
		table_add_time(&table, infos[i].first_ms);
		table_add_time(&table, infos[i].last_ms);
	}
	rc = table_print(&table, err);
	table_release(&table);
	return rc;
}

static void
print_settings(const struct sl_topic *topic)
{
	struct sl_setting_row row;
	size_t i;

	for (i = 0; sl_topic_setting(topic, i, &row); i++)
		if (!row.is_default && strcmp(row.name, "partitions") != 0)
			printf("%s=%s\n", row.name, row.value);
}

/* How many lines are kept aside; none where that log isn't there. */
static int
count_rejected(struct sl_topic *topic, uint64_t *count, struct sl_error *err)
{
	struct sl_range range = { .next = 0 };
	int rc;

	rc = sl_topic_range(topic, SL_PARTITION_REJECTED, &range, err);
	*count = rc < 0 ? 0 : range.next - range.first;
	return rc < 0 && err->sys == ENOENT ? SL_OK : rc;
}

static void
print_rejected(const struct sl_topic *topic, uint64_t count)
{
	char number[NUMBER_TEXT_SIZE];

	number_format(count, number);
	if (count > 0)
		printf("%s rejected %s: 'streamlog-tail --rejected %s'\n",
		    number, count == 1 ? "line" : "lines",
		    sl_topic_name(topic));
}

int
topic_show(struct sl_topic *topic, struct sl_error *err)
{
	struct sl_partition_info *infos;
	char text[TOPIC_SUMS_TEXT_SIZE];
	struct topic_sums sums;
	uint64_t rejected;
	int rc;

	rc = topic_sums_read(topic, &sums, &infos, err);
	if (rc != SL_OK)
		return rc;
	rc = count_rejected(topic, &rejected, err);
	if (rc != SL_OK) {
		free(infos);
		return rc;
	}
	topic_sums_format(&sums, text);
	printf("%s: %s", sl_topic_name(topic), text);
	print_span(&sums);
	print_age(sl_topic_settings(topic));
	putchar('\n');
	rc = print_partitions(infos, sums.partitions, err);
	print_rejected(topic, rejected);
	print_settings(topic);
	free(infos);
	return rc;
}

/* ---- For programs ---- */

static void
add_settings(struct sl_json *row, const struct sl_topic *topic)
{
	struct sl_json *settings = sl_json_object();
	struct sl_setting_row setting;
	size_t i;

	for (i = 0; sl_topic_setting(topic, i, &setting); i++)
		if (strcmp(setting.name, "partitions") != 0)
			sl_json_add_text(settings, setting.name, setting.value);
	sl_json_add_object(row, "settings", settings);
}

static int
print_topic_row(struct sl_topic *topic, const struct topic_sums *sums,
    struct sl_error *err)
{
	struct sl_json *row;
	uint64_t rejected;
	int rc;

	rc = count_rejected(topic, &rejected, err);
	if (rc != SL_OK)
		return rc;
	row = sl_json_object();
	sl_json_add_text(row, "topic", sl_topic_name(topic));
	sl_json_add_text(row, "id", sl_topic_id(topic));
	sl_json_add_int(row, "partitions", sums->partitions);
	sl_json_add_int(row, "events", (int64_t)sums->events);
	sl_json_add_int(row, "rejected_lines", (int64_t)rejected);
	row_add_number(row, "segments", sums->segments);
	row_add_number(row, "bytes", sums->bytes);
	row_add_time(row, "first_time", sums->first_ms);
	row_add_time(row, "last_time", sums->last_ms);
	add_settings(row, topic);
	return row_print(row, err);
}

static int
print_partition_row(const struct sl_topic *topic, int partition,
    const struct sl_partition_info *info, struct sl_error *err)
{
	struct sl_json *row = sl_json_object();

	sl_json_add_text(row, "topic", sl_topic_name(topic));
	sl_json_add_int(row, "partition", partition);
	sl_json_add_int(row, "first_offset", (int64_t)info->range.first);
	sl_json_add_int(row, "next_offset", (int64_t)info->range.next);
	sl_json_add_int(row, "events",
	    (int64_t)(info->range.next - info->range.first));
	row_add_number(row, "segments", info->segments);
	row_add_number(row, "bytes", info->bytes);
	row_add_time(row, "first_time", info->first_ms);
	row_add_time(row, "last_time", info->last_ms);
	return row_print(row, err);
}

int
topic_show_json(struct sl_topic *topic, struct sl_error *err)
{
	struct sl_partition_info *infos;
	struct topic_sums sums;
	int i, rc;

	rc = topic_sums_read(topic, &sums, &infos, err);
	if (rc != SL_OK)
		return rc;
	rc = print_topic_row(topic, &sums, err);
	for (i = 0; i < sums.partitions && rc == SL_OK; i++)
		rc = print_partition_row(topic, i, &infos[i], err);
	free(infos);
	return rc;
}
