/*
 * group_admin.c: look at groups from outside, and change their places, which is
 * done only while no member lives; see streamlog_group.h.
 */
#include "group.h"

#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait for a group's lock. */
#define LOCK_TIMEOUT_MS 10000

/* No groups there, or not even the log directory? Who mistypes it is told. */
static int
check_parent(char path[PATH_MAX], struct sl_error *err)
{
	int fd = -1, rc;

	path[strlen(path) - strlen("/" SL_GROUPS_NAME)] = '\0';
	rc = sl_fs_open_dir(&fd, AT_FDCWD, path[0] != '\0' ? path : "/", err);
	sl_fs_close(&fd);
	if (rc < 0 && err->sys == ENOENT)
		return sl_error_set(err, SL_ENOTFOUND, "'%s': not there", path);
	return rc;
}

int
sl_files_group_list(const char *dir, const char *state_dir, const char *pattern,
    char ***names, size_t *count, struct sl_error *err)
{
	char path[PATH_MAX];
	int rc;

	*names = NULL;
	*count = 0;
	rc = sl_group_locate(dir, state_dir, path, err);
	if (rc == SL_OK)
		rc = sl_names_list(path, SL_PLACES_NAME, pattern, names, count,
		    err);
	if (rc == SL_END)
		rc = state_dir != NULL ? err->code : check_parent(path, err);
	return rc;
}

/* ---- Looking ---- */

int
sl_files_group_live(struct sl_group *group, size_t *count, struct sl_error *err)
{
	struct sl_peers peers = SL_PEERS_EMPTY;
	bool ignored;
	int rc;

	rc = sl_peers_look(&peers, group->members, false, &ignored, err);
	*count = sl_peers_live(&peers);
	sl_peers_release(&peers);
	return rc < 0 ? sl_group_wrap(group, err) : SL_OK;
}

struct places {
	const struct sl_group *group;
	struct sl_group_place *list;
	size_t count;
	size_t room;
};

/* What can't be read is damaged, as far as anybody can tell from here. */
static int
add_place(void *arg, const char *name, struct sl_error *err)
{
	struct places *all = arg;
	struct sl_group_place *grown, *row;
	struct sl_place place;
	int rc;

	if (all->count == all->room) {
		all->room = all->room == 0 ? 64 : all->room * 2;
		grown = reallocarray(all->list, all->room, sizeof(*grown));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		all->list = grown;
	}
	row = &all->list[all->count];
	if (!sl_place_name_parse(name, row->topic, &row->partition))
		return SL_OK;
	row->member[0] = '\0';
	rc = sl_place_read(&place, all->group->places, name, err);
	if (rc < 0 && err->sys == ENOENT)
		return SL_OK; /* it went just now */
	/* What is damaged gets a reset: not so what lacks just now. */
	if (rc < 0 && (rc == SL_ENOMEM || err->sys == EMFILE ||
	                  err->sys == ENFILE || err->sys == ESTALE))
		return sl_error_wrap(err, "places");
	row->is_damaged = rc < 0;
	row->offset = rc < 0 ? 0 : place.offset;
	row->time_ms = rc < 0 ? SL_TIME_NONE : place.time_ms;
	snprintf(row->topic_id, sizeof(row->topic_id), "%s",
	    rc < 0 ? "" : place.topic_id);
	all->count++;
	return SL_OK;
}

static int
compare_places(const void *a, const void *b)
{
	const struct sl_group_place *left = a, *right = b;
	int order = strcmp(left->topic, right->topic);

	return order != 0 ? order : left->partition - right->partition;
}

static struct sl_group_place *
find_place(const struct places *all, const char *topic, int partition)
{
	struct sl_group_place key = { .partition = partition };

	snprintf(key.topic, sizeof(key.topic), "%s", topic);
	return all->count == 0 ? NULL
	                       : bsearch(&key, all->list, all->count,
	                             sizeof(key), compare_places);
}

/* Who reads there, as the copy of the assignment has it, if he lives. */
static int
add_members(struct places *all, struct sl_error *err)
{
	struct sl_assignment assignment = SL_ASSIGNMENT_EMPTY;
	struct sl_peers peers = SL_PEERS_EMPTY;
	struct sl_group_place *place;
	const struct sl_row *row;
	bool ignored;
	size_t i;
	int rc;

	rc = sl_peers_look(&peers, all->group->members, false, &ignored, err);
	if (rc == SL_OK && sl_peers_live(&peers) > 0)
		rc = sl_assignment_read_copy(&assignment, all->group->fd, err);
	for (i = 0; rc >= 0 && i < assignment.count; i++) {
		row = &assignment.rows[i];
		place = find_place(all, row->topic, row->partition);
		if (place != NULL && sl_peers_find(&peers, row->owner) != NULL)
			sl_peer_name(row->owner, place->member);
	}
	sl_assignment_release(&assignment);
	sl_peers_release(&peers);
	return rc < 0 ? rc : SL_OK;
}

int
sl_files_group_places(struct sl_group *group, struct sl_group_place **places,
    size_t *count, struct sl_error *err)
{
	struct places all = { .group = group };
	int rc;

	*places = NULL;
	*count = 0;
	rc = sl_fs_list(group->places, add_place, &all, err);
	if (rc == SL_OK && all.count > 1)
		qsort(all.list, all.count, sizeof(*all.list), compare_places);
	if (rc == SL_OK)
		rc = add_members(&all, err);
	if (rc < 0) {
		free(all.list);
		return sl_group_wrap(group, err);
	}
	*places = all.list;
	*count = all.count;
	return SL_OK;
}

/* ---- Changing ---- */

/* Take the group's lock; nobody may live, and nobody joins while it is held. */
static int
lock_empty(struct sl_group *group, struct sl_error *err)
{
	struct sl_peers peers = SL_PEERS_EMPTY;
	char name[SL_MEMBER_NAME_SIZE];
	bool ignored;
	size_t i;
	int rc;

	rc = sl_group_check_writable(group, err);
	if (rc == SL_OK)
		rc = sl_group_lock(group, LOCK_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = sl_peers_look(&peers, group->members, true, &ignored, err);
	for (i = 0; rc == SL_OK && i < peers.count; i++) {
		sl_peer_name(peers.list[i].id, name);
		rc = sl_error_set(err, SL_EBUSY,
		    "member %s is alive (%zu in all); stop them first", name,
		    peers.count);
	}
	sl_peers_release(&peers);
	if (rc < 0)
		sl_group_unlock(group);
	return rc;
}

static void
place_of(const struct sl_group_move *move, uint64_t generation,
    struct sl_place *place)
{
	*place = (struct sl_place){ .offset = move->offset,
		.generation = generation,
		.member = "streamlog-group",
		.time_ms = sl_now_ms() };
	snprintf(place->topic_id, sizeof(place->topic_id), "%s",
	    move->topic_id);
}

/* May this place move so, forward only? */
static int
check_move(const struct sl_group *group, const struct sl_group_move *move,
    struct sl_error *err)
{
	char name[SL_PLACE_NAME_SIZE];
	struct sl_place place;
	int rc;

	sl_place_name(name, move->topic, move->partition);
	rc = sl_place_read(&place, group->places, name, err);
	if (rc < 0)
		return err->sys == ENOENT ? SL_OK : rc;
	if (strcmp(place.topic_id, move->topic_id) != 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "topic '%s': partition %d: the place is one in another "
		    "topic of that name; 'streamlog-group reset' sets it anew",
		    move->topic, move->partition);
	if (place.offset > move->offset)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': partition %d: the place is at %llu, past "
		    "%llu; 'streamlog-group reset' moves it back",
		    move->topic, move->partition,
		    (unsigned long long)place.offset,
		    (unsigned long long)move->offset);
	return SL_OK;
}

/* Set one place, under the lock. One that can't be read is replaced. */
static int
move_place(const struct sl_group *group, const struct sl_group_move *move,
    uint64_t generation, struct sl_error *err)
{
	char name[SL_PLACE_NAME_SIZE];
	struct sl_place_file file;
	struct sl_place place;
	int rc;

	place_of(move, generation, &place);
	sl_place_name(name, move->topic, move->partition);
	rc = sl_place_open(&file, group->places, name, err);
	if (rc == SL_OK) {
		rc = sl_place_write(&file, &place, err);
		if (rc == SL_OK)
			rc = sl_fs_sync(file.fd, err);
		sl_place_close(&file);
		return rc < 0 ? sl_error_wrap(err, "'%s'", name) : SL_OK;
	}
	if (rc != SL_ECORRUPT && err->sys != EACCES && err->sys != ENOENT)
		return rc;
	return sl_place_replace(group->places, name, &place, &group->like, err);
}

/* RULE 16 keeps syncs from under the lock for the members' sake: none lives. */
static int
set_locked(const struct sl_group *group, const struct sl_group_move *moves,
    size_t count, bool forward, struct sl_error *err)
{
	struct sl_assignment assignment = SL_ASSIGNMENT_EMPTY;
	size_t i;
	int rc;

	rc = sl_assignment_read(&assignment, group->lock, err);
	for (i = 0; rc == SL_OK && forward && i < count; i++)
		rc = check_move(group, &moves[i], err);
	for (i = 0; rc == SL_OK && i < count; i++)
		rc = move_place(group, &moves[i], assignment.generation, err);
	sl_assignment_release(&assignment);
	return rc;
}

int
sl_files_group_set(struct sl_group *group, const struct sl_group_move *moves,
    size_t count, bool forward, struct sl_error *err)
{
	int rc;

	rc = lock_empty(group, err);
	if (rc == SL_OK) {
		/* Who comes just now sweeps what is half made. */
		rc = sl_group_lock_files(group, LOCK_TIMEOUT_MS, err);
		if (rc == SL_OK)
			rc = sl_group_settle(group, err);
		if (rc == SL_OK)
			rc = set_locked(group, moves, count, forward, err);
		sl_group_unlock_files(group);
		sl_group_unlock(group);
	}
	return rc < 0 ? sl_group_wrap(group, err) : SL_OK;
}

/* ---- Deleting ---- */

struct forget {
	const struct sl_group *group;
	const char *topic;
};

static int
forget_place(void *arg, const char *name, struct sl_error *err)
{
	const struct forget *forget = arg;
	char topic[SL_TOPIC_NAME_MAX + 1];
	int partition;

	if (!sl_place_name_parse(name, topic, &partition) ||
	    strcmp(topic, forget->topic) != 0)
		return SL_OK;
	return sl_fs_remove_tree(forget->group->places, name, err);
}

int
sl_files_group_forget(struct sl_group *group, const char *topic,
    struct sl_error *err)
{
	struct forget forget = { group, topic };
	int rc;

	rc = lock_empty(group, err);
	if (rc == SL_OK) {
		rc = sl_fs_list(group->places, forget_place, &forget, err);
		if (rc == SL_OK)
			rc = sl_fs_sync_dir(group->places, err);
		sl_group_unlock(group);
	}
	return rc < 0 ? sl_group_wrap(group, err) : SL_OK;
}

int
sl_files_group_delete(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct sl_group *group;
	int rc;

	rc = sl_files_group_open(&group, dir, state_dir, name, err);
	if (rc < 0)
		return rc;
	sl_fs_scratch_name(scratch);
	rc = lock_empty(group, err);
	if (rc == SL_OK) {
		rc = sl_fs_rename_new(group->parent, group->name, scratch, err);
		if (rc == SL_OK)
			rc = sl_fs_sync_dir(group->parent, err);
		sl_group_unlock(group);
		if (rc == SL_OK)
			rc = sl_fs_remove_tree(group->parent, scratch, err);
	}
	if (rc < 0)
		sl_group_wrap(group, err);
	sl_files_group_close(group);
	return rc;
}
