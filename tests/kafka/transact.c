/*
 * transact.c: transactions on a cluster, of {"n":0}, {"n":1} and so on.
 *
 *     transact ADDRESS TOPIC commit|abort|open COUNT ...
 *
 * Each of so many events, one after the other; an open one stays so: the
 * program ends there.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static void
die(const char *what)
{
	fprintf(stderr, "transact: %s\n", what);
	exit(1);
}

static void
check(rd_kafka_error_t *error)
{
	if (error != NULL)
		die(rd_kafka_error_string(error));
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) !=
	    RD_KAFKA_CONF_OK)
		die(why);
}

static rd_kafka_t *
begin(const char *address)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512], id[32];
	rd_kafka_t *rk;

	snprintf(id, sizeof(id), "transact-%d", (int)getpid());
	set(conf, "bootstrap.servers", address);
	set(conf, "transactional.id", id);
	set(conf, "log_level", "3");
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (rk == NULL)
		die(why);
	check(rd_kafka_init_transactions(rk, PATIENCE_MS));
	return rk;
}

static void
produce(rd_kafka_t *rk, const char *topic, int number)
{
	char event[32];
	int bytes = snprintf(event, sizeof(event), "{\"n\":%d}", number);

	if (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
	        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	        RD_KAFKA_V_VALUE(event, (size_t)bytes),
	        RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("produce");
}

int
main(int argc, char **argv)
{
	rd_kafka_t *rk;
	int i, left, number = 0;

	if (argc < 5 || argc % 2 == 0)
		die("usage: transact ADDRESS TOPIC commit|abort|open COUNT...");
	rk = begin(argv[1]);
	for (i = 3; i < argc; i += 2) {
		check(rd_kafka_begin_transaction(rk));
		for (left = atoi(argv[i + 1]); left > 0; left--)
			produce(rk, argv[2], number++);
		if (rd_kafka_flush(rk, PATIENCE_MS) !=
		    RD_KAFKA_RESP_ERR_NO_ERROR)
			die("flush");
		if (strcmp(argv[i], "open") == 0)
			_exit(0);
		check(strcmp(argv[i], "commit") == 0
		          ? rd_kafka_commit_transaction(rk, PATIENCE_MS)
		          : rd_kafka_abort_transaction(rk, PATIENCE_MS));
	}
	rd_kafka_destroy(rk);
	return 0;
}
