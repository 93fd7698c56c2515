/*
 * names.h: lists of names, and of the directories that are topics, or groups.
 * Floor: topic.
 */
#ifndef SL_NAMES_H
#define SL_NAMES_H

#include "streamlog.h"

struct sl_names {
	char **names;
	size_t count;
	size_t room;
};

#define SL_NAMES_EMPTY ((struct sl_names){ .names = NULL })

/* Add a copy of `name`, if it matches `pattern` (NULL: all do). */
SL_MUST_USE int sl_names_add(struct sl_names *all, const char *pattern,
    const char *name, struct sl_error *err);

/* Hand them over, sorted; or, where `rc` is a failure, none. Returns `rc`. */
SL_MUST_USE int sl_names_give(struct sl_names *all, int rc, char ***names,
    size_t *count);

/*
 * The names in the directory `path` that may be a topic's, match `pattern`
 * (NULL: all) and are directories that hold `marker`; sorted. sl_names_free()
 * them. SL_END: the directory isn't there, says `err`, and has none.
 */
SL_MUST_USE int sl_names_list(const char *path, const char *marker,
    const char *pattern, char ***names, size_t *count, struct sl_error *err);

#endif
