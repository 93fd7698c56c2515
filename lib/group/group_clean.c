/*
 * group_clean.c: retention that heeds the places of groups; see
 * streamlog_clean.h and topic_clean.h.
 */
#include "topic_clean.h"

int
sl_topic_clean(struct sl_topic *topic, const struct sl_clean_options *options,
    struct sl_clean_sums *sums, struct sl_error *err)
{
	struct sl_topic_cleaning cleaning = { .only = SL_PARTITIONS_ALL,
		.rolls = true,
		.options = *options };

	return sl_topic_clean_as(topic, &cleaning, sums, err);
}
