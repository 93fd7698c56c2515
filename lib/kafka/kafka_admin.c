/* kafka_admin.c: what a cluster is asked about topics, made and set; kafka.h.
 */
#include "kafka.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLICATION "replication.factor"

/* ---- Asking ---- */

int
sl_kafka_ask(struct sl_kafka *kafka, rd_kafka_admin_op_t op,
    void (*ask)(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
        rd_kafka_queue_t *queue, void *arg),
    void *arg, rd_kafka_event_t **event, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(2 * SL_KAFKA_REQUEST_MS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->rk);
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(kafka->rk, op);
	rd_kafka_resp_err_t code;
	char why[128];
	int rc = SL_OK;

	(void)rd_kafka_AdminOptions_set_request_timeout(options,
	    SL_KAFKA_REQUEST_MS, why, sizeof(why));
	/* Else the controller is waited for, whom this doesn't need. */
	if (op == RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
		(void)rd_kafka_AdminOptions_set_broker(options, kafka->broker,
		    why, sizeof(why));
	ask(kafka->rk, options, queue, arg);
	/* librdkafka ends it in time by itself. */
	do {
		*event = rd_kafka_queue_poll(queue, SL_KAFKA_SLICE_MS);
	} while (*event == NULL && !sl_kafka_is_over(kafka, &wait));
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	if (*event == NULL)
		return sl_kafka_unreachable(kafka, err);
	code = rd_kafka_event_error(*event);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SL_OK;
	sl_kafka_poll(kafka, 0);
	rc = sl_kafka_passes(code)
	         ? sl_kafka_unreachable(kafka, err)
	         : sl_kafka_error(err, code, "%s", kafka->dir);
	rd_kafka_event_destroy(*event);
	*event = NULL;
	return rc;
}

/* ---- Settings of a topic ---- */

static void
ask_settings(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue, void *arg)
{
	rd_kafka_ConfigResource_t *resource =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, arg);

	rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
	rd_kafka_ConfigResource_destroy(resource);
}

/* What the programs go by; the rest is for eyes. */
static void
apply(struct sl_settings *settings, const char *name, const char *value)
{
	if (strcmp(name, "max.message.bytes") == 0)
		settings->max_message_bytes = atoll(value);
	else if (strcmp(name, "cleanup.policy") == 0)
		settings->cleanup =
		    (strstr(value, "delete") != NULL ? SL_CLEANUP_DELETE : 0) |
		    (strstr(value, "compact") != NULL ? SL_CLEANUP_COMPACT : 0);
}

static int
compare_rows(const void *a, const void *b)
{
	const struct sl_setting_row *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static int
take_settings(struct sl_topic *topic, const rd_kafka_ConfigEntry_t **entries,
    size_t count, struct sl_error *err)
{
	struct sl_setting_row *row;
	const char *value;
	size_t i;

	topic->rows = calloc(count + 1, sizeof(*topic->rows));
	if (topic->rows == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	for (i = 0; i < count; i++) {
		row = &topic->rows[topic->row_count];
		row->name = strdup(rd_kafka_ConfigEntry_name(entries[i]));
		if (row->name == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		topic->row_count++;
		value = rd_kafka_ConfigEntry_value(entries[i]);
		if (value == NULL ||
		    rd_kafka_ConfigEntry_is_sensitive(entries[i]))
			value = "";
		snprintf(row->value, sizeof(row->value), "%s", value);
		row->is_default = rd_kafka_ConfigEntry_source(entries[i]) !=
		                  RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
		apply(&topic->settings, row->name, value);
	}
	if (topic->row_count > 1)
		qsort(topic->rows, topic->row_count, sizeof(*topic->rows),
		    compare_rows);
	return SL_OK;
}

/* Who may read a topic need not be let see its settings: then it has none. */
int
sl_kafka_configure(struct sl_topic *topic, struct sl_error *err)
{
	const rd_kafka_ConfigResource_t **resources;
	const rd_kafka_ConfigEntry_t **entries;
	rd_kafka_event_t *event;
	size_t count = 0;
	int rc;

	rc = sl_kafka_ask(topic->kafka, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
	    ask_settings, topic->name, &event, err);
	if (rc < 0)
		return rc == SL_EBUSY ? rc : SL_OK;
	resources = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(event), &count);
	if (count == 1 && rd_kafka_ConfigResource_error(resources[0]) ==
	                      RD_KAFKA_RESP_ERR_NO_ERROR) {
		entries = rd_kafka_ConfigResource_configs(resources[0], &count);
		rc = take_settings(topic, entries, count, err);
	}
	rd_kafka_event_destroy(event);
	return rc;
}

/* ---- Making a topic ---- */

static void
ask_create(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
    rd_kafka_queue_t *queue, void *arg)
{
	rd_kafka_NewTopic_t *topic = arg;

	rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
}

/* A whole number from 1, or -1: that is none. */
static int
parse_count(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *end == '\0' && value > 0 && value <= INT32_MAX ? (int)value
	                                                       : -1;
}

/* How many partitions and replicas; -1: as the cluster has it. */
static int
count_of(const struct sl_setting *settings, size_t setting_count,
    const char *name, int *count, struct sl_error *err)
{
	size_t i;

	*count = -1;
	for (i = 0; i < setting_count; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		*count = parse_count(settings[i].value);
		if (*count < 0)
			return sl_error_set(err, SL_EUSAGE,
			    "%s: '%s': not a whole number from 1", name,
			    settings[i].value);
	}
	return SL_OK;
}

/* One setting, in Kafka's unit where streamlog knows it ("7d"). */
static int
add_setting(rd_kafka_NewTopic_t *topic, const struct sl_setting *setting,
    struct sl_error *err)
{
	const char *value = setting->value;
	struct sl_setting_row row;
	struct sl_config config;
	size_t i;

	if (strcmp(setting->name, "partitions") == 0 ||
	    strcmp(setting->name, REPLICATION) == 0)
		return SL_OK;
	sl_config_init(&config);
	for (i = 0; sl_config_row(&config, i, &row); i++) {
		if (strcmp(row.name, setting->name) != 0)
			continue;
		if (sl_config_set(&config, setting->name, value, err) < 0)
			return err->code;
		if (sl_config_row(&config, i, &row))
			value = row.value;
		break;
	}
	rd_kafka_NewTopic_set_config(topic, setting->name, value);
	return SL_OK;
}

static int
create(struct sl_kafka *kafka, rd_kafka_NewTopic_t *topic, const char *name,
    struct sl_error *err)
{
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *event;
	const char *why;
	size_t count;
	int rc;

	rc = sl_kafka_ask(kafka, RD_KAFKA_ADMIN_OP_CREATETOPICS, ask_create,
	    topic, &event, err);
	if (rc < 0)
		return rc;
	results = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result(event), &count);
	code = rd_kafka_topic_result_error(results[0]);
	why = rd_kafka_topic_result_error_string(results[0]);
	if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		rc = sl_error_set(err, SL_EEXISTS, "topic '%s': it exists",
		    name);
	else if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rc = sl_kafka_error(err, code, "topic '%s': %s", name,
		    why != NULL ? why : "refused");
	rd_kafka_event_destroy(event);
	return rc;
}

int
sl_kafka_topic_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_NewTopic_t *topic;
	int partitions, replicas, rc;
	struct sl_kafka *kafka;
	char why[256];
	size_t i;

	rc = sl_topic_name_check(name, err);
	if (rc == SL_OK)
		rc = count_of(settings, setting_count, "partitions",
		    &partitions, err);
	if (rc == SL_OK)
		rc = count_of(settings, setting_count, REPLICATION, &replicas,
		    err);
	if (rc == SL_OK)
		rc = sl_kafka_find(&kafka, dir, err);
	/* No broker is told at once so. */
	if (rc == SL_OK)
		rc = sl_kafka_metadata(kafka, NULL, SL_KAFKA_REQUEST_MS,
		    &metadata, err);
	if (rc < 0)
		return rc;
	rd_kafka_metadata_destroy(metadata);
	topic =
	    rd_kafka_NewTopic_new(name, partitions, replicas, why, sizeof(why));
	if (topic == NULL)
		return sl_error_set(err, SL_EUSAGE, "topic '%s': %s", name,
		    why);
	for (i = 0; rc == SL_OK && i < setting_count; i++)
		rc = add_setting(topic, &settings[i], err);
	if (rc == SL_OK)
		rc = create(kafka, topic, name, err);
	rd_kafka_NewTopic_destroy(topic);
	return rc;
}

/* ---- What a cluster's own tools do ---- */

/* "HOST[:PORT],...", as they want it. */
static const char *
brokers_of(const char *dir)
{
	return dir + strlen(SL_KAFKA_PREFIX);
}

int
sl_kafka_topic_alter(const char *dir, const char *name, int partitions,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err)
{
	if (partitions > 0)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': a cluster's own tool does it: "
		    "'kafka-topics.sh --bootstrap-server %s --alter --topic "
		    "%s --partitions %d'",
		    name, brokers_of(dir), name, partitions);
	return sl_error_set(err, SL_EUSAGE,
	    "topic '%s': a cluster's own tool does it: 'kafka-configs.sh "
	    "--bootstrap-server %s --alter --entity-type topics --entity-name "
	    "%s --add-config %s=%s'",
	    name, brokers_of(dir), name,
	    setting_count > 0 ? settings[0].name : "NAME",
	    setting_count > 0 ? settings[0].value : "VALUE");
}

int
sl_kafka_may_change(const char *dir, const char *name, enum sl_change change,
    struct sl_error *err)
{
	static const struct {
		const char *what;
		const char *tool;
		const char *words; /* before the name */
		const char *more;  /* behind it */
	} lines[] = {
		[SL_CHANGE_TOPIC_DELETE] = { "topic", "kafka-topics.sh",
		    "--delete --topic", "" },
		[SL_CHANGE_GROUP_SET] = { "group", "kafka-consumer-groups.sh",
		    "--reset-offsets --group", " --topic TOPIC --to-..." },
		[SL_CHANGE_GROUP_DELETE] = { "group",
		    "kafka-consumer-groups.sh", "--delete --group", "" },
	};

	return sl_error_set(err, SL_EUSAGE,
	    "%s '%s': a cluster's own tool does it: '%s --bootstrap-server %s "
	    "%s %s%s'",
	    lines[change].what, name, lines[change].tool, brokers_of(dir),
	    lines[change].words, name, lines[change].more);
}

int
sl_kafka_topic_delete(const char *dir, const char *name, struct sl_error *err)
{
	return sl_kafka_may_change(dir, name, SL_CHANGE_TOPIC_DELETE, err);
}

int
sl_kafka_topic_clean(struct sl_topic *topic,
    const struct sl_clean_options *options, struct sl_clean_sums *sums,
    struct sl_error *err)
{
	(void)options;
	(void)sums;
	snprintf(err->text, sizeof(err->text),
	    "%.300s: the cluster cleans itself, as retention.ms and "
	    "cleanup.policy of each topic say; nothing to do",
	    topic->kafka->dir);
	return SL_END;
}

static int
check_elsewhere(const struct sl_topic *topic, struct sl_error *err)
{
	return sl_error_set(err, SL_EUSAGE,
	    "topic '%s': the brokers check their logs; on a broker's machine, "
	    "'kafka-dump-log.sh --files LOG-DIR/%s-0/*.log' shows one",
	    topic->name, topic->name);
}

int
sl_kafka_topic_check(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	(void)partition;
	(void)options;
	(void)sums;
	return check_elsewhere(topic, err);
}

int
sl_kafka_topic_mend(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	(void)partition;
	(void)options;
	(void)sums;
	return check_elsewhere(topic, err);
}
