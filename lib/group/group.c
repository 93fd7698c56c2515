/* group.c: find, make, open and delete groups, and their lock; see group.h. */
#include "group.h"

#include "lock.h"
#include "topic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sl_group_name_check(const char *name, struct sl_error *err)
{
	static const char topic[] = "topic '";
	char *begin;

	if (sl_topic_name_check(name, err) == SL_OK)
		return SL_OK;
	/* The rules are a topic's; the words are ours. */
	begin = strstr(err->text, "topic'");
	if (begin != NULL)
		memcpy(begin, "group'", strlen("group'"));
	else if (strncmp(err->text, topic, strlen(topic)) == 0)
		memcpy(err->text, "group", strlen("group"));
	return err->code;
}

int
sl_group_wrap(const struct sl_group *group, struct sl_error *err)
{
	return sl_error_wrap(err, "group '%s'", group->name);
}

/* ---- Opening ---- */

int
sl_group_locate(const char *dir, const char *state_dir, char path[PATH_MAX],
    struct sl_error *err)
{
	char log_dir[PATH_MAX];
	int n, rc;

	if (state_dir != NULL) {
		n = snprintf(path, PATH_MAX, "%s", state_dir);
	} else {
		rc = dir == NULL ? sl_default_dir(log_dir, err) : SL_OK;
		if (rc < 0)
			return rc;
		n = snprintf(path, PATH_MAX, "%s/" SL_GROUPS_NAME,
		    dir == NULL ? log_dir : dir);
	}
	if (n < 0 || n >= PATH_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "the path of its directory is longer than %d bytes",
		    PATH_MAX - 1);
	return SL_OK;
}

static int
not_there(const struct sl_group *group, struct sl_error *err)
{
	return sl_error_set(err, SL_ENOTFOUND,
	    "not in '%s'; 'streamlog-group list' shows what is", group->path);
}

static int
open_lock(const struct sl_group *group, int *fd, struct sl_error *err)
{
	int rc = sl_fs_open_write(fd, group->fd, SL_GROUP_LOCK, err);

	if (rc == SL_OK || err->sys != ENOENT)
		return rc;
	/* Removed from outside: it holds nothing that can't be made. */
	rc = sl_assignment_create(group->fd, &group->like, err);
	if (rc == SL_OK || err->sys == EEXIST)
		rc = sl_fs_open_write(fd, group->fd, SL_GROUP_LOCK, err);
	return rc;
}

/* Its files, beneath group->fd. */
static int
open_files(struct sl_group *group, struct sl_error *err)
{
	int rc;

	rc = sl_fs_like_of(group->fd, &group->like, err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&group->places, group->fd, SL_PLACES_NAME,
		    err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&group->members, group->fd, SL_MEMBERS_NAME,
		    err);
	if (rc < 0)
		return rc;
	rc = open_lock(group, &group->lock, err);
	if (rc < 0 && (err->sys == EACCES || err->sys == EROFS))
		rc = SL_OK; /* to read */
	return rc;
}

static int
open_group(struct sl_group *group, const char *dir, const char *state_dir,
    const char *name, struct sl_error *err)
{
	int rc;

	rc = sl_group_name_check(name, err);
	if (rc < 0)
		return rc;
	snprintf(group->name, sizeof(group->name), "%s", name);
	rc = sl_group_locate(dir, state_dir, group->path, err);
	if (rc < 0)
		return sl_group_wrap(group, err);
	rc = sl_fs_open_dir(&group->parent, AT_FDCWD, group->path, err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&group->fd, group->parent, name, err);
	if (rc == SL_OK)
		rc = open_files(group, err);
	else if (err->sys == ENOENT)
		rc = not_there(group, err);
	return rc < 0 ? sl_group_wrap(group, err) : SL_OK;
}

int
sl_files_group_open(struct sl_group **out, const char *dir,
    const char *state_dir, const char *name, struct sl_error *err)
{
	struct sl_group *group = calloc(1, sizeof(*group));
	int rc;

	*out = NULL;
	if (group == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	group->parent = group->fd = group->places = -1;
	group->members = group->lock = -1;
	rc = open_group(group, dir, state_dir, name, err);
	if (rc < 0) {
		sl_files_group_close(group);
		return rc;
	}
	*out = group;
	return SL_OK;
}

void
sl_files_group_close(struct sl_group *group)
{
	if (group == NULL)
		return;
	sl_fs_close(&group->lock);
	sl_fs_close(&group->members);
	sl_fs_close(&group->places);
	sl_fs_close(&group->fd);
	sl_fs_close(&group->parent);
	free(group);
}

int
sl_group_check_writable(const struct sl_group *group, struct sl_error *err)
{
	if (group->lock >= 0) /* RULE 11: it may lie elsewhere by now */
		return sl_fs_check_kind(group->fd, err);
	sl_error_sys(err, EACCES,
	    "'%s/%s' is not writable; --state-dir keeps a group of your own "
	    "elsewhere",
	    group->path, group->name);
	return SL_EIO;
}

/* ---- Making ---- */

static int
make_files(void *arg, int fd, const struct sl_fs_like *like,
    struct sl_error *err)
{
	int rc;

	(void)arg;
	rc = sl_assignment_create(fd, like, err);
	if (rc == SL_OK)
		rc = sl_fs_create_dir(fd, SL_PLACES_NAME, like, err);
	if (rc == SL_OK)
		rc = sl_fs_create_dir(fd, SL_MEMBERS_NAME, like, err);
	return rc == SL_OK ? sl_fs_sync_dir(fd, err) : rc;
}

int
sl_group_settle(const struct sl_group *group, struct sl_error *err)
{
	int rc = sl_fs_sync_dir(group->places, err);

	return rc < 0 ? rc : sl_fs_sync_names(group->fd, 2, err);
}

/* The directory that groups lie in, made where it lacks. */
static int
open_parent(int *parent, const char *dir, const char *state_dir,
    char path[PATH_MAX], struct sl_error *err)
{
	struct sl_fs_like like;
	int at = -1;
	int rc;

	rc = sl_group_locate(dir, state_dir, path, err);
	if (rc < 0)
		return rc;
	if (state_dir != NULL) {
		rc = sl_fs_create_path(path, err);
	} else {
		/* The log directory itself is the topics' to make. */
		path[strlen(path) - strlen("/" SL_GROUPS_NAME)] = '\0';
		rc = sl_fs_open_dir(&at, AT_FDCWD, path[0] ? path : "/", err);
		strcat(path, "/" SL_GROUPS_NAME);
		if (rc == SL_OK)
			rc = sl_fs_create_dir_by_umask(at, SL_GROUPS_NAME,
			    &like, err);
		if (rc == SL_OK)
			rc = sl_fs_sync_dir(at, err);
		else if (err->sys == EEXIST)
			rc = SL_OK;
		sl_fs_close(&at);
	}
	return rc < 0 ? rc : sl_fs_open_dir(parent, AT_FDCWD, path, err);
}

int
sl_files_group_create(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	char path[PATH_MAX] = "";
	int parent = -1;
	struct stat st;
	int rc;

	rc = sl_group_name_check(name, err);
	if (rc < 0)
		return rc;
	rc = open_parent(&parent, dir, state_dir, path, err);
	if (rc == SL_OK && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		rc = sl_error_sys(err, EEXIST, "'%s'", name);
	if (rc == SL_OK)
		rc = sl_fs_create_whole(parent, path, name, make_files, NULL,
		    err);
	sl_fs_close(&parent);
	if (rc == SL_OK)
		return SL_OK;
	if (err->sys == EEXIST)
		return sl_error_set(err, SL_EEXISTS,
		    "group '%s': it is there already", name);
	if (err->sys == EACCES || err->sys == EROFS)
		rc = sl_error_sys(err, err->sys,
		    "make it in '%s' (--state-dir keeps it elsewhere)", path);
	return sl_error_wrap(err, "group '%s'", name);
}

/* ---- The lock ---- */

/* How long who copies the assignment waits for who changes it. */
#define COPY_TIMEOUT_MS 20

static int
busy(struct sl_error *err)
{
	return sl_error_set(err, SL_EBUSY,
	    "its lock is held by another process, which may be stopped; try "
	    "again");
}

/* Does the group's name still lead to this directory? */
static int
check_name(const struct sl_group *group, struct sl_error *err)
{
	int rc;

	rc = sl_fs_is_named(group->fd, group->parent, group->name, err);
	if (rc == SL_END)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	return rc;
}

/*
 * Does `lock` still lead to the inode in hand (RULE 1)? Who removed it, or put
 * a copy back, left us one that nobody else will lock.
 */
int
sl_group_follow_lock(const struct sl_group *group, bool *is_other,
    struct sl_error *err)
{
	int fd = -1, rc;

	*is_other = false;
	if (group->lock < 0)
		return SL_OK;
	rc = sl_fs_is_named(group->lock, group->fd, SL_GROUP_LOCK, err);
	if (rc != SL_END)
		return rc;
	rc = check_name(group, err);
	if (rc == SL_OK)
		rc = open_lock(group, &fd, err);
	if (rc == SL_OK && dup3(fd, group->lock, O_CLOEXEC) < 0)
		rc = sl_error_sys(err, errno, "'%s'", SL_GROUP_LOCK);
	sl_fs_close(&fd);
	*is_other = rc == SL_OK;
	return rc;
}

static int
take_for_change(const struct sl_group *group, int timeout_ms,
    struct sl_error *err)
{
	int64_t begin_ms = sl_monotonic_ms(), left_ms;
	int rc;

	rc = sl_lock_take(group->lock, SL_GROUP_BYTE_GATE, true, timeout_ms,
	    err);
	left_ms = timeout_ms - (sl_monotonic_ms() - begin_ms);
	if (rc == SL_OK)
		rc = sl_lock_take(group->lock, SL_GROUP_BYTE_CHANGE, true,
		    left_ms > 0 ? (int)left_ms : 0, err);
	if (rc == SL_EBUSY)
		busy(err);
	return rc;
}

int
sl_group_lock(const struct sl_group *group, int timeout_ms,
    struct sl_error *err)
{
	bool is_other;
	int rc;

	do {
		rc = take_for_change(group, timeout_ms, err);
		if (rc == SL_OK)
			rc = sl_group_follow_lock(group, &is_other, err);
	} while (rc == SL_OK && is_other);
	if (rc == SL_OK)
		rc = check_name(group, err);
	if (rc < 0)
		sl_group_unlock(group);
	return rc;
}

static int
take_for_commit(const struct sl_group *group, int timeout_ms,
    struct sl_error *err)
{
	int rc;

	rc = sl_lock_take(group->lock, SL_GROUP_BYTE_GATE, false, timeout_ms,
	    err);
	sl_lock_drop(group->lock, SL_GROUP_BYTE_GATE);
	if (rc == SL_OK)
		rc = sl_lock_take(group->lock, SL_GROUP_BYTE_CHANGE, false,
		    timeout_ms, err);
	return rc == SL_EBUSY ? busy(err) : rc;
}

int
sl_group_lock_shared(const struct sl_group *group, int timeout_ms,
    struct sl_error *err)
{
	bool is_other;
	int rc;

	do {
		rc = take_for_commit(group, timeout_ms, err);
		if (rc == SL_OK)
			rc = sl_group_follow_lock(group, &is_other, err);
	} while (rc == SL_OK && is_other);
	if (rc < 0)
		sl_group_unlock_shared(group);
	return rc;
}

void
sl_group_unlock_shared(const struct sl_group *group)
{
	sl_lock_drop(group->lock, SL_GROUP_BYTE_CHANGE);
}

void
sl_group_unlock(const struct sl_group *group)
{
	sl_lock_drop(group->lock, SL_GROUP_BYTE_CHANGE);
	sl_lock_drop(group->lock, SL_GROUP_BYTE_GATE);
}

/* One directory's scratch files: nobody makes one while byte 2 is held. */
static int
sweep(void *arg, const char *name, struct sl_error *err)
{
	const int *dir = arg;

	return name[0] == '~' ? sl_fs_remove_tree(*dir, name, err) : SL_OK;
}

int
sl_group_lock_files(const struct sl_group *group, int timeout_ms,
    struct sl_error *err)
{
	int own = group->fd, places = group->places;
	int rc;

	rc = sl_lock_take(group->lock, SL_GROUP_BYTE_FILES, true, timeout_ms,
	    err);
	if (rc < 0)
		return rc == SL_EBUSY ? busy(err) : rc;
	rc = sl_fs_list(own, sweep, &own, err);
	if (rc == SL_OK)
		rc = sl_fs_list(places, sweep, &places, err);
	if (rc < 0)
		sl_group_unlock_files(group);
	return rc;
}

void
sl_group_unlock_files(const struct sl_group *group)
{
	sl_lock_drop(group->lock, SL_GROUP_BYTE_FILES);
}

/* As it stands: under the lock, for a change is written row by row. */
static int
read_assignment(const struct sl_group *group, struct sl_assignment *assignment,
    struct sl_error *err)
{
	int rc;

	rc = sl_group_lock_shared(group, COPY_TIMEOUT_MS, err);
	if (rc < 0)
		return rc;
	rc = sl_assignment_read(assignment, group->lock, err);
	sl_group_unlock_shared(group);
	return rc;
}

int
sl_group_publish(const struct sl_group *group, struct sl_error *err)
{
	struct sl_assignment now = SL_ASSIGNMENT_EMPTY;
	struct sl_assignment copy = SL_ASSIGNMENT_EMPTY;
	int rc;

	rc = sl_group_lock_files(group, 0, err);
	if (rc < 0)
		return rc;
	rc = read_assignment(group, &now, err);
	if (rc == SL_OK)
		rc = sl_assignment_read_copy(&copy, group->fd, err);
	if (rc == SL_END || (rc == SL_OK && copy.generation != now.generation))
		rc = sl_assignment_write_copy(&now, group->fd, &group->like,
		    err);
	sl_group_unlock_files(group);
	sl_assignment_release(&now);
	sl_assignment_release(&copy);
	return rc;
}

struct largest {
	const struct sl_group *group;
	uint64_t generation;
};

static int
raise_generation(void *arg, const char *name, struct sl_error *err)
{
	struct largest *largest = arg;
	char topic[SL_TOPIC_NAME_MAX + 1];
	struct sl_place place;
	int partition, rc;

	if (!sl_place_name_parse(name, topic, &partition))
		return SL_OK;
	rc = sl_place_read(&place, largest->group->places, name, err);
	if (rc == SL_OK && place.generation > largest->generation)
		largest->generation = place.generation;
	/* One that can't be read says nothing, and is told when it is used. */
	return rc == SL_ENOMEM ? rc : SL_OK;
}

int
sl_group_last_generation(const struct sl_group *group, uint64_t *generation,
    struct sl_error *err)
{
	struct largest largest = { .group = group };
	int rc;

	rc = sl_fs_list(group->places, raise_generation, &largest, err);
	*generation = largest.generation + 1;
	return rc;
}
