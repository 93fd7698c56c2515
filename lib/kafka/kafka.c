/* kafka.c: the engine's table, and its clients; see kafka.h. */
#include "kafka.h"

#include "clock.h"
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Descriptors ---- */

/* Those below this that were open before librdkafka was used. */
#define FDS_MAX 1024
/* Longer values are compared up to here. */
#define VALUE_SIZE 512
static bool was_open[FDS_MAX];

static void
each_fd(int (*act)(void *arg, const char *name, struct sl_error *err))
{
	struct sl_error ignored;
	int dir, rc;

	if (sl_fs_open_dir(&dir, AT_FDCWD, "/proc/self/fd", &ignored) < 0)
		return;
	rc = sl_fs_list(dir, act, NULL, &ignored);
	sl_fs_close(&dir);
	(void)rc; /* what is left waits for the next time */
}

static int
note_fd(void *arg, const char *name, struct sl_error *err)
{
	int fd = atoi(name), flags = fcntl(fd, F_GETFD);

	(void)arg;
	(void)err;
	/* Ours are closed across exec, as is that of this very listing. */
	if (fd < FDS_MAX && flags >= 0 && (flags & FD_CLOEXEC) == 0)
		was_open[fd] = true;
	return SL_OK;
}

static int
seal_fd(void *arg, const char *name, struct sl_error *err)
{
	int fd = atoi(name), flags = fcntl(fd, F_GETFD);

	(void)arg;
	(void)err;
	if (flags >= 0 && (flags & FD_CLOEXEC) == 0 &&
	    (fd >= FDS_MAX || !was_open[fd]))
		(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
	return SL_OK;
}

void
sl_kafka_seal_fds(void)
{
	each_fd(seal_fd);
}

/* ---- The engine ---- */

/* For all clients: what the user set, and whom to tell. */
static struct sl_client settings;
static struct sl_hooks hooks;

static int
begin(const struct sl_client *client, const struct sl_hooks *its,
    struct sl_error *err)
{
	size_t i;
	int rc = SL_OK;

	each_fd(note_fd);
	hooks = *its;
	for (i = 0; rc == SL_OK && i < client->count; i++)
		rc = sl_client_add(&settings, client->words[2 * i],
		    client->words[2 * i + 1], err);
	return rc;
}

#define SL_KAFKA_ENTRY(name) .name = sl_kafka_##name,

__attribute__((visibility("default")))
const struct sl_engine sl_engine_kafka = { .version = SL_VERSION,
	.begin = begin,
	SL_TOPIC_FUNCTIONS(SL_KAFKA_ENTRY) SL_GROUP_FUNCTIONS(SL_KAFKA_ENTRY) };

/* ---- Errors ---- */

bool
sl_kafka_passes(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__WAIT_COORD:
	case RD_KAFKA_RESP_ERR__WAIT_CACHE:
	case RD_KAFKA_RESP_ERR__RETRY:
	case RD_KAFKA_RESP_ERR__IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
	case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
	case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
		return true;
	default:
		return false;
	}
}

/* Our code for librdkafka's; *sys where there is an errno of that meaning. */
static int
code_of(rd_kafka_resp_err_t code, int *sys)
{
	*sys = 0;
	if (sl_kafka_passes(code))
		return SL_EBUSY;
	switch (code) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
	case RD_KAFKA_RESP_ERR__UNKNOWN_GROUP:
		return SL_ENOTFOUND;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
		return SL_EREJECTED;
	case RD_KAFKA_RESP_ERR__BAD_MSG:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
		return SL_ECORRUPT;
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
	case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
	case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
	case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
	case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
		return SL_EUSAGE;
	case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
		return SL_EEXISTS;
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
	case RD_KAFKA_RESP_ERR__FENCED:
		return SL_EFENCED;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL:
		*sys = EACCES;
		return SL_EIO;
	default:
		return SL_EIO;
	}
}

int
sl_kafka_error(struct sl_error *err, rd_kafka_resp_err_t code,
    const char *format, ...)
{
	char text[SL_ERROR_TEXT_SIZE], word[128];
	size_t bytes;
	va_list args;
	int ours, sys;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* "Broker: Unknown topic or partition": as ours are. */
	snprintf(word, sizeof(word), "%s", rd_kafka_err2str(code));
	bytes = strlen(word);
	if (bytes > 0 && word[bytes - 1] == '.')
		word[bytes - 1] = '\0';
	ours = code_of(code, &sys);
	sl_error_set(err, ours, "%s: %s", text, word);
	err->sys = sys;
	return ours;
}

int
sl_kafka_unreachable(const struct sl_kafka *kafka, struct sl_error *err)
{
	sl_error_set(err, kafka->is_refused ? SL_EIO : SL_EBUSY, "%s: %s%s%s",
	    kafka->dir,
	    kafka->is_refused ? "it does not let us in" : "no broker answers",
	    kafka->why[0] != '\0' ? ": " : "", kafka->why);
	if (kafka->is_refused)
		err->sys = EACCES;
	return err->code;
}

/* ---- What librdkafka tells ---- */

/* "HOST:PORT/bootstrap: Connect to ... failed: Connection refused (after 0ms
 * ...)": without the times, which are no news. */
static void
note_why(struct sl_kafka *kafka, const char *reason)
{
	char *end;

	snprintf(kafka->why, sizeof(kafka->why), "%s", reason);
	end = strstr(kafka->why, " (after ");
	if (end != NULL)
		*end = '\0';
}

static void
take_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct sl_kafka *kafka = opaque;

	(void)rk;
	switch (code) {
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		kafka->is_down = true;
		break;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL:
		kafka->is_refused = !kafka->was_in;
		note_why(kafka, reason);
		break;
	default:
		note_why(kafka, reason);
		break;
	}
}

void
sl_kafka_poll(struct sl_kafka *kafka, int timeout_ms)
{
	char text[SL_ERROR_TEXT_SIZE];

	rd_kafka_poll(kafka->rk, timeout_ms);
	if (kafka->is_down && !kafka->is_down_told && hooks.notice != NULL) {
		snprintf(text, sizeof(text),
		    "%.300s: no broker answers%s%s; waiting", kafka->dir,
		    kafka->why[0] != '\0' ? ": " : "", kafka->why);
		hooks.notice(text);
	}
	kafka->is_down_told = kafka->is_down;
}

/* ---- Waiting ---- */

struct sl_kafka_wait
sl_kafka_wait_for(int timeout_ms)
{
	int64_t now_ms = sl_monotonic_ms();

	return (struct sl_kafka_wait){ now_ms, now_ms + timeout_ms };
}

bool
sl_kafka_is_over(struct sl_kafka *kafka, const struct sl_kafka_wait *wait)
{
	int64_t now_ms = sl_monotonic_ms();

	if (now_ms >= wait->until_ms)
		return true;
	if (hooks.is_stopped == NULL || !hooks.is_stopped() ||
	    now_ms - wait->since_ms < sl_kafka_slice_ms(kafka))
		return false;
	kafka->is_silent = true;
	return true;
}

int
sl_kafka_slice_ms(const struct sl_kafka *kafka)
{
	return kafka->is_silent ? SL_KAFKA_SLICE_MS : SL_KAFKA_LOOK_MS;
}

/* ---- Making a client ---- */

/* May a value be shown? librdkafka's words for a bad one hold it. */
static bool
is_secret(const char *name)
{
	static const char *const parts[] = { "password", "secret", "token",
		"pem", "jaas", "oauthbearer", "username", "key" };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]) != NULL)
			return true;
	return false;
}

static int
set(rd_kafka_conf_t *conf, const char *name, const char *value,
    struct sl_error *err)
{
	char why[256];

	switch (rd_kafka_conf_set(conf, name, value, why, sizeof(why))) {
	case RD_KAFKA_CONF_OK:
		return SL_OK;
	case RD_KAFKA_CONF_UNKNOWN:
		return sl_error_set(err, SL_EUSAGE,
		    "kafka: '%s': no such setting of librdkafka %s", name,
		    rd_kafka_version_str());
	default:
		return sl_error_set(err, SL_EUSAGE, "kafka: '%s': %s", name,
		    is_secret(name) ? "not a value for it" : why);
	}
}

static int
set_all(rd_kafka_conf_t *conf, const struct sl_setting *list,
    struct sl_error *err)
{
	int rc = SL_OK;

	for (; rc == SL_OK && list != NULL && list->name != NULL; list++)
		rc = set(conf, list->name, list->value, err);
	return rc;
}

/* A property's value as librdkafka writes it. */
static const char *
get(const rd_kafka_conf_t *conf, const char *name, char text[VALUE_SIZE])
{
	size_t bytes = VALUE_SIZE;

	if (rd_kafka_conf_get(conf, name, text, &bytes) != RD_KAFKA_CONF_OK)
		text[0] = '\0';
	return text;
}

/*
 * Promises rest on it: it is still as `ours` has it. A user who has set it
 * otherwise, perhaps by another of its names, is told.
 */
static int
check_fixed(const rd_kafka_conf_t *conf, const rd_kafka_conf_t *ours,
    const char *name, const char *value, struct sl_error *err)
{
	char is[VALUE_SIZE], shall[VALUE_SIZE];

	if (strcmp(get(conf, name, is), get(ours, name, shall)) == 0)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "kafka: '%s': it can't be set, and is '%s'; streamlog-kafka(7) "
	    "says what can",
	    name, value);
}

static int
check_all_fixed(const rd_kafka_conf_t *conf, const rd_kafka_conf_t *ours,
    const struct sl_setting *list, struct sl_error *err)
{
	int rc = SL_OK;

	for (; rc == SL_OK && list != NULL && list->name != NULL; list++)
		rc = check_fixed(conf, ours, list->name, list->value, err);
	return rc;
}

static int
set_users(rd_kafka_conf_t *conf, struct sl_error *err)
{
	const char *name;
	int rc = SL_OK;
	size_t i;

	for (i = 0; rc == SL_OK && i < settings.count; i++) {
		name = settings.words[2 * i];
		rc = set(conf, name, settings.words[2 * i + 1], err);
		if (strcmp(name, "debug") == 0)
			rd_kafka_conf_set_log_cb(conf, rd_kafka_log_print);
	}
	return rc;
}

/* Ours first, then the user's, which may change what isn't fixed. */
static int
fill(rd_kafka_conf_t *conf, const struct sl_kafka_make *make,
    struct sl_error *err)
{
	const char *brokers = make->dir + strlen(SL_KAFKA_PREFIX);
	rd_kafka_conf_t *ours;
	size_t i;
	int rc;

	/* It would write to stderr; whoever debugs wants that. */
	rd_kafka_conf_set_log_cb(conf, NULL);
	rc = set(conf, "client.id", "streamlog", err);
	/* 10 s would be waited for a broker that is back long since. */
	if (rc == SL_OK)
		rc = set(conf, "reconnect.backoff.max.ms", "1000", err);
	if (rc == SL_OK)
		rc = set(conf, "bootstrap.servers", brokers, err);
	for (i = 0; rc == SL_OK && i < 2; i++)
		rc = set_all(conf, make->usual[i], err);
	for (i = 0; rc == SL_OK && i < 2; i++)
		rc = set_all(conf, make->fixed[i], err);
	ours = rd_kafka_conf_dup(conf);
	if (rc == SL_OK)
		rc = set_users(conf, err);
	if (rc == SL_OK)
		rc = check_fixed(conf, ours, "bootstrap.servers", brokers, err);
	for (i = 0; rc == SL_OK && i < 2; i++)
		rc = check_all_fixed(conf, ours, make->fixed[i], err);
	rd_kafka_conf_destroy(ours);
	return rc;
}

int
sl_kafka_open(struct sl_kafka *kafka, const struct sl_kafka_make *make,
    struct sl_error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];
	int rc;

	*kafka = (struct sl_kafka){ .broker = -1 };
	snprintf(kafka->dir, sizeof(kafka->dir), "%s", make->dir);
	rc = fill(conf, make, err);
	if (rc < 0) {
		rd_kafka_conf_destroy(conf);
		return rc;
	}
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_error_cb(conf, take_error);
	if (make->delivered != NULL)
		rd_kafka_conf_set_dr_msg_cb(conf, make->delivered);
	if (make->events != 0)
		rd_kafka_conf_set_events(conf, make->events);
	kafka->rk = rd_kafka_new(make->type, conf, why, sizeof(why));
	if (kafka->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return sl_error_set(err, SL_EUSAGE, "%s: %s", make->dir, why);
	}
	return SL_OK;
}

void
sl_kafka_close(struct sl_kafka *kafka)
{
	/* It would wait for who doesn't answer; the process ends anyway. */
	if (kafka->rk != NULL && !kafka->is_silent)
		rd_kafka_destroy_flags(kafka->rk,
		    RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	kafka->rk = NULL;
}

/* ---- The client for questions ---- */

struct kept {
	struct sl_kafka kafka;
	struct kept *next;
};

int
sl_kafka_find(struct sl_kafka **kafka, const char *dir, struct sl_error *err)
{
	static const struct sl_setting fixed[] = {
		{ "allow.auto.create.topics", "false" },
		{ "enable.auto.commit", "false" },
		{ NULL, NULL },
	};
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct kept *list;
	const struct sl_kafka_make make = { .type = RD_KAFKA_CONSUMER,
		.dir = dir,
		.fixed = { fixed } };
	struct kept *kept;
	int rc = SL_OK;

	pthread_mutex_lock(&lock);
	for (kept = list; kept != NULL; kept = kept->next)
		if (strcmp(kept->kafka.dir, dir) == 0)
			break;
	if (kept == NULL) {
		kept = calloc(1, sizeof(*kept));
		rc = kept == NULL ? sl_error_set(err, SL_ENOMEM, "no memory")
		                  : sl_kafka_open(&kept->kafka, &make, err);
		if (rc == SL_OK) {
			kept->next = list;
			list = kept;
		} else {
			free(kept);
		}
	}
	pthread_mutex_unlock(&lock);
	if (rc == SL_OK)
		*kafka = &kept->kafka;
	return rc;
}
