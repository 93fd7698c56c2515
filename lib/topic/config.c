/*
 * config.c: reading the two YAML files; see config.h and config_walk.h. The
 * only door to libyaml.
 *
 * Of YAML only this much is taken: one mapping of names to single values, each
 * plain or quoted. Whatever could make two readers see different settings
 * (aliases, tags, names said twice, more documents) is refused.
 */
#include "config.h"

#include "client.h"
#include "config_walk.h"
#include "setting.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* ---- Walking a file ---- */

struct walk {
	yaml_parser_t parser;
	const char *text;
	size_t bytes;
	/* libyaml counts characters: this one begins at this byte. */
	size_t character;
	size_t position;
	sl_config_visitor *visit;
	void *context;
};

/* The line, from 1, that holds the byte at `position`. */
static size_t
line_of(const char *text, size_t position)
{
	size_t line = 1;

	for (size_t i = 0; i < position; i++)
		line += text[i] == '\n' ? 1 : 0;
	return line;
}

/* What must hold before libyaml sees the text. */
static int
text_check(const char *text, size_t bytes, struct sl_error *err)
{
	size_t length;

	if (bytes > SL_CONFIG_BYTES_MAX)
		return sl_error_set(err, SL_ECORRUPT,
		    "%zu bytes: a file of settings has at most %u", bytes,
		    SL_CONFIG_BYTES_MAX);
	for (size_t at = 0; at < bytes; at += length) {
		length = sl_utf8_length(text + at, bytes - at);
		if (length == 0)
			return sl_error_set(err, SL_ECORRUPT,
			    "line %zu: not UTF-8", line_of(text, at));
		if (text[at] == '\0')
			return sl_error_set(err, SL_ECORRUPT,
			    "line %zu: a NUL byte, where text is meant",
			    line_of(text, at));
	}
	return SL_OK;
}

/*
 * The line of what can't be scanned: where that stands, but for a name without
 * a colon or a quote without its end, which are noticed only lines later.
 */
static size_t
scanner_line(const yaml_parser_t *parser)
{
	const char *context = parser->context != NULL ? parser->context : "";

	if (strcmp(context, "while scanning a simple key") == 0 ||
	    strcmp(context, "while scanning a quoted scalar") == 0)
		return parser->context_mark.line + 1;
	return parser->problem_mark.line + 1;
}

/* Say why libyaml doesn't take the text. */
static int
yaml_failure(const struct walk *walk, struct sl_error *err)
{
	const yaml_parser_t *parser = &walk->parser;
	const char *problem = parser->problem;
	size_t line;

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		return sl_error_set(err, SL_ENOMEM, "no memory");
	case YAML_READER_ERROR:
		line = parser->problem_offset < walk->bytes
		           ? line_of(walk->text, parser->problem_offset)
		           : line_of(walk->text, walk->bytes);
		break;
	case YAML_SCANNER_ERROR:
		line = scanner_line(parser);
		break;
	default:
		line = parser->problem_mark.line + 1;
	}
	return sl_error_set(err, SL_ECORRUPT,
	    "line %zu: not YAML: %s; one 'name: value' a line is meant", line,
	    problem != NULL ? problem : "not understood");
}

/* The next event, which the caller deletes; empty on failure. */
static int
event_next(struct walk *walk, yaml_event_t *event, struct sl_error *err)
{
	memset(event, 0, sizeof(*event));
	if (yaml_parser_parse(&walk->parser, event) == 0)
		return yaml_failure(walk, err);
	return SL_OK;
}

/* The items of a list, joined. */
#define LIST_BYTES_MAX 1024

static size_t
event_line(const yaml_event_t *event)
{
	return event->start_mark.line + 1;
}

/* The byte where libyaml's character `index` begins; never goes back. */
static size_t
position_of(struct walk *walk, size_t index)
{
	size_t length;

	while (walk->character < index && walk->position < walk->bytes) {
		length = sl_utf8_length(walk->text + walk->position,
		    walk->bytes - walk->position);
		walk->position += length;
		walk->character++;
	}
	return walk->position;
}

/* Is this event a plain or quoted text, and nothing more than that? */
static int
scalar_check(const yaml_event_t *event, const char *what, struct sl_error *err)
{
	const char *found = NULL;

	if (event->type == YAML_SEQUENCE_START_EVENT)
		found = "a list";
	else if (event->type == YAML_MAPPING_START_EVENT)
		found = "nested settings";
	else if (event->type == YAML_ALIAS_EVENT)
		found = "an alias (*)";
	else if (event->data.scalar.anchor != NULL)
		found = "an anchor (&)";
	else if (event->data.scalar.tag != NULL)
		found = "a tag (!)";
	else if (memchr(event->data.scalar.value, 0,
	             event->data.scalar.length) != NULL)
		found = "a NUL";
	if (found == NULL)
		return SL_OK;
	return sl_error_set(err, SL_ECORRUPT, "line %zu: %s, where %s is meant",
	    event_line(event), found, what);
}

/* The items of a list that just began, joined; `end` is where it ends. */
static int
walk_list(struct walk *walk, const yaml_event_t *start,
    char joined[LIST_BYTES_MAX], size_t *end, struct sl_error *err)
{
	bool is_end = false;
	size_t used = 0;
	yaml_event_t item;
	int rc;

	if (start->data.sequence_start.anchor != NULL ||
	    start->data.sequence_start.tag != NULL)
		return sl_error_set(err, SL_ECORRUPT,
		    "line %zu: an anchor (&) or a tag (!), where a list is "
		    "meant",
		    event_line(start));
	joined[0] = '\0';
	while (!is_end) {
		rc = event_next(walk, &item, err);
		if (rc != SL_OK)
			return rc;
		is_end = item.type == YAML_SEQUENCE_END_EVENT;
		*end = item.end_mark.index;
		if (!is_end)
			rc = scalar_check(&item, "an item of a list", err);
		if (!is_end && rc == SL_OK) {
			used += (size_t)snprintf(joined + used,
			    LIST_BYTES_MAX - used, "%s%s", used > 0 ? "," : "",
			    (const char *)item.data.scalar.value);
			if (used >= LIST_BYTES_MAX)
				rc = sl_error_set(err, SL_ECORRUPT,
				    "line %zu: a list that is too long",
				    event_line(start));
		}
		yaml_event_delete(&item);
		if (rc != SL_OK)
			return rc;
	}
	return SL_OK;
}

/* Read the value that belongs to the name in `key`, and visit both. */
static int
walk_value(struct walk *walk, const yaml_event_t *key, struct sl_error *err)
{
	char joined[LIST_BYTES_MAX];
	yaml_event_t value;
	struct sl_config_entry entry;
	size_t end;
	int rc;

	rc = event_next(walk, &value, err);
	if (rc != SL_OK)
		return rc;
	end = value.end_mark.index;
	entry.is_list = value.type == YAML_SEQUENCE_START_EVENT;
	rc = entry.is_list ? walk_list(walk, &value, joined, &end, err)
	                   : scalar_check(&value, "one value", err);
	if (rc != SL_OK)
		goto out;
	entry.name = (const char *)key->data.scalar.value;
	entry.value =
	    entry.is_list ? joined : (const char *)value.data.scalar.value;
	entry.line = event_line(key);
	entry.indent = key->start_mark.column;
	entry.start = position_of(walk, value.start_mark.index);
	entry.end = position_of(walk, end);
	rc = walk->visit(walk->context, &entry, err);
	if (rc != SL_OK)
		sl_error_wrap(err, "line %zu", entry.line);
out:
	yaml_event_delete(&value);
	return rc;
}

/* The entries of the mapping that just began, to its end. */
static int
walk_mapping(struct walk *walk, struct sl_error *err)
{
	yaml_event_t key;
	bool is_end = false;
	int rc;

	while (!is_end) {
		rc = event_next(walk, &key, err);
		if (rc != SL_OK)
			return rc;
		is_end = key.type == YAML_MAPPING_END_EVENT;
		if (!is_end)
			rc = scalar_check(&key, "a setting's name", err);
		if (!is_end && rc == SL_OK)
			rc = walk_value(walk, &key, err);
		yaml_event_delete(&key);
		if (rc != SL_OK)
			return rc;
	}
	return SL_OK;
}

/* What a document holds: a mapping, or nothing at all. */
static int
walk_root(struct walk *walk, const yaml_event_t *root, struct sl_error *err)
{
	if (root->type == YAML_SCALAR_EVENT && root->data.scalar.length == 0 &&
	    root->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return scalar_check(root, "'name: value'", err);
	if (root->type != YAML_MAPPING_START_EVENT)
		return sl_error_set(err, SL_ECORRUPT,
		    "line %zu: no settings: one 'name: value' a line is meant",
		    event_line(root));
	if (root->data.mapping_start.anchor != NULL ||
	    root->data.mapping_start.tag != NULL)
		return sl_error_set(err, SL_ECORRUPT,
		    "line %zu: an anchor (&) or a tag (!), where 'name: value' "
		    "is meant",
		    event_line(root));
	return walk_mapping(walk, err);
}

static int
walk_stream(struct walk *walk, struct sl_error *err)
{
	unsigned documents = 0;
	bool is_end = false;
	yaml_event_t event;
	int rc;

	while (!is_end) {
		rc = event_next(walk, &event, err);
		if (rc != SL_OK)
			return rc;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			is_end = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (documents++ > 0)
				rc = sl_error_set(err, SL_ECORRUPT,
				    "line %zu: a second document (---), where "
				    "one is meant",
				    event_line(&event));
			break;
		default:
			rc = walk_root(walk, &event, err);
			break;
		}
		yaml_event_delete(&event);
		if (rc != SL_OK)
			return rc;
	}
	return SL_OK;
}

int
sl_config_walk(const char *text, size_t bytes, sl_config_visitor *visit,
    void *context, struct sl_error *err)
{
	struct walk walk = { .text = text,
		.bytes = bytes,
		.visit = visit,
		.context = context };
	int rc;

	rc = text_check(text, bytes, err);
	if (rc != SL_OK || bytes == 0)
		return rc;
	/* libyaml would count a byte order mark as an indent. */
	if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		walk.position = 3;
	if (yaml_parser_initialize(&walk.parser) == 0)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&walk.parser,
	    (const unsigned char *)text + walk.position, bytes - walk.position);
	rc = walk_stream(&walk, err);
	yaml_parser_delete(&walk.parser);
	return rc;
}

/* ---- Reading ---- */

static const char id_name[] = "id";

/* Bit of what a file said that stands for its id. */
#define SAID_ID (UINT64_C(1) << 63)

struct reading {
	struct sl_config *config;
	bool is_topic;
	uint64_t said; /* by this file */
};

void
sl_config_init(struct sl_config *config)
{
	memset(config, 0, sizeof(*config));
	sl_settings_init(&config->settings);
}

static int
id_parse(const char *value, char id[SL_TOPIC_ID_SIZE], struct sl_error *err)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char excerpt[SL_EXCERPT_SIZE];

	if (strlen(value) != SL_TOPIC_ID_SIZE - 1 ||
	    strspn(value, digits) != SL_TOPIC_ID_SIZE - 1)
		return sl_error_set(err, SL_ECORRUPT,
		    "id: '%s': not a topic's id, which has %d letters of "
		    "base64url",
		    sl_text_excerpt(value, excerpt), SL_TOPIC_ID_SIZE - 1);
	memcpy(id, value, SL_TOPIC_ID_SIZE);
	return SL_OK;
}

static int
reading_visit(void *context, const struct sl_config_entry *entry,
    struct sl_error *err)
{
	struct reading *reading = context;
	bool is_id = strcmp(entry->name, id_name) == 0;
	uint64_t bit = SAID_ID;
	size_t index = 0;
	int rc = SL_OK;

	if (!reading->is_topic && strncmp(entry->name, SL_CLIENT_PREFIX,
	                              strlen(SL_CLIENT_PREFIX)) == 0)
		return SL_OK;
	if (is_id && !reading->is_topic)
		return sl_error_set(err, SL_ECORRUPT,
		    "'id': only a topic's own file, topic.yaml, has one");
	if (!is_id) {
		rc = sl_setting_find(entry->name, &index, err);
		bit = UINT64_C(1) << index;
	}
	if (rc == SL_OK && entry->is_list &&
	    (is_id || !sl_setting_is_list(index)))
		return sl_error_set(err, SL_ECORRUPT,
		    "a list, where one value is meant");
	if (rc == SL_OK && (reading->said & bit) != 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "'%s': said a second time", entry->name);
	reading->said |= bit;
	if (rc == SL_OK && is_id)
		return id_parse(entry->value, reading->config->id, err);
	if (rc == SL_OK)
		rc = sl_setting_parse(index, entry->value,
		    &reading->config->settings, err);
	if (rc == SL_EUSAGE)
		rc = err->code = SL_ECORRUPT; /* it stands in a file */
	return rc;
}

int
sl_config_parse(struct sl_config *config, const char *text, size_t bytes,
    bool is_topic, struct sl_error *err)
{
	const uint64_t partitions = UINT64_C(1) << SL_SETTING_PARTITIONS;
	struct sl_config copy = *config;
	struct reading reading = { .config = &copy, .is_topic = is_topic };
	int rc;

	rc = sl_config_walk(text, bytes, reading_visit, &reading, err);
	if (rc != SL_OK)
		return rc;
	if (is_topic && (reading.said & SAID_ID) == 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "no id: the line 'id: ...' is missing");
	if (is_topic && (reading.said & partitions) == 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "the line 'partitions: ...' is missing");
	copy.said |= reading.said & ~SAID_ID;
	*config = copy;
	return SL_OK;
}

int
sl_config_set(struct sl_config *config, const char *name, const char *value,
    struct sl_error *err)
{
	size_t index;
	int rc;

	if (strcmp(name, id_name) == 0)
		return sl_error_set(err, SL_EUSAGE,
		    "'id': given when a topic is made, and never changed");
	rc = sl_setting_find(name, &index, err);
	if (rc != SL_OK)
		return rc;
	rc = sl_setting_parse(index, value, &config->settings, err);
	if (rc != SL_OK)
		return rc;
	config->said |= UINT64_C(1) << index;
	return SL_OK;
}

int
sl_config_check(const struct sl_config *config, struct sl_error *err)
{
	const struct sl_settings *settings = &config->settings;

	if (settings->protect_groups[0] != '\0' &&
	    settings->retention_bytes < 0 &&
	    settings->retention_total_bytes < 0 && settings->min_free_bytes < 0)
		return sl_error_set(err, SL_EUSAGE,
		    "retention.protect.groups: needs a bound in bytes beside "
		    "it, such as retention.bytes, so that a dead reader can't "
		    "fill the disk");
	return SL_OK;
}

bool
sl_config_row(const struct sl_config *config, size_t index,
    struct sl_setting_row *row)
{
	if (!sl_setting_print(index, &config->settings, row))
		return false;
	row->is_default = (config->said & UINT64_C(1) << index) == 0;
	return true;
}
