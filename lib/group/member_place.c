/*
 * member_place.c: the places of this member's partitions: found, pinned,
 * committed (RULE 17); see member.h.
 */
#include "member.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How long a commit waits for who changes the assignment: he never syncs. */
#define COMMIT_TIMEOUT_MS 1000
/* The same for who makes files, which he syncs. */
#define FILES_TIMEOUT_MS 10000

struct sl_held *
sl_member_find(const struct sl_member *member, const char *topic, int partition)
{
	size_t i;

	for (i = 0; i < member->held_count; i++)
		if (member->held[i].partition == partition &&
		    strcmp(member->held[i].name, topic) == 0)
			return &member->held[i];
	return NULL;
}

void
sl_member_drop(struct sl_member *member, struct sl_held *held)
{
	sl_place_close(&held->place);
	*held = member->held[--member->held_count];
}

/* ---- Beginning ---- */

static void
place_at(const struct sl_member *member, const struct sl_topic *topic,
    uint64_t offset, struct sl_place *place)
{
	*place = (struct sl_place){ .offset = offset,
		.generation = member->view.generation,
		.time_ms = sl_now_ms() };
	memcpy(place->topic_id, topic->config.id, sizeof(place->topic_id));
	memcpy(place->member, member->name, sizeof(place->member));
}

/* Make a place; one that is there already is as good. */
static int
pin(const struct sl_member *member, const struct sl_topic *topic, int partition,
    uint64_t offset, struct sl_error *err)
{
	char name[SL_PLACE_NAME_SIZE];
	struct sl_place place;
	int rc;

	sl_place_name(name, topic->name, partition);
	place_at(member, topic, offset, &place);
	rc = sl_place_create(member->group->places, name, &place,
	    &member->group->like, err);
	return rc == SL_EEXISTS ? SL_OK : rc;
}

static int
first_offset(struct sl_topic *topic, int partition,
    const struct sl_member_options *options, uint64_t *offset,
    struct sl_error *err)
{
	struct sl_range range;
	int rc;

	if (options->first == SL_GROUP_TIME)
		rc = sl_files_topic_offset_at(topic, partition,
		    options->first_ms, offset, err);
	else
		rc = sl_files_topic_range(topic, partition, &range, err);
	if (rc < 0)
		return rc;
	if (options->first != SL_GROUP_TIME)
		*offset =
		    options->first == SL_GROUP_END ? range.next : range.first;
	/* No place points past what is on disk (RULE 17). */
	return options->first == SL_GROUP_BEGINNING
	           ? SL_OK
	           : sl_files_topic_sync(topic, partition, err);
}

/* The last partition first: what a kill leaves is new still, for 0 lacks. */
static int
pin_topic(const struct sl_member *member, struct sl_topic *topic,
    const struct sl_member_options *options, struct sl_error *err)
{
	int partition = topic->config.settings.partitions;
	char name[SL_PLACE_NAME_SIZE];
	uint64_t offset = 0;
	struct stat st;
	int rc = SL_OK;

	sl_place_name(name, topic->name, 0);
	if (fstatat(member->group->places, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return SL_OK;
	while (rc == SL_OK && partition-- > 0) {
		rc = first_offset(topic, partition, options, &offset, err);
		if (rc == SL_OK)
			rc = pin(member, topic, partition, offset, err);
	}
	return rc < 0 ? rc : sl_fs_sync_dir(member->group->places, err);
}

int
sl_member_pin(const struct sl_member *member, const struct sl_topics *topics,
    const struct sl_member_options *options, struct sl_error *err)
{
	size_t i;
	int rc;

	rc = sl_group_lock_files(member->group, FILES_TIMEOUT_MS, err);
	if (rc == SL_OK)
		rc = sl_group_settle(member->group, err);
	for (i = 0; rc == SL_OK && i < topics->count; i++)
		rc = pin_topic(member, topics->list[i], options, err);
	sl_group_unlock_files(member->group);
	return rc;
}

/* ---- Judging ---- */

#define REMEDY                                                                 \
	"'streamlog-group reset --to-earliest --execute %s %s', or "           \
	"--to-latest "                                                         \
	"and others, sets it anew"

/* Can the partition be read on from there? */
static int
judge(const struct sl_member *member, const struct sl_held *held,
    struct sl_error *err)
{
	const struct sl_place *place = &held->place.place;
	struct sl_range range;
	int rc;

	if (strcmp(place->topic_id, held->topic->config.id) != 0) {
		sl_error_set(err, SL_ECORRUPT,
		    "the place is one in a topic of that name that was "
		    "replaced; " REMEDY,
		    member->group->name, held->name);
		return sl_topic_wrap(held->topic, held->partition, err);
	}
	rc = sl_files_topic_range(held->topic, held->partition, &range, err);
	if (rc < 0)
		return rc;
	if (place->offset <= range.next)
		return SL_OK;
	sl_error_set(err, SL_ECORRUPT,
	    "the place, %" PRIu64 ", is beyond the end, %" PRIu64
	    ", as if events had been lost; " REMEDY,
	    place->offset, range.next, member->group->name, held->name);
	return sl_topic_wrap(held->topic, held->partition, err);
}

/* A partition that is new begins at its beginning. */
static int
pin_new(struct sl_member *member, struct sl_held *held, struct sl_error *err)
{
	struct sl_range range;
	int rc;

	rc = sl_files_topic_range(held->topic, held->partition, &range, err);
	if (rc == SL_OK)
		rc = sl_group_lock_files(member->group, FILES_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = pin(member, held->topic, held->partition, range.first, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(member->group->places, err);
	sl_group_unlock_files(member->group);
	return rc;
}

int
sl_member_open_place(struct sl_member *member, struct sl_held *held,
    struct sl_error *err)
{
	int places = member->group->places;
	char name[SL_PLACE_NAME_SIZE];
	int rc;

	sl_place_name(name, held->name, held->partition);
	rc = sl_place_open(&held->place, places, name, err);
	if (rc < 0 && err->sys == ENOENT) {
		rc = pin_new(member, held, err);
		if (rc == SL_OK)
			rc = sl_place_open(&held->place, places, name, err);
	}
	if (rc == SL_ECORRUPT)
		return sl_error_set(err, SL_ECORRUPT,
		    "'%s/%s/%s/%s': damaged; " REMEDY, member->group->path,
		    member->group->name, SL_PLACES_NAME, name,
		    member->group->name, held->name);
	return rc < 0 ? rc : judge(member, held, err);
}

/* ---- Committing ---- */

/* Is this member the owner, as the assignment stands under the lock? */
static int
check_owner(const struct sl_member *member, const struct sl_held *held,
    struct sl_error *err)
{
	struct sl_row row;
	int rc;

	rc = sl_assignment_read_row(member->group->lock, held->row, &row, err);
	if (rc < 0)
		return rc;
	if (strcmp(row.topic, held->name) == 0 &&
	    row.partition == held->partition &&
	    strcmp(row.owner, member->id) == 0)
		return SL_OK;
	return sl_error_set(err, SL_EFENCED,
	    "another member has it now: it had taken this one for dead");
}

/* Write it as the owner, and sync it; SL_EBUSY and SL_EFENCED: nothing is. */
static int
write_place(struct sl_member *member, struct sl_held *held,
    const struct sl_place *place, struct sl_error *err)
{
	int rc;

	rc = sl_group_lock_shared(member->group, COMMIT_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = check_owner(member, held, err);
	if (rc < 0) {
		sl_group_unlock_shared(member->group);
		return rc;
	}
	rc = sl_place_write(&held->place, place, err);
	sl_group_unlock_shared(member->group);
	if (rc == SL_OK)
		rc = sl_fs_sync(held->place.fd, err);
	if (rc < 0) /* what is there now nobody knows */
		sl_place_close(&held->place);
	return rc;
}

/* The log first, so that no place points past what is on disk. */
static int
sync_and_write(struct sl_member *member, const struct sl_topic *topic,
    struct sl_held *held, uint64_t offset, struct sl_error *err)
{
	struct sl_place place;
	int rc;

	rc = sl_files_reader_sync(member->reader, topic, held->partition, err);
	if (rc < 0)
		return rc;
	place_at(member, topic, offset, &place);
	return write_place(member, held, &place, err);
}

int
sl_files_member_commit(struct sl_member *member, const struct sl_topic *topic,
    int partition, uint64_t offset, struct sl_error *err)
{
	struct sl_held *held = sl_member_find(member, topic->name, partition);
	uint64_t read_to =
	    sl_files_reader_place(member->reader, topic, partition);
	int rc;

	sl_member_beat(member); /* the commits of many may take long */
	if (held == NULL || held->place.fd < 0)
		rc = sl_error_set(err, SL_EFENCED,
		    "it isn't this member's any more");
	else if (offset <= held->place.place.offset)
		return SL_OK;
	else if (read_to == SL_OFFSET_NONE || offset > read_to)
		rc = sl_error_set(err, SL_EUSAGE,
		    "offset %" PRIu64 " was not read yet", offset);
	else
		rc = sync_and_write(member, topic, held, offset, err);
	if (rc == SL_OK)
		return SL_OK;
	if (rc == SL_EFENCED)
		member->has_event = true; /* look: it comes as lost */
	sl_topic_wrap(topic, partition, err);
	return sl_group_wrap(member->group, err);
}
