/* kafka_topic.c: topics of a cluster, and their offsets; see kafka.h. */
#include "kafka.h"

#include "clock.h"
#include "names.h"
#include "setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cluster's own topics; shown to who asks for names that begin so. */
#define INTERNAL_PREFIX "__"
/* Kafka's max.message.bytes where the topic's isn't told. */
#define MESSAGE_BYTES_MAX 1048588
/* A made topic is soon there, on whichever broker is asked. */
#define APPEAR_MS 5000
/* One that isn't there for so long is believed to be deleted. */
#define MISSED_MS 5000

int
sl_kafka_wrap(const struct sl_topic *topic, int partition, struct sl_error *err)
{
	if (partition < 0)
		return sl_error_wrap(err, "topic '%s'", topic->name);
	return sl_error_wrap(err, "topic '%s': partition %d", topic->name,
	    partition);
}

/* ---- Metadata ---- */

/*
 * Ask until it is answered, no broker is there, or the time is up. An answer to
 * a question that was given up is lost: each is given more time than the last,
 * for those who are far away.
 */
static int
ask_metadata(struct sl_kafka *kafka, rd_kafka_topic_t *handle,
    const struct sl_kafka_wait *wait, const struct rd_kafka_metadata **metadata,
    struct sl_error *err)
{
	int slice_ms = SL_KAFKA_SLICE_MS;
	rd_kafka_resp_err_t code;

	for (;;) {
		code = rd_kafka_metadata(kafka->rk, handle == NULL, handle,
		    metadata, slice_ms);
		slice_ms *= 2;
		if (slice_ms > sl_kafka_slice_ms(kafka))
			slice_ms = sl_kafka_slice_ms(kafka);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
			kafka->is_down = kafka->is_refused = false;
			kafka->was_in = true;
			kafka->broker = (*metadata)->orig_broker_id;
			return SL_OK;
		}
		rd_kafka_poll(kafka->rk, 0);
		if (!sl_kafka_passes(code))
			return sl_kafka_error(err, code, "%s", kafka->dir);
		if (kafka->is_down || kafka->is_refused ||
		    sl_kafka_is_over(kafka, wait))
			return sl_kafka_unreachable(kafka, err);
	}
}

static int
judge_metadata(const struct sl_kafka *kafka, const char *name,
    rd_kafka_resp_err_t code, struct sl_error *err)
{
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SL_OK;
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': not in '%s'; 'streamlog-topic list' "
		    "shows what is",
		    name, kafka->dir);
	return sl_kafka_error(err, code, "topic '%s'", name);
}

int
sl_kafka_metadata(struct sl_kafka *kafka, const char *name, int timeout_ms,
    const struct rd_kafka_metadata **metadata, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(timeout_ms);
	rd_kafka_topic_t *handle = NULL;
	rd_kafka_resp_err_t code;
	int rc;

	if (name != NULL) {
		handle = rd_kafka_topic_new(kafka->rk, name, NULL);
		if (handle == NULL)
			return sl_kafka_error(err, rd_kafka_last_error(),
			    "topic '%s'", name);
	}
	for (;;) {
		rc = ask_metadata(kafka, handle, &wait, metadata, err);
		if (rc < 0 || name == NULL)
			break;
		code = (*metadata)->topic_cnt == 1
		           ? (*metadata)->topics[0].err
		           : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		rc = judge_metadata(kafka, name, code, err);
		if (rc == SL_OK)
			break;
		rd_kafka_metadata_destroy(*metadata);
		if (rc != SL_EBUSY || sl_kafka_is_over(kafka, &wait))
			break;
		sl_kafka_poll(kafka, SL_KAFKA_SLICE_MS);
	}
	if (handle != NULL)
		rd_kafka_topic_destroy(handle);
	return rc;
}

/* ---- Opening ---- */

static void
settings_init(struct sl_settings *settings, int partitions)
{
	sl_settings_init(settings);
	settings->partitions = partitions;
	settings->max_message_bytes = MESSAGE_BYTES_MAX;
	settings->on_full = SL_FULL_REFUSE;
}

int
sl_kafka_topic_open(struct sl_topic **out, const char *dir, const char *name,
    struct sl_error *err)
{
	const struct rd_kafka_metadata *metadata;
	struct sl_topic *topic;
	struct sl_kafka *kafka;
	int rc;

	*out = NULL;
	rc = sl_topic_name_check(name, err);
	if (rc == SL_OK)
		rc = sl_kafka_find(&kafka, dir, err);
	if (rc == SL_OK)
		rc = sl_kafka_metadata(kafka, name, SL_KAFKA_REQUEST_MS,
		    &metadata, err);
	if (rc < 0)
		return rc;
	topic = calloc(1, sizeof(*topic));
	if (topic == NULL) {
		rd_kafka_metadata_destroy(metadata);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	topic->kafka = kafka;
	snprintf(topic->name, sizeof(topic->name), "%s", name);
	settings_init(&topic->settings, metadata->topics[0].partition_cnt);
	rd_kafka_metadata_destroy(metadata);
	rc = sl_kafka_configure(topic, err);
	if (rc < 0) {
		sl_kafka_topic_close(topic);
		return sl_kafka_wrap(topic, -1, err);
	}
	*out = topic;
	return SL_OK;
}

void
sl_kafka_topic_close(struct sl_topic *topic)
{
	size_t i;

	for (i = 0; i < topic->row_count; i++)
		free((char *)(uintptr_t)topic->rows[i].name);
	free(topic->rows);
	free(topic);
}

/*
 * Who may create has it made with a cluster's own defaults, by asking for it:
 * auto.create.topics.enable. It is there when it has a leader.
 */
int
sl_kafka_topic_auto_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	static const struct sl_setting fixed[] = {
		{ "allow.auto.create.topics", "true" },
		{ NULL, NULL },
	};
	const struct sl_kafka_make make = { .type = RD_KAFKA_CONSUMER,
		.dir = dir,
		.fixed = { fixed } };
	struct sl_kafka_wait wait = sl_kafka_wait_for(APPEAR_MS);
	const struct rd_kafka_metadata *metadata;
	struct sl_kafka kafka;
	int rc;

	(void)settings;
	if (setting_count > 0)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': not there, and a cluster makes it as it is "
		    "set up; 'streamlog-topic create --partitions N' says how",
		    name);
	rc = sl_kafka_open(&kafka, &make, err);
	do {
		if (rc == SL_OK || rc == SL_ENOTFOUND)
			rc = sl_kafka_metadata(&kafka, name,
			    SL_KAFKA_REQUEST_MS, &metadata, err);
		if (rc == SL_ENOTFOUND)
			sl_kafka_poll(&kafka, SL_KAFKA_SLICE_MS);
	} while (rc == SL_ENOTFOUND && !sl_kafka_is_over(&kafka, &wait));
	if (rc == SL_OK)
		rd_kafka_metadata_destroy(metadata);
	if (rc == SL_ENOTFOUND)
		sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': not in '%s', which makes none by itself; "
		    "'streamlog-topic create' does",
		    name, dir);
	sl_kafka_close(&kafka);
	return rc;
}

/* ---- What it is ---- */

const char *
sl_kafka_topic_name(const struct sl_topic *topic)
{
	return topic->name;
}

const char *
sl_kafka_topic_dir(const struct sl_topic *topic)
{
	return topic->kafka->dir;
}

/* librdkafka tells none. */
const char *
sl_kafka_topic_id(const struct sl_topic *topic)
{
	(void)topic;
	return "";
}

const struct sl_settings *
sl_kafka_topic_settings(const struct sl_topic *topic)
{
	return &topic->settings;
}

bool
sl_kafka_topic_setting(const struct sl_topic *topic, size_t index,
    struct sl_setting_row *row)
{
	if (index >= topic->row_count)
		return false;
	*row = topic->rows[index];
	return true;
}

bool
sl_kafka_topic_keeps_rejected(const struct sl_topic *topic)
{
	(void)topic;
	return false;
}

/*
 * A broker that is away says nothing of the topic, and one that has just come
 * back may not know it yet: all is as it was, for a while.
 */
int
sl_kafka_topic_refresh(struct sl_topic *topic, struct sl_error *err)
{
	const struct rd_kafka_metadata *metadata;
	int partitions, rc;

	rc = sl_kafka_metadata(topic->kafka, topic->name, SL_KAFKA_LOOK_MS,
	    &metadata, err);
	if (rc == SL_EBUSY)
		return SL_END;
	if (rc == SL_ENOTFOUND && topic->missed_ms == 0)
		topic->missed_ms = sl_monotonic_ms();
	if (rc == SL_ENOTFOUND &&
	    sl_monotonic_ms() - topic->missed_ms < MISSED_MS)
		return SL_END;
	if (rc == SL_ENOTFOUND)
		return sl_error_set(err, SL_ENOTFOUND,
		    "topic '%s': it was deleted", topic->name);
	if (rc < 0)
		return rc;
	topic->missed_ms = 0;
	partitions = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (partitions <= topic->settings.partitions)
		return SL_END;
	topic->settings.partitions = partitions;
	return SL_OK;
}

/* ---- Listing ---- */

int
sl_kafka_topic_list(const char *dir, const char *pattern, char ***names,
    size_t *count, struct sl_error *err)
{
	const struct rd_kafka_metadata *metadata;
	bool shows_internal = pattern != NULL && pattern[0] == '_';
	struct sl_names all = SL_NAMES_EMPTY;
	struct sl_kafka *kafka;
	const char *name;
	int i, rc;

	*names = NULL;
	*count = 0;
	rc = sl_kafka_find(&kafka, dir, err);
	if (rc == SL_OK)
		rc = sl_kafka_metadata(kafka, NULL, SL_KAFKA_REQUEST_MS,
		    &metadata, err);
	if (rc < 0)
		return rc;
	for (i = 0; rc == SL_OK && i < metadata->topic_cnt; i++) {
		name = metadata->topics[i].topic;
		if (shows_internal || strncmp(name, INTERNAL_PREFIX,
		                          strlen(INTERNAL_PREFIX)) != 0)
			rc = sl_names_add(&all, pattern, name, err);
	}
	rd_kafka_metadata_destroy(metadata);
	return sl_names_give(&all, rc, names, count);
}

/* ---- Offsets ---- */

int
sl_kafka_offsets(struct sl_kafka *kafka, const char *name, int partition,
    struct sl_range *range, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(SL_KAFKA_REQUEST_MS);
	rd_kafka_resp_err_t code;
	int64_t first, next;

	for (;;) {
		code = rd_kafka_query_watermark_offsets(kafka->rk, name,
		    partition, &first, &next, sl_kafka_slice_ms(kafka));
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
			*range = (struct sl_range){ .first = (uint64_t)first,
				.next = (uint64_t)next };
			return SL_OK;
		}
		sl_kafka_poll(kafka, 0);
		if (!sl_kafka_passes(code))
			return sl_kafka_error(err, code, "offsets");
		if (sl_kafka_is_over(kafka, &wait))
			return sl_kafka_unreachable(kafka, err);
	}
}

/* Is there such a partition? */
static int
check_partition(const struct sl_topic *topic, int partition,
    struct sl_error *err)
{
	if (partition == SL_PARTITION_REJECTED) {
		sl_error_set(err, SL_EUSAGE,
		    "topic '%s': Kafka keeps no rejected lines", topic->name);
		err->sys = ENOENT;
		return err->code;
	}
	if (partition >= 0 && partition < topic->settings.partitions)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "topic '%s': no partition %d: it has %d", topic->name, partition,
	    topic->settings.partitions);
}

int
sl_kafka_topic_range(struct sl_topic *topic, int partition,
    struct sl_range *range, struct sl_error *err)
{
	int rc;

	rc = check_partition(topic, partition, err);
	if (rc < 0)
		return rc;
	rc = sl_kafka_offsets(topic->kafka, topic->name, partition, range, err);
	return rc < 0 ? sl_kafka_wrap(topic, partition, err) : SL_OK;
}

/* The brokers answer for that, and have answered already. */
int
sl_kafka_topic_sync(struct sl_topic *topic, int partition, struct sl_error *err)
{
	return check_partition(topic, partition, err);
}

int
sl_kafka_topic_offset_at(struct sl_topic *topic, int partition, int64_t time_ms,
    uint64_t *offset, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(SL_KAFKA_REQUEST_MS);
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_topic_partition_t *asked;
	rd_kafka_resp_err_t code;
	struct sl_range range;
	int rc;

	rc = check_partition(topic, partition, err);
	if (rc < 0)
		return rc;
	list = rd_kafka_topic_partition_list_new(1);
	asked = rd_kafka_topic_partition_list_add(list, topic->name, partition);
	do {
		/* Negative ones are names of places to Kafka. */
		asked->offset = time_ms < 0 ? 0 : time_ms;
		code = rd_kafka_offsets_for_times(topic->kafka->rk, list,
		    sl_kafka_slice_ms(topic->kafka));
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			code = asked->err;
	} while (
	    sl_kafka_passes(code) && !sl_kafka_is_over(topic->kafka, &wait));
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rc = sl_kafka_error(err, code, "topic '%s': partition %d",
		    topic->name, partition);
	else if (asked->offset >= 0)
		*offset = (uint64_t)asked->offset;
	else
		rc = sl_kafka_topic_range(topic, partition, &range, err);
	if (rc == SL_OK && asked->offset < 0)
		*offset = range.next;
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

int
sl_kafka_topic_partition_info(struct sl_topic *topic, int partition,
    struct sl_partition_info *info, struct sl_error *err)
{
	*info = (struct sl_partition_info){ .bytes = SL_UNKNOWN,
		.segments = SL_UNKNOWN,
		.first_ms = SL_TIME_NONE,
		.last_ms = SL_TIME_NONE };
	return sl_kafka_topic_range(topic, partition, &info->range, err);
}
