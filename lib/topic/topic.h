/*
 * topic.h: a topic's directory, opened. Floor: topic.
 *
 * DIR/NAME/ holds topic.yaml, a directory for each partition ("0", "1", ...),
 * and `rejected` once a line was none. A topic appears whole, by a rename, and
 * goes by one (RULE 12); `~` and hex digits is one half made or half deleted.
 */
#ifndef SL_TOPIC_H
#define SL_TOPIC_H

#include "config.h"
#include "files.h"
#include "fs.h"

#include <limits.h>

#define SL_TOPIC_YAML "topic.yaml"
#define SL_DIR_YAML "streamlog.yaml"
#define SL_REJECTED_NAME "rejected"
#define SL_PARTITION_NAME_SIZE 16

struct sl_topic {
	const struct sl_engine *engine; /* the door's; see files.h */
	char dir[PATH_MAX];             /* the log directory, as it was named */
	char name[SL_TOPIC_NAME_MAX + 1];
	int dir_fd; /* owned */
	int fd;     /* owned: the topic's directory */
	struct sl_fs_like like;
	struct sl_config config;
	struct stat yaml; /* as topic.yaml was when it was read */
};

/* "0", or "rejected" for SL_PARTITION_REJECTED. */
void sl_partition_name(char name[SL_PARTITION_NAME_SIZE], int partition);

/* Is there such a partition? SL_EUSAGE says how many there are. */
SL_MUST_USE int sl_topic_check_partition(const struct sl_topic *topic,
    int partition, struct sl_error *err);

/* Put "topic 'NAME': [partition N: ]" before the error's text. */
int sl_topic_wrap(const struct sl_topic *topic, int partition,
    struct sl_error *err);

/* As sl_default_dir(), where that is no directory: that without
 * $STREAMLOG_DIR. */
SL_MUST_USE int sl_files_default_dir(char *path, struct sl_error *err);

/* Split an operand: a name in `dir` (NULL: the default), or a path. `dir_path`
 * is the caller's, PATH_MAX bytes; `topic` SL_TOPIC_NAME_MAX + 1. */
SL_MUST_USE int sl_topic_locate(const char *dir, const char *operand,
    char *dir_path, char *topic, struct sl_error *err);

/* Make a topic of this one's name and id in `dir`, which takes no events. */
SL_MUST_USE int sl_topic_create_archive(const char *dir,
    const struct sl_topic *of, struct sl_error *err);

/* Make the log of rejected lines, if it isn't there. */
SL_MUST_USE int sl_topic_make_rejected(struct sl_topic *topic,
    struct sl_error *err);

#endif
