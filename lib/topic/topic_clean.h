/*
 * topic_clean.h: retention of a topic, all its partitions together. Floor:
 * topic.
 *
 * Bounds of the whole topic are settled from listings, without a lock, as an
 * offset in each partition below which all goes; that stays true whatever
 * others do before its partition's clean lock is taken.
 */
#ifndef SL_TOPIC_CLEAN_H
#define SL_TOPIC_CLEAN_H

#include "log.h"
#include "topic.h"

/* Whose places count. */
enum sl_keep_whose {
	SL_KEEP_PROTECTED, /* those of retention.protect.groups */
	SL_KEEP_WAITED,    /* of groups that on.full=wait waits for */
};

/*
 * The lowest place of these groups in a partition: SL_OFFSET_NONE where no
 * group counts. The floor above, which knows groups, has one.
 */
typedef int sl_keep_fn(const struct sl_topic *topic, int partition,
    enum sl_keep_whose whose, uint64_t *from, struct sl_error *err);

/* The limits of a partition's segments, small beside its bounds. */
struct sl_log_limits sl_topic_limits(const struct sl_topic *topic,
    int partition);

/* Is there a bound that lets events go? */
bool sl_topic_is_bounded(const struct sl_topic *topic, int partition);

/* What a writer asks from now on. */
void sl_writer_keep(struct sl_writer *writer, sl_keep_fn *keep);

#define SL_PARTITIONS_ALL (-1)

struct sl_topic_cleaning {
	int only;      /* this partition, where no bound is the whole topic's */
	bool rolls;    /* close what is old enough of the active segments */
	bool compacts; /* by key, where the topic's policy says so */
	uint64_t room; /* bytes to be free beneath the bounds in bytes */
	bool is_full;  /* the disk is: something must go, and at once */
	bool yields;   /* to who woke, step by step; not for a writer */
	sl_keep_fn *keep; /* NULL: whatever groups could keep is kept */
	struct sl_clean_options options;
};

/* See sl_topic_clean(). */
SL_MUST_USE int sl_topic_clean_as(struct sl_topic *topic,
    const struct sl_topic_cleaning *cleaning, struct sl_clean_sums *sums,
    struct sl_error *err);

#endif
