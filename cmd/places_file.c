/* places_file.c: places in a file; see places_file.h. */
#include "places_file.h"
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row of describe --json has less than a thousand. */
#define LINE_BYTES_MAX 4096
static int
add_line(struct places_file *file, size_t line, const char *text,
    struct sl_error *err)
{
	struct file_place *places, *place;
	int rc;

	text += strspn(text, PLACE_LINE_BETWEEN "\r");
	if (text[0] == '\0')
		return SL_OK;
	places = reallocarray(file->places, file->count + 1, sizeof(*places));
	if (places == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	file->places = places;
	place = &places[file->count];
	*place = (struct file_place){ .line = line };
	rc = place_line_parse(text, strlen(text), &place->at, err);
	if (rc != SL_OK)
		return places_file_wrap(file, place, err);
	file->count++;
	return SL_OK;
}

/* Cut the line's end off; false: it has none, or a NUL before it. */
static bool
end_line(char *text, bool is_last)
{
	size_t bytes = strlen(text);

	if (bytes == 0 || (text[bytes - 1] != '\n' && !is_last))
		return false;
	while (
	    bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
		text[--bytes] = '\0';
	return true;
}

static int
read_lines(struct places_file *file, FILE *stream, struct sl_error *err)
{
	char text[LINE_BYTES_MAX];
	size_t line;
	int rc = SL_OK;

	errno = 0;
	for (line = 1; rc == SL_OK; line++) {
		if (fgets(text, sizeof(text), stream) == NULL)
			break;
		if (!end_line(text, feof(stream) != 0))
			return sl_error_set(err, SL_ECORRUPT,
			    "%s: line %zu: not a line of text of less than "
			    "%d bytes",
			    file->name, line, LINE_BYTES_MAX);
		rc = add_line(file, line, text, err);
	}
	if (rc == SL_OK && ferror(stream))
		rc = sl_error_sys(err, errno, "%s", file->name);
	return rc;
}

static int
compare_places(const void *a, const void *b)
{
	const struct file_place *one = a, *other = b;
	int order = strcmp(one->at.topic, other->at.topic);

	if (order == 0 && one->at.partition != other->at.partition)
		order = one->at.partition < other->at.partition ? -1 : 1;
	if (order == 0)
		order = one->line < other->line ? -1 : 1;
	return order;
}

/* Sort, and refuse a place that is there twice. */
static int
sort(struct places_file *file, struct sl_error *err)
{
	const struct file_place *place;
	size_t i;

	if (file->count > 1)
		qsort(file->places, file->count, sizeof(*file->places),
		    compare_places);
	for (i = 1; i < file->count; i++) {
		place = &file->places[i];
		if (place->at.partition != place[-1].at.partition ||
		    strcmp(place->at.topic, place[-1].at.topic) != 0)
			continue;
		sl_error_set(err, SL_ECORRUPT,
		    "partition %d of topic '%s' was on line %zu already",
		    place->at.partition, place->at.topic, place[-1].line);
		return places_file_wrap(file, place, err);
	}
	return SL_OK;
}

int
places_file_read(struct places_file *file, const char *path,
    struct sl_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *quote = is_stdin ? "" : "'";
	FILE *stream = stdin;
	int rc;

	*file = PLACES_FILE_EMPTY;
	if (asprintf(&file->name, "%s%s%s", quote, is_stdin ? "stdin" : path,
	        quote) < 0) {
		file->name = NULL;
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	if (is_stdin && cli_is_closed(STDIN_FILENO)) {
		places_file_release(file);
		return sl_error_set(err, SL_EIO, "stdin is closed");
	}
	if (!is_stdin)
		stream = fopen(path, "re");
	if (stream == NULL) {
		sl_error_sys(err, errno, "%s", file->name);
		places_file_release(file);
		return err->code;
	}
	rc = read_lines(file, stream, err);
	if (!is_stdin)
		fclose(stream);
	if (rc == SL_OK)
		rc = sort(file, err);
	if (rc != SL_OK)
		places_file_release(file);
	return rc;
}

void
places_file_release(struct places_file *file)
{
	free(file->name);
	free(file->places);
	file->name = NULL;
	file->places = NULL;
	file->count = 0;
}

int
places_file_wrap(const struct places_file *file, const struct file_place *place,
    struct sl_error *err)
{
	return sl_error_wrap(err, "%s: line %zu", file->name, place->line);
}
