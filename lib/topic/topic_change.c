/*
 * topic_change.c: make, alter and delete topics (RULE 12); see topic.h.
 *
 * Everything is made under a `~` name and renamed; a crash leaves such a name,
 * which nobody reads and anybody may remove.
 */
#include "topic.h"

#include "lock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_TIMEOUT_MS 10000

/* 16 random bytes in base64url: Kafka's topic id. */
static void
make_id(char id[SL_TOPIC_ID_SIZE])
{
	char text[SL_BASE64_SIZE(16)];
	uint8_t bits[16];
	size_t i;

	sl_fs_random(bits, sizeof(bits));
	sl_base64_encode(bits, sizeof(bits), text);
	for (i = 0; i < SL_TOPIC_ID_SIZE - 1; i++) {
		id[i] = text[i];
		if (text[i] == '+')
			id[i] = '-';
		else if (text[i] == '/')
			id[i] = '_';
	}
	id[i] = '\0';
}

/* The defaults of streamlog.yaml, then what was said on the command line. */
static int
gather(int dir_fd, const struct sl_setting *settings, size_t setting_count,
    struct sl_config *config, struct sl_error *err)
{
	char *text = NULL;
	size_t bytes, i;
	int rc;

	sl_config_init(config);
	rc = sl_fs_read_file(dir_fd, SL_DIR_YAML, SL_CONFIG_BYTES_MAX, &text,
	    &bytes, err);
	if (rc < 0 && err->sys != ENOENT)
		return rc;
	if (rc == SL_OK) {
		rc = sl_config_parse(config, text, bytes, false, err);
		free(text);
		if (rc < 0)
			return sl_error_wrap(err, "'%s'", SL_DIR_YAML);
	}
	rc = SL_OK;
	for (i = 0; rc == SL_OK && i < setting_count; i++)
		rc = sl_config_set(config, settings[i].name, settings[i].value,
		    err);
	return rc < 0 ? rc : sl_config_check(config, err);
}

/* Of settings of one name the last counts; how they were typed is kept. */
static const char *
typed_value(const struct sl_setting *settings, size_t count,
    const struct sl_setting_row *row)
{
	while (count > 0) {
		count--;
		if (strcmp(settings[count].name, row->name) == 0)
			return settings[count].value;
	}
	return row->value;
}

#define ROWS_MAX 65

static int
write_yaml(int fd, const struct sl_config *config,
    const struct sl_setting *settings, size_t setting_count,
    const struct sl_fs_like *like, struct sl_error *err)
{
	struct sl_setting_row rows[ROWS_MAX];
	struct sl_setting lines[ROWS_MAX];
	size_t row, count = 1, bytes;
	char *text;
	int rc;

	lines[0] = (struct sl_setting){ "id", config->id };
	for (row = 0;
	     count < ROWS_MAX && sl_config_row(config, row, &rows[count]);
	     row++) {
		bool is_partitions =
		    strcmp(rows[count].name, "partitions") == 0;

		if (rows[count].is_default && !is_partitions)
			continue;
		lines[count].name = rows[count].name;
		lines[count].value =
		    typed_value(settings, setting_count, &rows[count]);
		count++;
	}
	rc = sl_config_edit("", 0, lines, count, &text, &bytes, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_replace(fd, SL_TOPIC_YAML, text, bytes, like, err);
	free(text);
	return rc;
}

static int
make_partitions(int fd, int from, int to, const struct sl_fs_like *like,
    struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE], scratch[SL_FS_SCRATCH_SIZE];
	int i, rc;

	for (i = from; i < to; i++) {
		sl_partition_name(name, i);
		sl_fs_scratch_name(scratch);
		rc = sl_log_create(fd, scratch, like, err);
		if (rc == SL_OK)
			rc = sl_fs_rename_new(fd, scratch, name, err);
		/* Left by an alter that was killed before it could say so. */
		if (rc < 0 && err->sys == EEXIST)
			rc = sl_fs_remove_tree(fd, scratch, err);
		if (rc < 0)
			return rc;
	}
	return sl_fs_sync_dir(fd, err);
}

/* What a new topic is made of. */
struct making {
	const struct sl_config *config;
	const struct sl_setting *settings;
	size_t setting_count;
};

static int
make_topic(void *arg, int fd, const struct sl_fs_like *like,
    struct sl_error *err)
{
	const struct making *making = arg;
	int rc;

	rc = make_partitions(fd, 0, making->config->settings.partitions, like,
	    err);
	return rc < 0 ? rc
	              : write_yaml(fd, making->config, making->settings,
	                    making->setting_count, like, err);
}

/* Of the config that stands, or, where there is none (id ""), of defaults. */
static int
create(const char *dir, const char *name, struct sl_config *config,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	char path[PATH_MAX], topic[SL_TOPIC_NAME_MAX + 1];
	struct making making = { config, settings, setting_count };
	int dir_fd = -1;
	struct stat st;
	int rc;

	rc = sl_topic_locate(dir, name, path, topic, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_create_path(path, err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&dir_fd, AT_FDCWD, path, err);
	if (rc < 0)
		sl_error_wrap(err, "log directory");
	if (rc == SL_OK && config->id[0] == '\0') {
		rc = gather(dir_fd, settings, setting_count, config, err);
		make_id(config->id);
	}
	if (rc == SL_OK &&
	    fstatat(dir_fd, topic, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		/* Its maker may have been killed before he synced that. */
		rc = sl_fs_sync_dir(dir_fd, err);
		if (rc == SL_OK)
			rc = sl_error_set(err, SL_EEXISTS,
			    "it is there already");
	}
	if (rc == SL_OK)
		rc = sl_fs_create_whole(dir_fd, path, topic, make_topic,
		    &making, err);
	if (rc < 0 && err->sys == EEXIST)
		rc = sl_error_set(err, SL_EEXISTS, "it is there already");
	sl_fs_close(&dir_fd);
	return rc < 0 ? sl_error_wrap(err, "topic '%s'", topic) : SL_OK;
}

int
sl_files_topic_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_config config = { .id = "" };

	return create(dir, name, &config, settings, setting_count, err);
}

int
sl_topic_create_archive(const char *dir, const struct sl_topic *of,
    struct sl_error *err)
{
	struct sl_config config;
	int rc;

	sl_config_init(&config);
	memcpy(config.id, of->config.id, sizeof(config.id));
	config.settings.partitions = of->config.settings.partitions;
	rc = sl_config_set(&config, "read.only", "true", err);
	return rc < 0 ? rc : create(dir, of->name, &config, NULL, 0, err);
}

int
sl_topic_make_rejected(struct sl_topic *topic, struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct stat st;
	int rc;

	if (fstatat(topic->fd, SL_REJECTED_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return SL_OK;
	sl_fs_scratch_name(scratch);
	rc = sl_log_create(topic->fd, scratch, &topic->like, err);
	if (rc == SL_OK)
		rc =
		    sl_fs_rename_new(topic->fd, scratch, SL_REJECTED_NAME, err);
	if (rc < 0 && err->sys == EEXIST) /* another was faster */
		rc = sl_fs_remove_tree(topic->fd, scratch, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(topic->fd, err);
	return rc < 0 ? sl_topic_wrap(topic, SL_PARTITION_REJECTED, err) : rc;
}

/* Change the file and the partitions; the settings byte is held. */
static int
alter_locked(struct sl_topic *topic, int partitions,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_setting lines[ROWS_MAX];
	int had = topic->config.settings.partitions;
	char number[SL_PARTITION_NAME_SIZE];
	char *text = NULL, *edited = NULL;
	size_t bytes, edited_bytes, count;
	int rc = SL_OK;

	if (setting_count >= ROWS_MAX)
		return sl_error_set(err, SL_EUSAGE, "too many settings");
	for (count = 0; rc == SL_OK && count < setting_count; count++) {
		lines[count] = settings[count];
		rc = sl_config_set(&topic->config, settings[count].name,
		    settings[count].value, err);
	}
	if (rc == SL_OK)
		rc = sl_config_check(&topic->config, err);
	if (rc < 0)
		return rc;
	if (partitions == 0)
		partitions = topic->config.settings.partitions;
	if (partitions < had || partitions > SL_PARTITIONS_MAX)
		return sl_error_set(err, SL_EUSAGE,
		    "%d partitions: there are %d, which can only grow, up to "
		    "%d",
		    partitions, had, SL_PARTITIONS_MAX);
	sl_partition_name(number, partitions);
	lines[count++] = (struct sl_setting){ "partitions", number };
	rc = make_partitions(topic->fd, had, partitions, &topic->like, err);
	if (rc == SL_OK)
		rc = sl_fs_read_file(topic->fd, SL_TOPIC_YAML,
		    SL_CONFIG_BYTES_MAX, &text, &bytes, err);
	if (rc == SL_OK)
		rc = sl_config_edit(text, bytes, lines, count, &edited,
		    &edited_bytes, err);
	if (rc == SL_OK)
		rc = sl_fs_replace(topic->fd, SL_TOPIC_YAML, edited,
		    edited_bytes, &topic->like, err);
	free(text);
	free(edited);
	return rc;
}

/* Open partition 0's lock and hold its settings byte: who alters is alone. */
static int
lock_settings(const struct sl_topic *topic, int *lock, struct sl_error *err)
{
	int dir = -1;
	int rc;

	rc = sl_fs_open_dir(&dir, topic->fd, "0", err);
	if (rc == SL_OK)
		rc = sl_lockfile_open(lock, dir, &topic->like, err);
	sl_fs_close(&dir);
	if (rc == SL_OK)
		rc = sl_lock_take(*lock, SL_LOCK_SETTINGS, true,
		    SETTINGS_TIMEOUT_MS, err);
	if (rc == SL_EBUSY)
		sl_error_set(err, SL_EBUSY, "somebody else is altering it");
	return rc;
}

int
sl_files_topic_alter(const char *dir, const char *name, int partitions,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_topic *topic;
	int lock = -1;
	int rc;

	rc = sl_files_topic_open(&topic, dir, name, err);
	if (rc < 0)
		return rc;
	rc = lock_settings(topic, &lock, err);
	if (rc == SL_OK) /* what was altered while we waited */
		rc = sl_files_topic_refresh(topic, err);
	if (rc >= 0)
		rc = alter_locked(topic, partitions, settings, setting_count,
		    err);
	sl_fs_close(&lock);
	if (rc < 0)
		sl_error_wrap(err, "topic '%s'", topic->name);
	sl_files_topic_close(topic);
	return rc;
}

/* Mark a partition deleted, or live again, under its append lock. */
static int
mark(int lock, bool is_deleted, struct sl_error *err)
{
	struct sl_lockfile text;
	int rc;

	rc = sl_lock_take(lock, SL_LOCK_APPEND, true, SETTINGS_TIMEOUT_MS, err);
	if (rc == SL_OK)
		rc = sl_lockfile_read(lock, &text, err);
	if (rc < 0)
		return rc;
	text.change++;
	text.is_deleted = is_deleted;
	return sl_lockfile_write(lock, &text, err);
}

static int
mark_all(const struct sl_topic *topic, const int *locks, bool are_deleted,
    struct sl_error *err)
{
	int i, rc = SL_OK;

	for (i = 0; rc == SL_OK && i < topic->config.settings.partitions; i++) {
		if (locks[i] >= 0)
			rc = mark(locks[i], are_deleted, err);
	}
	return rc;
}

/* Take all presence bytes exclusively; the descriptors hold them. */
static int
exclude_writers(const struct sl_topic *topic, int *locks, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int i, dir = -1, rc = SL_OK;

	for (i = 0; rc == SL_OK && i < topic->config.settings.partitions; i++) {
		sl_partition_name(name, i);
		rc = sl_fs_open_dir(&dir, topic->fd, name, err);
		if (rc < 0 && err->sys == ENOENT) {
			rc = SL_OK; /* nothing there to protect */
			continue;
		}
		if (rc == SL_OK)
			rc =
			    sl_lockfile_open(&locks[i], dir, &topic->like, err);
		sl_fs_close(&dir);
		if (rc == SL_OK)
			rc = sl_lock_take(locks[i], SL_LOCK_PRESENCE, true, 0,
			    err);
		if (rc == SL_EBUSY)
			sl_error_set(err, SL_EBUSY,
			    "a writer has partition %d open; stop it first", i);
	}
	return rc;
}

static int
delete_excluded(const struct sl_topic *topic, const int *locks,
    struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct sl_error ignored;
	int rc;

	sl_fs_scratch_name(scratch);
	rc = mark_all(topic, locks, true, err);
	if (rc == SL_OK)
		rc = sl_fs_rename_new(topic->dir_fd, topic->name, scratch, err);
	if (rc < 0) {
		/* It keeps its name, so it must take events again. */
		if (mark_all(topic, locks, false, &ignored) < 0)
			sl_error_wrap(err, "it is left half deleted");
		return rc;
	}
	rc = sl_fs_sync_dir(topic->dir_fd, err);
	if (rc == SL_OK)
		rc = sl_fs_remove_tree(topic->dir_fd, scratch, err);
	return rc;
}

int
sl_files_topic_delete(const char *dir, const char *name, struct sl_error *err)
{
	struct sl_topic *topic;
	int *locks = NULL;
	int i, count, rc;

	rc = sl_files_topic_open(&topic, dir, name, err);
	if (rc < 0)
		return rc;
	count = topic->config.settings.partitions;
	locks = malloc((size_t)count * sizeof(*locks));
	if (locks == NULL) {
		sl_files_topic_close(topic);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	for (i = 0; i < count; i++)
		locks[i] = -1;
	rc = exclude_writers(topic, locks, err);
	if (rc == SL_OK && locks[0] < 0)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	/* Is it still the one of that name, now that nobody can delete it? */
	if (rc == SL_OK)
		rc = sl_files_topic_refresh(topic, err);
	if (rc >= 0)
		rc = delete_excluded(topic, locks, err);
	for (i = 0; i < count; i++)
		sl_fs_close(&locks[i]);
	free(locks);
	if (rc < 0)
		sl_error_wrap(err, "topic '%s'", topic->name);
	sl_files_topic_close(topic);
	return rc;
}

int
sl_files_topic_auto_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	return sl_files_topic_create(dir, name, settings, setting_count, err);
}
