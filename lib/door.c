/*
 * door.c: the front door of the library: each function goes to the engine of
 * the name or the handle it was given; see engine.h. Floor: engine.
 */
#include "engine.h"

/* The engine of any handle: its first member. */
static const struct sl_engine *
of(const void *handle)
{
	return *(const struct sl_engine *const *)handle;
}

/* What was opened remembers its engine. */
static int
keep(void *handle, const struct sl_engine *engine, int rc)
{
	*(const struct sl_engine **)handle = engine;
	return rc;
}

/* One reader reads with one engine. */
static int
check_same(const void *handle, const void *other, struct sl_error *err)
{
	if (of(handle) == of(other))
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "topics of files and of Kafka can't be read together: name those "
	    "of one kind, and the others to another command");
}

int
sl_topic_open(struct sl_topic **topic, const char *dir, const char *name,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	rc = target.engine->topic_open(topic, target.dir, target.name, err);
	return rc < 0 ? rc : keep(*topic, target.engine, rc);
}

void
sl_topic_close(struct sl_topic *topic)
{
	if (topic != NULL)
		of(topic)->topic_close(topic);
}

int
sl_topic_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	return target.engine->topic_create(target.dir, target.name, settings,
	    setting_count, err);
}

int
sl_topic_auto_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	return target.engine->topic_auto_create(target.dir, target.name,
	    settings, setting_count, err);
}

const char *
sl_topic_name(const struct sl_topic *topic)
{
	return of(topic)->topic_name(topic);
}

const char *
sl_topic_dir(const struct sl_topic *topic)
{
	return of(topic)->topic_dir(topic);
}

const char *
sl_topic_id(const struct sl_topic *topic)
{
	return of(topic)->topic_id(topic);
}

const struct sl_settings *
sl_topic_settings(const struct sl_topic *topic)
{
	return of(topic)->topic_settings(topic);
}

bool
sl_topic_setting(const struct sl_topic *topic, size_t index,
    struct sl_setting_row *row)
{
	return of(topic)->topic_setting(topic, index, row);
}

int
sl_topic_refresh(struct sl_topic *topic, struct sl_error *err)
{
	return of(topic)->topic_refresh(topic, err);
}

int
sl_topic_alter(const char *dir, const char *name, int partitions,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	return target.engine->topic_alter(target.dir, target.name, partitions,
	    settings, setting_count, err);
}

int
sl_topic_delete(const char *dir, const char *name, struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	return target.engine->topic_delete(target.dir, target.name, err);
}

int
sl_topic_list(const char *dir, const char *pattern, char ***names,
    size_t *count, struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, NULL, err);
	if (rc < 0)
		return rc;
	return target.engine->topic_list(target.dir, pattern, names, count,
	    err);
}

bool
sl_topic_keeps_rejected(const struct sl_topic *topic)
{
	return of(topic)->topic_keeps_rejected(topic);
}

int
sl_topic_range(struct sl_topic *topic, int partition, struct sl_range *range,
    struct sl_error *err)
{
	return of(topic)->topic_range(topic, partition, range, err);
}

int
sl_topic_sync(struct sl_topic *topic, int partition, struct sl_error *err)
{
	return of(topic)->topic_sync(topic, partition, err);
}

int
sl_topic_offset_at(struct sl_topic *topic, int partition, int64_t time_ms,
    uint64_t *offset, struct sl_error *err)
{
	return of(topic)->topic_offset_at(topic, partition, time_ms, offset,
	    err);
}

int
sl_topic_partition_info(struct sl_topic *topic, int partition,
    struct sl_partition_info *info, struct sl_error *err)
{
	return of(topic)->topic_partition_info(topic, partition, info, err);
}

int
sl_topic_check(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	return of(topic)->topic_check(topic, partition, options, sums, err);
}

int
sl_topic_mend(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	return of(topic)->topic_mend(topic, partition, options, sums, err);
}

int
sl_may_change(const char *dir, const char *name, enum sl_change change,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, name, err);
	if (rc < 0)
		return rc;
	return target.engine->may_change(target.dir, target.name, change, err);
}

int
sl_writer_open(struct sl_writer **writer, struct sl_topic *topic,
    struct sl_error *err)
{
	int rc;

	rc = of(topic)->writer_open(writer, topic, err);
	return rc < 0 ? rc : keep(*writer, of(topic), rc);
}

void
sl_writer_close(struct sl_writer *writer)
{
	if (writer != NULL)
		of(writer)->writer_close(writer);
}

void
sl_writer_begin(struct sl_writer *writer, const struct sl_encoder *encoder)
{
	of(writer)->writer_begin(writer, encoder);
}

int
sl_writer_write(struct sl_writer *writer, const struct sl_encoder *encoder,
    size_t index, int lock_timeout_ms, struct sl_receipt *receipt,
    struct sl_error *err)
{
	return of(writer)->writer_write(writer, encoder, index, lock_timeout_ms,
	    receipt, err);
}

int
sl_writer_sync(struct sl_writer *writer, struct sl_error *err)
{
	return of(writer)->writer_sync(writer, err);
}

void
sl_writer_begin_sync(struct sl_writer *writer)
{
	of(writer)->writer_begin_sync(writer);
}

int
sl_reader_open(struct sl_reader **reader,
    const struct sl_reader_options *options, struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, options->dir, NULL, err);
	if (rc < 0)
		return rc;
	rc = target.engine->reader_open(reader, options, err);
	return rc < 0 ? rc : keep(*reader, target.engine, rc);
}

void
sl_reader_close(struct sl_reader *reader)
{
	if (reader != NULL)
		of(reader)->reader_close(reader);
}

int
sl_reader_assign(struct sl_reader *reader, struct sl_topic *topic,
    int partition, uint64_t start, uint64_t end, struct sl_error *err)
{
	int rc;

	rc = check_same(reader, topic, err);
	return rc < 0 ? rc
	              : of(reader)->reader_assign(reader, topic, partition,
	                    start, end, err);
}

int
sl_reader_next(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	return of(reader)->reader_next(reader, record, source, err);
}

int
sl_reader_copy(struct sl_reader *reader, char *to, size_t room, char separator,
    uint64_t count_max, size_t *used, uint64_t *count, struct sl_source *source,
    struct sl_error *err)
{
	return of(reader)->reader_copy(reader, to, room, separator, count_max,
	    used, count, source, err);
}

int
sl_reader_follow(struct sl_reader *reader, struct sl_error *err)
{
	return of(reader)->reader_follow(reader, err);
}

void
sl_reader_watch_dir(struct sl_reader *reader, const char *path)
{
	of(reader)->reader_watch_dir(reader, path);
}

int
sl_reader_wait(struct sl_reader *reader, struct pollfd *fds, nfds_t fd_count,
    int timeout_ms, struct sl_error *err)
{
	return of(reader)->reader_wait(reader, fds, fd_count, timeout_ms, err);
}

void
sl_reader_drop(struct sl_reader *reader, const struct sl_topic *topic)
{
	of(reader)->reader_drop(reader, topic);
}

int
sl_reader_next_here(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	return of(reader)->reader_next_here(reader, record, source, err);
}

void
sl_reader_end_turn(struct sl_reader *reader)
{
	of(reader)->reader_end_turn(reader);
}

uint64_t
sl_reader_place(const struct sl_reader *reader, const struct sl_topic *topic,
    int partition)
{
	return of(reader)->reader_place(reader, topic, partition);
}

int
sl_reader_sync(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	return of(reader)->reader_sync(reader, topic, partition, err);
}

uint64_t
sl_reader_end(const struct sl_reader *reader, const struct sl_topic *topic,
    int partition)
{
	return of(reader)->reader_end(reader, topic, partition);
}

void
sl_reader_end_at(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, uint64_t end)
{
	of(reader)->reader_end_at(reader, topic, partition, end);
}

void
sl_reader_drop_partition(struct sl_reader *reader, const struct sl_topic *topic,
    int partition)
{
	of(reader)->reader_drop_partition(reader, topic, partition);
}

int
sl_lag_meter_open(struct sl_lag_meter **meter, struct sl_topic *topic,
    struct sl_error *err)
{
	int rc;

	rc = of(topic)->lag_meter_open(meter, topic, err);
	return rc < 0 ? rc : keep(*meter, of(topic), rc);
}

void
sl_lag_meter_close(struct sl_lag_meter *meter)
{
	if (meter != NULL)
		of(meter)->lag_meter_close(meter);
}

int
sl_lag_measure(struct sl_lag_meter *meter, int partition, uint64_t offset,
    struct sl_lag *lag, struct sl_error *err)
{
	return of(meter)->lag_measure(meter, partition, offset, lag, err);
}

int
sl_topic_clean(struct sl_topic *topic, const struct sl_clean_options *options,
    struct sl_clean_sums *sums, struct sl_error *err)
{
	return of(topic)->topic_clean(topic, options, sums, err);
}

void
sl_writer_heed_groups(struct sl_writer *writer)
{
	of(writer)->writer_heed_groups(writer);
}

int
sl_group_list(const char *dir, const char *state_dir, const char *pattern,
    char ***names, size_t *count, struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, NULL, err);
	if (rc < 0)
		return rc;
	return target.engine->group_list(target.dir, state_dir, pattern, names,
	    count, err);
}

int
sl_group_open(struct sl_group **group, const char *dir, const char *state_dir,
    const char *name, struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, NULL, err);
	if (rc < 0)
		return rc;
	rc = target.engine->group_open(group, target.dir, state_dir, name, err);
	return rc < 0 ? rc : keep(*group, target.engine, rc);
}

void
sl_group_close(struct sl_group *group)
{
	if (group != NULL)
		of(group)->group_close(group);
}

int
sl_group_create(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, NULL, err);
	if (rc < 0)
		return rc;
	return target.engine->group_create(target.dir, state_dir, name, err);
}

int
sl_group_places(struct sl_group *group, struct sl_group_place **places,
    size_t *count, struct sl_error *err)
{
	return of(group)->group_places(group, places, count, err);
}

int
sl_group_live(struct sl_group *group, size_t *count, struct sl_error *err)
{
	return of(group)->group_live(group, count, err);
}

int
sl_group_set(struct sl_group *group, const struct sl_group_move *moves,
    size_t count, bool forward, struct sl_error *err)
{
	return of(group)->group_set(group, moves, count, forward, err);
}

int
sl_group_forget(struct sl_group *group, const char *topic, struct sl_error *err)
{
	return of(group)->group_forget(group, topic, err);
}

int
sl_group_delete(const char *dir, const char *state_dir, const char *name,
    struct sl_error *err)
{
	struct sl_target target;
	int rc;

	rc = sl_target_find(&target, dir, NULL, err);
	if (rc < 0)
		return rc;
	return target.engine->group_delete(target.dir, state_dir, name, err);
}

int
sl_member_join(struct sl_member **member, const char *group,
    const struct sl_member_options *options, struct sl_reader *reader,
    struct sl_topic *const *topics, size_t topic_count, struct sl_error *err)
{
	size_t i;
	int rc = SL_OK;

	for (i = 0; rc == SL_OK && i < topic_count; i++)
		rc = check_same(reader, topics[i], err);
	if (rc == SL_OK)
		rc = of(reader)->member_join(member, group, options, reader,
		    topics, topic_count, err);
	return rc < 0 ? rc : keep(*member, of(reader), rc);
}

void
sl_member_close(struct sl_member *member)
{
	if (member != NULL)
		of(member)->member_close(member);
}

int
sl_member_look(struct sl_member *member, struct sl_topic *const *topics,
    size_t topic_count, int *again_ms, struct sl_error *err)
{
	return of(member)->member_look(member, topics, topic_count, again_ms,
	    err);
}

int
sl_member_next_change(struct sl_member *member, struct sl_member_change *change,
    struct sl_error *err)
{
	return of(member)->member_next_change(member, change, err);
}

int
sl_member_commit(struct sl_member *member, const struct sl_topic *topic,
    int partition, uint64_t offset, struct sl_error *err)
{
	return of(member)->member_commit(member, topic, partition, offset, err);
}

int
sl_member_release(struct sl_member *member, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	return of(member)->member_release(member, topic, partition, err);
}

int
sl_member_leave(struct sl_member *member, struct sl_error *err)
{
	return of(member)->member_leave(member, err);
}

void
sl_member_info(const struct sl_member *member, struct sl_member_info *info)
{
	of(member)->member_info(member, info);
}
