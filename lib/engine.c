/* engine.c: names to engines, and the plugin that is loaded; see engine.h. */
#include "engine.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Where `make install` puts it. */
#ifndef SL_LIBDIR
#define SL_LIBDIR "/usr/local/lib"
#endif

#define SL_FILES_ENTRY(name) .name = sl_files_##name,

static const struct sl_engine files = { .version = SL_VERSION,
	SL_TOPIC_FUNCTIONS(SL_FILES_ENTRY) SL_GROUP_FUNCTIONS(SL_FILES_ENTRY) };

/* ---- Kafka ---- */

static const struct sl_engine *kafka; /* NULL: `kafka_error` says why */
static struct sl_error kafka_error;
/* Settings from the command line, owned; for the begin. */
static struct sl_client said;

static struct sl_hooks hooks;

void
sl_on_notice(void (*tell)(const char *text))
{
	hooks.notice = tell;
}

void
sl_on_stop(bool (*is_stopped)(void))
{
	hooks.is_stopped = is_stopped;
}

int
sl_kafka_set(const char *name, const char *value, struct sl_error *err)
{
	return sl_client_add(&said, name, value, err);
}

#define PATH_SIZE (PATH_MAX + sizeof("/../lib/" SL_KAFKA_FILE))

/*
 * Where the plugin is: beside the program's directory, as in a build or any
 * prefix (../lib/...), else where it is installed.
 */
static void
find_plugin(char path[PATH_SIZE])
{
	ssize_t bytes = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash = NULL;

	if (bytes > 0) {
		path[bytes] = '\0';
		slash = strrchr(path, '/');
	}
	if (slash != NULL)
		strcpy(slash, "/../lib/" SL_KAFKA_FILE);
	if (slash == NULL || access(path, F_OK) != 0)
		strcpy(path, SL_LIBDIR "/" SL_KAFKA_FILE);
}

/* Say what lacks, and what brings it. */
static int
tell_missing(const char *why, struct sl_error *err)
{
	if (strstr(why, "librdkafka") != NULL)
		return sl_error_set(err, SL_EUSAGE,
		    "kafka://: librdkafka isn't here (%s); 'apt-get install "
		    "librdkafka1' as root",
		    why);
	return sl_error_set(err, SL_EUSAGE,
	    "kafka://: no engine for it (%s); streamlog is to be built where "
	    "librdkafka-dev is installed",
	    why);
}

static int
load(struct sl_error *err)
{
	struct sl_client client = { .words = NULL };
	const struct sl_engine *engine;
	char path[PATH_SIZE];
	size_t i;
	void *library;
	int rc;

	find_plugin(path);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return tell_missing(dlerror(), err);
	engine = dlsym(library, SL_KAFKA_SYMBOL);
	if (engine == NULL || strcmp(engine->version, SL_VERSION) != 0)
		return sl_error_set(err, SL_EUSAGE,
		    "kafka://: its engine is of version %s, not " SL_VERSION
		    "; install both anew",
		    engine == NULL ? "?" : engine->version);
	rc = sl_client_load(&client, err);
	for (i = 0; rc == SL_OK && i < said.count; i++)
		rc = sl_client_add(&client, said.words[2 * i],
		    said.words[2 * i + 1], err);
	if (rc == SL_OK)
		rc = engine->begin(&client, &hooks, err);
	sl_client_release(&client);
	if (rc == SL_OK)
		kafka = engine;
	return rc;
}

static void
load_once(void)
{
	(void)load(&kafka_error);
}

static int
find_kafka(struct sl_target *target, struct sl_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_once);
	target->engine = kafka;
	if (kafka != NULL)
		return SL_OK;
	*err = kafka_error;
	return err->code;
}

/* ---- Names ---- */

static bool
is_kafka(const char *text)
{
	return text != NULL &&
	       strncmp(text, SL_KAFKA_PREFIX, strlen(SL_KAFKA_PREFIX)) == 0;
}

static bool
is_port(const char *text, size_t bytes)
{
	unsigned port = 0;
	size_t i;

	for (i = 0;
	     i < bytes && isdigit((unsigned char)text[i]) && port <= UINT16_MAX;
	     i++)
		port = 10 * port + (unsigned)(text[i] - '0');
	return i == bytes && port > 0 && port <= UINT16_MAX;
}

/* HOST[:PORT][,HOST...]; in brackets a host may have colons. */
static bool
are_brokers(const char *text, size_t bytes)
{
	const char *end = text + bytes, *one, *colon, *at;

	for (one = text; one <= end; one = at + 1) {
		at = memchr(one, ',', (size_t)(end - one));
		if (at == NULL)
			at = end;
		colon = memrchr(one, ':', (size_t)(at - one));
		if (colon != NULL &&
		    memchr(colon, ']', (size_t)(at - colon)) != NULL)
			colon = NULL;
		if (one == at || one == colon ||
		    (colon != NULL &&
		        !is_port(colon + 1, (size_t)(at - colon - 1))))
			return false;
	}
	return true;
}

/* Take `dir` for target->dir, which ends without a slash. */
static int
set_dir(struct sl_target *target, const char *dir, size_t bytes,
    struct sl_error *err)
{
	while (bytes > strlen(SL_KAFKA_PREFIX) && dir[bytes - 1] == '/')
		bytes--;
	if (bytes >= sizeof(target->text) ||
	    memchr(dir + strlen(SL_KAFKA_PREFIX), '/',
	        bytes - strlen(SL_KAFKA_PREFIX)) != NULL ||
	    !are_brokers(dir + strlen(SL_KAFKA_PREFIX),
	        bytes - strlen(SL_KAFKA_PREFIX)))
		return sl_error_set(err, SL_EUSAGE,
		    "'%.300s': not kafka://HOST[:PORT][,HOST...][/TOPIC]", dir);
	memcpy(target->text, dir, bytes);
	target->text[bytes] = '\0';
	target->dir = target->text;
	return find_kafka(target, err);
}

/* "kafka:/host/orders" was hardly meant to be a directory. */
static int
check_slip(const char *text, struct sl_error *err)
{
	if (text == NULL || is_kafka(text) ||
	    strncasecmp(text, "kafka:", strlen("kafka:")) != 0)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "'%.300s': not kafka://HOST[:PORT][,HOST...][/TOPIC]; './%.300s' "
	    "is a path",
	    text, text);
}

int
sl_target_find(struct sl_target *target, const char *dir, const char *name,
    struct sl_error *err)
{
	const char *where = dir != NULL ? dir : getenv("STREAMLOG_DIR");
	const char *slash;

	if (check_slip(name, err) < 0 || check_slip(where, err) < 0)
		return err->code;
	target->engine = &files;
	target->dir = dir;
	target->name = name;
	if (is_kafka(name)) {
		slash = strchr(name + strlen(SL_KAFKA_PREFIX), '/');
		if (slash == NULL || slash[1] == '\0' ||
		    strchr(slash + 1, '/') != NULL)
			return sl_error_set(err, SL_EUSAGE,
			    "'%.300s': which topic? "
			    "kafka://HOST[:PORT][,HOST...]/TOPIC",
			    name);
		target->name = slash + 1;
		return set_dir(target, name, (size_t)(slash - name), err);
	}
	if (is_kafka(where) && (name == NULL || strchr(name, '/') == NULL))
		return set_dir(target, where, strlen(where), err);
	return SL_OK;
}
