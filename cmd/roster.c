/* roster.c: the topics that operands stand for; see roster.h. */
#include "roster.h"
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* How long a topic that can't be opened is no news. */
#define TROUBLE_MS 1000

/* ---- Opening ---- */

static const char *
operand_dir(const struct roster *roster, const struct roster_operand *operand)
{
	return operand->dir != NULL ? operand->dir : roster->dir;
}

/* Split a path (and only a path) into its parent and its name. */
static int
operand_init(struct roster_operand *operand, const char *text,
    struct sl_error *err)
{
	size_t bytes = strlen(text);
	char *slash;

	*operand = (struct roster_operand){ .text = text };
	while (bytes > 1 && text[bytes - 1] == '/')
		bytes--;
	operand->path = strndup(text, bytes);
	if (operand->path == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	operand->name = operand->path;
	slash = strrchr(operand->path, '/');
	if (slash != NULL) {
		operand->name = slash + 1;
		*slash = '\0';
		operand->dir = slash == operand->path ? "/" : operand->path;
	} else if (text[bytes] == '/') {
		operand->dir = ".";
	}
	operand->is_glob = sl_glob_is(operand->name);
	return SL_OK;
}

static bool
is_same_dir(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is the topic `name` of an operand's directory in hand? */
static bool
has_name(const struct roster *roster, const struct roster_operand *operand,
    const char *name)
{
	const struct roster_topic *entry;
	size_t i;

	for (i = 0; i < roster->topic_count; i++) {
		entry = &roster->topics[i];
		if (strcmp(sl_topic_name(entry->topic), name) == 0 &&
		    is_same_dir(operand_dir(roster, entry->operand),
		        operand_dir(roster, operand)))
			return true;
	}
	return false;
}

/* The same by where an open topic lies, whichever way it was named. */
static bool
has_topic(const struct roster *roster, const struct sl_topic *topic)
{
	const struct sl_topic *other;
	size_t i;

	for (i = 0; i < roster->topic_count; i++) {
		other = roster->topics[i].topic;
		if (strcmp(sl_topic_name(other), sl_topic_name(topic)) == 0 &&
		    strcmp(sl_topic_dir(other), sl_topic_dir(topic)) == 0)
			return true;
	}
	return false;
}

/* Open a topic; SL_END where it is in hand already. */
static int
open_topic(struct roster *roster, struct roster_operand *operand,
    const char *name, struct sl_error *err)
{
	struct roster_topic *grown;
	struct sl_topic *topic;
	int rc;

	if (has_name(roster, operand, name))
		return SL_END;
	rc = sl_topic_open(&topic, operand_dir(roster, operand), name, err);
	if (rc != SL_OK)
		return rc;
	if (has_topic(roster, topic)) {
		sl_topic_close(topic);
		return SL_END;
	}
	grown =
	    realloc(roster->topics, (roster->topic_count + 1) * sizeof(*grown));
	if (grown == NULL) {
		sl_topic_close(topic);
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	roster->topics = grown;
	grown[roster->topic_count++] =
	    (struct roster_topic){ .topic = topic, .operand = operand };
	return SL_OK;
}

/*
 * What a pattern matches and can't be opened: at the start it is told, and the
 * others are read. While following it may be half removed, or under repair: it
 * is told where it lasts, and tried again.
 */
static int
bear_trouble(struct roster *roster, struct roster_operand *operand, int rc,
    const struct sl_error *err)
{
	int64_t now_ms = sl_monotonic_ms();

	if (rc == SL_ENOMEM)
		return rc;
	/* Its partitions would be this member's, and nobody would read them. */
	if (roster->is_shared && roster->reader == NULL)
		return rc;
	if (roster->reader == NULL) {
		cli_message("%s", err->text);
		roster->trouble_status = cli_exit_status(err);
		return SL_OK;
	}
	if (operand->trouble_ms == 0)
		operand->trouble_ms = now_ms;
	if (now_ms - operand->trouble_ms < TROUBLE_MS ||
	    operand->is_trouble_told)
		return SL_OK;
	if (roster->is_shared)
		return rc;
	cli_message("%s", err->text);
	operand->is_trouble_told = true;
	return SL_OK;
}

static void
end_trouble(struct roster_operand *operand)
{
	operand->trouble_ms = 0;
	operand->is_trouble_told = false;
}

/* All topics that a pattern matches. *count is how many there are. */
static int
open_matches(struct roster *roster, struct roster_operand *operand,
    size_t *count, struct sl_error *err)
{
	char **names;
	size_t i;
	int rc;

	rc = sl_topic_list(operand_dir(roster, operand), operand->name, &names,
	    count, err);
	if (rc == SL_END)
		return SL_OK;
	for (i = 0; rc == SL_OK && i < *count; i++) {
		rc = open_topic(roster, operand, names[i], err);
		/* One that went since it was listed is no match any more. */
		if (rc == SL_END || rc == SL_ENOTFOUND)
			rc = SL_OK;
		else if (rc < 0)
			rc = bear_trouble(roster, operand, rc, err);
	}
	sl_names_free(names, *count);
	return rc;
}

static void
say_waiting(struct roster_operand *operand, const char *why)
{
	if (!operand->is_told)
		cli_notice("topic '%s': %s; waiting", operand->text, why);
	operand->is_told = true;
}

static int
open_operand(struct roster *roster, struct roster_operand *operand,
    struct sl_error *err)
{
	size_t count;
	int rc;

	if (operand->is_glob) {
		rc = open_matches(roster, operand, &count, err);
		if (rc != SL_OK || count > 0)
			return rc;
		if (roster->patience == ROSTER_BOUNDED)
			return sl_error_set(err, SL_ENOTFOUND,
			    "'%s': no topic matches; 'streamlog-topic list' "
			    "shows what is",
			    operand->text);
		say_waiting(operand, "no topic matches yet");
		return SL_OK;
	}
	rc = open_topic(roster, operand, operand->name, err);
	if (rc == SL_ENOTFOUND && roster->patience == ROSTER_RETRY) {
		operand->is_waiting = true;
		say_waiting(operand, "not there yet");
		return SL_OK;
	}
	return rc == SL_END ? SL_OK : rc;
}

int
roster_open(struct roster *roster, char *const *operands, size_t operand_count,
    struct sl_error *err)
{
	size_t i;
	int rc = SL_OK;

	roster->operands = calloc(operand_count, sizeof(*roster->operands));
	if (roster->operands == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	roster->operand_count = operand_count;
	for (i = 0; i < operand_count && rc == SL_OK; i++)
		rc = operand_init(&roster->operands[i], operands[i], err);
	for (i = 0; i < operand_count && rc == SL_OK; i++)
		rc = open_operand(roster, &roster->operands[i], err);
	return rc;
}

void
roster_release(struct roster *roster)
{
	size_t i;

	for (i = 0; i < roster->topic_count; i++)
		sl_topic_close(roster->topics[i].topic);
	for (i = 0; i < roster->operand_count; i++)
		free(roster->operands[i].path);
	free(roster->topics);
	free(roster->operands);
	*roster = ROSTER_EMPTY;
}

const char *
roster_dir(const struct roster *roster)
{
	return operand_dir(roster, &roster->operands[0]);
}

/* ---- Partitions ---- */

/* The topic's log number `index`, from 0; -1: there are no more. */
static int
partition_at(const struct roster *roster, const struct roster_topic *entry,
    int index)
{
	if (roster->select->is_rejected)
		return index == 0 ? SL_PARTITION_REJECTED : -1;
	if (index >= sl_topic_settings(entry->topic)->partitions)
		return -1;
	return index;
}

static int
count_windows(const struct roster *roster)
{
	int count = 0;
	size_t i;

	for (i = 0; i < roster->topic_count; i++)
		count += roster->select->is_rejected
		             ? 1
		             : sl_topic_settings(roster->topics[i].topic)
		                   ->partitions;
	return count;
}

/* Add the windows of one topic to those before. */
static int
topic_windows(struct roster *roster, struct roster_topic *entry,
    struct select_window *windows, size_t *count, struct sl_error *err)
{
	int partition, rc;

	for (;; entry->assigned++) {
		partition = partition_at(roster, entry, entry->assigned);
		if (partition == -1)
			return SL_OK;
		if (!select_wants(roster->select, partition))
			continue;
		rc = select_window(roster->select, entry->topic, partition,
		    &windows[*count], err);
		/* No rejected line yet: nothing to read, and seen to later. */
		if (rc == SL_ENOTFOUND && roster->select->is_rejected)
			return SL_OK;
		if (rc != SL_OK)
			return rc;
		(*count)++;
	}
}

int
roster_windows(struct roster *roster, struct select_window **windows,
    size_t *count, struct sl_error *err)
{
	size_t i;
	int rc = SL_OK;

	*count = 0;
	*windows = calloc((size_t)count_windows(roster) + 1, sizeof(**windows));
	if (*windows == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	for (i = 0; i < roster->topic_count && rc == SL_OK; i++)
		rc = topic_windows(roster, &roster->topics[i], *windows, count,
		    err);
	return rc;
}

/* Assign a topic's logs that nobody has seen to, from their beginnings. */
static int
assign_new(struct roster *roster, struct roster_topic *entry,
    struct sl_error *err)
{
	struct sl_range range;
	int partition, rc;

	if (roster->is_shared)
		return SL_OK;
	for (;; entry->assigned++) {
		partition = partition_at(roster, entry, entry->assigned);
		if (partition == -1)
			return SL_OK;
		if (!select_wants(roster->select, partition))
			continue;
		rc = sl_topic_range(entry->topic, partition, &range, err);
		if (rc == SL_ENOTFOUND)
			return SL_OK;
		if (rc == SL_OK)
			rc = sl_reader_assign(roster->reader, entry->topic,
			    partition, range.first, SL_OFFSET_NONE, err);
		if (rc != SL_OK)
			return rc;
	}
}

/* ---- Following ---- */

/* Where it can't be watched (yet) the look each second finds what comes. */
static void
watch_operand(const struct roster *roster, const struct roster_operand *operand)
{
	const char *dir = operand_dir(roster, operand);
	char path[PATH_MAX];
	struct sl_error ignored;

	if (!operand->is_glob && roster->patience != ROSTER_RETRY)
		return;
	if (dir == NULL && sl_default_dir(path, &ignored) == SL_OK)
		dir = path;
	if (dir != NULL)
		sl_reader_watch_dir(roster->reader, dir);
}

void
roster_begin_follow(struct roster *roster, struct sl_reader *reader)
{
	size_t i;

	roster->reader = reader;
	for (i = 0; i < roster->operand_count; i++)
		watch_operand(roster, &roster->operands[i]);
}

static void
begin_leaving(struct roster *roster, struct roster_topic *entry,
    const char *why)
{
	struct roster_operand *operand = entry->operand;

	entry->is_leaving = true;
	if (operand->is_glob) {
		cli_notice("%s", why);
	} else if (roster->patience == ROSTER_RETRY) {
		cli_notice("%s; waiting for the next of that name", why);
		operand->is_told = true;
	} else {
		cli_message("%s", why);
		roster->is_missing = true;
	}
}

/* See whether a topic changed. */
static int
look_at_topic(struct roster *roster, struct roster_topic *entry,
    struct sl_error *err)
{
	int rc;

	rc = sl_topic_refresh(entry->topic, err);
	switch (rc) {
	case SL_OK:
	case SL_END:
		entry->is_in_doubt = false;
		return assign_new(roster, entry, err);
	case SL_ENOTFOUND:
		begin_leaving(roster, entry, err->text);
		return SL_OK;
	case SL_ENOMEM:
		return rc;
	default:
		/* Somebody may be editing topic.yaml: the log is still good. */
		if (!entry->is_in_doubt)
			cli_message("%s", err->text);
		entry->is_in_doubt = true;
		return SL_OK;
	}
}

/* Look for what an operand waits for, and assign what came. */
static int
look_for_operand(struct roster *roster, struct roster_operand *operand,
    struct sl_error *err)
{
	size_t before = roster->topic_count, count, i;
	int rc;

	if (operand->is_glob) {
		rc = open_matches(roster, operand, &count, err);
	} else {
		rc = open_topic(roster, operand, operand->name, err);
		if (rc == SL_ENOTFOUND)
			return SL_OK;
		if (rc < 0)
			return bear_trouble(roster, operand, rc, err);
		end_trouble(operand);
		operand->is_waiting = false;
		operand->is_told = false;
		if (rc == SL_OK)
			cli_notice("topic '%s': there now; reading it%s",
			    operand->text,
			    roster->is_shared ? "" : " from its beginning");
	}
	if (rc < 0)
		return rc;
	rc = SL_OK;
	if (roster->topic_count > before)
		watch_operand(roster, operand); /* it may be there just now */
	for (i = before; i < roster->topic_count && rc == SL_OK; i++)
		rc = assign_new(roster, &roster->topics[i], err);
	return rc;
}

int
roster_look(struct roster *roster, struct sl_error *err)
{
	size_t i;
	int rc = SL_OK;

	for (i = 0; i < roster->topic_count && rc == SL_OK; i++)
		if (!roster->topics[i].is_leaving)
			rc = look_at_topic(roster, &roster->topics[i], err);
	for (i = 0; i < roster->operand_count && rc == SL_OK; i++)
		if (roster->operands[i].is_glob ||
		    roster->operands[i].is_waiting)
			rc =
			    look_for_operand(roster, &roster->operands[i], err);
	return rc;
}

bool
roster_lose(struct roster *roster, const struct sl_topic *topic)
{
	char why[SL_ERROR_TEXT_SIZE];
	struct roster_topic *entry;
	size_t i;

	for (i = 0; i < roster->topic_count; i++) {
		entry = &roster->topics[i];
		if (entry->topic != topic || entry->is_leaving)
			continue;
		snprintf(why, sizeof(why), "topic '%s': it was deleted",
		    sl_topic_name(topic));
		begin_leaving(roster, entry, why);
		return true;
	}
	return false;
}

bool
roster_drop_leaving(struct roster *roster)
{
	struct roster_topic *entry;
	size_t i = 0, before = roster->topic_count;

	while (i < roster->topic_count) {
		entry = &roster->topics[i];
		if (!entry->is_leaving) {
			i++;
			continue;
		}
		if (!entry->operand->is_glob &&
		    roster->patience == ROSTER_RETRY)
			entry->operand->is_waiting = true;
		sl_reader_drop(roster->reader, entry->topic);
		sl_topic_close(entry->topic);
		*entry = roster->topics[--roster->topic_count];
	}
	return roster->topic_count < before;
}

bool
roster_awaits_names(const struct roster *roster)
{
	size_t i;

	for (i = 0; i < roster->operand_count; i++)
		if (roster->operands[i].is_glob ||
		    roster->operands[i].is_waiting)
			return true;
	return false;
}

/* A partition that isn't read, or is no more, has nothing to wait for. */
static bool
is_read(struct sl_reader *reader, struct sl_topic *topic, int partition)
{
	uint64_t place = sl_reader_place(reader, topic, partition);
	struct sl_range range;
	struct sl_error err;
	int rc;

	if (place == SL_OFFSET_NONE ||
	    place >= sl_reader_end(reader, topic, partition))
		return true;
	rc = sl_topic_range(topic, partition, &range, &err);
	return rc == SL_OK ? place >= range.next : rc != SL_EBUSY;
}

bool
roster_is_read(const struct roster *roster)
{
	struct sl_topic *topic;
	size_t t;
	int p;

	for (t = 0; t < roster->topic_count; t++) {
		topic = roster->topics[t].topic;
		for (p = 0; p < sl_topic_settings(topic)->partitions; p++)
			if (!is_read(roster->reader, topic, p))
				return false;
	}
	return true;
}

bool
roster_is_over(const struct roster *roster)
{
	return roster->topic_count == 0 && !roster_awaits_names(roster);
}
