/* topic.c: find, open and look at topics; see topic.h and streamlog.h. */
#include "topic.h"

#include "log.h"
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `said`: what $STREAMLOG_DIR says, where that counts. */
static int
default_dir(const char *said, char *path, struct sl_error *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (said != NULL && said[0] != '\0')
		n = snprintf(path, PATH_MAX, "%s", said);
	else if (state != NULL && state[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/streamlog", state);
	else if (home != NULL && home[0] != '\0')
		n = snprintf(path, PATH_MAX, "%s/.local/state/streamlog", home);
	else
		return sl_error_set(err, SL_EUSAGE,
		    "no log directory: set STREAMLOG_DIR or HOME, or say "
		    "--dir");
	if (n < 0 || n >= PATH_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "the log directory's path is longer than %d bytes",
		    PATH_MAX - 1);
	return SL_OK;
}

int
sl_default_dir(char *path, struct sl_error *err)
{
	return default_dir(getenv("STREAMLOG_DIR"), path, err);
}

int
sl_files_default_dir(char *path, struct sl_error *err)
{
	const char *said = getenv("STREAMLOG_DIR");

	if (said != NULL && strstr(said, "://") != NULL)
		said = NULL;
	return default_dir(said, path, err);
}

int
sl_topic_name_check(const char *name, struct sl_error *err)
{
	size_t bytes = strlen(name);
	size_t good = strspn(name,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "._-");

	if (bytes == 0)
		return sl_error_set(err, SL_EUSAGE,
		    "a topic's name can't be empty");
	if (bytes > SL_TOPIC_NAME_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "a topic's name has at most %d bytes, this one %zu",
		    SL_TOPIC_NAME_MAX, bytes);
	if (name[0] == '.' || name[0] == '-')
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': a name can't begin with '%c'", name, name[0]);
	if (good < bytes)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': a name has letters, digits, '.', '_' and '-' "
		    "only",
		    name);
	return SL_OK;
}

/* The last component of a path, and its parent; trailing slashes don't count.
 */
static int
split_path(const char *path, char *dir_path, char *topic, struct sl_error *err)
{
	size_t bytes = strlen(path);
	const char *name;
	size_t parent;

	while (bytes > 1 && path[bytes - 1] == '/')
		bytes--;
	name = path + bytes;
	while (name > path && name[-1] != '/')
		name--;
	parent = (size_t)(name - path);
	if (parent >= PATH_MAX - 2 || bytes - parent > SL_TOPIC_NAME_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%.300s': the path is too long", path);
	memcpy(topic, name, bytes - parent);
	topic[bytes - parent] = '\0';
	if (parent == 0) {
		strcpy(dir_path, ".");
		return SL_OK;
	}
	memcpy(dir_path, path, parent);
	while (parent > 1 && dir_path[parent - 1] == '/')
		parent--;
	dir_path[parent] = '\0';
	return SL_OK;
}

int
sl_topic_locate(const char *dir, const char *operand, char *dir_path,
    char *topic, struct sl_error *err)
{
	int rc;

	if (strchr(operand, '/') != NULL) {
		rc = split_path(operand, dir_path, topic, err);
		return rc < 0 ? rc : sl_topic_name_check(topic, err);
	}
	rc = sl_topic_name_check(operand, err);
	if (rc < 0)
		return rc;
	strcpy(topic, operand);
	if (dir == NULL)
		return sl_default_dir(dir_path, err);
	if (strlen(dir) >= PATH_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "the log directory's path is longer than %d bytes",
		    PATH_MAX - 1);
	strcpy(dir_path, dir);
	return SL_OK;
}

void
sl_partition_name(char name[SL_PARTITION_NAME_SIZE], int partition)
{
	if (partition == SL_PARTITION_REJECTED)
		strcpy(name, SL_REJECTED_NAME);
	else
		snprintf(name, SL_PARTITION_NAME_SIZE, "%d", partition);
}

int
sl_topic_check_partition(const struct sl_topic *topic, int partition,
    struct sl_error *err)
{
	int count = topic->config.settings.partitions;

	if (partition == SL_PARTITION_REJECTED ||
	    (partition >= 0 && partition < count))
		return SL_OK;
	if (count == 1)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': there is no partition %d, only 0", topic->name,
		    partition);
	return sl_error_set(err, SL_EUSAGE,
	    "topic '%s': there is no partition %d, only 0 to %d", topic->name,
	    partition, count - 1);
}

int
sl_topic_wrap(const struct sl_topic *topic, int partition, struct sl_error *err)
{
	if (partition == SL_PARTITION_REJECTED)
		return sl_error_wrap(err, "topic '%s': rejected lines",
		    topic->name);
	return sl_error_wrap(err, "topic '%s': partition %d", topic->name,
	    partition);
}

/* Read topic.yaml into a fresh config. */
static int
read_yaml(struct sl_topic *topic, struct sl_config *config,
    struct sl_error *err)
{
	char *text = NULL;
	size_t bytes = 0;
	int rc;

	sl_config_init(config);
	if (fstatat(topic->fd, SL_TOPIC_YAML, &topic->yaml,
	        AT_SYMLINK_NOFOLLOW) != 0)
		memset(&topic->yaml, 0, sizeof(topic->yaml));
	rc = sl_fs_read_file(topic->fd, SL_TOPIC_YAML, SL_CONFIG_BYTES_MAX,
	    &text, &bytes, err);
	if (rc == SL_OK) {
		rc = sl_config_parse(config, text, bytes, true, err);
		if (rc < 0)
			sl_error_wrap(err, "'%s'", SL_TOPIC_YAML);
	}
	free(text);
	return rc;
}

static int
not_found(const char *name, const char *dir, struct sl_error *err)
{
	return sl_error_set(err, SL_ENOTFOUND,
	    "topic '%s': not in '%s'; 'streamlog-topic list' shows what is",
	    name, dir);
}

static int
open_dirs(struct sl_topic *topic, struct sl_error *err)
{
	int rc;

	rc = sl_fs_open_dir(&topic->dir_fd, AT_FDCWD, topic->dir, err);
	if (rc < 0 && err->sys == ENOENT)
		return not_found(topic->name, topic->dir, err);
	if (rc < 0)
		return sl_error_wrap(err, "log directory");
	rc = sl_fs_open_dir(&topic->fd, topic->dir_fd, topic->name, err);
	if (rc < 0 && err->sys == ENOENT)
		return not_found(topic->name, topic->dir, err);
	if (rc < 0 && err->sys == ENOTDIR) {
		struct stat st;

		/* O_NOFOLLOW with O_DIRECTORY answers so for a link, too. */
		if (fstatat(topic->dir_fd, topic->name, &st,
		        AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			return sl_error_set(err, SL_EUSAGE,
			    "topic '%s': a symbolic link, which is not "
			    "followed; name the path it leads to",
			    topic->name);
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': '%s/%s' is not a directory", topic->name,
		    topic->dir, topic->name);
	}
	if (rc < 0)
		return sl_error_sys(err, err->sys, "topic '%s'", topic->name);
	rc = sl_fs_like_of(topic->fd, &topic->like, err);
	return rc < 0 ? sl_error_wrap(err, "topic '%s'", topic->name) : SL_OK;
}

int
sl_files_topic_open(struct sl_topic **out, const char *dir, const char *name,
    struct sl_error *err)
{
	struct sl_topic *topic;
	int rc;

	*out = NULL;
	topic = calloc(1, sizeof(*topic));
	if (topic == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	topic->dir_fd = topic->fd = -1;
	rc = sl_topic_locate(dir, name, topic->dir, topic->name, err);
	if (rc == SL_OK)
		rc = open_dirs(topic, err);
	if (rc == SL_OK) {
		rc = read_yaml(topic, &topic->config, err);
		if (rc < 0 && err->sys == ENOENT)
			rc = sl_error_set(err, SL_ENOTFOUND,
			    "topic '%s': '%s/%s' is no topic: it has no %s",
			    topic->name, topic->dir, topic->name,
			    SL_TOPIC_YAML);
		else if (rc < 0)
			sl_error_wrap(err, "topic '%s'", topic->name);
	}
	if (rc < 0) {
		sl_files_topic_close(topic);
		return rc;
	}
	*out = topic;
	return SL_OK;
}

void
sl_files_topic_close(struct sl_topic *topic)
{
	if (topic == NULL)
		return;
	sl_fs_close(&topic->fd);
	sl_fs_close(&topic->dir_fd);
	free(topic);
}

const char *
sl_files_topic_name(const struct sl_topic *topic)
{
	return topic->name;
}

const char *
sl_files_topic_dir(const struct sl_topic *topic)
{
	return topic->dir;
}

const char *
sl_files_topic_id(const struct sl_topic *topic)
{
	return topic->config.id;
}

const struct sl_settings *
sl_files_topic_settings(const struct sl_topic *topic)
{
	return &topic->config.settings;
}

bool
sl_files_topic_setting(const struct sl_topic *topic, size_t index,
    struct sl_setting_row *row)
{
	return sl_config_row(&topic->config, index, row);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int
sl_files_topic_refresh(struct sl_topic *topic, struct sl_error *err)
{
	struct sl_config config;
	struct stat yaml;
	int rc;

	rc = sl_fs_is_named(topic->fd, topic->dir_fd, topic->name, err);
	if (rc == SL_END)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	if (rc < 0)
		return sl_error_wrap(err, "topic '%s'", topic->name);
	if (fstatat(topic->fd, SL_TOPIC_YAML, &yaml, AT_SYMLINK_NOFOLLOW) ==
	        0 &&
	    same_file(&yaml, &topic->yaml))
		return SL_END;
	rc = read_yaml(topic, &config, err);
	if (rc < 0 && err->sys == ENOENT)
		return sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': it was deleted", topic->name);
	if (rc < 0)
		return sl_error_wrap(err, "topic '%s'", topic->name);
	if (strcmp(config.id, topic->config.id) != 0)
		return sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': it was replaced by another of that name",
		    topic->name);
	topic->config = config;
	return SL_OK;
}

/* ---- Look-ups in one partition ---- */

static int
open_partition(const struct sl_topic *topic, int partition, int *fd,
    struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int rc;

	*fd = -1;
	rc = sl_topic_check_partition(topic, partition, err);
	if (rc < 0)
		return rc;
	sl_partition_name(name, partition);
	rc = sl_fs_open_dir(fd, topic->fd, name, err);
	if (rc < 0 && err->sys == ENOENT)
		rc = err->code = SL_ENOTFOUND;
	return rc < 0 ? sl_topic_wrap(topic, partition, err) : SL_OK;
}

/* Close the partition; wrap what a look-up came to. */
static int
close_partition(const struct sl_topic *topic, int partition, int *fd, int rc,
    struct sl_error *err)
{
	sl_fs_close(fd);
	return rc < 0 ? sl_topic_wrap(topic, partition, err) : rc;
}

int
sl_files_topic_range(struct sl_topic *topic, int partition,
    struct sl_range *range, struct sl_error *err)
{
	int fd, rc;

	rc = open_partition(topic, partition, &fd, err);
	if (rc < 0)
		return rc;
	rc = sl_lookup_range(fd, range, err);
	return close_partition(topic, partition, &fd, rc, err);
}

int
sl_files_topic_sync(struct sl_topic *topic, int partition, struct sl_error *err)
{
	int fd, rc;

	rc = open_partition(topic, partition, &fd, err);
	if (rc < 0)
		return rc;
	rc = sl_lookup_sync(fd, err);
	return close_partition(topic, partition, &fd, rc, err);
}

int
sl_files_topic_offset_at(struct sl_topic *topic, int partition, int64_t time_ms,
    uint64_t *offset, struct sl_error *err)
{
	int fd, rc;

	rc = open_partition(topic, partition, &fd, err);
	if (rc < 0)
		return rc;
	rc = sl_lookup_time(fd, time_ms, offset, err);
	return close_partition(topic, partition, &fd, rc, err);
}

int
sl_files_topic_partition_info(struct sl_topic *topic, int partition,
    struct sl_partition_info *info, struct sl_error *err)
{
	int fd, rc;

	rc = open_partition(topic, partition, &fd, err);
	if (rc < 0)
		return rc;
	rc = sl_lookup_info(fd, info, err);
	return close_partition(topic, partition, &fd, rc, err);
}

bool
sl_files_topic_keeps_rejected(const struct sl_topic *topic)
{
	(void)topic;
	return true;
}

int
sl_files_may_change(const char *dir, const char *name, enum sl_change change,
    struct sl_error *err)
{
	(void)dir;
	(void)name;
	(void)change;
	(void)err;
	return SL_OK;
}
