/* row.c: the rows of --json; see row.h. */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>

void
row_add_number(struct sl_json *row, const char *name, uint64_t number)
{
	if (number == SL_UNKNOWN)
		sl_json_add_null(row, name);
	else
		sl_json_add_int(row, name, (int64_t)number);
}

void
row_add_time(struct sl_json *row, const char *name, int64_t time_ms)
{
	char text[SL_TIME_TEXT_SIZE];

	if (time_ms == SL_TIME_NONE) {
		sl_json_add_null(row, name);
		return;
	}
	sl_format_time(time_ms, text);
	sl_json_add_text(row, name, text);
}

void
row_add_partition(struct sl_json *row, const struct sl_topic *topic,
    int partition)
{
	sl_json_add_text(row, "topic", sl_topic_name(topic));
	if (partition == SL_PARTITION_REJECTED)
		sl_json_add_text(row, "partition", "rejected");
	else
		sl_json_add_int(row, "partition", partition);
}

int
row_print(struct sl_json *row, struct sl_error *err)
{
	char *text;

	text = sl_json_print(row);
	sl_json_free(row);
	if (text == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	puts(text);
	free(text);
	return SL_OK;
}

void
row_print_on(struct sl_json *row, struct sl_error *first)
{
	struct sl_error err;

	if (row_print(row, &err) != SL_OK && first->code == SL_OK)
		*first = err;
}
