/* table.c: columns that line up; see table.h. */
#include "table.h"

#include "cli.h"
#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16
#define SECONDS_BYTES 19 /* 2026-11-22T13:40:00 */

void
table_init(struct table *table, const struct table_column *columns)
{
	*table = (struct table){ .columns = columns };
	while (columns[table->column_count].heading != NULL)
		table->column_count++;
}

void
table_release(struct table *table)
{
	size_t i;

	for (i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}

void
table_add(struct table *table, const char *text)
{
	char **grown, *copy;

	grown = realloc(table->cells,
	    (table->cell_count + 1) * sizeof(*table->cells));
	copy = strdup(text);
	if (grown != NULL)
		table->cells = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		table->is_short = true;
		return;
	}
	table->cells[table->cell_count++] = copy;
}

void
table_add_number(struct table *table, uint64_t number)
{
	char text[NUMBER_TEXT_SIZE];

	number_format(number, text);
	table_add(table, number == SL_UNKNOWN ? "-" : text);
}

void
table_add_size(struct table *table, uint64_t bytes)
{
	char text[SL_SIZE_TEXT_SIZE];

	sl_format_size(bytes, text);
	table_add(table, bytes == SL_UNKNOWN ? "-" : text);
}

void
table_add_time(struct table *table, int64_t time_ms)
{
	char text[SL_TIME_TEXT_SIZE];

	if (time_ms == SL_TIME_NONE) {
		table_add(table, "-");
		return;
	}
	sl_format_time(time_ms, text);
	memcpy(text + SECONDS_BYTES, "Z", sizeof("Z"));
	table_add(table, text);
}

/* One row; a cell at the left of the last column isn't padded. */
static void
print_row(const struct table *table, char *const *cells,
    const int widths[COLUMNS_MAX])
{
	const struct table_column *column;
	const char *text;
	size_t i;

	for (i = 0; i < table->column_count; i++) {
		column = &table->columns[i];
		text = cells != NULL ? cells[i] : column->heading;
		if (i > 0)
			fputs("  ", stdout);
		if (column->is_right)
			printf("%*s", widths[i], text);
		else if (i + 1 < table->column_count)
			printf("%-*s", widths[i], text);
		else
			fputs(text, stdout);
	}
	putchar('\n');
}

int
table_print(const struct table *table, struct sl_error *err)
{
	int widths[COLUMNS_MAX] = { 0 }, width;
	size_t i;

	if (table->is_short)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	for (i = 0; i < table->column_count; i++)
		widths[i] = (int)strlen(table->columns[i].heading);
	for (i = 0; i < table->cell_count; i++) {
		width = (int)strlen(table->cells[i]);
		if (width > widths[i % table->column_count])
			widths[i % table->column_count] = width;
	}
	print_row(table, NULL, widths);
	for (i = 0; i + table->column_count <= table->cell_count;
	     i += table->column_count)
		print_row(table, table->cells + i, widths);
	return SL_OK;
}
