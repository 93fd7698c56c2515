/* setting.c: the table of settings; see setting.h. */
#include "setting.h"
#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a setting holds, and so how it is read and which type it has. */
enum setting_kind {
	KIND_COUNT,       /* int */
	KIND_SIZE,        /* int64_t, bytes */
	KIND_DURATION,    /* int64_t, ms */
	KIND_COMPRESSION, /* enum sl_compression */
	KIND_SYNC,        /* enum sl_sync_level */
};

struct setting_rule {
	const char *name;
	enum setting_kind kind;
	size_t at; /* in struct sl_settings */
	int64_t initial;
	int64_t min; /* -1: "-1" is taken, and means none */
	int64_t max;
};

#define KIB INT64_C(1024)
#define MIB (KIB << 10)
#define GIB (MIB << 10)
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
/* The longest duration, some hundred years: a sum with the time now fits. */
#define DURATION_MAX (36500 * DAY)
/* 1 MiB, and the 12 bytes that Kafka gives to a log entry's head. */
#define MESSAGE_BYTES (MIB + 12)

#define AT(field) offsetof(struct sl_settings, field)

/* In the order of `streamlog-topic describe`. */
static const struct setting_rule rules[] = {
	{ "partitions", KIND_COUNT, AT(partitions), 1, 1, SL_PARTITIONS_MAX },
	{ "segment.bytes", KIND_SIZE, AT(segment_bytes), 64 * MIB, 4 * KIB,
	    GIB },
	{ "segment.ms", KIND_DURATION, AT(segment_ms), 7 * DAY, SECOND,
	    DURATION_MAX },
	{ "index.interval.bytes", KIND_SIZE, AT(index_interval_bytes), 4 * KIB,
	    0, GIB },
	{ "max.message.bytes", KIND_SIZE, AT(max_message_bytes), MESSAGE_BYTES,
	    KIB, 100 * MIB },
	{ "message.timestamp.after.max.ms", KIND_DURATION,
	    AT(timestamp_after_max_ms), HOUR, -1, DURATION_MAX },
	{ "compression.type", KIND_COMPRESSION, AT(compression),
	    SL_COMPRESSION_NONE, 0, 0 },
	{ "sync", KIND_SYNC, AT(sync), SL_SYNC_EXIT, 0, 0 },
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static const char *const sync_names[] = {
	[SL_SYNC_NONE] = "none",
	[SL_SYNC_EXIT] = "exit",
	[SL_SYNC_BATCH] = "batch",
	[SL_SYNC_EACH] = "each",
};

#define SYNC_COUNT (sizeof(sync_names) / sizeof(sync_names[0]))

/* ---- The fields, by their kind ---- */

static void
field_set(const struct setting_rule *rule, struct sl_settings *settings,
    int64_t value)
{
	void *field = (char *)settings + rule->at;

	switch (rule->kind) {
	case KIND_COUNT:
		*(int *)field = (int)value;
		return;
	case KIND_SIZE:
	case KIND_DURATION:
		*(int64_t *)field = value;
		return;
	case KIND_COMPRESSION:
		*(enum sl_compression *)field = (enum sl_compression)value;
		return;
	case KIND_SYNC:
		*(enum sl_sync_level *)field = (enum sl_sync_level)value;
		return;
	}
}

static int64_t
field_get(const struct setting_rule *rule, const struct sl_settings *settings)
{
	const void *field = (const char *)settings + rule->at;

	switch (rule->kind) {
	case KIND_COUNT:
		return *(const int *)field;
	case KIND_SIZE:
	case KIND_DURATION:
		return *(const int64_t *)field;
	case KIND_COMPRESSION:
		return *(const enum sl_compression *)field;
	case KIND_SYNC:
		return *(const enum sl_sync_level *)field;
	}
	return 0;
}

void
sl_settings_init(struct sl_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	for (size_t i = 0; i < RULE_COUNT; i++)
		field_set(&rules[i], settings, rules[i].initial);
}

/* ---- Names ---- */

/* No name is longer; one that is resembles none. */
#define NAME_BYTES_MAX 48
/* So many letters may be wrong, missing or too many. */
#define NEAR_MAX 2

/* How many letters must be changed, put in or left out (Levenshtein). */
static size_t
name_distance(const char *a, const char *b)
{
	size_t row[NAME_BYTES_MAX + 1];
	size_t b_bytes = strlen(b);
	size_t diagonal;
	size_t best;

	for (size_t i = 0; i <= b_bytes; i++)
		row[i] = i;
	for (size_t i = 0; a[i] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b_bytes; j++) {
			best = diagonal + (a[i] != b[j] ? 1 : 0);
			diagonal = row[j + 1];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > diagonal + 1)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[b_bytes];
}

/*
 * The setting that may have been meant: one spelled nearly so, or of which
 * `name` is a part (compression), or that is a part of it (log.segment.bytes).
 */
static const char *
name_nearest(const char *name)
{
	const char *nearest = NULL;
	size_t least = NEAR_MAX + 1;
	size_t bytes = strlen(name);
	size_t distance;

	if (bytes < 4 || bytes > NAME_BYTES_MAX)
		return NULL;
	for (size_t i = 0; i < RULE_COUNT; i++) {
		distance = name_distance(name, rules[i].name);
		if (distance < least) {
			least = distance;
			nearest = rules[i].name;
		}
	}
	for (size_t i = 0; i < RULE_COUNT && nearest == NULL; i++) {
		if (strstr(rules[i].name, name) != NULL ||
		    strstr(name, rules[i].name) != NULL)
			nearest = rules[i].name;
	}
	return nearest;
}

int
sl_setting_find(const char *name, size_t *index, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	const char *nearest;

	for (size_t i = 0; i < RULE_COUNT; i++) {
		if (strcmp(name, rules[i].name) == 0) {
			*index = i;
			return SL_OK;
		}
	}
	*index = RULE_COUNT;
	sl_text_excerpt(name, excerpt);
	nearest = name_nearest(name);
	if (nearest != NULL)
		return sl_error_set(err, SL_EUSAGE,
		    "'%s': no such setting; is '%s' meant?", excerpt, nearest);
	return sl_error_set(err, SL_EUSAGE,
	    "'%s': no such setting in this version; streamlog.yaml(5) has "
	    "them all",
	    excerpt);
}

/* ---- Values ---- */

int
sl_parse_sync_level(const char *name, enum sl_sync_level *level,
    struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];

	for (size_t i = 0; i < SYNC_COUNT; i++) {
		if (strcmp(name, sync_names[i]) == 0) {
			*level = (enum sl_sync_level)i;
			return SL_OK;
		}
	}
	return sl_error_set(err, SL_EUSAGE,
	    "'%s': not a level of syncing: none, exit, batch or each",
	    sl_text_excerpt(name, excerpt));
}

static int
count_parse(const char *value, int64_t *count, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || value[digits] != '\0')
		return sl_error_set(err, SL_EUSAGE,
		    "'%s': not a whole number, such as 4",
		    sl_text_excerpt(value, excerpt));
	return sl_parse_size(value, count, err);
}

static int
duration_parse(const struct setting_rule *rule, const char *value, int64_t *ms,
    struct sl_error *err)
{
	int rc;

	if (rule->min < 0 && strcmp(value, "-1") == 0) {
		*ms = -1;
		return SL_OK;
	}
	rc = sl_parse_duration(value, 1, ms, err);
	/* Kafka's way to say for ever. */
	if (rc == SL_OK && *ms == INT64_MAX)
		*ms = rule->max;
	return rc;
}

static int
compression_parse(const char *value, int64_t *number, struct sl_error *err)
{
	enum sl_compression compression;
	int rc;

	/* Kafka's own word for it. */
	if (strcmp(value, "uncompressed") == 0)
		value = "none";
	rc = sl_parse_compression(value, &compression, err);
	if (rc == SL_OK)
		*number = compression;
	return rc;
}

static int
sync_parse(const char *value, int64_t *number, struct sl_error *err)
{
	enum sl_sync_level level;
	int rc;

	rc = sl_parse_sync_level(value, &level, err);
	if (rc == SL_OK)
		*number = level;
	return rc;
}

static int
value_parse(const struct setting_rule *rule, const char *value, int64_t *number,
    struct sl_error *err)
{
	switch (rule->kind) {
	case KIND_COUNT:
		return count_parse(value, number, err);
	case KIND_SIZE:
		return sl_parse_size(value, number, err);
	case KIND_DURATION:
		return duration_parse(rule, value, number, err);
	case KIND_COMPRESSION:
		return compression_parse(value, number, err);
	case KIND_SYNC:
		return sync_parse(value, number, err);
	}
	return SL_EUSAGE;
}

/* A bound as its message says it: "4 KiB", "1s", "36500d", "4096". */
static void
bound_print(const struct setting_rule *rule, int64_t bound,
    char text[SL_SIZE_TEXT_SIZE])
{
	if (rule->kind == KIND_SIZE)
		sl_format_size((uint64_t)bound, text);
	else if (rule->kind == KIND_COUNT || bound < 0)
		snprintf(text, SL_SIZE_TEXT_SIZE, "%" PRId64, bound);
	else if (bound % DAY == 0)
		snprintf(text, SL_SIZE_TEXT_SIZE, "%" PRId64 "d", bound / DAY);
	else
		snprintf(text, SL_SIZE_TEXT_SIZE, "%" PRId64 "s",
		    bound / SECOND);
}

/* Is the number within the rule's bounds? */
static int
bounds_check(const struct setting_rule *rule, const char *value, int64_t number,
    struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	char least[SL_SIZE_TEXT_SIZE];
	char most[SL_SIZE_TEXT_SIZE];

	if (rule->kind == KIND_COMPRESSION || rule->kind == KIND_SYNC)
		return SL_OK; /* whatever has a name */
	if (number >= rule->min && number <= rule->max)
		return SL_OK;
	bound_print(rule, rule->min, least);
	bound_print(rule, rule->max, most);
	return sl_error_set(err, SL_EUSAGE, "'%s': too %s: from %s to %s",
	    sl_text_excerpt(value, excerpt),
	    number < rule->min ? "small" : "large", least, most);
}

int
sl_setting_parse(size_t index, const char *value, struct sl_settings *settings,
    struct sl_error *err)
{
	const struct setting_rule *rule;
	int64_t number = 0;
	int rc;

	assert(index < RULE_COUNT);
	rule = &rules[index];
	rc = value_parse(rule, value, &number, err);
	if (rc == SL_OK)
		rc = bounds_check(rule, value, number, err);
	if (rc != SL_OK)
		return sl_error_wrap(err, "%s", rule->name);
	field_set(rule, settings, number);
	return SL_OK;
}

bool
sl_setting_print(size_t index, const struct sl_settings *settings,
    struct sl_setting_row *row)
{
	const struct setting_rule *rule;
	const char *word = NULL;
	int64_t number;

	if (index >= RULE_COUNT)
		return false;
	rule = &rules[index];
	number = field_get(rule, settings);
	if (rule->kind == KIND_COMPRESSION)
		word = sl_compression_name((enum sl_compression)number);
	else if (rule->kind == KIND_SYNC)
		word = sync_names[number];
	row->name = rule->name;
	if (word != NULL)
		snprintf(row->value, sizeof(row->value), "%s", word);
	else
		snprintf(row->value, sizeof(row->value), "%" PRId64, number);
	return true;
}
