/* path.c: a directory and those above it, made to stay; see fs.h. */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The name `path` is on disk then, and that of its directory: whoever made that
 * may have been killed before he synced it.
 */
static int
sync_holder(const char *path, struct sl_error *err)
{
	const char *slash = strrchr(path, '/');
	char holder[PATH_MAX] = ".";
	int fd = -1;
	int rc;

	if (slash != NULL)
		snprintf(holder, sizeof(holder), "%.*s",
		    slash == path ? 1 : (int)(slash - path), path);
	rc = sl_fs_open_dir(&fd, AT_FDCWD, holder, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_names(fd, 1, err);
	sl_fs_close(&fd);
	return rc;
}

int
sl_fs_create_path(const char *path, struct sl_error *err)
{
	char part[PATH_MAX];
	size_t bytes = strlen(path);
	bool is_new;
	size_t i;

	if (bytes == 0 || bytes >= sizeof(part))
		return sl_error_set(err, SL_EUSAGE,
		    "'%s': not a path of a directory", path);
	memcpy(part, path, bytes + 1);
	for (i = 1; i <= bytes; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		is_new = mkdir(part, 0777) == 0;
		if (!is_new && errno != EEXIST)
			return sl_error_sys(err, errno, "'%s'", part);
		if ((is_new || i == bytes) && sync_holder(part, err) < 0 &&
		    (is_new || err->sys != EACCES))
			return err->code;
		part[i] = path[i];
	}
	return SL_OK;
}
