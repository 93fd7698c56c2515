/* mend.c: damage is moved aside (RULE 24); see faults.h. */
#include "faults.h"

#include "cleaned.h"
#include "ends.h"
#include "lock.h"
#include "lockfile.h"
#include "lost.h"
#include "rewrite.h"
#include "swap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int
make_indexes(const struct sl_mending *mending, uint64_t base,
    struct sl_error *err)
{
	return sl_swap_make_indexes(mending->dir, mending->like, base,
	    mending->index_interval_bytes, err);
}

static int
remove_indexes(const struct sl_mending *mending, uint64_t base,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, base, ".index");
	rc = sl_fs_unlink(mending->dir, name, err);
	sl_segment_name(name, base, ".timeindex");
	return rc < 0 ? rc : sl_fs_unlink(mending->dir, name, err);
}

/* A segment that is written, put under its name, with indexes, and synced. */
static int
put_in_place(const struct sl_mending *mending, int fd, const char *scratch,
    uint64_t base, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	sl_segment_name(name, base, ".log");
	rc = sl_fs_sync(fd, err);
	if (rc == SL_OK)
		rc = remove_indexes(mending, base, err);
	if (rc == SL_OK)
		rc = sl_fs_rename_over(mending->dir, scratch, name, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(mending->dir, err);
	return rc < 0 ? rc : make_indexes(mending, base, err);
}

/*
 * Before the last batch of a compacted segment, if that lies behind a hole: an
 * empty one in the hole's place. Where the segment ends can't confirm that
 * batch any more, for a hole follows (RULE 6).
 */
static int
fill_hole(const struct sl_check_walk *walk, int to, struct sl_error *err)
{
	uint8_t head_bytes[SL_BATCH_HEAD_SIZE], empty[SL_BATCH_HEAD_SIZE];
	struct sl_batch_head head;
	size_t got, done;
	int rc;

	rc = sl_fs_read_at(walk->holes.fd, head_bytes, sizeof(head_bytes),
	    walk->last_position, &got, err);
	if (rc == SL_OK)
		rc = sl_batch_head_decode(head_bytes, got, &head, err);
	if (rc != SL_OK)
		return sl_error_set(err, SL_EIO, "it changed meanwhile");
	head.base = walk->last_due;
	head.last_offset_delta =
	    (uint32_t)(walk->last_base - walk->last_due - 1);
	sl_rewrite_empty(head_bytes, &head, empty);
	return sl_fs_write_at(to, empty, sizeof(empty), walk->last_position,
	    &done, err);
}

/* The batches before the fault, in the place of all. */
static int
keep_part_before(const struct sl_mending *mending,
    const struct sl_check_walk *walk, const struct sl_fault *fault,
    struct sl_error *err)
{
	bool has_hole = walk->last_base > walk->last_due;
	char scratch[SL_FS_SCRATCH_SIZE];
	uint64_t end = fault->position, bytes;
	int fd = -1, rc;

	sl_fs_scratch_name(scratch);
	rc = sl_fs_create(&fd, mending->dir, scratch, mending->like,
	    SL_FS_READABLE, err);
	if (rc == SL_OK)
		rc = sl_fs_copy(fd, 0, walk->holes.fd, 0,
		    has_hole ? walk->last_position : end, &bytes, err);
	if (rc == SL_OK && has_hole)
		rc = fill_hole(walk, fd, err);
	if (rc == SL_OK && has_hole)
		rc = sl_fs_copy(fd, walk->last_position + SL_BATCH_HEAD_SIZE,
		    walk->holes.fd, walk->last_position, end, &bytes, err);
	if (rc == SL_OK)
		rc = put_in_place(mending, fd, scratch, walk->base, err);
	sl_fs_close(&fd);
	return rc;
}

/* The batches behind the fault, in a segment of their own. */
static int
keep_part_behind(const struct sl_mending *mending,
    const struct sl_check_walk *walk, const struct sl_fault *fault,
    struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	uint64_t bytes;
	int fd = -1, rc;

	sl_fs_scratch_name(scratch);
	rc = sl_fs_create(&fd, mending->dir, scratch, mending->like,
	    SL_FS_READABLE, err);
	if (rc == SL_OK && fault->has_rest)
		rc = sl_fs_copy(fd, 0, walk->holes.fd, fault->end, UINT64_MAX,
		    &bytes, err);
	if (rc == SL_OK)
		rc = put_in_place(mending, fd, scratch, fault->next, err);
	sl_fs_close(&fd);
	return rc;
}

/*
 * A segment is to go whose name was the end of the one before: if the last
 * batch of that lies behind a hole, it is to be confirmed in the other way.
 */
static int
settle_before(const struct sl_mending *mending, uint64_t before, uint64_t base,
    struct sl_error *err)
{
	struct sl_check_walk walk;
	struct sl_fault fault;
	int rc;

	if (before == SL_OFFSET_NONE)
		return SL_OK;
	rc = sl_check_open(&walk, mending->dir, before, base, err);
	if (rc == SL_OK)
		rc = sl_check_next(&walk, &fault, err);
	if (rc == SL_END && walk.last_base > walk.last_due) {
		fault = (struct sl_fault){ .position = walk.position };
		rc = keep_part_before(mending, &walk, &fault, err);
	}
	sl_check_close(&walk);
	return rc < 0 ? rc : SL_OK;
}

/*
 * The bytes are safe before anything changes, and what lies behind has its own
 * segment before the old one loses it: so a kill at any point leaves all that
 * is good where a reader finds it, and the next run ends the work.
 */
static int
mend_fault(const struct sl_mending *mending, uint64_t before,
    const struct sl_check_walk *walk, const struct sl_fault *fault,
    struct sl_error *err)
{
	bool is_active = walk->behind == SL_OFFSET_NONE;
	char saved[SL_LOST_NAME_SIZE];
	int rc;

	rc = sl_lost_save(mending->dir, mending->like, walk->holes.fd,
	    walk->base, fault->position, fault->end, saved, err);
	if (rc == SL_OK && fault->next > walk->base &&
	    (fault->has_rest || is_active))
		rc = keep_part_behind(mending, walk, fault, err);
	/* Where nothing is before it, and other segments are, it goes. */
	if (rc == SL_OK && fault->position == 0 && fault->next > walk->base) {
		rc = settle_before(mending, before, walk->base, err);
		if (rc == SL_OK)
			rc = sl_swap_remove(mending->dir, &walk->base, 1, err);
	} else if (rc == SL_OK) {
		rc = keep_part_before(mending, walk, fault, err);
	}
	if (rc == SL_OK)
		mending->tell_fault(mending->arg, walk->base, fault, saved);
	return rc;
}

/* SL_OK: something was mended, so look again; SL_END: it is whole. */
static int
mend_segment(const struct sl_mending *mending, const struct sl_segments *all,
    size_t at, struct sl_error *err)
{
	uint64_t base = all->bases[at];
	uint64_t before = at > 0 ? all->bases[at - 1] : SL_OFFSET_NONE;
	uint64_t behind =
	    at + 1 < all->count ? all->bases[at + 1] : SL_OFFSET_NONE;
	struct sl_check_walk walk;
	struct sl_fault fault;
	const char *suffix;
	uint64_t byte;
	int rc;

	rc = sl_check_open(&walk, mending->dir, base, behind, err);
	if (rc == SL_OK)
		rc = sl_check_next(&walk, &fault, err);
	/* The next append cuts what is torn, and saves it. */
	if (rc == SL_OK && fault.is_torn)
		rc = SL_END;
	else if (rc == SL_OK)
		rc = mend_fault(mending, before, &walk, &fault, err);
	else if (rc == SL_END && behind != SL_OFFSET_NONE &&
	         sl_check_index_fault(&walk, &suffix, &byte) == SL_OK) {
		rc = make_indexes(mending, base, err);
		if (rc == SL_OK)
			mending->tell_index(mending->arg, base);
		rc = rc == SL_OK ? SL_END : rc;
	}
	sl_check_close(&walk);
	return rc;
}

static int
mend_all(const struct sl_mending *mending, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	uint64_t done = 0;
	size_t i = 0;
	int rc;

	rc = sl_segments_list(&segments, mending->dir, err);
	while (rc == SL_OK && i < segments.count) {
		done = segments.bases[i];
		rc = mend_segment(mending, &segments, i, err);
		if (rc == SL_OK) { /* what was behind it has a name now */
			rc = sl_segments_list(&segments, mending->dir, err);
			while (i < segments.count && segments.bases[i] < done)
				i++;
		} else if (rc == SL_END) {
			rc = SL_OK;
			i++;
		}
	}
	sl_segments_release(&segments);
	return rc;
}

static int
exclude_writers(const struct sl_mending *mending, int *lock,
    struct sl_error *err)
{
	struct sl_lockfile text;
	int rc;

	rc = sl_lockfile_open(lock, mending->dir, mending->like, err);
	if (rc == SL_OK)
		rc = sl_lock_take(*lock, SL_LOCK_PRESENCE, true, 0, err);
	if (rc == SL_EBUSY)
		return sl_error_set(err, SL_EBUSY,
		    "a writer has it open; stop it first");
	if (rc == SL_OK)
		rc = sl_lockfile_read(*lock, &text, err);
	if (rc == SL_OK && text.is_deleted)
		rc = sl_error_set(err, SL_ENOTFOUND, "it was deleted");
	if (rc < 0)
		return rc;
	text.change++;
	return sl_lockfile_write(*lock, &text, err);
}

int
sl_mend(const struct sl_mending *mending, struct sl_error *err)
{
	int lock = -1, rc;

	rc = exclude_writers(mending, &lock, err);
	if (rc == SL_OK)
		rc = sl_ends_remove(mending->dir, err);
	if (rc == SL_OK)
		rc = sl_swap_sweep(mending->dir, mending->like,
		    mending->index_interval_bytes, err);
	if (rc == SL_OK)
		rc = mend_all(mending, err);
	sl_fs_close(&lock);
	return rc;
}
