/*
 * group_clean.c: retention that heeds the places of groups; see
 * streamlog_clean.h and topic_clean.h. Reads places and looks who lives; takes
 * no lock of a group's (RULE 13).
 */
#include "group.h"
#include "topic.h"
#include "topic_clean.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* A group without a live member counts so long after its last commit (RULE 22).
 */
#define WAITED_MS (10 * 60 * INT64_C(1000))

/*
 * A group's place in a partition. SL_END: it has none there, or one that can't
 * be read, or in another topic of that name.
 */
static int
place_of(const struct sl_topic *topic, int partition, const char *group,
    struct sl_place *place, struct sl_error *err)
{
	char name[SL_PLACE_NAME_SIZE], path[PATH_MAX];
	int fd = -1;
	int n, rc;

	n = snprintf(path, sizeof(path), "%s/" SL_GROUPS_NAME "/%s/%s",
	    topic->dir, group, SL_PLACES_NAME);
	if (n < 0 || (size_t)n >= sizeof(path))
		return SL_END;
	sl_place_name(name, topic->name, partition);
	rc = sl_fs_open_dir(&fd, AT_FDCWD, path, err);
	if (rc == SL_OK)
		rc = sl_place_read(place, fd, name, err);
	sl_fs_close(&fd);
	if (rc == SL_ECORRUPT || (rc < 0 && err->sys == ENOENT))
		return SL_END;
	if (rc == SL_OK && strcmp(place->topic_id, topic->config.id) != 0)
		return SL_END;
	return rc;
}

/* What one of these groups has not read; all of it, if it never read. */
static int
keep_protected(const struct sl_topic *topic, int partition, uint64_t *from,
    struct sl_error *err)
{
	char names[SL_SETTING_VALUE_SIZE];
	struct sl_place place;
	char *name, *rest = names;
	int rc;

	memcpy(names, topic->config.settings.protect_groups, sizeof(names));
	while ((name = strsep(&rest, ",")) != NULL) {
		rc = place_of(topic, partition, name, &place, err);
		if (rc < 0)
			return sl_error_wrap(err, "group '%s'", name);
		if (rc == SL_END)
			*from = 0;
		else if (place.offset < *from)
			*from = place.offset;
	}
	return SL_OK;
}

/* Does somebody live there, or committed lately? */
static bool
is_waited_for(const struct sl_topic *topic, const char *name,
    const struct sl_place *place)
{
	struct sl_group *group;
	struct sl_error ignored;
	int64_t age_ms = sl_now_ms() - place->time_ms;
	size_t live = 0;

	if (age_ms < WAITED_MS && age_ms > -WAITED_MS)
		return true;
	if (sl_files_group_open(&group, topic->dir, NULL, name, &ignored) !=
	    SL_OK)
		return false;
	if (sl_files_group_live(group, &live, &ignored) != SL_OK)
		live = 1; /* who can't be seen may live */
	sl_files_group_close(group);
	return live > 0;
}

static int
keep_waited(const struct sl_topic *topic, int partition, uint64_t *from,
    struct sl_error *err)
{
	struct sl_place place;
	char **names;
	size_t count, i;
	int rc;

	rc = sl_files_group_list(topic->dir, NULL, NULL, &names, &count, err);
	for (i = 0; rc >= 0 && i < count; i++) {
		rc = place_of(topic, partition, names[i], &place, err);
		if (rc == SL_OK && place.offset < *from &&
		    is_waited_for(topic, names[i], &place))
			*from = place.offset;
	}
	sl_names_free(names, count);
	return rc < 0 ? rc : SL_OK;
}

static int
keep(const struct sl_topic *topic, int partition, enum sl_keep_whose whose,
    uint64_t *from, struct sl_error *err)
{
	*from = SL_OFFSET_NONE;
	if (whose == SL_KEEP_PROTECTED)
		return keep_protected(topic, partition, from, err);
	return keep_waited(topic, partition, from, err);
}

void
sl_files_writer_heed_groups(struct sl_writer *writer)
{
	sl_writer_keep(writer, keep);
}

int
sl_files_topic_clean(struct sl_topic *topic,
    const struct sl_clean_options *options, struct sl_clean_sums *sums,
    struct sl_error *err)
{
	struct sl_topic_cleaning cleaning = { .only = SL_PARTITIONS_ALL,
		.rolls = true,
		.yields = true,
		.compacts = true,
		.keep = keep,
		.options = *options };

	return sl_topic_clean_as(topic, &cleaning, sums, err);
}
