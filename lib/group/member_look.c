/* member_look.c: seeing a group change; see member.h. */
#include "member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_NAP_MS 10
/* Look at least so often, for an event may be lost. */
#define LOOK_MS 1000
/* After an event, look again after 1, 2, 4 ... 64 ms (RULE 19). */
#define NAP_MS_MAX 64

/* ---- Changes ---- */

static int
add_change(struct sl_member *member, enum sl_member_change_kind kind,
    struct sl_topic *topic, const char *name, int partition,
    struct sl_error *err)
{
	struct sl_member_change *grown, *change;

	if (member->change_count == member->change_room) {
		member->change_room = 2 * member->change_room + 16;
		grown = reallocarray(member->changes, member->change_room,
		    sizeof(*grown));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		member->changes = grown;
	}
	change = &member->changes[member->change_count++];
	*change = (struct sl_member_change){ .kind = kind,
		.topic = topic,
		.partition = partition };
	snprintf(change->name, sizeof(change->name), "%s", name);
	return SL_OK;
}

int
sl_files_member_next_change(struct sl_member *member,
    struct sl_member_change *change, struct sl_error *err)
{
	struct sl_held *held;
	int rc;

	if (member->changes_taken == member->change_count) {
		member->changes_taken = member->change_count = 0;
		return SL_END;
	}
	sl_member_beat(member); /* opening the places of many may take long */
	*change = member->changes[member->changes_taken++];
	held = sl_member_find(member, change->name, change->partition);
	if (change->kind != SL_MEMBER_ASSIGNED || held == NULL)
		return SL_OK;
	rc = sl_member_open_place(member, held, err);
	if (rc < 0)
		return sl_group_wrap(member->group, err);
	change->offset = held->place.place.offset;
	return SL_OK;
}

static struct sl_topic *
find_topic(const struct sl_topics *topics, const char *name)
{
	size_t i;

	for (i = 0; i < topics->count; i++)
		if (strcmp(topics->list[i]->name, name) == 0)
			return topics->list[i];
	return NULL;
}

/* What this member had and has no longer, or should let go of. */
static int
see_losses(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	const struct sl_row *row;
	struct sl_held *held;
	size_t i = member->held_count;
	int rc = SL_OK;

	while (rc == SL_OK && i-- > 0) {
		held = &member->held[i];
		row = held->row < member->view.count
		          ? &member->view.rows[held->row]
		          : NULL;
		held->topic = find_topic(topics, held->name);
		if (row == NULL || strcmp(row->topic, held->name) != 0 ||
		    row->partition != held->partition ||
		    strcmp(row->owner, member->id) != 0) {
			rc = add_change(member, SL_MEMBER_LOST, held->topic,
			    held->name, held->partition, err);
			sl_member_drop(member, held);
		} else if (row->next[0] != '\0' && !held->is_revoked) {
			held->is_revoked = true;
			rc = add_change(member, SL_MEMBER_REVOKED, held->topic,
			    held->name, held->partition, err);
		}
	}
	return rc;
}

/* Take up a row that is this member's from now on. */
static int
take_row(struct sl_member *member, struct sl_topic *topic, size_t index,
    struct sl_error *err)
{
	const struct sl_row *row = &member->view.rows[index];
	struct sl_held *grown;

	grown =
	    reallocarray(member->held, member->held_count + 1, sizeof(*grown));
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	member->held = grown;
	grown[member->held_count] = (struct sl_held){ .topic = topic,
		.partition = row->partition,
		.row = index,
		.place = SL_PLACE_CLOSED };
	snprintf(grown[member->held_count].name, sizeof(grown->name), "%s",
	    row->topic);
	member->held_count++;
	return add_change(member, SL_MEMBER_ASSIGNED, topic, row->topic,
	    row->partition, err);
}

static int
see_gains(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	const struct sl_row *row;
	struct sl_topic *topic;
	size_t i;
	int rc = SL_OK;

	for (i = 0; rc == SL_OK && i < member->view.count; i++) {
		row = &member->view.rows[i];
		if (strcmp(row->owner, member->id) != 0 ||
		    row->topic[0] == '\0' ||
		    sl_member_find(member, row->topic, row->partition) != NULL)
			continue;
		topic = find_topic(topics, row->topic);
		if (topic == NULL ||
		    row->partition >= topic->config.settings.partitions)
			rc = add_change(member, SL_MEMBER_UNKNOWN, NULL,
			    row->topic, row->partition, err);
		else
			rc = take_row(member, topic, i, err);
	}
	return rc;
}

/* ---- Looking ---- */

void
sl_member_note_event(void *arg, int number)
{
	struct sl_member *member = arg;

	if (number >= 0 && number != member->members_watch &&
	    number != member->lock_watch)
		return;
	member->has_event = true;
	/* Who was seen dying may still have its lock: look again, too. */
	if (number >= 0 && number == member->members_watch)
		member->nap_ms = 1;
}

/* Without the lock: is there anything to do? */
static int
see(struct sl_member *member, const struct sl_topics *topics, bool *is_due,
    struct sl_error *err)
{
	bool has_changed = false, ignored;
	int rc;

	rc = sl_group_follow_lock(member->group, &ignored, err);
	if (rc == SL_OK)
		rc = sl_peers_look(&member->peers, member->group->members,
		    false, &has_changed, err);
	if (rc == SL_OK)
		rc =
		    sl_assignment_read(&member->view, member->group->lock, err);
	if (rc == SL_OK)
		rc = sl_member_plan(member, topics, err);
	*is_due = rc == SL_OK && (sl_assignment_is_changed(&member->view) ||
	                             member->peers.has_dead);
	/* One more look after this one, until it is quiet (RULE 19). */
	if (has_changed)
		member->nap_ms = 1;
	return rc;
}

/*
 * Put out as silent: what was held is lost. It may come back in the same look,
 * but in between it may have been another's, who is dead by now: then the place
 * on disk is beyond the one remembered here.
 */
static int
lose_all(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	struct sl_held *held;
	int rc = SL_OK;

	while (rc == SL_OK && member->held_count > 0) {
		held = &member->held[member->held_count - 1];
		rc = add_change(member, SL_MEMBER_LOST,
		    find_topic(topics, held->name), held->name, held->partition,
		    err);
		sl_member_drop(member, held);
	}
	return rc;
}

/* Read and, where there is something to do, do it. */
static int
see_and_act(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	bool is_due = false;
	int rc;

	if (!sl_peer_is_in(member->fd)) {
		sl_fs_close(&member->fd);
		rc = lose_all(member, topics, err);
		return rc < 0 ? rc : sl_member_enter(member, topics, err);
	}
	rc = see(member, topics, &is_due, err);
	if (rc < 0 || !is_due)
		return rc;
	rc = sl_group_lock(member->group, SL_TURN_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = sl_member_act(member, topics, err);
	sl_group_unlock(member->group);
	return rc;
}

void
sl_member_beat(struct sl_member *member)
{
	int64_t now_ms = sl_monotonic_ms();

	if (now_ms < member->beat_ms)
		return;
	sl_peer_beat(member->fd);
	member->beat_ms = now_ms + member->card.session_timeout_ms / 3;
}

/* When the next look is due, as it stands after one. */
static void
set_look(struct sl_member *member, int64_t now_ms)
{
	member->look_ms = now_ms + LOOK_MS;
	if (member->nap_ms == 0)
		return;
	member->look_ms = now_ms + member->nap_ms;
	member->nap_ms = member->nap_ms >= NAP_MS_MAX ? 0 : member->nap_ms * 2;
}

static int
wait_ms(const struct sl_member *member, int64_t now_ms)
{
	int64_t until_ms = member->look_ms < member->beat_ms ? member->look_ms
	                                                     : member->beat_ms;

	if (member->is_copy_due || member->has_event)
		return 0;
	return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

void
sl_member_copy(struct sl_member *member)
{
	struct sl_error ignored;
	int rc;

	member->is_copy_due = false;
	/* Where it can't be now (a full disk, say), the next look tries again.
	 */
	rc = sl_group_publish(member->group, &ignored);
	(void)rc;
}

/* One that is to be alone, was put out, and can't come in again. */
static int
fail(const struct sl_member *member, int rc, struct sl_error *err)
{
	if (rc == SL_EEXISTS)
		err->code = SL_EBUSY;
	return sl_group_wrap(member->group, err);
}

int
sl_files_member_look(struct sl_member *member, struct sl_topic *const *list,
    size_t topic_count, int *again_ms, struct sl_error *err)
{
	struct sl_topics topics = { list, topic_count };
	int64_t now_ms = sl_monotonic_ms();
	int rc;

	sl_member_beat(member);
	if (member->changes_taken < member->change_count)
		return SL_OK;
	/* Topics that the caller found are to be shared out, too. */
	if (sl_topics_partitions(&topics) != member->partitions)
		member->has_event = true;
	if (!member->has_event && now_ms < member->look_ms) {
		if (member->is_copy_due)
			sl_member_copy(member);
		*again_ms = wait_ms(member, now_ms);
		return SL_END;
	}
	/* Who polls has an event each time: it must not put the copy off. */
	if (member->is_copy_due)
		sl_member_copy(member);
	member->has_event = false;
	rc = see_and_act(member, &topics, err);
	if (rc == SL_EBUSY) {
		/* Somebody is at it; what is held stays held meanwhile. */
		member->has_event = true;
		*again_ms = TURN_NAP_MS;
		return SL_END;
	}
	if (rc == SL_OK)
		rc = see_losses(member, &topics, err);
	if (rc == SL_OK)
		rc = see_gains(member, &topics, err);
	if (rc < 0)
		return fail(member, rc, err);
	if (member->nap_ms == 0 && now_ms >= member->copy_ms) {
		member->is_copy_due = true; /* once a second: is it there? */
		member->copy_ms = now_ms + LOOK_MS;
	}
	set_look(member, now_ms);
	*again_ms = wait_ms(member, now_ms);
	return member->change_count > 0 ? SL_OK : SL_END;
}

void
sl_files_member_info(const struct sl_member *member,
    struct sl_member_info *info)
{
	const struct sl_row *row;
	size_t i;

	*info = (struct sl_member_info){ .name = member->name,
		.members = sl_peers_live(&member->peers),
		.partitions = member->partitions };
	for (i = 0; i < member->view.count; i++) {
		row = &member->view.rows[i];
		info->mine += strcmp(row->owner, member->id) == 0;
		info->coming += strcmp(row->next, member->id) == 0;
	}
}
