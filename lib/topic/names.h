/*
 * names.h: the directories of a directory that are topics, or groups. Floor:
 * topic.
 */
#ifndef SL_NAMES_H
#define SL_NAMES_H

#include "streamlog.h"

/*
 * The names in the directory `path` that may be a topic's, match `pattern`
 * (NULL: all) and are directories that hold `marker`; sorted. sl_names_free()
 * them. A directory that isn't there has none.
 */
SL_MUST_USE int sl_names_list(const char *path, const char *marker,
    const char *pattern, char ***names, size_t *count, struct sl_error *err);

#endif
