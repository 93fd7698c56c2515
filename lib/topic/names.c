/* names.c: the directories that are topics, or groups; see names.h. */
#include "names.h"

#include "fs.h"
#include "topic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER_SIZE_MAX 32

struct names {
	char **names;
	size_t count;
	size_t room;
	int dir;
	const char *marker;
	const char *pattern;
};

/* One that may not be looked into is one, as far as anybody can tell. */
static bool
has_marker(const struct names *all, const char *name)
{
	char path[SL_TOPIC_NAME_MAX + 1 + MARKER_SIZE_MAX];

	snprintf(path, sizeof(path), "%s/%s", name, all->marker);
	return faccessat(all->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

static int
add_name(void *arg, const char *name, struct sl_error *err)
{
	struct names *all = arg;
	struct sl_error ignored;
	char **names;

	if (sl_topic_name_check(name, &ignored) < 0 ||
	    (all->pattern != NULL && !sl_glob_match(all->pattern, name)) ||
	    !has_marker(all, name))
		return SL_OK;
	if (all->count == all->room) {
		all->room = all->room == 0 ? 16 : all->room * 2;
		names = reallocarray(all->names, all->room, sizeof(*names));
		if (names == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		all->names = names;
	}
	all->names[all->count] = strdup(name);
	if (all->names[all->count] == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	all->count++;
	return SL_OK;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
sl_names_list(const char *path, const char *marker, const char *pattern,
    char ***names, size_t *count, struct sl_error *err)
{
	struct names all = { .dir = -1, .marker = marker, .pattern = pattern };
	int rc;

	*names = NULL;
	*count = 0;
	rc = sl_fs_open_dir(&all.dir, AT_FDCWD, path, err);
	if (rc < 0 && err->sys == ENOENT)
		return SL_OK;
	if (rc == SL_OK)
		rc = sl_fs_list(all.dir, add_name, &all, err);
	sl_fs_close(&all.dir);
	if (rc < 0) {
		sl_names_free(all.names, all.count);
		return rc;
	}
	if (all.count > 1)
		qsort(all.names, all.count, sizeof(*all.names), compare_names);
	*names = all.names;
	*count = all.count;
	return SL_OK;
}

int
sl_files_topic_list(const char *dir, const char *pattern, char ***names,
    size_t *count, struct sl_error *err)
{
	char path[PATH_MAX];
	int rc = SL_OK;

	*names = NULL;
	*count = 0;
	if (dir == NULL)
		rc = sl_default_dir(path, err);
	if (rc < 0)
		return rc;
	rc = sl_names_list(dir != NULL ? dir : path, SL_TOPIC_YAML, pattern,
	    names, count, err);
	return rc < 0 ? sl_error_wrap(err, "log directory") : SL_OK;
}

void
sl_names_free(char **names, size_t count)
{
	while (count > 0)
		free(names[--count]);
	free(names);
}
