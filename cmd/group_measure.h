/*
 * group_measure.h: how far the places of a scan are from the ends of their
 * partitions; a part of group_scan.h. Floor: cmd.
 */
#ifndef GROUP_MEASURE_H
#define GROUP_MEASURE_H

#include "group_scan.h"

/*
 * Measure all rows, topic by topic, and add one for each partition in which a
 * group lacks a place though it has one in the topic: it is new there, and read
 * from its beginning. What can't be measured is told, and its row's state.
 */
SL_MUST_USE int group_measure(struct group_scan *scan, struct sl_error *err);

#endif
