/* room.c: is there room in a topic that lets nothing go? See room.h. */
#include "room.h"

#include "retain.h"

#define LOOK_MS 1000

bool
sl_room_matters(const struct sl_topic *topic, int partition)
{
	const struct sl_settings *settings = &topic->config.settings;

	return partition != SL_PARTITION_REJECTED &&
	       settings->on_full != SL_FULL_DROP_OLDEST &&
	       (settings->cleanup & SL_CLEANUP_DELETE) != 0 &&
	       (settings->retention_bytes >= 0 ||
	           settings->retention_total_bytes >= 0 ||
	           settings->min_free_bytes >= 0);
}

/* The bytes of a partition, and how many of its segments are closed. */
static int
measure_part(const struct sl_topic *topic, int partition, uint64_t *bytes,
    size_t *closed, struct sl_error *err)
{
	struct sl_retain retain = SL_RETAIN_EMPTY;
	char name[SL_PARTITION_NAME_SIZE];
	int dir = -1;
	int rc;

	sl_partition_name(name, partition);
	rc = sl_fs_open_dir(&dir, topic->fd, name, err);
	if (rc == SL_OK)
		rc = sl_retain_load(&retain, dir, err);
	*bytes = retain.bytes + retain.file_bytes;
	*closed = retain.count > 0 ? retain.count - 1 : 0;
	sl_retain_release(&retain);
	sl_fs_close(&dir);
	return rc;
}

static int
measure(struct sl_room *room, const struct sl_topic *topic, int partition,
    const struct sl_log *log, struct sl_error *err)
{
	const struct sl_settings *settings = &topic->config.settings;
	bool is_total = settings->retention_total_bytes >= 0;
	uint64_t bytes, free_bytes = UINT64_MAX;
	size_t closed, all_closed = 0;
	int i, rc = SL_OK;

	*room = (struct sl_room){ .looked_ms = sl_monotonic_ms(),
		.base = log->base,
		.size = log->size };
	for (i = 0; rc == SL_OK && i < settings->partitions; i++) {
		if (!is_total && i != partition)
			continue;
		rc = measure_part(topic, i, &bytes, &closed, err);
		room->total_bytes += bytes;
		all_closed += closed;
		if (i == partition)
			room->bytes = bytes;
	}
	if (rc == SL_OK && settings->min_free_bytes >= 0)
		rc = sl_fs_free_bytes(topic->fd, &free_bytes, err);
	room->has_closed = all_closed > 0;
	room->is_disk_low = settings->min_free_bytes >= 0 &&
	                    free_bytes < (uint64_t)settings->min_free_bytes;
	room->is_known = rc == SL_OK;
	return rc;
}

static int
refuse(const struct sl_topic *topic, const char *bound, int64_t value,
    struct sl_error *err)
{
	bool waits = topic->config.settings.on_full == SL_FULL_WAIT;

	return sl_error_set(err, SL_EFULL,
	    "full: it would pass %s=%lld, and %s", bound, (long long)value,
	    waits ? "its groups have not read what could go (on.full=wait)"
	          : "nothing may go (on.full=refuse)");
}

/* Which bound is passed with `bytes` more? */
static int
judge(const struct sl_room *room, const struct sl_topic *topic, uint64_t bytes,
    struct sl_error *err)
{
	const struct sl_settings *settings = &topic->config.settings;

	if (!room->has_closed)
		return SL_OK;
	if (settings->retention_bytes >= 0 &&
	    room->bytes + bytes > (uint64_t)settings->retention_bytes)
		return refuse(topic, "retention.bytes",
		    settings->retention_bytes, err);
	if (settings->retention_total_bytes >= 0 &&
	    room->total_bytes + bytes >
	        (uint64_t)settings->retention_total_bytes)
		return refuse(topic, "retention.total.bytes",
		    settings->retention_total_bytes, err);
	if (room->is_disk_low)
		return refuse(topic, "min.free.bytes", settings->min_free_bytes,
		    err);
	return SL_OK;
}

int
sl_room_check(struct sl_room *room, const struct sl_topic *topic, int partition,
    const struct sl_log *log, uint64_t bytes, struct sl_error *err)
{
	int rc;

	if (room->is_known && room->base == log->base &&
	    sl_monotonic_ms() - room->looked_ms < LOOK_MS &&
	    judge(room, topic, bytes + log->size - room->size, err) == SL_OK)
		return SL_OK;
	rc = measure(room, topic, partition, log, err);
	return rc < 0 ? rc : judge(room, topic, bytes, err);
}
