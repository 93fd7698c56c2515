/*
 * group_show.h: groups as streamlog-group describes them, place by place.
 * Floor: cmd.
 */
#ifndef GROUP_SHOW_H
#define GROUP_SHOW_H

#include "group_scan.h"
#include "table.h"

/* A table of the places of each group; `is_named`: each below its name. */
SL_MUST_USE int group_show(const struct group_scan *scan, bool is_named,
    struct sl_error *err);

/* A row of JSON for each place. */
SL_MUST_USE int group_show_json(const struct group_scan *scan,
    struct sl_error *err);

/* A duration as a cell; "-" where it is SL_TIME_NONE. */
void group_add_duration(struct table *table, int64_t ms);

/* The same in JSON: milliseconds, or null. */
void group_add_json_ms(struct sl_json *row, const char *name, int64_t ms);

#endif
