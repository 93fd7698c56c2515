/*
 * Any text as lines: each way to scan must give each line, with the verdict of
 * the exact check and the key of the walker; and what the exact check takes,
 * cJSON must take, where cJSON's own rules are not narrower.
 */
#include "scan.h"

#include <cjson/cJSON.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { LINES_MAX = 64 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* cJSON refuses lone surrogates, and numbers of 64 bytes. */
static bool
cjson_may_refuse(const char *line, size_t bytes)
{
	size_t i, run = 0;

	for (i = 0; i < bytes; i++) {
		run = memchr("+-.0123456789eE", line[i], 15) ? run + 1 : 0;
		if (run >= 60 ||
		    (line[i] == '\\' && i + 1 < bytes && line[i + 1] == 'u'))
			return true;
	}
	return false;
}

static void
check_line(const struct sl_scan *scan, const char *line, size_t bytes,
    const struct sl_scan_line *found, size_t key_start)
{
	size_t byte = 0, key_bytes = 0;
	const char *why = sl_scan_explain(line, bytes, &byte), *key = NULL;

	must(found->bytes == bytes);
	must((why == NULL) == (found->kind <= SL_SCAN_VALUE));
	must((bytes == 0) == (found->kind == SL_SCAN_BLANK));
	must(why == NULL || (byte >= 1 && byte <= bytes + 1));
	if (why == NULL && scan->pointer != NULL)
		key = sl_json_find(line, bytes, scan->pointer, &key_bytes);
	must(found->key_bytes == key_bytes);
	must(key == NULL || key == line + key_start);
}

static void
check_way(const struct sl_scan *scan, const struct sl_scan_way *way,
    const char *text, size_t bytes)
{
	struct sl_scan_line lines[LINES_MAX];
	const char *newline;
	size_t at = 0, start, count, used, i;

	while (at < bytes) {
		start = at;
		count = way->lines(scan, text + at, bytes - at, lines,
		    LINES_MAX, &used);
		must(count > 0);
		for (i = 0; i < count; i++) {
			newline = memchr(text + at, '\n', bytes - at);
			must(newline != NULL && start + lines[i].start == at);
			check_line(scan, text + at,
			    (size_t)(newline - text) - at, &lines[i],
			    lines[i].key_start - lines[i].start);
			at = (size_t)(newline - text) + 1;
		}
		must(start + used == at);
	}
}

static void
check_cjson(const char *text, size_t bytes)
{
	size_t byte;
	cJSON *tree;

	if (sl_scan_explain(text, bytes, &byte) != NULL ||
	    cjson_may_refuse(text, bytes))
		return;
	tree = cJSON_ParseWithLength(text, bytes);
	must(tree != NULL);
	cJSON_Delete(tree);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const char *const pointers[] = { NULL, "a", "/a/b", "/0" };
	const struct sl_scan_way *way;
	struct sl_error err;
	struct sl_scan *scan;
	char *text = malloc(bytes + 1 + SL_SCAN_PADDING);
	size_t i;

	must(text != NULL);
	memcpy(text, data, bytes);
	text[bytes] = '\n';
	memset(text + bytes + 1, '"', SL_SCAN_PADDING);
	check_cjson(text, bytes);
	for (i = 0; i < sizeof(pointers) / sizeof(*pointers); i++) {
		must(sl_scan_new(&scan, pointers[i], &err) == SL_OK);
		way = scan->way;
		check_way(scan, way, text, bytes + 1);
		while (strcmp(way->name, "plain") != 0)
			check_way(scan, ++way, text, bytes + 1);
		sl_scan_free(scan);
	}
	free(text);
	return 0;
}
