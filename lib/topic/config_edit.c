/*
 * config_edit.c: changing values in the text of a file; see config.h. What a
 * person wrote around them stays.
 */
#include "config.h"
#include "config_walk.h"

#include <stdlib.h>
#include <string.h>

static const char new_file_head[] =
    "# Settings of this topic: streamlog.yaml(5)\n";

struct edit {
	const char *text;
	const struct sl_setting *settings;
	size_t setting_count;
	bool *is_done; /* for each setting: it stands in `out` */
	size_t indent; /* of the names in the text */
	size_t copied; /* bytes of the text that were dealt with */
	char *out;
	size_t used;
};

static void
out_put(struct edit *edit, const char *from, size_t bytes)
{
	memcpy(edit->out + edit->used, from, bytes);
	edit->used += bytes;
}

/* A value as YAML: plain where it may be, else in single quotes. */
static void
out_put_value(struct edit *edit, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t bytes = strlen(value);

	if (bytes > 0 && strspn(value, plain) == bytes &&
	    strcmp(value, "-") != 0) {
		out_put(edit, value, bytes);
		return;
	}
	out_put(edit, "'", 1);
	for (; *value != '\0'; value++) {
		out_put(edit, value, 1);
		if (*value == '\'')
			out_put(edit, value, 1);
	}
	out_put(edit, "'", 1);
}

/*
 * The place of `name` among the settings: the last, if it is there more than
 * once, as on a command line. setting_count: it isn't there.
 */
static size_t
edit_find(const struct edit *edit, const char *name)
{
	for (size_t i = edit->setting_count; i > 0; i--) {
		if (strcmp(edit->settings[i - 1].name, name) == 0)
			return i - 1;
	}
	return edit->setting_count;
}

/* Copy the text up to this entry's value, and put the new one there. */
static int
edit_visit(void *context, const struct sl_config_entry *entry,
    struct sl_error *err)
{
	struct edit *edit = context;
	size_t i = edit_find(edit, entry->name);
	size_t end = entry->end;

	edit->indent = entry->indent;
	if (i == edit->setting_count)
		return SL_OK;
	if (edit->is_done[i])
		return sl_error_set(err, SL_ECORRUPT,
		    "'%s': said a second time", entry->name);
	/* A value in a block of its own (|) ends behind its newline. */
	while (end > entry->start &&
	       (edit->text[end - 1] == '\n' || edit->text[end - 1] == '\r'))
		end--;
	out_put(edit, edit->text + edit->copied, entry->start - edit->copied);
	if (entry->start == entry->end)
		out_put(edit, " ", 1); /* there was none behind the colon */
	out_put_value(edit, edit->settings[i].value);
	edit->copied = end;
	edit->is_done[i] = true;
	return SL_OK;
}

/* Lines at the end, for the settings that the text didn't say. */
static void
edit_append(struct edit *edit)
{
	const struct sl_setting *setting;

	for (size_t i = 0; i < edit->setting_count; i++) {
		setting = &edit->settings[i];
		if (edit->is_done[i] || edit_find(edit, setting->name) != i)
			continue;
		if (edit->used > 0 && edit->out[edit->used - 1] != '\n')
			out_put(edit, "\n", 1);
		memset(edit->out + edit->used, ' ', edit->indent);
		edit->used += edit->indent;
		out_put(edit, setting->name, strlen(setting->name));
		out_put(edit, ": ", 2);
		out_put_value(edit, setting->value);
		out_put(edit, "\n", 1);
		edit->is_done[i] = true;
	}
}

/* Count off, in is_done, the settings that a reader of `out` will see. */
static int
edit_check_visit(void *context, const struct sl_config_entry *entry,
    struct sl_error *err)
{
	struct edit *edit = context;
	size_t i = edit_find(edit, entry->name);

	if (i == edit->setting_count)
		return SL_OK;
	if (!edit->is_done[i] ||
	    strcmp(edit->settings[i].value, entry->value) != 0)
		return sl_error_set(err, SL_EUSAGE, "'%s': came out otherwise",
		    entry->name);
	edit->is_done[i] = false;
	return SL_OK;
}

/* Does a reader of `out` see each new value? */
static int
edit_check(struct edit *edit, struct sl_error *err)
{
	int rc;

	rc = sl_config_walk(edit->out, edit->used, edit_check_visit, edit, err);
	for (size_t i = 0; i < edit->setting_count && rc == SL_OK; i++) {
		if (edit->is_done[i])
			rc = sl_error_set(err, SL_EUSAGE, "'%s': not taken",
			    edit->settings[i].name);
	}
	if (rc == SL_OK || rc == SL_ENOMEM)
		return rc;
	err->code = SL_EUSAGE;
	return sl_error_wrap(err,
	    "can't be changed as it is written; make it one 'name: value' a "
	    "line");
}

/* The most bytes that the edited text may have. */
static size_t
edit_bound(const struct edit *edit, size_t bytes)
{
	size_t bound = sizeof(new_file_head) + bytes;

	/* An indent is shorter than the text. */
	for (size_t i = 0; i < edit->setting_count; i++)
		bound += bytes + strlen(edit->settings[i].name) +
		         2 * strlen(edit->settings[i].value) +
		         sizeof("\n: ''\n");
	return bound;
}

/* Fill `out`, which has room for all of it. */
static int
edit_fill(struct edit *edit, size_t bytes, struct sl_error *err)
{
	int rc;

	rc = sl_config_walk(edit->text, bytes, edit_visit, edit, err);
	if (rc != SL_OK)
		return rc;
	if (bytes == 0)
		out_put(edit, new_file_head, sizeof(new_file_head) - 1);
	else
		out_put(edit, edit->text + edit->copied, bytes - edit->copied);
	edit_append(edit);
	return edit_check(edit, err);
}

int
sl_config_edit(const char *text, size_t bytes,
    const struct sl_setting *settings, size_t setting_count, char **out,
    size_t *out_bytes, struct sl_error *err)
{
	struct edit edit = { .text = text,
		.settings = settings,
		.setting_count = setting_count };
	int rc;

	*out = NULL;
	*out_bytes = 0;
	edit.out = malloc(edit_bound(&edit, bytes));
	edit.is_done = calloc(setting_count + 1, sizeof(bool));
	rc = edit.out == NULL || edit.is_done == NULL
	         ? sl_error_set(err, SL_ENOMEM, "no memory")
	         : edit_fill(&edit, bytes, err);
	if (rc == SL_OK) {
		*out = edit.out;
		*out_bytes = edit.used;
		edit.out = NULL;
	}
	free(edit.out);
	free(edit.is_done);
	return rc;
}
