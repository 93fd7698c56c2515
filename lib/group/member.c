/*
 * member.c: joining a group, changing it, leaving it; see member.h.
 *
 * All that decides is done under the group's exclusive lock, after a second
 * look there; without it this only finds out that there may be something to do.
 */
#include "member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait for the group's lock to join or to leave. */
#define LOCK_TIMEOUT_MS 10000
/* A group may be deleted as often while one comes in. */
#define JOIN_TRIES 3

/* ---- Acting under the lock ---- */

/* Read the assignment; the generation of one that was lost is all places'. */
static int
read_assignment(struct sl_member *member, struct sl_error *err)
{
	int rc;

	rc = sl_assignment_read(&member->view, member->group->lock, err);
	if (rc == SL_OK && member->view.generation == 0)
		rc = sl_group_last_generation(member->group,
		    &member->view.generation, err);
	return rc;
}

int
sl_member_act(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	bool ignored;
	int rc;

	rc = sl_peers_look(&member->peers, member->group->members, true,
	    &ignored, err);
	if (rc == SL_OK)
		rc = read_assignment(member, err);
	if (rc == SL_OK)
		rc = sl_member_plan(member, topics, err);
	if (rc == SL_OK)
		rc = sl_assignment_write(&member->view, member->group->lock,
		    err);
	member->is_copy_due = true;
	return rc;
}

/* Another exclusive member, or any where this one is to be alone. */
static int
check_alone(const struct sl_member *member, struct sl_error *err)
{
	const struct sl_peers *peers = &member->peers;
	char name[SL_MEMBER_NAME_SIZE];
	size_t i;

	for (i = 0; i < peers->count; i++) {
		if (!peers->list[i].is_live ||
		    (!member->card.is_exclusive &&
		        !peers->list[i].card.is_exclusive))
			continue;
		sl_peer_name(peers->list[i].id, name);
		return sl_error_set(err, SL_EEXISTS, "member %s is there%s",
		    name,
		    peers->list[i].card.is_exclusive ? ", which is to be alone"
		                                     : "");
	}
	return SL_OK;
}

static int
enter_locked(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	bool ignored;
	int rc;

	rc = sl_peers_look(&member->peers, member->group->members, true,
	    &ignored, err);
	if (rc == SL_OK)
		rc = check_alone(member, err);
	if (rc == SL_OK)
		rc = sl_peer_enter(&member->fd, member->group->members,
		    member->id, &member->card, &member->group->like, err);
	return rc == SL_OK ? sl_member_act(member, topics, err) : rc;
}

int
sl_member_enter(struct sl_member *member, const struct sl_topics *topics,
    struct sl_error *err)
{
	int rc;

	sl_peer_id(member->id);
	rc = sl_group_lock(member->group, LOCK_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = enter_locked(member, topics, err);
	sl_group_unlock(member->group);
	return rc;
}

/* ---- Joining and leaving ---- */

/* Topics of one group lie in one log directory, by device and inode. */
static int
check_topics(const struct sl_topics *topics, struct sl_error *err)
{
	struct stat first, other;
	size_t i;

	for (i = 1; i < topics->count; i++) {
		if (fstat(topics->list[0]->dir_fd, &first) != 0 ||
		    fstat(topics->list[i]->dir_fd, &other) != 0)
			return sl_error_sys(err, errno, "log directory");
		if (first.st_dev == other.st_dev &&
		    first.st_ino == other.st_ino)
			continue;
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s' lies in '%s' and topic '%s' in '%s': the "
		    "topics of a group lie in one log directory",
		    topics->list[0]->name, topics->list[0]->dir,
		    topics->list[i]->name, topics->list[i]->dir);
	}
	return SL_OK;
}

static int
copy_card(struct sl_member *member, const struct sl_member_options *options,
    struct sl_error *err)
{
	struct sl_peer_card *card = &member->card;

	card->session_timeout_ms = options->session_timeout_ms;
	card->is_exclusive = options->is_exclusive;
	card->words = calloc(options->word_count + 1, sizeof(char *));
	for (; card->words != NULL && card->word_count < options->word_count;
	     card->word_count++) {
		card->words[card->word_count] =
		    strdup(options->words[card->word_count]);
		if (card->words[card->word_count] == NULL)
			break;
	}
	if (card->words == NULL || card->word_count < options->word_count)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	return SL_OK;
}

/* Open the group, made where it lacks. */
static int
open_group(struct sl_member *member, const char *group,
    const struct sl_member_options *options, struct sl_error *err)
{
	int rc;

	rc = sl_files_group_open(&member->group, options->dir,
	    options->state_dir, group, err);
	if (rc == SL_ENOTFOUND) {
		rc = sl_files_group_create(options->dir, options->state_dir,
		    group, err);
		if (rc == SL_OK || rc == SL_EEXISTS)
			rc = sl_files_group_open(&member->group, options->dir,
			    options->state_dir, group, err);
	}
	if (rc == SL_OK) {
		rc = sl_group_check_writable(member->group, err);
		if (rc < 0)
			sl_group_wrap(member->group, err);
	}
	return rc;
}

static int
join(struct sl_member *member, const struct sl_topics *topics,
    const struct sl_member_options *options, struct sl_error *err)
{
	struct sl_watch *watch =
	    sl_reader_share_watch(member->reader, sl_member_note_event, member);
	int rc;

	/* First watch, then look, so that nothing is missed between. */
	member->members_watch =
	    sl_watch_add(watch, member->group->members, SL_WATCH_USERS);
	member->lock_watch =
	    sl_watch_add(watch, member->group->lock, SL_WATCH_FILE);
	rc = sl_member_pin(member, topics, options, err);
	if (rc == SL_OK)
		rc = sl_member_enter(member, topics, err);
	return rc < 0 ? sl_group_wrap(member->group, err) : SL_OK;
}

/* Deleted while we came: it is made anew. */
static int
open_and_join(struct sl_member *member, const char *group,
    const struct sl_topics *topics, const struct sl_member_options *options,
    struct sl_error *err)
{
	int tries, rc = SL_ENOTFOUND;

	for (tries = 0; rc == SL_ENOTFOUND && tries < JOIN_TRIES; tries++) {
		sl_files_group_close(member->group);
		member->group = NULL;
		rc = open_group(member, group, options, err);
		if (rc == SL_OK)
			rc = join(member, topics, options, err);
	}
	if (rc == SL_EEXISTS)
		rc = err->code = SL_EBUSY;
	return rc;
}

int
sl_files_member_join(struct sl_member **out, const char *group,
    const struct sl_member_options *options, struct sl_reader *reader,
    struct sl_topic *const *list, size_t topic_count, struct sl_error *err)
{
	struct sl_topics topics = { list, topic_count };
	struct sl_member *member = calloc(1, sizeof(*member));
	int rc;

	*out = NULL;
	if (member == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	member->fd = -1;
	member->reader = reader;
	member->has_event = true;
	member->members_watch = member->lock_watch = -1;
	sl_peer_id(member->id);
	sl_peer_name(member->id, member->name);
	rc = check_topics(&topics, err);
	if (rc == SL_OK)
		rc = copy_card(member, options, err);
	if (rc == SL_OK)
		rc = open_and_join(member, group, &topics, options, err);
	if (rc < 0) {
		sl_files_member_close(member);
		return rc;
	}
	*out = member;
	return SL_OK;
}

void
sl_files_member_close(struct sl_member *member)
{
	if (member == NULL)
		return;
	(void)sl_reader_share_watch(member->reader, NULL, NULL);
	sl_fs_close(&member->fd);
	while (member->held_count > 0)
		sl_member_drop(member, &member->held[0]);
	while (member->card.word_count > 0)
		free(member->card.words[--member->card.word_count]);
	free(member->card.words);
	free(member->held);
	free(member->changes);
	sl_peers_release(&member->peers);
	sl_assignment_release(&member->view);
	sl_files_group_close(member->group);
	free(member);
}

/* ---- Letting go ---- */

/*
 * Rows of this member's go to who is next, or to nobody; whoever sees it does
 * the rest. NULL: all of them.
 */
static void
hand_over(struct sl_member *member, const struct sl_held *held)
{
	struct sl_row *row;
	size_t i;

	for (i = 0; i < member->view.count; i++) {
		row = &member->view.rows[i];
		if (held != NULL && (strcmp(row->topic, held->name) != 0 ||
		                        row->partition != held->partition))
			continue;
		if (strcmp(row->owner, member->id) == 0)
			sl_assignment_set(&member->view, i, row->next, NULL);
		else if (held == NULL && strcmp(row->next, member->id) == 0)
			sl_assignment_set(&member->view, i, row->owner, NULL);
	}
}

static int
let_go(struct sl_member *member, const struct sl_held *held, int timeout_ms,
    struct sl_error *err)
{
	int rc;

	rc = sl_group_lock(member->group, timeout_ms, err);
	if (rc < 0)
		return rc;
	rc = read_assignment(member, err);
	if (rc == SL_OK) {
		hand_over(member, held);
		rc = sl_assignment_write(&member->view, member->group->lock,
		    err);
	}
	if (rc == SL_OK && held == NULL)
		rc = sl_fs_remove_tree(member->group->members, member->id, err);
	sl_group_unlock(member->group);
	member->is_copy_due = member->has_event = true;
	return rc;
}

int
sl_files_member_release(struct sl_member *member, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	struct sl_held *held = sl_member_find(member, topic->name, partition);
	int rc;

	sl_member_beat(member);
	if (held == NULL)
		return SL_OK;
	rc = let_go(member, held, SL_TURN_TIMEOUT_MS, err);
	if (rc < 0)
		return sl_group_wrap(member->group, err);
	sl_member_drop(member, held);
	return SL_OK;
}

int
sl_files_member_leave(struct sl_member *member, struct sl_error *err)
{
	int rc;

	rc = let_go(member, NULL, LOCK_TIMEOUT_MS, err);
	if (rc < 0)
		return sl_group_wrap(member->group, err);
	sl_member_copy(member);
	sl_fs_close(&member->fd);
	return SL_OK;
}
