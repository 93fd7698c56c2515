/*
 * row.h: the rows of --json, an object a line. Floor: cmd.
 */
#ifndef ROW_H
#define ROW_H

#include "streamlog.h"

/* null where the number is SL_UNKNOWN. */
void row_add_number(struct sl_json *row, const char *name, uint64_t number);

/* RFC 3339; null where the time is SL_TIME_NONE. */
void row_add_time(struct sl_json *row, const char *name, int64_t time_ms);

/* "topic" and "partition", which is "rejected" in the log of those lines. */
void row_add_partition(struct sl_json *row, const struct sl_topic *topic,
    int partition);

/* Print a row, which is taken over, to stdout. SL_ENOMEM. */
SL_MUST_USE int row_print(struct sl_json *row, struct sl_error *err);

/* The same; *first gets the failure, unless it has one: its code is SL_OK. */
void row_print_on(struct sl_json *row, struct sl_error *first);

#endif
