/* cleaned.c: the cleaner's checkpoint; see cleaned.h. */
#include "cleaned.h"

#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLEANED_NAME "cleaned"
#define CLEANED_BYTES_MAX 512

static void
write_text(char text[CLEANED_BYTES_MAX], const struct sl_cleaned *cleaned)
{
	snprintf(text, CLEANED_BYTES_MAX,
	    "streamlog cleaned 1\n"
	    "holes %020" PRIu64 "\n"
	    "clean %020" PRIu64 "\n"
	    "due %020" PRId64 "\n"
	    "merge %020" PRIu64 " %020" PRIu64 "\n",
	    cleaned->holes, cleaned->clean, cleaned->due_ms,
	    cleaned->merge_base, cleaned->merge_end);
}

/* A number behind `word`; what is no number shows when it is written again. */
static uint64_t
number_behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at == NULL ? 0 : strtoull(at + strlen(word), NULL, 10);
}

int
sl_cleaned_read(int dir, struct sl_cleaned *cleaned, struct sl_error *err)
{
	char again[CLEANED_BYTES_MAX];
	const char *merge;
	char *text;
	size_t bytes;
	int rc;

	*cleaned = SL_CLEANED_NOTHING;
	rc = sl_fs_read_file(dir, CLEANED_NAME, CLEANED_BYTES_MAX, &text,
	    &bytes, err);
	if (rc < 0 && err->sys == ENOENT)
		return SL_OK;
	if (rc < 0 && rc != SL_ECORRUPT)
		return rc;
	if (rc == SL_OK) {
		cleaned->holes = number_behind(text, "\nholes ");
		cleaned->clean = number_behind(text, "\nclean ");
		cleaned->due_ms = (int64_t)number_behind(text, "\ndue ");
		cleaned->merge_base = number_behind(text, "\nmerge ");
		merge = strstr(text, "\nmerge ");
		cleaned->merge_end =
		    merge == NULL ? 0 : number_behind(merge + 7, " ");
		write_text(again, cleaned);
		if (strcmp(text, again) != 0)
			rc = SL_ECORRUPT;
		free(text);
	}
	if (rc < 0) {
		*cleaned = SL_CLEANED_NOTHING;
		cleaned->holes = INT64_MAX;
	}
	return SL_OK;
}

int
sl_cleaned_write(int dir, const struct sl_fs_like *like,
    const struct sl_cleaned *cleaned, struct sl_error *err)
{
	char text[CLEANED_BYTES_MAX];

	write_text(text, cleaned);
	return sl_fs_replace(dir, CLEANED_NAME, text, strlen(text), like, err);
}

/*
 * The order matters: a merge that is not in `cleaned` was over before the
 * listing; a file that still has its name was not replaced before it.
 */
int
sl_holes_ask(struct sl_holes *holes, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_cleaned cleaned;
	size_t next;
	int rc;

	if (holes->is_asked)
		return SL_OK;
	holes->end = 0;
	rc = sl_cleaned_read(holes->dir, &cleaned, err);
	if (rc < 0 || holes->base >= cleaned.holes) {
		holes->is_asked = rc == SL_OK;
		return rc;
	}
	rc = sl_segments_list(&segments, holes->dir, err);
	if (rc == SL_OK)
		rc = sl_segment_is_named(holes->dir, holes->base, holes->fd,
		    err);
	if (rc >= 0) {
		next = (size_t)(sl_segments_find(&segments, holes->base) + 1);
		holes->end = SL_HOLES_END_UNKNOWN;
		if (next < segments.count && rc == SL_OK)
			holes->end = segments.bases[next];
		holes->end_before = holes->end;
		if (holes->end != SL_HOLES_END_UNKNOWN &&
		    cleaned.merge_base == holes->base &&
		    cleaned.merge_end > holes->end)
			holes->end = cleaned.merge_end;
	}
	holes->is_asked = rc >= 0;
	sl_segments_release(&segments);
	return rc < 0 ? rc : SL_OK;
}
