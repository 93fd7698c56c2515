/*
 * topic_archive.h: a topic that keeps the complete segments of another. Floor:
 * topic.
 *
 * It has the name and the id of the topic it is of, so that an offset, and a
 * group's place, mean the same in both; and read.only=true, so that nothing
 * else is written to it, and nothing ever goes.
 */
#ifndef SL_TOPIC_ARCHIVE_H
#define SL_TOPIC_ARCHIVE_H

#include "retain.h"
#include "topic.h"

/*
 * Open, or make, the archive of `topic` in `dir`. SL_END: it isn't there, and
 * is_dry. SL_EUSAGE: what is there is no archive of it.
 */
SL_MUST_USE int sl_topic_archive_open(struct sl_topic **archive,
    const char *dir, const struct sl_topic *topic, bool is_dry,
    struct sl_error *err);

/*
 * Copy the complete segments of a partition, whose directory is `from`, under
 * its clean lock.
 */
SL_MUST_USE int sl_topic_archive_part(const struct sl_topic *archive, int from,
    const struct sl_retain_ear *ear, struct sl_error *err);

/*
 * Tell what that would copy. archive NULL: there is none yet. takes_active:
 * what is being written would be closed, and copied, too.
 */
SL_MUST_USE int sl_topic_archive_tell(const struct sl_topic *archive, int from,
    bool takes_active, const struct sl_retain_ear *ear, struct sl_error *err);

#endif
