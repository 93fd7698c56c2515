/*
 * json.c: JSON objects to print; see streamlog.h. The only door to cJSON.
 *
 * An object remembers that memory ran out while it was filled: sl_json_print()
 * then has no text, so that nobody prints a row that lacks a member. The same
 * goes for an object that is NULL, and for what either was added to.
 */
#include "text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sl_json {
	cJSON *tree; /* owned */
	bool is_short_of_memory;
};

struct sl_json *
sl_json_object(void)
{
	struct sl_json *object = calloc(1, sizeof(*object));

	if (object == NULL)
		return NULL;
	object->tree = cJSON_CreateObject();
	if (object->tree == NULL) {
		free(object);
		return NULL;
	}
	return object;
}

void
sl_json_free(struct sl_json *object)
{
	if (object == NULL)
		return;
	cJSON_Delete(object->tree);
	free(object);
}

/* Add a value, which may be NULL for want of memory; takes it over. */
static void
json_add(struct sl_json *object, const char *name, cJSON *value)
{
	if (object != NULL && value != NULL &&
	    cJSON_AddItemToObject(object->tree, name, value))
		return;
	cJSON_Delete(value);
	if (object != NULL)
		object->is_short_of_memory = true;
}

/* Copy a text, U+FFFD for each byte that is not UTF-8; returns its length. */
static size_t
text_mend(const char *text, size_t bytes, char *to)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t written = 0;
	size_t length;

	for (size_t at = 0; at < bytes; at += length) {
		length = sl_utf8_length(text + at, bytes - at);
		if (length == 0) {
			memcpy(to + written, replacement, 3);
			written += 3;
			length = 1;
			continue;
		}
		memcpy(to + written, text + at, length);
		written += length;
	}
	return written;
}

/*
 * The JSON string of a text; free(3) it. A path need not be UTF-8, but the row
 * that holds it must be JSON.
 */
static char *
text_quote(const char *text, size_t bytes)
{
	char *mended = malloc(3 * bytes + 1);
	char *raw = NULL;
	size_t length;

	if (mended == NULL)
		return NULL;
	length = text_mend(text, bytes, mended);
	raw = malloc(6 * length + 3);
	if (raw != NULL)
		raw[sl_json_quote(mended, length, raw)] = '\0';
	free(mended);
	return raw;
}

void
sl_json_add_bytes(struct sl_json *object, const char *name, const void *text,
    size_t bytes)
{
	char *raw = text_quote(text, bytes);

	/* Raw, for cJSON's own strings end at a NUL. */
	json_add(object, name, raw != NULL ? cJSON_CreateRaw(raw) : NULL);
	free(raw);
}

void
sl_json_add_text(struct sl_json *object, const char *name, const char *text)
{
	if (text == NULL)
		sl_json_add_null(object, name);
	else
		sl_json_add_bytes(object, name, text, strlen(text));
}

void
sl_json_add_int(struct sl_json *object, const char *name, int64_t value)
{
	char digits[24];

	/* Raw, for cJSON's own numbers are doubles. */
	snprintf(digits, sizeof(digits), "%" PRId64, value);
	json_add(object, name, cJSON_CreateRaw(digits));
}

void
sl_json_add_bool(struct sl_json *object, const char *name, bool value)
{
	json_add(object, name, cJSON_CreateBool(value));
}

void
sl_json_add_null(struct sl_json *object, const char *name)
{
	json_add(object, name, cJSON_CreateNull());
}

void
sl_json_add_object(struct sl_json *object, const char *name,
    struct sl_json *member)
{
	if (member == NULL || member->is_short_of_memory) {
		json_add(object, name, NULL);
	} else {
		json_add(object, name, member->tree);
		member->tree = NULL;
	}
	sl_json_free(member);
}

char *
sl_json_print(const struct sl_json *object)
{
	if (object == NULL || object->is_short_of_memory)
		return NULL;
	return cJSON_PrintUnformatted(object->tree);
}
