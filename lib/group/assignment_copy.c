/* assignment_copy.c: assignment.json, the copy to read; see assignment.h. */
#include "assignment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row's text: a topic, two ids, and the names of members. */
#define ROW_TEXT_MAX 512
/* Rows of 4,096 partitions, some hundred topics. */
#define COPY_BYTES_MAX ((size_t)64 << 20)

static size_t
print_id(char *to, const char *name, const char *id)
{
	if (id[0] == '\0')
		return (size_t)sprintf(to, ",\"%s\":null", name);
	return (size_t)sprintf(to, ",\"%s\":\"%s\"", name, id);
}

/* Names and ids are letters that need no escapes. */
static char *
print_copy(const struct sl_assignment *assignment, size_t *bytes)
{
	char *text = malloc((assignment->count + 1) * ROW_TEXT_MAX);
	const struct sl_row *row;
	size_t at, i;
	bool is_first = true;

	if (text == NULL)
		return NULL;
	at = (size_t)sprintf(text,
	    "{\"generation\":%" PRIu64 ",\"partitions\":[",
	    assignment->generation);
	for (i = 0; i < assignment->count; i++) {
		row = &assignment->rows[i];
		if (row->topic[0] == '\0')
			continue;
		at += (size_t)sprintf(text + at,
		    "%s\n{\"topic\":\"%s\",\"partition\":%d",
		    is_first ? "" : ",", row->topic, row->partition);
		at += print_id(text + at, "owner", row->owner);
		at += print_id(text + at, "next", row->next);
		text[at++] = '}';
		is_first = false;
	}
	memcpy(text + at, "\n]}\n", 4);
	*bytes = at + 4;
	return text;
}

static bool
read_id(const struct sl_json_member *row, const char *name,
    char id[SL_PEER_ID_SIZE])
{
	size_t bytes;
	const char *value =
	    sl_json_find(row->value, row->value_bytes, name, &bytes);

	id[0] = '\0';
	if (value == NULL || value[0] != '"')
		return value != NULL;
	if (bytes - 2 >= SL_PEER_ID_SIZE)
		return false;
	memcpy(id, value + 1, bytes - 2);
	id[bytes - 2] = '\0';
	return sl_peer_id_is(id);
}

static bool
read_row(const struct sl_json_member *from, struct sl_row *row)
{
	size_t bytes;
	const char *value;

	if (from->value[0] != '{')
		return false;
	value = sl_json_find(from->value, from->value_bytes, "topic", &bytes);
	if (value == NULL || value[0] != '"' || bytes - 2 > SL_TOPIC_NAME_MAX)
		return false;
	memcpy(row->topic, value + 1, bytes - 2);
	row->topic[bytes - 2] = '\0';
	value =
	    sl_json_find(from->value, from->value_bytes, "partition", &bytes);
	if (value == NULL)
		return false;
	row->partition = (int)strtol(value, NULL, 10);
	return read_id(from, "owner", row->owner) &&
	       read_id(from, "next", row->next);
}

/* SL_END: it is no copy of an assignment. */
static int
parse_copy(struct sl_assignment *assignment, const char *text, size_t bytes,
    struct sl_error *err)
{
	struct sl_json_member member;
	struct sl_row row;
	const char *value;
	size_t size, at = 0, index;
	int rc = SL_OK;

	while (bytes > 0 && text[bytes - 1] == '\n')
		bytes--;
	if (bytes == 0 || text[0] != '{' ||
	    sl_scan_explain(text, bytes, &size) != NULL)
		return SL_END;
	value = sl_json_find(text, bytes, "generation", &size);
	if (value == NULL)
		return SL_END;
	assignment->generation = strtoull(value, NULL, 10);
	value = sl_json_find(text, bytes, "partitions", &size);
	if (value == NULL || value[0] != '[')
		return SL_END;
	while (rc == SL_OK && sl_json_next(value, size, &at, &member)) {
		if (!read_row(&member, &row))
			return SL_END;
		rc = sl_assignment_add(assignment, row.topic, row.partition,
		    &index, err);
		if (rc == SL_OK)
			assignment->rows[index] = row;
	}
	return rc;
}

int
sl_assignment_read_copy(struct sl_assignment *assignment, int dir,
    struct sl_error *err)
{
	char *text;
	size_t bytes;
	int rc;

	assignment->count = 0;
	rc = sl_fs_read_file(dir, SL_ASSIGNMENT_JSON, COPY_BYTES_MAX, &text,
	    &bytes, err);
	if (rc < 0)
		return err->sys == ENOENT || rc == SL_ECORRUPT ? SL_END : rc;
	rc = parse_copy(assignment, text, bytes, err);
	free(text);
	return rc;
}

int
sl_assignment_write_copy(const struct sl_assignment *assignment, int dir,
    const struct sl_fs_like *like, struct sl_error *err)
{
	char *text;
	size_t bytes = 0;
	int rc;

	text = print_copy(assignment, &bytes);
	if (text == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	rc = sl_fs_publish(dir, SL_ASSIGNMENT_JSON, text, bytes, like, err);
	free(text);
	return rc;
}
