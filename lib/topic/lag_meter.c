/* lag_meter.c: lag in the partitions of a topic; see streamlog_group.h. */
#include "lag.h"
#include "topic.h"

#include <errno.h>
#include <stdlib.h>

/* Descriptors that a meter holds at most, each of a partition's segment. */
#define BUSY_MAX 64

struct sl_lag_meter {
	const struct sl_engine *engine; /* the door's; see files.h */
	struct sl_topic *topic;         /* borrowed */
	struct sl_lag_log
	    *logs; /* owned: a partition's each, opened when asked */
	int count;
	int busy[BUSY_MAX]; /* partitions that hold a descriptor, in a ring */
	size_t busy_count;
	size_t busy_next; /* the one that gives its descriptor back next */
};

int
sl_files_lag_meter_open(struct sl_lag_meter **out, struct sl_topic *topic,
    struct sl_error *err)
{
	struct sl_lag_meter *meter = calloc(1, sizeof(*meter));
	int i;

	*out = NULL;
	if (meter == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	meter->topic = topic;
	meter->count = topic->config.settings.partitions;
	meter->logs = calloc((size_t)meter->count, sizeof(*meter->logs));
	if (meter->logs == NULL) {
		free(meter);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	for (i = 0; i < meter->count; i++)
		meter->logs[i] = SL_LAG_LOG_CLOSED;
	*out = meter;
	return SL_OK;
}

void
sl_files_lag_meter_close(struct sl_lag_meter *meter)
{
	int i;

	if (meter == NULL)
		return;
	for (i = 0; i < meter->count; i++)
		sl_lag_log_close(&meter->logs[i]);
	free(meter->logs);
	free(meter);
}

/* A partition took a descriptor: who has had one longest gives it back. */
static void
note_busy(struct sl_lag_meter *meter, int partition)
{
	if (meter->busy_count < BUSY_MAX) {
		meter->busy[meter->busy_count++] = partition;
		return;
	}
	sl_lag_log_rest(&meter->logs[meter->busy[meter->busy_next]]);
	meter->busy[meter->busy_next] = partition;
	meter->busy_next = (meter->busy_next + 1) % BUSY_MAX;
}

static int
open_log(struct sl_lag_meter *meter, int partition, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int rc;

	sl_partition_name(name, partition);
	rc = sl_lag_log_open(&meter->logs[partition], meter->topic->fd, name,
	    err);
	if (rc < 0 && err->sys == ENOENT)
		rc = err->code = SL_ENOTFOUND;
	return rc;
}

int
sl_files_lag_measure(struct sl_lag_meter *meter, int partition, uint64_t offset,
    struct sl_lag *lag, struct sl_error *err)
{
	struct sl_lag_log *log;
	bool was_busy;
	int rc = SL_OK;

	*lag = (struct sl_lag){ .first_ms = SL_TIME_NONE };
	if (partition < 0 || partition >= meter->count)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': there is no partition %d",
		    sl_files_topic_name(meter->topic), partition);
	log = &meter->logs[partition];
	if (!log->is_open)
		rc = open_log(meter, partition, err);
	if (rc == SL_OK) {
		was_busy = log->fd >= 0;
		rc = sl_lag_log_measure(log, offset, lag, err);
		if (!was_busy && log->fd >= 0)
			note_busy(meter, partition);
	}
	return rc < 0 ? sl_topic_wrap(meter->topic, partition, err) : SL_OK;
}
