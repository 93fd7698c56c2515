/*
 * group_lag.h: how far groups are behind, a row a group and topic, in the forms
 * of streamlog-group lag; and for those who watch. Floor: cmd.
 */
#ifndef GROUP_LAG_H
#define GROUP_LAG_H

#include "group_scan.h"

SL_MUST_USE int group_lag_show(const struct group_scan *scan,
    struct sl_error *err);
SL_MUST_USE int group_lag_json(const struct group_scan *scan,
    struct sl_error *err);

/* The text exposition format, for node_exporter's textfile collector. */
void group_lag_prometheus(const struct group_scan *scan);

enum nagios_status {
	NAGIOS_OK = 0,
	NAGIOS_WARNING = 1,
	NAGIOS_CRITICAL = 2,
	NAGIOS_UNKNOWN = 3,
};
#define NAGIOS_UNKNOWN_PREFIX "STREAMLOG UNKNOWN - "

/*
 * Print the verdict: one line, with performance data. A row with more than
 * `warn` or `crit` events of lag is one; one that can't be measured is UNKNOWN
 * unless another is worse. Returns the exit status.
 */
int group_lag_nagios(const struct group_scan *scan, uint64_t warn,
    uint64_t crit);

#endif
