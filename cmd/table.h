/*
 * table.h: columns that line up, for eyes; programs read --json. Floor: cmd.
 */
#ifndef TABLE_H
#define TABLE_H

#include "streamlog.h"

struct table_column {
	const char *heading; /* NULL ends the array */
	bool is_right;       /* numbers line up at the right */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells; /* owned, row by row */
	size_t cell_count;
	bool is_short; /* memory lacked for a cell */
};

void table_init(struct table *table, const struct table_column *columns);
void table_release(struct table *table);

/* The next cell, from left to right, row by row. */
void table_add(struct table *table, const char *text);

/* "24,118,007" as a cell; "-" where it is SL_UNKNOWN. */
void table_add_number(struct table *table, uint64_t number);

/* "3.1 GiB" as a cell; "-" where it is SL_UNKNOWN. */
void table_add_size(struct table *table, uint64_t bytes);

/* "2026-11-22T13:40:00Z" as a cell; "-" where it is SL_TIME_NONE. */
void table_add_time(struct table *table, int64_t time_ms);

/* Print to stdout, headings first. SL_ENOMEM where a cell was lost. */
SL_MUST_USE int table_print(const struct table *table, struct sl_error *err);

#endif
