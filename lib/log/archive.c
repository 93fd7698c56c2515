/* archive.c: complete segments, copied; see archive.h. */
#include "archive.h"

#include "read.h"

#include <errno.h>

/* ---- Files ---- */

/* What of one file lies from `position` on, under its name in the archive. */
static int
copy_file(const struct sl_archive *archive, const char *name, uint64_t position,
    const char *as, uint64_t *bytes, struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct sl_error ignored;
	int from = -1, to = -1;
	int rc;

	sl_fs_scratch_name(scratch);
	rc = sl_fs_open_read(&from, archive->from, name, err);
	if (rc == SL_OK) {
		sl_fs_read_ahead(from);
		rc = sl_fs_create(&to, archive->to, scratch, archive->like,
		    SL_FS_READABLE, err);
	}
	if (rc == SL_OK) {
		rc = sl_fs_copy(to, 0, from, position, UINT64_MAX, bytes, err);
		if (rc == SL_OK)
			rc = sl_fs_sync(to, err);
		if (rc == SL_OK)
			rc = sl_fs_rename_over(archive->to, scratch, as, err);
		if (rc < 0 && sl_fs_unlink(archive->to, scratch, &ignored) < 0)
			sl_error_wrap(err, "'%s' is left", scratch);
	}
	sl_fs_close(&to);
	sl_fs_close(&from);
	return rc;
}

/* An index that isn't there, or is of no use, is done without. */
static int
copy_index(const struct sl_archive *archive, uint64_t base, const char *suffix,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	uint64_t bytes;
	int rc;

	sl_segment_name(name, base, suffix);
	rc = copy_file(archive, name, 0, name, &bytes, err);
	return rc < 0 && err->sys == ENOENT ? SL_OK : rc;
}

/* ---- Segments ---- */

/* Of a segment that a merge made longer than what the archive has of it. */
struct rest {
	uint64_t end;      /* of what it has */
	uint64_t position; /* of the first batch that ends there or behind */
};

static int
find_rest(void *arg, const struct sl_batch_head *head, uint64_t position,
    struct sl_error *err)
{
	struct rest *rest = arg;

	(void)err;
	rest->position = position;
	if (head->base + head->last_offset_delta >= rest->end)
		return SL_END;
	rest->position += head->bytes; /* damage behind it is kept, too */
	return SL_OK;
}

/* The archive must know of holes before it has a segment with some (RULE 15).
 */
static int
copy_holes(const struct sl_archive *archive, uint64_t base,
    struct sl_error *err)
{
	struct sl_cleaned ours, theirs;
	int rc;

	rc = sl_cleaned_read(archive->from, &ours, err);
	if (rc == SL_OK)
		rc = sl_cleaned_read(archive->to, &theirs, err);
	if (rc < 0 || ours.holes <= base || ours.holes <= theirs.holes)
		return rc;
	theirs.holes = ours.holes;
	return sl_cleaned_write(archive->to, archive->like, &theirs, err);
}

/* The segment `base`, of which the archive has what lies before `end`. */
static int
copy_segment(const struct sl_archive *archive, uint64_t base, uint64_t end,
    uint64_t *bytes, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE], as[SL_SEGMENT_NAME_SIZE];
	struct rest rest = { .end = end };
	int rc = SL_OK;

	sl_segment_name(name, base, ".log");
	sl_segment_name(as, base < end ? end : base, ".log");
	if (base < end)
		rc = sl_segment_heads(archive->from, base, find_rest, &rest,
		    err);
	if (rc >= 0)
		rc = copy_holes(archive, base, err);
	/* Indexes first: a log without them would be read slowly. */
	if (rc == SL_OK && rest.position == 0)
		rc = copy_index(archive, base, ".index", err);
	if (rc == SL_OK && rest.position == 0)
		rc = copy_index(archive, base, ".timeindex", err);
	if (rc == SL_OK)
		rc = copy_file(archive, name, rest.position, as, bytes, err);
	return rc < 0 ? rc : sl_fs_sync_dir(archive->to, err);
}

/* ---- The archive ---- */

static int
sweep_name(void *arg, const char *name, struct sl_error *err)
{
	int to = *(const int *)arg;

	return sl_fs_is_scratch(name) ? sl_fs_unlink(to, name, err) : SL_OK;
}

/*
 * Up to where is it complete? *is_empty: it has nothing yet. Sweeps what a
 * crash left, and the empty segment that it was made with, once another is
 * there.
 */
static int
find_end(const struct sl_archive *archive, uint64_t *end, bool *is_empty,
    struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_range range = { .next = 0 };
	char name[SL_SEGMENT_NAME_SIZE];
	int to = archive->to, rc = SL_OK;
	uint64_t position, bytes = 0;

	*end = 0;
	*is_empty = true;
	if (to < 0)
		return SL_OK;
	if (!archive->is_dry)
		rc = sl_fs_list(to, sweep_name, &to, err);
	if (rc == SL_OK)
		rc = sl_lookup_end(to, &segments, &range, &position, err);
	if (rc == SL_OK && segments.count > 1)
		rc = sl_lookup_bytes(to, segments.bases[0], &bytes, err);
	if (rc == SL_OK && !archive->is_dry && segments.count > 1 &&
	    bytes == 0) {
		sl_segment_name(name, segments.bases[0], ".log");
		rc = sl_fs_unlink(to, name, err);
	}
	*end = range.next;
	*is_empty = segments.count == 1 && range.next == segments.bases[0];
	sl_segments_release(&segments);
	return rc;
}

static int
copy_all(const struct sl_archive *archive, const struct sl_segments *segments,
    uint64_t next, uint64_t *end, bool *is_empty, struct sl_error *err)
{
	size_t complete = segments->count - !archive->takes_active;
	uint64_t base, behind, bytes, missed;
	int rc = SL_OK;

	for (size_t i = 0; rc == SL_OK && i < complete; i++) {
		base = segments->bases[i];
		behind =
		    i + 1 < segments->count ? segments->bases[i + 1] : next;
		if (behind <= *end || behind == base)
			continue;
		rc = sl_lookup_bytes(archive->from, base, &bytes, err);
		if (rc == SL_OK && !archive->is_dry)
			rc = copy_segment(archive, base, *end, &bytes, err);
		if (rc < 0)
			break;
		missed = !*is_empty && base > *end ? base - *end : 0;
		archive->tell(archive->arg, base < *end ? *end : base,
		    behind - (base < *end ? *end : base), bytes, missed);
		*end = behind;
		*is_empty = false;
	}
	return rc;
}

int
sl_archive_copy(const struct sl_archive *archive, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_range range = { .next = 0 };
	uint64_t end, position;
	bool is_empty;
	int rc = SL_OK;

	/* What is there is not copied again: it must be there for sure. */
	if (!archive->is_dry && archive->to >= 0)
		rc = sl_fs_sync_dir(archive->to, err);
	if (rc == SL_OK)
		rc = find_end(archive, &end, &is_empty, err);
	if (rc == SL_OK)
		rc = sl_lookup_end(archive->from, &segments, &range, &position,
		    err);
	if (rc == SL_OK && end > range.next)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "the archive goes on to offset %llu, the log only to %llu",
		    (unsigned long long)end, (unsigned long long)range.next);
	if (rc == SL_OK)
		rc = copy_all(archive, &segments, range.next, &end, &is_empty,
		    err);
	/* Once more, for the empty segment that it was made with. */
	if (rc == SL_OK && !archive->is_dry)
		rc = find_end(archive, &end, &is_empty, err);
	sl_segments_release(&segments);
	return rc < 0 ? sl_error_wrap(err, "archive") : SL_OK;
}
