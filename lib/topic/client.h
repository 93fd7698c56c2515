/*
 * client.h: settings for Kafka's client. Floor: topic.
 *
 * In streamlog.yaml each stands as "kafka.NAME: value", with librdkafka's name.
 * The file is that of the log directory of files that there is by default, for
 * a cluster has none. Values may be secrets: they are in no message.
 */
#ifndef SL_CLIENT_H
#define SL_CLIENT_H

#include "streamlog.h"

#define SL_CLIENT_PREFIX "kafka."

struct sl_client {
	char **words; /* owned: a name, its value, the next name, ... */
	size_t count; /* of settings */
};

/* Add one, copied. SL_ENOMEM; SL_EUSAGE: no name. */
SL_MUST_USE int sl_client_add(struct sl_client *client, const char *name,
    const char *value, struct sl_error *err);

/* Add those of streamlog.yaml; one that isn't there has none. */
SL_MUST_USE int sl_client_load(struct sl_client *client, struct sl_error *err);

void sl_client_release(struct sl_client *client);

#endif
