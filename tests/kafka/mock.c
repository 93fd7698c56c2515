/*
 * mock.c: a Kafka cluster for one test, librdkafka's mock, as a process.
 *
 *     mock [-b BROKERS] [-p PARTITIONS] [-x TIMES]
 *
 * The first line of stdout is its bootstrap servers. After that each line of
 * stdin is a command, answered by a line: "ok", what was asked for, or what was
 * wrong.
 *
 *     topic NAME PARTITIONS        make a topic
 *     refuse TOPIC ERROR           its metadata have this error; NO_ERROR ends
 *     error REQUEST ERROR...       the next requests of this kind fail so
 *     clear REQUEST                no, they don't
 *     versions REQUEST MIN MAX     what is spoken; -1 -1: it isn't known
 *     leader TOPIC PARTITION ID    another broker leads it; -1: none
 *     down ID, up ID               a broker; -1: all
 *     rtt ID MS                    how long it takes to answer
 *     place GROUP TOPIC PARTITION  what is committed, or "none"
 *
 * Brokers are numbered from 1. REQUEST is Produce, Fetch, ... (below), ERROR
 * one of librdkafka's names; _TRANSPORT closes the connection instead. The end
 * of stdin is its end.
 *
 * PARTITIONS (1) is what a topic gets that its first writer makes. TIMES is how
 * much faster its clock goes: the mock lets a group's first member wait for
 * three seconds, and the next one for all but a second of the session time-out.
 */
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include <err.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 64
#define ASKED_MS 5000
#define METADATA 3
#define NO_COMMAND "no such command"

static long times = 1;

/*
 * ---- A faster clock: librdkafka's calls of these two lead here ----
 *
 * A thread that was kept from running sees no more than this of it: a group
 * that rebalances ends that a second before its members, which wait meanwhile,
 * are out, and both would have come to pass at once.
 */
#define STEP_MS 500

#define SEEN_BY_LIBRARIES __attribute__((visibility("default")))

SEEN_BY_LIBRARIES int
clock_gettime(clockid_t clock, struct timespec *now)
{
	static _Thread_local int64_t last_ns, shown_ns;
	const int64_t step_ns = STEP_MS * INT64_C(1000000);
	int64_t ns, passed_ns;

	if (syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	if (clock == CLOCK_MONOTONIC) {
		ns = (now->tv_sec * INT64_C(1000000000) + now->tv_nsec) * times;
		passed_ns = ns - last_ns;
		if (last_ns != 0 && passed_ns > step_ns)
			passed_ns = step_ns;
		last_ns = ns;
		shown_ns += passed_ns;
		now->tv_sec = shown_ns / 1000000000;
		now->tv_nsec = shown_ns % 1000000000;
	}
	return 0;
}

SEEN_BY_LIBRARIES int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int64_t ns = (timeout_ms < STEP_MS ? timeout_ms : STEP_MS) *
	             INT64_C(1000000) / times;
	struct timespec timeout = {
		.tv_sec = ns / 1000000000,
		.tv_nsec = ns % 1000000000,
	};

	return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static rd_kafka_t *
client(rd_kafka_type_t type, const char *group, const char *servers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *made;
	char text[512];

	rd_kafka_conf_set(conf, "log_level", "2", text, sizeof(text));
	rd_kafka_conf_set(conf, "group.id", group, text, sizeof(text));
	rd_kafka_conf_set(conf, "bootstrap.servers", servers, text,
	    sizeof(text));
	made = rd_kafka_new(type, conf, text, sizeof(text));
	if (made == NULL)
		errx(1, "%s", text);
	return made;
}

/* ---- Commands ---- */

/* The kinds of requests that the mock knows, by their numbers. */
static const struct {
	const char *name;
	int16_t key;
} requests[] = {
	{ "Produce", 0 },
	{ "Fetch", 1 },
	{ "ListOffsets", 2 },
	{ "Metadata", METADATA },
	{ "OffsetCommit", 8 },
	{ "OffsetFetch", 9 },
	{ "FindCoordinator", 10 },
	{ "JoinGroup", 11 },
	{ "Heartbeat", 12 },
	{ "LeaveGroup", 13 },
	{ "SyncGroup", 14 },
	{ "ApiVersions", 18 },
	{ "InitProducerId", 22 },
};

static bool
find_request(const char *name, int16_t *key)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (strcmp(requests[i].name, name) == 0) {
			*key = requests[i].key;
			return true;
		}
	}
	return false;
}

static bool
find_error(const char *name, rd_kafka_resp_err_t *code)
{
	const struct rd_kafka_err_desc *descriptions;
	size_t count;

	rd_kafka_get_err_descs(&descriptions, &count);
	for (size_t i = 0; i < count; i++) {
		if (descriptions[i].name != NULL &&
		    strcmp(descriptions[i].name, name) == 0) {
			*code = descriptions[i].code;
			return true;
		}
	}
	return false;
}

static const char *
answer(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? "ok"
	                                          : rd_kafka_err2name(code);
}

/* These return the answer. */

static const char *
push_errors(rd_kafka_mock_cluster_t *cluster, int16_t key, char **names,
    size_t count)
{
	rd_kafka_resp_err_t codes[WORDS_MAX];

	for (size_t i = 0; i < count; i++) {
		if (!find_error(names[i], &codes[i]))
			return "no such error";
	}
	rd_kafka_mock_push_request_errors_array(cluster, key, count, codes);
	return "ok";
}

static const char *
of_request(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	int16_t key;

	if (!find_request(words[1], &key))
		return "no such request";
	if (strcmp(words[0], "error") == 0 && count > 2)
		return push_errors(cluster, key, words + 2, count - 2);
	if (strcmp(words[0], "versions") == 0 && count == 4)
		return answer(rd_kafka_mock_set_apiversion(cluster, key,
		    (int16_t)atoi(words[2]), (int16_t)atoi(words[3])));
	if (strcmp(words[0], "clear") != 0 || count != 2)
		return NO_COMMAND;
	rd_kafka_mock_clear_request_errors(cluster, key);
	return "ok";
}

static const char *
of_topic(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	rd_kafka_resp_err_t code;

	if (strcmp(words[0], "topic") == 0 && count == 3)
		return answer(rd_kafka_mock_topic_create(cluster, words[1],
		    atoi(words[2]), 1));
	if (strcmp(words[0], "leader") == 0 && count == 4)
		return answer(rd_kafka_mock_partition_set_leader(cluster,
		    words[1], atoi(words[2]), atoi(words[3])));
	if (strcmp(words[0], "refuse") != 0 || count != 3)
		return NO_COMMAND;
	if (!find_error(words[2], &code))
		return "no such error";
	rd_kafka_mock_topic_set_error(cluster, words[1], code);
	return "ok";
}

static const char *
of_broker(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	int32_t id = atoi(words[1]);

	if (strcmp(words[0], "down") == 0 && count == 2)
		return answer(rd_kafka_mock_broker_set_down(cluster, id));
	if (strcmp(words[0], "up") == 0 && count == 2)
		return answer(rd_kafka_mock_broker_set_up(cluster, id));
	if (strcmp(words[0], "rtt") == 0 && count == 3)
		return answer(
		    rd_kafka_mock_broker_set_rtt(cluster, id, atoi(words[2])));
	return NO_COMMAND;
}

static const char *
committed(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
	static char text[32];
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *place =
	    rd_kafka_topic_partition_list_add(list, topic, partition);
	rd_kafka_resp_err_t code;

	code = rd_kafka_committed(consumer, list, (int)(ASKED_MS * times));
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = place->err;
	if (place->offset >= 0)
		snprintf(text, sizeof(text), "%lld", (long long)place->offset);
	else
		snprintf(text, sizeof(text), "none");
	rd_kafka_topic_partition_list_destroy(list);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? text : answer(code);
}

static const char *
of_group(rd_kafka_mock_cluster_t *cluster, char **words, size_t count)
{
	const char *said;
	rd_kafka_t *consumer;

	if (strcmp(words[0], "place") != 0 || count != 4)
		return NO_COMMAND;
	consumer = client(RD_KAFKA_CONSUMER, words[1],
	    rd_kafka_mock_cluster_bootstraps(cluster));
	said = committed(consumer, words[2], atoi(words[3]));
	rd_kafka_destroy(consumer);
	return said;
}

static const struct {
	const char *name;
	const char *(
	    *run)(rd_kafka_mock_cluster_t *cluster, char **words, size_t count);
} commands[] = {
	{ "topic", of_topic },
	{ "refuse", of_topic },
	{ "leader", of_topic },
	{ "error", of_request },
	{ "clear", of_request },
	{ "versions", of_request },
	{ "down", of_broker },
	{ "up", of_broker },
	{ "rtt", of_broker },
	{ "place", of_group },
};

static const char *
obey(rd_kafka_mock_cluster_t *cluster, char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &rest);
	     word != NULL && count < WORDS_MAX;
	     word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (count > 1 && strcmp(commands[i].name, words[0]) == 0)
			return commands[i].run(cluster, words, count);
	}
	return NO_COMMAND;
}

/* ---- The cluster ---- */

/*
 * Topics that are made by their first writer have four partitions, which no
 * function changes. Beside that number lies that of their replicas; both
 * together are found in the cluster's memory, or this is not the librdkafka
 * that we know.
 */
static void
set_partitions(rd_kafka_mock_cluster_t *cluster, int brokers, int partitions)
{
	int defaults[2] = { 4, brokers < 3 ? brokers : 3 };
	size_t bytes = malloc_usable_size(cluster);
	char *end = (char *)cluster + bytes;
	char *at = memmem(cluster, bytes, defaults, sizeof(defaults));

	if (at == NULL || memmem(at + 1, (size_t)(end - at - 1), defaults,
	                      sizeof(defaults)) != NULL)
		errx(1, "librdkafka %s hides its mock's default of partitions",
		    rd_kafka_version_str());
	memcpy(at, &partitions, sizeof(partitions));
}

static rd_kafka_mock_cluster_t *
begin(int brokers, int partitions)
{
	rd_kafka_mock_cluster_t *cluster;

	/* Its owner talks to nobody. */
	cluster = rd_kafka_mock_cluster_new(client(RD_KAFKA_PRODUCER, "", ""),
	    brokers);
	if (cluster == NULL)
		errx(1, "no mock cluster of %d brokers", brokers);
	set_partitions(cluster, brokers, partitions);
	/* From this version on who asks for a topic may forbid to make it. */
	rd_kafka_mock_set_apiversion(cluster, METADATA, 0, 4);
	return cluster;
}

int
main(int argc, char **argv)
{
	rd_kafka_mock_cluster_t *cluster;
	int option, brokers = 1, partitions = 1;
	char *line = NULL;
	size_t room = 0;

	while ((option = getopt(argc, argv, "b:p:x:")) != -1) {
		if (option == 'b')
			brokers = atoi(optarg);
		else if (option == 'p')
			partitions = atoi(optarg);
		else if (option == 'x')
			times = atol(optarg);
		else
			return 2;
	}
	if (brokers < 1 || partitions < 1 || times < 1)
		errx(2, "-b, -p and -x are from 1 on");
	setvbuf(stdout, NULL, _IOLBF, 0);
	cluster = begin(brokers, partitions);
	puts(rd_kafka_mock_cluster_bootstraps(cluster));
	while (getline(&line, &room, stdin) >= 0)
		puts(obey(cluster, line));
	/* Its threads end with it. */
	_exit(0);
}
