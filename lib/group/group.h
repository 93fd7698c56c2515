/*
 * group.h: a group's directory, opened. Floor: group.
 *
 * NAME/ holds `lock`, assignment.json, members/ and places/. It appears whole,
 * by a rename, and goes by one; `~` and hex digits is one half made or half
 * deleted (as topics, RULE 12). Its lock is never held together with a
 * partition's.
 */
#ifndef SL_GROUP_H
#define SL_GROUP_H

#include "assignment.h"
#include "files_group.h"
#include "place.h"

#include <limits.h>

#define SL_GROUPS_NAME "@groups"
#define SL_PLACES_NAME "places"
#define SL_MEMBERS_NAME "members"

struct sl_group {
	const struct sl_engine *engine; /* the door's; see files.h */
	char path[PATH_MAX]; /* of the directory that groups lie in */
	char name[SL_TOPIC_NAME_MAX + 1];
	int parent;  /* owned: that directory */
	int fd;      /* owned: the group's */
	int places;  /* owned */
	int members; /* owned */
	int lock;    /* owned; -1: this user may only read */
	struct sl_fs_like like;
};

/* The path of the directory that groups lie in. */
SL_MUST_USE int sl_group_locate(const char *dir, const char *state_dir,
    char path[PATH_MAX], struct sl_error *err);

/* Put "group 'NAME': " before the error's text. */
int sl_group_wrap(const struct sl_group *group, struct sl_error *err);

/* SL_EIO: this user may only read it; says what helps. */
SL_MUST_USE int sl_group_check_writable(const struct sl_group *group,
    struct sl_error *err);

/*
 * Where `lock` is another file by now, go over to that one; what was locked is
 * not, then (*is_other).
 */
SL_MUST_USE int sl_group_follow_lock(const struct sl_group *group,
    bool *is_other, struct sl_error *err);

/*
 * Take the lock for a change, exclusive, and see that the group is still there.
 * SL_EBUSY; SL_ENOTFOUND: it was deleted.
 */
SL_MUST_USE int sl_group_lock(const struct sl_group *group, int timeout_ms,
    struct sl_error *err);

/* Take it for a commit, shared, after passing the gate. SL_EBUSY. */
SL_MUST_USE int sl_group_lock_shared(const struct sl_group *group,
    int timeout_ms, struct sl_error *err);

/*
 * Be the one who makes files here: places, and assignment.json. What a kill
 * left half made of such is swept. Syncs may be done under it. SL_EBUSY.
 */
SL_MUST_USE int sl_group_lock_files(const struct sl_group *group,
    int timeout_ms, struct sl_error *err);
void sl_group_unlock_files(const struct sl_group *group);

/*
 * The group's name and its places' are on disk then, whoever made them and was
 * killed: before anything is promised of a place.
 */
SL_MUST_USE int sl_group_settle(const struct sl_group *group,
    struct sl_error *err);

/*
 * Write assignment.json, if it is of another generation than `lock`. SL_EBUSY:
 * another writes it, or the assignment is being changed.
 */
SL_MUST_USE int sl_group_publish(const struct sl_group *group,
    struct sl_error *err);

/* The largest generation that a place was committed in, and one more. */
SL_MUST_USE int sl_group_last_generation(const struct sl_group *group,
    uint64_t *generation, struct sl_error *err);

void sl_group_unlock_shared(const struct sl_group *group);
void sl_group_unlock(const struct sl_group *group);

#endif
