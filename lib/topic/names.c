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

int
sl_names_add(struct sl_names *all, const char *pattern, const char *name,
    struct sl_error *err)
{
	char **names;

	if (pattern != NULL && !sl_glob_match(pattern, name))
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
sl_names_give(struct sl_names *all, int rc, char ***names, size_t *count)
{
	if (rc < 0) {
		sl_names_free(all->names, all->count);
		*all = SL_NAMES_EMPTY;
	}
	if (all->count > 1)
		qsort(all->names, all->count, sizeof(*all->names),
		    compare_names);
	*names = all->names;
	*count = all->count;
	return rc;
}

/* ---- Directories ---- */

struct listing {
	struct sl_names all;
	int dir;
	const char *marker;
	const char *pattern;
};

/* One that may not be looked into is one, as far as anybody can tell. */
static bool
has_marker(const struct listing *listing, const char *name)
{
	char path[SL_TOPIC_NAME_MAX + 1 + MARKER_SIZE_MAX];

	snprintf(path, sizeof(path), "%s/%s", name, listing->marker);
	return faccessat(listing->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

static int
take_name(void *arg, const char *name, struct sl_error *err)
{
	struct listing *listing = arg;
	struct sl_error ignored;

	if (sl_topic_name_check(name, &ignored) < 0 ||
	    (listing->pattern != NULL &&
	        !sl_glob_match(listing->pattern, name)) ||
	    !has_marker(listing, name))
		return SL_OK;
	return sl_names_add(&listing->all, NULL, name, err);
}

int
sl_names_list(const char *path, const char *marker, const char *pattern,
    char ***names, size_t *count, struct sl_error *err)
{
	struct listing listing = { .dir = -1,
		.marker = marker,
		.pattern = pattern };
	int rc;

	*names = NULL;
	*count = 0;
	rc = sl_fs_open_dir(&listing.dir, AT_FDCWD, path, err);
	if (rc < 0 && err->sys == ENOENT) {
		sl_error_set(err, SL_ENOTFOUND, "'%s': not there", path);
		return SL_END;
	}
	if (rc == SL_OK)
		rc = sl_fs_list(listing.dir, take_name, &listing, err);
	sl_fs_close(&listing.dir);
	return sl_names_give(&listing.all, rc, names, count);
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
	return rc < 0 ? sl_error_wrap(err, "log directory") : rc;
}

void
sl_names_free(char **names, size_t count)
{
	while (count > 0)
		free(names[--count]);
	free(names);
}
