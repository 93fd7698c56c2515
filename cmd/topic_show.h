/*
 * topic_show.h: a topic as streamlog-topic describes it. Floor: cmd.
 */
#ifndef TOPIC_SHOW_H
#define TOPIC_SHOW_H

#include "streamlog.h"

/* What is in a topic, over its partitions. */
struct topic_sums {
	int partitions;
	uint64_t bytes;      /* or SL_UNKNOWN, as segments */
	int64_t bound_bytes; /* of all partitions together; -1: none */
	uint64_t segments;
	uint64_t events;  /* offsets that are there; compacted ones count */
	int64_t first_ms; /* SL_TIME_NONE: no event */
	int64_t last_ms;
};

/*
 * Look at all partitions; `infos` (free(3) it) has one for each. On failure it
 * is NULL.
 */
SL_MUST_USE int topic_sums_read(struct sl_topic *topic, struct topic_sums *sums,
    struct sl_partition_info **infos, struct sl_error *err);

/* "4 partitions, 3.1 GiB, 24,118,007 events". */
#define TOPIC_SUMS_TEXT_SIZE 128
void topic_sums_format(const struct topic_sums *sums,
    char text[TOPIC_SUMS_TEXT_SIZE]);

/* For eyes: a line, a table of the partitions, the settings that were said. */
SL_MUST_USE int topic_show(struct sl_topic *topic, struct sl_error *err);

/* A row of JSON for the topic, then one for each partition. */
SL_MUST_USE int topic_show_json(struct sl_topic *topic, struct sl_error *err);

#endif
