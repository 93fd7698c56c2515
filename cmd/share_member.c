/* share_member.c: a member's partitions come, go and are committed; share.h. */
#include "share.h"

#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* When a lock was busy: try again soon. */
#define AGAIN_MS 20
/* How long to try at the end. */
#define LAST_COMMIT_MS 10000

void
share_raise(struct share *share, int status)
{
	share->status = cli_graver(share->status, status);
}

void
share_fail(struct share *share, const struct sl_error *err)
{
	share_raise(share, cli_fail(err));
	share->is_over = true;
}

/* ---- Partitions ---- */

/* Where reading ends there; what came later than the start is not for today. */
static uint64_t
end_of(const struct share *share, const struct sl_member_change *change)
{
	const struct share_bound *bound;
	size_t i;

	if (share->options->follows)
		return SL_OFFSET_NONE;
	for (i = 0; i < share->bound_count; i++) {
		bound = &share->bounds[i];
		if (bound->topic == change->topic &&
		    bound->partition == change->partition)
			return bound->end > change->offset ? bound->end
			                                   : change->offset;
	}
	return change->offset;
}

/* --no-commit: keep in mind what would have been committed. */
static int
note_place(struct share *share, const struct sl_topic *topic, int partition,
    uint64_t offset, struct sl_error *err)
{
	const char *name = sl_topic_name(topic);
	struct share_place *place, *grown;
	size_t i;

	for (i = 0; i < share->place_count; i++) {
		place = &share->places[i];
		if (place->partition == partition &&
		    strcmp(place->topic, name) == 0) {
			place->offset = offset;
			return SL_OK;
		}
	}
	grown =
	    reallocarray(share->places, share->place_count + 1, sizeof(*grown));
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	share->places = grown;
	place = &grown[share->place_count++];
	*place =
	    (struct share_place){ .partition = partition, .offset = offset };
	snprintf(place->topic, sizeof(place->topic), "%s", name);
	snprintf(place->topic_id, sizeof(place->topic_id), "%s",
	    sl_topic_id(topic));
	return SL_OK;
}

static void
take_up(struct share *share, const struct sl_member_change *change)
{
	uint64_t end = end_of(share, change);
	struct sl_error err;
	int rc;

	cli_detail("group '%s': topic '%s': partition %d: mine, from %" PRIu64,
	    share->group->name, change->name, change->partition,
	    change->offset);
	rc = sl_reader_assign(share->reader, change->topic, change->partition,
	    change->offset, end, &err);
	if (rc == SL_OK && ledger_begin(&share->ledger, change->topic,
	                       change->partition, change->offset) == NULL)
		rc = sl_error_set(&err, SL_ENOMEM, "out of memory");
	if (rc == SL_OK && share->group->no_commit)
		rc = note_place(share, change->topic, change->partition,
		    change->offset, &err);
	if (rc < 0)
		share_fail(share, &err);
}

/* No more of it is handed on; what was is waited for. */
static void
begin_leaving(struct share *share, const struct sl_member_change *change)
{
	struct ledger_part *part =
	    ledger_find(&share->ledger, change->topic, change->partition);

	if (part == NULL)
		return;
	part->is_leaving = true;
	sl_reader_end_at(share->reader, part->topic, part->partition,
	    part->next);
}

static void
drop(struct share *share, struct ledger_part *part)
{
	sl_reader_drop_partition(share->reader, part->topic, part->partition);
	ledger_drop(&share->ledger, part);
}

/* Another has it: this one was taken for dead. */
static void
lose(struct share *share, const struct sl_member_change *change)
{
	struct ledger_part *part;

	part = change->topic == NULL ? NULL
	                             : ledger_find(&share->ledger,
	                                   change->topic, change->partition);
	if (part == NULL)
		return;
	if (part->next > part->committed && !share->group->no_commit)
		cli_message("group '%s': topic '%s': partition %d: another "
		            "member has it now, for this one was silent too "
		            "long; offsets %" PRIu64 " to %" PRIu64
		            " are not committed and come again there",
		    share->group->name, change->name, change->partition,
		    part->committed, part->next - 1);
	else
		cli_notice("group '%s': topic '%s': partition %d: another "
		           "member has it now, for this one was silent too "
		           "long",
		    share->group->name, change->name, change->partition);
	drop(share, part);
}

static void
take_change(struct share *share, const struct sl_member_change *change)
{
	switch (change->kind) {
	case SL_MEMBER_ASSIGNED:
		take_up(share, change);
		break;
	case SL_MEMBER_REVOKED:
		cli_detail("group '%s': topic '%s': partition %d: goes to "
		           "another member",
		    share->group->name, change->name, change->partition);
		begin_leaving(share, change);
		break;
	case SL_MEMBER_LOST:
		lose(share, change);
		break;
	case SL_MEMBER_UNKNOWN:
		share->names_ms = 0; /* others see what I don't see yet */
		break;
	}
}

/* One too many says what would help, once until it has something to do. */
static void
tell_standing_by(struct share *share)
{
	struct sl_member_info info;
	bool is_idle;

	sl_member_info(share->member, &info);
	is_idle = share->options->follows && info.mine == 0 &&
	          info.coming == 0 && info.members > 1 && info.partitions > 0;
	if (is_idle && !share->was_standing_by)
		cli_notice("group '%s': %zu partition%s, %zu members: standing "
		           "by; 'streamlog-topic alter --partitions %zu %s' "
		           "lets more of them work (keys move)",
		    share->group->name, info.partitions,
		    info.partitions == 1 ? "" : "s", info.members,
		    2 * info.members, sl_topic_name(share->topics[0]));
	share->was_standing_by = is_idle;
}

void
share_look(struct share *share)
{
	struct sl_member_change change;
	struct sl_error err;
	int again_ms, rc;

	rc = sl_member_look(share->member, share->topics, share->topic_count,
	    &again_ms, &err);
	if (rc == SL_OK) {
		while (!share->is_over) {
			rc =
			    sl_member_next_change(share->member, &change, &err);
			if (rc != SL_OK)
				break;
			take_change(share, &change);
		}
		again_ms = 0;
	}
	if (rc < 0)
		share_fail(share, &err);
	else if (share->topic_count > 0)
		tell_standing_by(share);
	share->member_ms = sl_monotonic_ms() + again_ms;
}

/* ---- Committing ---- */

/* Commit one place. SL_EBUSY: later. */
static int
commit_part(struct share *share, struct ledger_part *part, struct sl_error *err)
{
	uint64_t place = ledger_place(part);
	int rc;

	if (place <= part->committed || part->is_refused)
		return SL_OK;
	if (share->group->no_commit)
		rc =
		    note_place(share, part->topic, part->partition, place, err);
	else
		rc = sl_member_commit(share->member, part->topic,
		    part->partition, place, err);
	if (rc == SL_OK)
		part->committed = place;
	part->is_refused = rc < 0 && rc != SL_EBUSY && rc != SL_EFENCED;
	return rc;
}

bool
share_is_due(const struct share *share)
{
	const struct ledger_part *part;
	size_t i;

	for (i = 0; i < share->ledger.part_count; i++) {
		part = &share->ledger.parts[i];
		if (!part->is_refused && ledger_place(part) > part->committed)
			return true;
	}
	return false;
}

bool
share_commit(struct share *share)
{
	struct sl_error err;
	size_t i;
	int rc;

	for (i = 0; i < share->ledger.part_count; i++) {
		rc = commit_part(share, &share->ledger.parts[i], &err);
		if (rc == SL_EBUSY) { /* as it is for the others */
			share->commit_ms = sl_monotonic_ms() + AGAIN_MS;
			return false;
		}
		if (rc == SL_EFENCED)
			share->member_ms = 0; /* look: it comes as lost */
		else if (rc < 0)
			share_fail(share, &err);
	}
	return true;
}

void
share_commit_last(struct share *share)
{
	int64_t until_ms = sl_monotonic_ms() + LAST_COMMIT_MS;
	const struct ledger_part *part;
	size_t i;

	while (!share_commit(share)) {
		if (sl_monotonic_ms() < until_ms)
			continue;
		cli_message("group '%s': its lock is held by another process, "
		            "which may be stopped",
		    share->group->name);
		share_raise(share, CLI_EXIT_AGAIN);
		break;
	}
	for (i = 0; i < share->ledger.part_count; i++) {
		part = &share->ledger.parts[i];
		if (!part->is_refused && ledger_place(part) > part->committed)
			cli_message("group '%s': topic '%s': partition %d: "
			            "offsets %" PRIu64 " to %" PRIu64
			            " are not committed and come again",
			    share->group->name, sl_topic_name(part->topic),
			    part->partition, part->committed,
			    ledger_place(part) - 1);
	}
}

/* ---- Letting go ---- */

/* Commit and release. False: not yet. */
static bool
let_go(struct share *share, struct ledger_part *part)
{
	struct sl_error err;
	int rc;

	rc = commit_part(share, part, &err);
	if (rc == SL_OK)
		rc = sl_member_release(share->member, part->topic,
		    part->partition, &err);
	if (rc == SL_EFENCED || rc == SL_EBUSY) {
		share->member_ms = 0;
		return false;
	}
	if (rc < 0) {
		share_fail(share, &err);
		return false;
	}
	drop(share, part);
	share->member_ms = 0;
	return true;
}

void
share_let_go(struct share *share)
{
	struct ledger_part *part;
	size_t i = 0;

	while (i < share->ledger.part_count && !share->is_over) {
		part = &share->ledger.parts[i];
		if (!part->is_leaving || part->count > 0 ||
		    !let_go(share, part))
			i++;
	}
}

bool
share_drop_topic(struct share *share, const struct sl_topic *topic)
{
	struct ledger_part *part;
	size_t i = 0;

	while (i < share->ledger.part_count && !share->is_over) {
		part = &share->ledger.parts[i];
		if (part->topic != topic)
			i++;
		else if (!let_go(share, part))
			return false;
	}
	return !share->is_over;
}
