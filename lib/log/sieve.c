/* sieve.c: one pass of the cleaner; see sieve.h. */
#include "sieve.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of a batch. */
struct verdict {
	uint32_t kept;
	uint32_t dropped;
	uint32_t expired;    /* tombstones among the dropped, for their age */
	uint32_t tombstones; /* that stay */
	bool has_young;      /* one of them is not covered by the map */
};

void
sl_sieve_release(struct sl_sieve *sieve)
{
	sl_swap_abandon(&sieve->swap);
	sl_window_release(&sieve->window);
	sl_batch_walk_release(&sieve->walk);
	sl_rewrite_release(&sieve->rewrite);
	free(sieve->keeps);
	*sieve = SL_SIEVE_EMPTY;
}

static bool
has_horizon(const struct sl_batch_head *head)
{
	return (head->attributes & SL_BATCH_DELETE_HORIZON) != 0;
}

/* Does the record stay? Its tombstone is counted. */
static bool
judge(const struct sl_sieve *sieve, const struct sl_batch_head *head,
    const struct sl_sieve_key *key, struct verdict *verdict)
{
	uint64_t last;

	if (key->offset >= sieve->map_end) {
		verdict->tombstones += key->is_tombstone;
		verdict->has_young |= key->is_tombstone;
		return true;
	}
	last = sl_keymap_get(sieve->map, &key->hash);
	if (last != SL_OFFSET_NONE && last > key->offset)
		return false;
	if (!key->is_tombstone)
		return true;
	if (has_horizon(head) &&
	    head->base_timestamp_ms <= sieve->options->now_ms) {
		verdict->expired++;
		return false;
	}
	verdict->tombstones++;
	return true;
}

/* Judge those in hand; `places` are theirs in the batch. */
static void
judge_keys(struct sl_sieve *sieve, const struct sl_batch_head *head,
    const uint32_t *places, struct verdict *verdict)
{
	for (size_t i = 0; i < sieve->key_count; i++) {
		if (judge(sieve, head, &sieve->keys[i], verdict))
			continue;
		sieve->keeps[places[i]] = false;
		verdict->dropped++;
	}
	sieve->key_count = 0;
}

/* Judge all records; sieve->keeps has the answers. */
static int
judge_records(struct sl_sieve *sieve, const struct sl_batch_head *head,
    struct verdict *verdict, struct sl_error *err)
{
	uint32_t places[SL_SIEVE_KEYS], i = 0;
	struct sl_record record;
	int rc;

	sieve->key_count = 0;
	for (;; i++) {
		rc = sl_batch_walk_next(&sieve->walk, &record, err);
		if (rc < 0)
			return rc;
		if (rc == SL_END || sieve->key_count == SL_SIEVE_KEYS)
			judge_keys(sieve, head, places, verdict);
		if (rc == SL_END)
			break;
		sieve->keeps[i] = true;
		if (record.key == NULL)
			continue;
		places[sieve->key_count] = i;
		sieve->keys[sieve->key_count++] = (struct sl_sieve_key){
			.hash = sl_keymap_hash(sieve->map, record.key,
			    record.key_bytes),
			.offset = record.offset,
			.is_tombstone = record.value == NULL,
		};
	}
	verdict->kept = i - verdict->dropped;
	return SL_OK;
}

static int
judge_batch(struct sl_sieve *sieve, const struct sl_batch_head *head,
    struct verdict *verdict, struct sl_error *err)
{
	uint8_t *keeps;

	if (head->count > sieve->keeps_room) {
		keeps = realloc(sieve->keeps, head->count);
		if (keeps == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		sieve->keeps = keeps;
		sieve->keeps_room = head->count;
	}
	return judge_records(sieve, head, verdict, err);
}

/* ---- Writing ---- */

static int
put(struct sl_sieve *sieve, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	if (sieve->options->is_dry)
		return SL_OK;
	sieve->has_empty = false;
	return sl_swap_add(&sieve->swap, batch, head, err);
}

/* All its records go: remember it, for the segment must end where it did. */
static int
put_empty(struct sl_sieve *sieve, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	sieve->empty_head = *head;
	sl_rewrite_empty(batch, &sieve->empty_head, sieve->empty);
	if (sieve->keeps_empty)
		return put(sieve, sieve->empty, &sieve->empty_head, err);
	sieve->has_empty = sieve->has_hole = true;
	return SL_OK;
}

/* When may the tombstones of the batch go? SL_TIME_NONE: it doesn't say. */
static int64_t
horizon_of(const struct sl_sieve *sieve, const struct sl_batch_head *head,
    const struct verdict *verdict)
{
	int64_t horizon_ms;

	if (verdict->tombstones == 0)
		return SL_TIME_NONE;
	if (has_horizon(head))
		return head->base_timestamp_ms;
	if (verdict->has_young)
		return SL_TIME_NONE;
	if (__builtin_add_overflow(sieve->options->now_ms,
	        sieve->options->delete_retention_ms, &horizon_ms))
		return INT64_MAX;
	return horizon_ms;
}

/* Those that stay, in a batch of the old one's offsets. */
static int
put_rest(struct sl_sieve *sieve, const uint8_t *batch,
    const struct sl_batch_head *head, int64_t horizon_ms, struct sl_error *err)
{
	struct sl_rewrite *rewrite = &sieve->rewrite;
	struct sl_record record;
	const uint8_t *made;
	uint32_t i = 0;
	int rc;

	sl_rewrite_begin(rewrite, batch, head, horizon_ms);
	for (;;) {
		rc = sl_batch_walk_next(&sieve->walk, &record, err);
		if (rc == SL_OK && sieve->keeps[i++])
			rc = sl_rewrite_add(rewrite, &record, err);
		if (rc != SL_OK)
			break;
	}
	if (rc == SL_END)
		rc = sl_rewrite_end(rewrite, &made, err);
	return rc < 0 ? rc : put(sieve, made, &rewrite->head, err);
}

static int
take_batch(struct sl_sieve *sieve, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	struct sl_batch_walk begun;
	struct verdict verdict = { .kept = 0 };
	int64_t horizon_ms;
	int rc;

	if ((head->attributes & SL_BATCH_TRANSACTIONAL) != 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "offset %" PRIu64 " is part of a transaction", head->base);
	if ((head->attributes & SL_BATCH_CONTROL) != 0)
		return put(sieve, batch, head, err);
	if (head->count == 0) {
		sieve->is_changed = true;
		return put_empty(sieve, batch, head, err);
	}
	rc = sl_batch_walk_begin(&sieve->walk, batch, head, err);
	begun = sieve->walk;
	if (rc == SL_OK)
		rc = judge_batch(sieve, head, &verdict, err);
	if (rc < 0)
		return rc;
	sieve->kept += verdict.kept;
	sieve->dropped += verdict.dropped;
	sieve->expired += verdict.expired;
	horizon_ms = horizon_of(sieve, head, &verdict);
	if (horizon_ms != SL_TIME_NONE && horizon_ms < sieve->due_ms)
		sieve->due_ms = horizon_ms;
	if (verdict.dropped == 0 &&
	    (horizon_ms == SL_TIME_NONE || has_horizon(head)))
		return put(sieve, batch, head, err);
	sieve->is_changed = true;
	if (verdict.kept == 0)
		return put_empty(sieve, batch, head, err);
	if (sieve->options->is_dry)
		return SL_OK;
	sieve->walk = begun; /* once more from the start */
	return put_rest(sieve, batch, head, horizon_ms, err);
}

/* ---- Segments ---- */

/* All batches of the segment `base` through the sieve. */
static int
take_segment(struct sl_sieve *sieve, uint64_t base, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_holes holes = { .dir = sieve->dir, .fd = -1, .base = base };
	struct sl_batch_head head;
	uint64_t position = 0;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	sl_segment_name(name, base, ".log");
	sieve->window.size = 0;
	sieve->end = base;
	rc = sl_fs_open_read(&holes.fd, sieve->dir, name, err);
	if (rc == SL_OK)
		sl_fs_read_ahead(holes.fd);
	while (rc == SL_OK) {
		rc = sl_segment_judge(&holes, &sieve->window, position,
		    sieve->end, &head, &batch, &found, err);
		if (rc < 0 || found == SL_FOUND_END)
			break;
		if (found == SL_FOUND_TORN)
			rc = sl_error_set(err, SL_ECORRUPT,
			    "the file ends inside a batch");
		else if (found == SL_FOUND_DAMAGE)
			rc = SL_ECORRUPT;
		else
			rc = take_batch(sieve, batch, &head, err);
		if (rc < 0)
			break;
		position += head.bytes;
		sieve->end = head.base + head.last_offset_delta + 1;
	}
	sl_fs_close(&holes.fd);
	if (rc == SL_OK) {
		sieve->done_bytes += position;
		if (sieve->options->progress != NULL)
			sieve->options->progress(sieve->options->progress_arg,
			    sieve->done_bytes, sieve->all_bytes);
		return SL_OK;
	}
	if (position > 0 || rc == SL_ECORRUPT) {
		sl_error_wrap(err, "'%s': byte %" PRIu64, name, position);
		err->code = rc;
	}
	return rc;
}

/* Does the segment `at` follow without a hole, and fit in? */
static bool
does_fit(const struct sl_sieve *sieve, const struct sl_segments *segments,
    size_t first, size_t at)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;

	if (at + 1 >= segments->count || segments->bases[at] != sieve->end ||
	    segments->bases[at] >= sieve->map_end ||
	    segments->bases[at + 1] - segments->bases[first] >
	        SL_SEGMENT_OFFSETS_LIMIT)
		return false;
	sl_segment_name(name, segments->bases[at], ".log");
	return fstatat(sieve->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size <= INT32_MAX &&
	       (int64_t)sieve->swap.position + st.st_size <=
	           sieve->options->segment_bytes;
}

static int
write_group(struct sl_sieve *sieve, const struct sl_segments *segments,
    size_t at, size_t *taken, struct sl_error *err)
{
	int rc = SL_OK;

	sieve->kept = sieve->dropped = sieve->expired = 0;
	sieve->is_changed = sieve->has_empty = sieve->has_hole = false;
	*taken = 0;
	if (!sieve->options->is_dry)
		rc = sl_swap_begin(&sieve->swap, sieve->dir, sieve->like,
		    segments->bases[at], sieve->options->index_interval_bytes,
		    err);
	while (rc == SL_OK) {
		rc = take_segment(sieve, segments->bases[at + *taken], err);
		++*taken;
		if (rc < 0 || sieve->options->is_dry ||
		    !does_fit(sieve, segments, at, at + *taken))
			break;
	}
	if (rc == SL_OK && sieve->has_empty)
		rc = put(sieve, sieve->empty, &sieve->empty_head, err);
	return rc;
}

int
sl_sieve_group(struct sl_sieve *sieve, const struct sl_segments *segments,
    size_t at, size_t *taken, struct sl_error *err)
{
	uint64_t before = sieve->done_bytes;
	int64_t due_ms = sieve->due_ms;
	int rc;

	sieve->keeps_empty = false;
	rc = write_group(sieve, segments, at, taken, err);
	/*
	 * It ends before the next one begins, at a hole that was mended: then
	 * who reads it can't tell whether its last batch, if that lies behind a
	 * hole, stands where it did. So there are none.
	 */
	if (rc == SL_OK && sieve->has_hole &&
	    sieve->end != segments->bases[at + *taken]) {
		sl_swap_abandon(&sieve->swap);
		sieve->keeps_empty = true;
		sieve->done_bytes = before;
		sieve->due_ms = due_ms;
		rc = write_group(sieve, segments, at, taken, err);
	}
	if (rc == SL_OK && !sieve->options->is_dry &&
	    (sieve->is_changed || *taken > 1)) {
		rc = sl_swap_commit(&sieve->swap, segments->bases + at, *taken,
		    sieve->end, &sieve->cleaned, err);
		sieve->report->swaps += rc == SL_OK;
	}
	sl_swap_abandon(&sieve->swap);
	if (rc < 0)
		return rc;
	if (sieve->dropped > 0 && sieve->options->tell != NULL)
		sieve->options->tell(sieve->options->tell_arg,
		    segments->bases[at], sieve->kept, sieve->dropped);
	sieve->report->records_kept += sieve->kept;
	sieve->report->records_dropped += sieve->dropped;
	sieve->report->tombstones_dropped += sieve->expired;
	return SL_OK;
}
