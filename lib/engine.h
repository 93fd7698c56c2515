/*
 * engine.h: which engine a name belongs to, and how it is called. Floor:
 * engine.
 *
 * The functions of the front door (door.c) that take a name choose the engine
 * by it; those that take a handle find it as the handle's first member. Files
 * are built in; Kafka is a plugin, loaded at the first kafka:// name, so that
 * who has none never loads librdkafka.
 */
#ifndef SL_ENGINE_H
#define SL_ENGINE_H

#include "client.h"
#include "files_group.h"

#include <limits.h>

#define SL_KAFKA_PREFIX "kafka://"
/* The plugin's only symbol, a struct sl_engine, and its file. */
#define SL_KAFKA_SYMBOL "sl_engine_kafka"
#define SL_KAFKA_FILE "streamlog/kafka.so"

#define SL_ENGINE_FUNCTION(name) __typeof__(sl_##name) *name;

/* What a program said that is asked or told from within calls; NULL: nobody. */
struct sl_hooks {
	void (*notice)(const char *text);
	bool (*is_stopped)(void);
};

struct sl_engine {
	const char *version; /* SL_VERSION; another is not called */
	/*
	 * Once, before all others: the client's settings, to be copied; the
	 * later of a name counts; and the hooks. NULL: it takes none.
	 */
	int (*begin)(const struct sl_client *client,
	    const struct sl_hooks *hooks, struct sl_error *err);
	SL_TOPIC_FUNCTIONS(SL_ENGINE_FUNCTION)
	SL_GROUP_FUNCTIONS(SL_ENGINE_FUNCTION)
};

/* Where a name leads. */
struct sl_target {
	const struct sl_engine *engine;
	const char *dir;  /* as it was, or in `text`; NULL: the default */
	const char *name; /* in what was given */
	char text[PATH_MAX];
};

/*
 * Find the engine for `name` (NULL: for `dir` alone) in `dir` (NULL: the
 * default). SL_EUSAGE: a kafka:// name that is none, or its engine lacks.
 */
SL_MUST_USE int sl_target_find(struct sl_target *target, const char *dir,
    const char *name, struct sl_error *err);

#endif
