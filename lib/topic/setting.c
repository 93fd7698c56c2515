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
	KIND_NUMBER,      /* int64_t */
	KIND_SIZE,        /* int64_t, bytes */
	KIND_DURATION,    /* int64_t, ms */
	KIND_RATIO,       /* int64_t, millionths */
	KIND_COMPRESSION, /* enum sl_compression */
	KIND_SYNC,        /* enum sl_sync_level */
	KIND_WORD,        /* int, an index into the rule's words */
	KIND_POLICY,      /* int, bits */
	KIND_GROUPS,      /* char[SL_SETTING_VALUE_SIZE] */
};

struct setting_words {
	const char *names[4]; /* NULL ends them */
	const char *all;      /* as a message has them */
};

struct setting_rule {
	const char *name;
	enum setting_kind kind;
	size_t at; /* in struct sl_settings */
	int64_t initial;
	int64_t min; /* -1: "-1" is taken, and means none */
	int64_t max;
};

#define RATIO_ONE INT64_C(1000000)
#define RATIO_DIGITS 6
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

/* More than any disk has, and a sum of many still fits. */
#define BOUND_MAX (GIB << 20)

#define AT(field) offsetof(struct sl_settings, field)

static const struct setting_words full_words = {
	{ [SL_FULL_DROP_OLDEST] = "drop-oldest",
	    [SL_FULL_REFUSE] = "refuse",
	    [SL_FULL_WAIT] = "wait" },
	"one of drop-oldest, refuse and wait",
};
static const struct setting_words switch_words = {
	{ [false] = "false", [true] = "true" },
	"true or false",
};

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
	{ "cleanup.policy", KIND_POLICY, AT(cleanup), SL_CLEANUP_DELETE, 0, 0 },
	{ "retention.ms", KIND_DURATION, AT(retention_ms), -1, -1,
	    DURATION_MAX },
	{ "retention.bytes", KIND_SIZE, AT(retention_bytes), -1, -1,
	    BOUND_MAX },
	{ "retention.total.bytes", KIND_SIZE, AT(retention_total_bytes), -1, -1,
	    BOUND_MAX },
	{ "retention.count", KIND_NUMBER, AT(retention_count), -1, -1,
	    BOUND_MAX },
	{ "min.free.bytes", KIND_SIZE, AT(min_free_bytes), -1, -1, BOUND_MAX },
	{ "retention.protect.groups", KIND_GROUPS, AT(protect_groups), 0, 0,
	    0 },
	{ "file.delete.delay.ms", KIND_DURATION, AT(file_delete_delay_ms),
	    60 * SECOND, 0, DURATION_MAX },
	{ "on.full", KIND_WORD, AT(on_full), SL_FULL_DROP_OLDEST, 0, 0 },
	{ "delete.retention.ms", KIND_DURATION, AT(delete_retention_ms), DAY, 0,
	    DURATION_MAX },
	{ "min.compaction.lag.ms", KIND_DURATION, AT(min_compaction_lag_ms), 0,
	    0, DURATION_MAX },
	{ "min.cleanable.dirty.ratio", KIND_RATIO, AT(min_cleanable_dirty_ppm),
	    RATIO_ONE / 2, 0, RATIO_ONE },
	{ "read.only", KIND_WORD, AT(read_only), false, 0, 0 },
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static const char *const sync_names[] = {
	[SL_SYNC_NONE] = "none",
	[SL_SYNC_EXIT] = "exit",
	[SL_SYNC_BATCH] = "batch",
	[SL_SYNC_EACH] = "each",
};

static const char *const policy_names[] = {
	[SL_CLEANUP_DELETE] = "delete",
	[SL_CLEANUP_COMPACT] = "compact",
	[SL_CLEANUP_DELETE | SL_CLEANUP_COMPACT] = "compact,delete",
};

static const struct setting_words *
words_of(const struct setting_rule *rule)
{
	return rule->at == AT(read_only) ? &switch_words : &full_words;
}

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

/* ---- The fields, by their kind ---- */

static void
field_set(const struct setting_rule *rule, struct sl_settings *settings,
    int64_t value)
{
	void *field = (char *)settings + rule->at;

	switch (rule->kind) {
	case KIND_COUNT:
	case KIND_POLICY:
	case KIND_WORD:
		*(int *)field = (int)value;
		return;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DURATION:
	case KIND_RATIO:
		*(int64_t *)field = value;
		return;
	case KIND_COMPRESSION:
		*(enum sl_compression *)field = (enum sl_compression)value;
		return;
	case KIND_SYNC:
		*(enum sl_sync_level *)field = (enum sl_sync_level)value;
		return;
	case KIND_GROUPS: /* a text, which its parser puts there */
		return;
	}
}

static int64_t
field_get(const struct setting_rule *rule, const struct sl_settings *settings)
{
	const void *field = (const char *)settings + rule->at;

	switch (rule->kind) {
	case KIND_COUNT:
	case KIND_POLICY:
	case KIND_WORD:
		return *(const int *)field;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DURATION:
	case KIND_RATIO:
		return *(const int64_t *)field;
	case KIND_COMPRESSION:
		return *(const enum sl_compression *)field;
	case KIND_SYNC:
		return *(const enum sl_sync_level *)field;
	case KIND_GROUPS:
		break;
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

/* So many letters may be wrong, missing or too many. */
#define NEAR_MAX 2

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

	if (bytes < 4)
		return NULL;
	for (size_t i = 0; i < RULE_COUNT; i++) {
		distance = sl_text_distance(name, rules[i].name);
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

	for (size_t i = 0; i < COUNT(sync_names); i++) {
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

/* "0.5" as millionths. */
static int
ratio_parse(const char *value, int64_t *ppm, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	size_t whole = strspn(value, "0123456789");
	const char *at = value + whole;
	int64_t unit = RATIO_ONE / 10;

	*ppm = whole == 1 ? (value[0] - '0') * RATIO_ONE : 0;
	if (whole == 1 && *at == '.') {
		for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
			*ppm += (*at - '0') * unit;
		whole = at[-1] == '.' ? 0 : whole;
	}
	if (whole == 1 && *at == '\0' && *ppm <= RATIO_ONE)
		return SL_OK;
	return sl_error_set(err, SL_EUSAGE,
	    "'%s': not a ratio from 0 to 1, such as 0.5",
	    sl_text_excerpt(value, excerpt));
}

static int
word_parse(const struct setting_words *words, const char *value,
    int64_t *number, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];

	for (size_t i = 0; words->names[i] != NULL; i++) {
		if (strcmp(value, words->names[i]) == 0) {
			*number = (int64_t)i;
			return SL_OK;
		}
	}
	return sl_error_set(err, SL_EUSAGE, "'%s': not %s",
	    sl_text_excerpt(value, excerpt), words->all);
}

/* The next item of "a, b": its first byte, and how many; *at moves on. */
static const char *
item_next(const char **at, size_t *bytes)
{
	const char *item = *at + strspn(*at, " ");
	size_t whole = strcspn(item, ",");

	*bytes = whole;
	while (*bytes > 0 && item[*bytes - 1] == ' ')
		--*bytes;
	*at = item + whole + (item[whole] == ',' ? 1 : 0);
	return item;
}

static int
policy_parse(const char *value, int64_t *number, struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	const char *at = value;
	const char *item;
	size_t bytes;

	*number = 0;
	do {
		item = item_next(&at, &bytes);
		if (bytes == 6 && memcmp(item, "delete", 6) == 0)
			*number |= SL_CLEANUP_DELETE;
		else if (bytes == 7 && memcmp(item, "compact", 7) == 0)
			*number |= SL_CLEANUP_COMPACT;
		else
			return sl_error_set(err, SL_EUSAGE,
			    "'%s': not delete, compact or 'compact,delete'",
			    sl_text_excerpt(value, excerpt));
	} while (*at != '\0');
	return SL_OK;
}

/* Is this what a group may be called? As a topic. */
static bool
is_group_name(const char *name, size_t bytes)
{
	char text[SL_TOPIC_NAME_MAX + 1];
	struct sl_error ignored;

	if (bytes > SL_TOPIC_NAME_MAX)
		return false;
	memcpy(text, name, bytes);
	text[bytes] = '\0';
	return sl_topic_name_check(text, &ignored) == SL_OK;
}

/* "billing, shipping", as "billing,shipping"; "" is none. */
static int
groups_parse(const char *value, char groups[SL_SETTING_VALUE_SIZE],
    struct sl_error *err)
{
	char excerpt[SL_EXCERPT_SIZE];
	char text[SL_SETTING_VALUE_SIZE];
	const char *at = value;
	size_t used = 0;
	const char *item;
	size_t bytes;

	while (*at != '\0') {
		item = item_next(&at, &bytes);
		if (!is_group_name(item, bytes))
			return sl_error_set(err, SL_EUSAGE,
			    "'%s': not names of groups, such as "
			    "billing,shipping",
			    sl_text_excerpt(value, excerpt));
		if (used + 1 + bytes >= sizeof(text))
			return sl_error_set(err, SL_EUSAGE,
			    "'%s': too long: the names have %d bytes at most",
			    sl_text_excerpt(value, excerpt),
			    SL_SETTING_VALUE_SIZE - 1);
		if (used > 0)
			text[used++] = ',';
		memcpy(text + used, item, bytes);
		used += bytes;
	}
	memset(groups, 0, SL_SETTING_VALUE_SIZE);
	memcpy(groups, text, used);
	return SL_OK;
}

static int
value_parse(const struct setting_rule *rule, const char *value, int64_t *number,
    struct sl_error *err)
{
	if (rule->min < 0 && strcmp(value, "-1") == 0) {
		*number = -1;
		return SL_OK;
	}
	switch (rule->kind) {
	case KIND_COUNT:
	case KIND_NUMBER:
		return count_parse(value, number, err);
	case KIND_SIZE:
		return sl_parse_size(value, number, err);
	case KIND_DURATION:
		return duration_parse(rule, value, number, err);
	case KIND_COMPRESSION:
		return compression_parse(value, number, err);
	case KIND_SYNC:
		return sync_parse(value, number, err);
	case KIND_RATIO:
		return ratio_parse(value, number, err);
	case KIND_WORD:
		return word_parse(words_of(rule), value, number, err);
	case KIND_POLICY:
		return policy_parse(value, number, err);
	case KIND_GROUPS:
		break;
	}
	return SL_EUSAGE;
}

/* A bound as its message says it: "4 KiB", "1s", "36500d", "4096". */
static void
bound_print(const struct setting_rule *rule, int64_t bound,
    char text[SL_SIZE_TEXT_SIZE])
{
	if (rule->kind == KIND_SIZE && bound >= 0)
		sl_format_size((uint64_t)bound, text);
	else if (rule->kind == KIND_COUNT || rule->kind == KIND_NUMBER ||
	         bound < 0)
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

	if (rule->min == rule->max)
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
	if (rule->kind == KIND_GROUPS)
		rc = groups_parse(value, settings->protect_groups, err);
	else
		rc = value_parse(rule, value, &number, err);
	if (rc == SL_OK)
		rc = bounds_check(rule, value, number, err);
	if (rc != SL_OK)
		return sl_error_wrap(err, "%s", rule->name);
	field_set(rule, settings, number);
	return SL_OK;
}

bool
sl_setting_is_list(size_t index)
{
	return index < RULE_COUNT && (rules[index].kind == KIND_GROUPS ||
	                                 rules[index].kind == KIND_POLICY);
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
	else if (rule->kind == KIND_WORD)
		word = words_of(rule)->names[number];
	else if (rule->kind == KIND_POLICY)
		word = policy_names[number];
	else if (rule->kind == KIND_GROUPS)
		word = settings->protect_groups;
	row->name = rule->name;
	if (word != NULL)
		snprintf(row->value, sizeof(row->value), "%s", word);
	else if (rule->kind == KIND_RATIO)
		snprintf(row->value, sizeof(row->value), "%.*g", RATIO_DIGITS,
		    (double)number / (double)RATIO_ONE);
	else
		snprintf(row->value, sizeof(row->value), "%" PRId64, number);
	return true;
}
