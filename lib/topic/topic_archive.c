/* topic_archive.c: a topic's archive; see topic_archive.h. */
#include "topic_archive.h"

#include "archive.h"

#include <string.h>

static int
check(const struct sl_topic *archive, const struct sl_topic *topic,
    struct sl_error *err)
{
	if (strcmp(archive->config.id, topic->config.id) != 0)
		return sl_error_set(err, SL_EUSAGE,
		    "'%s/%s' is another topic, or of one that was deleted",
		    archive->dir, archive->name);
	if (!archive->config.settings.read_only)
		return sl_error_set(err, SL_EUSAGE,
		    "'%s/%s' is no archive: read.only isn't set", archive->dir,
		    archive->name);
	return SL_OK;
}

static int
open_or_make(struct sl_topic **archive, const char *dir,
    const struct sl_topic *topic, bool is_dry, struct sl_error *err)
{
	int wanted = topic->config.settings.partitions;
	int rc;

	rc = sl_files_topic_open(archive, dir, topic->name, err);
	if (rc == SL_ENOTFOUND && is_dry)
		return SL_END;
	if (rc == SL_ENOTFOUND) {
		rc = sl_topic_create_archive(dir, topic, err);
		if (rc == SL_OK)
			rc =
			    sl_files_topic_open(archive, dir, topic->name, err);
	}
	if (rc == SL_OK)
		rc = check(*archive, topic, err);
	/* Made by who was killed before its sync, it could go with the cut. */
	if (rc == SL_OK && !is_dry)
		rc = sl_fs_sync_names((*archive)->fd, 2, err);
	if (rc < 0 || is_dry ||
	    (*archive)->config.settings.partitions >= wanted)
		return rc;
	rc = sl_files_topic_alter(dir, topic->name, wanted, NULL, 0, err);
	if (rc == SL_OK)
		rc = sl_files_topic_refresh(*archive, err);
	return rc < 0 ? rc : SL_OK;
}

int
sl_topic_archive_open(struct sl_topic **archive, const char *dir,
    const struct sl_topic *topic, bool is_dry, struct sl_error *err)
{
	int rc;

	*archive = NULL;
	rc = open_or_make(archive, dir, topic, is_dry, err);
	if (rc == SL_OK || rc == SL_END)
		return rc;
	sl_files_topic_close(*archive);
	*archive = NULL;
	return sl_error_wrap(err, "archive of '%s'", topic->name);
}

static void
tell(const void *arg, uint64_t base, uint64_t events, uint64_t bytes,
    uint64_t missed)
{
	const struct sl_retain_ear *ear = arg;
	struct sl_clean_note note = { .act = SL_CLEAN_MISSED,
		.partition = ear->partition,
		.base = base - missed,
		.events = missed,
		.newest_ms = SL_TIME_NONE };

	if (missed > 0 && ear->tell != NULL)
		ear->tell(ear->arg, &note);
	note.act = SL_CLEAN_ARCHIVE;
	note.base = base;
	note.events = events;
	note.bytes = bytes;
	ear->sums->archived_segments++;
	ear->sums->archived_events += events;
	ear->sums->archived_bytes += bytes;
	if (ear->tell != NULL)
		ear->tell(ear->arg, &note);
}

/* Fill in the archive's side. */
static int
copy(struct sl_archive *copy, const struct sl_topic *archive, int number,
    struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int rc = SL_OK;

	sl_partition_name(name, number);
	if (archive != NULL && number < archive->config.settings.partitions) {
		rc = sl_fs_open_dir(&copy->to, archive->fd, name, err);
		copy->like = &archive->like;
	}
	if (rc == SL_OK)
		rc = sl_archive_copy(copy, err);
	sl_fs_close(&copy->to);
	return rc;
}

int
sl_topic_archive_part(const struct sl_topic *archive, int from,
    const struct sl_retain_ear *ear, struct sl_error *err)
{
	struct sl_archive how = { .from = from,
		.to = -1,
		.tell = tell,
		.arg = ear };

	return copy(&how, archive, ear->partition, err);
}

int
sl_topic_archive_tell(const struct sl_topic *archive, int from,
    bool takes_active, const struct sl_retain_ear *ear, struct sl_error *err)
{
	struct sl_archive how = { .from = from,
		.to = -1,
		.is_dry = true,
		.takes_active = takes_active,
		.tell = tell,
		.arg = ear };

	return copy(&how, archive, ear->partition, err);
}
