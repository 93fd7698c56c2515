/* sweep.c: what a cleaning that was killed leaves behind; see swap.h. */
#include "swap.h"

#include <errno.h>
#include <string.h>

/* The names of a partition, by what they are. */
struct names {
	struct sl_segments logs;
	struct sl_segments indexes;
	struct sl_segments times;
	struct sl_segments drafts; /* of any .cleaned */
	int dir;                   /* borrowed */
};

static int
add_name(void *arg, const char *name, struct sl_error *err)
{
	struct names *names = arg;
	const char *suffix;
	size_t bytes;
	uint64_t base;

	/* Only the holder of the clean lock replaces files here. */
	if (sl_fs_is_scratch(name))
		return sl_fs_unlink(names->dir, name, err);
	if (!sl_segment_name_parse(name, &base, &suffix))
		return SL_OK;
	if (strcmp(suffix, ".log") == 0)
		return sl_segments_add(&names->logs, base, err);
	if (strcmp(suffix, ".index") == 0)
		return sl_segments_add(&names->indexes, base, err);
	if (strcmp(suffix, ".timeindex") == 0)
		return sl_segments_add(&names->times, base, err);
	bytes = strlen(suffix);
	if (bytes > 8 && strcmp(suffix + bytes - 8, ".cleaned") == 0)
		return sl_segments_add(&names->drafts, base, err);
	return SL_OK;
}

static int
list(struct names *names, int dir, struct sl_error *err)
{
	struct sl_segments *const sets[] = { &names->logs, &names->indexes,
		&names->times, &names->drafts };
	size_t i;
	int rc;

	for (i = 0; i < 4; i++)
		sets[i]->count = 0;
	rc = sl_fs_list(dir, add_name, names, err);
	for (i = 0; i < 4; i++)
		sl_segments_sort(sets[i]);
	return rc;
}

static int
unlink_one(int dir, uint64_t base, const char *suffix, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, base, suffix);
	return sl_fs_unlink(dir, name, err);
}

static int
put_in_place(int dir, uint64_t base, const char *from, const char *to,
    struct sl_error *err)
{
	char old[SL_SEGMENT_NAME_SIZE], new[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(old, base, from);
	sl_segment_name(new, base, to);
	rc = sl_fs_rename_over(dir, old, new, err);
	return rc < 0 && err->sys == ENOENT ? SL_OK : rc;
}

static int
end_merge(int dir, const struct sl_fs_like *like, struct sl_cleaned *cleaned,
    struct sl_error *err)
{
	cleaned->merge_base = cleaned->merge_end = 0;
	return sl_cleaned_write(dir, like, cleaned, err);
}

/* A log that is not in place goes, the merge before it; indexes alone stay. */
static int
settle_draft(int dir, const struct sl_fs_like *like, uint64_t base,
    struct sl_cleaned *cleaned, struct sl_error *err)
{
	int rc = SL_OK;

	if (!sl_segment_is_there(dir, base, ".log.cleaned")) {
		rc = put_in_place(dir, base, ".index.cleaned", ".index", err);
		if (rc == SL_OK)
			rc = put_in_place(dir, base, ".timeindex.cleaned",
			    ".timeindex", err);
		return rc;
	}
	if (cleaned->merge_end != 0 && cleaned->merge_base == base)
		rc = end_merge(dir, like, cleaned, err);
	if (rc == SL_OK)
		rc = unlink_one(dir, base, ".timeindex.cleaned", err);
	if (rc == SL_OK)
		rc = unlink_one(dir, base, ".index.cleaned", err);
	return rc < 0 ? rc : unlink_one(dir, base, ".log.cleaned", err);
}

static int
take_end(void *arg, const struct sl_batch_head *head, uint64_t position,
    struct sl_error *err)
{
	(void)position;
	(void)err;
	*(uint64_t *)arg = head->base + head->last_offset_delta + 1;
	return SL_OK;
}

/*
 * A merge whose log is in place: the others go. That the log ends where the
 * merge does is looked at once more: somebody may have restored old files.
 */
static int
finish_merge(int dir, const struct sl_fs_like *like,
    const struct sl_segments *logs, struct sl_cleaned *cleaned,
    struct sl_error *err)
{
	uint64_t end = cleaned->merge_base;
	size_t at, last;
	int rc;

	if (!sl_segments_has(logs, cleaned->merge_base))
		return end_merge(dir, like, cleaned, err);
	rc = sl_segment_heads(dir, cleaned->merge_base, take_end, &end, err);
	if (rc == SL_END)
		end = SL_OFFSET_NONE; /* damage */
	if (rc < 0)
		return rc;
	rc = SL_OK;
	at = (size_t)sl_segments_find(logs, cleaned->merge_base) + 1;
	last = at;
	while (last < logs->count && logs->bases[last] < cleaned->merge_end)
		last++;
	/* Never the active one. */
	if (end == cleaned->merge_end && last < logs->count)
		rc = sl_swap_remove(dir, logs->bases + at, last - at, err);
	return rc < 0 ? rc : end_merge(dir, like, cleaned, err);
}

static int
remove_lone(int dir, const struct sl_segments *indexes,
    const struct sl_segments *logs, const char *suffix, struct sl_error *err)
{
	int rc = SL_OK;

	for (size_t i = 0; rc == SL_OK && i < indexes->count; i++) {
		/* A writer makes the log first, maybe since it was listed. */
		if (!sl_segments_has(logs, indexes->bases[i]) &&
		    !sl_segment_is_there(dir, indexes->bases[i], ".log"))
			rc = unlink_one(dir, indexes->bases[i], suffix, err);
	}
	return rc;
}

static int
note_head(void *arg, const struct sl_batch_head *head, uint64_t position,
    struct sl_error *err)
{
	return sl_swap_note(arg, position, head, err);
}

int
sl_swap_make_indexes(int dir, const struct sl_fs_like *like, uint64_t base,
    int64_t interval_bytes, struct sl_error *err)
{
	struct sl_swap swap = SL_SWAP_CLOSED;
	int rc;

	rc = sl_swap_begin(&swap, dir, like, base, interval_bytes, err);
	if (rc == SL_OK)
		rc = sl_segment_heads(dir, base, note_head, &swap, err);
	if (rc >= 0)
		rc = sl_swap_commit_indexes(&swap, err);
	sl_swap_abandon(&swap);
	/* What is no file, or isn't there any more, needs none. */
	return rc == SL_ECORRUPT ? SL_OK : rc;
}

static int
sweep(int dir, const struct sl_fs_like *like, int64_t interval_bytes,
    struct names *names, struct sl_error *err)
{
	struct sl_cleaned cleaned;
	bool was_changed;
	size_t i;
	int rc;

	rc = list(names, dir, err);
	if (rc == SL_OK)
		rc = sl_cleaned_read(dir, &cleaned, err);
	was_changed =
	    rc == SL_OK && (names->drafts.count > 0 || cleaned.merge_end != 0);
	for (i = 0; rc == SL_OK && i < names->drafts.count; i++)
		rc = settle_draft(dir, like, names->drafts.bases[i], &cleaned,
		    err);
	if (rc == SL_OK && was_changed)
		rc = sl_fs_sync_dir(dir, err);
	if (rc == SL_OK && cleaned.merge_end != 0)
		rc = finish_merge(dir, like, &names->logs, &cleaned, err);
	if (rc == SL_OK && was_changed)
		rc = list(names, dir, err);
	if (rc == SL_OK)
		rc = remove_lone(dir, &names->indexes, &names->logs, ".index",
		    err);
	if (rc == SL_OK)
		rc = remove_lone(dir, &names->times, &names->logs, ".timeindex",
		    err);
	for (i = 0; rc == SL_OK && i + 1 < names->logs.count; i++) {
		if (!sl_segments_has(&names->indexes, names->logs.bases[i]) ||
		    !sl_segments_has(&names->times, names->logs.bases[i]))
			rc = sl_swap_make_indexes(dir, like,
			    names->logs.bases[i], interval_bytes, err);
	}
	return rc;
}

int
sl_swap_sweep(int dir, const struct sl_fs_like *like, int64_t interval_bytes,
    struct sl_error *err)
{
	struct names names = { .dir = dir };
	int rc;

	rc = sweep(dir, like, interval_bytes, &names, err);
	sl_segments_release(&names.logs);
	sl_segments_release(&names.indexes);
	sl_segments_release(&names.times);
	sl_segments_release(&names.drafts);
	return rc;
}
