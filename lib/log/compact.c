/* compact.c: what to clean, and in how many passes; see compact.h. */
#include "compact.h"

#include "compact_plan.h"
#include "sieve.h"

#include <inttypes.h>

/* Of the map, for a dirty byte: a compressed record may take but a few. */
#define MEMORY_PER_BYTE 16

/* ---- The keys of the dirty part ---- */

/* Put those in hand. SL_END: the map is full; sieve->map_end is set. */
static int
put_keys(struct sl_sieve *sieve)
{
	size_t i, count = sieve->key_count;

	sieve->key_count = 0;
	for (i = 0; i < count; i++) {
		if (sl_keymap_put(sieve->map, &sieve->keys[i].hash,
		        sieve->keys[i].offset) == SL_END) {
			sieve->map_end = sieve->keys[i].offset;
			return SL_END;
		}
	}
	return SL_OK;
}

/* The keys of one batch. SL_END: the map is full. */
static int
map_batch(struct sl_sieve *sieve, uint64_t clean, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	struct sl_record record;
	int rc;

	if ((head->attributes & SL_BATCH_TRANSACTIONAL) != 0)
		return sl_error_set(err, SL_ECORRUPT,
		    "offset %" PRIu64 " is part of a transaction", head->base);
	sieve->key_count = 0;
	rc = sl_batch_walk_begin(&sieve->walk, batch, head, err);
	while (rc == SL_OK) {
		rc = sl_batch_walk_next(&sieve->walk, &record, err);
		if (rc != SL_OK)
			break;
		if (record.key == NULL || record.offset < clean)
			continue;
		if (sieve->key_count == SL_SIEVE_KEYS &&
		    put_keys(sieve) == SL_END)
			return SL_END;
		sieve->keys[sieve->key_count].offset = record.offset;
		sieve->keys[sieve->key_count++].hash =
		    sl_keymap_hash(sieve->map, record.key, record.key_bytes);
	}
	return rc < 0 ? rc : put_keys(sieve);
}

/* The keys of one segment from `clean` on, up to a full map or damage. */
static int
map_segment(struct sl_sieve *sieve, uint64_t base, uint64_t clean,
    struct sl_error *err)
{
	struct sl_holes holes = { .dir = sieve->dir, .fd = -1, .base = base };
	char name[SL_SEGMENT_NAME_SIZE];
	uint64_t position = 0, due = base;
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	sl_segment_name(name, base, ".log");
	sieve->window.size = 0;
	rc = sl_fs_open_read(&holes.fd, sieve->dir, name, err);
	if (rc == SL_OK)
		sl_fs_read_ahead(holes.fd);
	while (rc == SL_OK) {
		rc = sl_segment_judge(&holes, &sieve->window, position, due,
		    &head, &batch, &found, err);
		if (rc < 0 || found == SL_FOUND_END)
			break;
		if (found == SL_FOUND_TORN)
			sl_error_set(err, SL_ECORRUPT,
			    "the file ends inside a batch");
		if (found != SL_FOUND_BATCH)
			rc = SL_ECORRUPT;
		else if (head.base + head.last_offset_delta >= clean)
			rc = map_batch(sieve, clean, batch, &head, err);
		if (rc != SL_OK)
			break;
		due = head.base + head.last_offset_delta + 1;
		position += head.bytes;
	}
	sl_fs_close(&holes.fd);
	if (rc == SL_ECORRUPT) {
		sl_error_wrap(err, "'%s': byte %" PRIu64, name, position);
		err->code = SL_ECORRUPT;
	}
	return rc;
}

/*
 * Fill the map, and set what it covers. What can't be read in full is not
 * cleaned, nor is anything behind it: a value in it would come back when a
 * later tombstone goes.
 */
static int
map_keys(struct sl_sieve *sieve, const struct sl_compact_plan *plan,
    struct sl_error *err)
{
	const struct sl_segments *segments = &plan->segments;
	int rc = SL_OK;

	sl_keymap_clear(sieve->map);
	sieve->map_end = plan->bound;
	for (size_t i = 0; rc == SL_OK && i + 1 < segments->count &&
	                   segments->bases[i] < plan->bound;
	     i++) {
		if (segments->bases[i + 1] <= plan->clean)
			continue;
		rc = map_segment(sieve, segments->bases[i], plan->clean, err);
		if (rc == SL_ECORRUPT) {
			sl_compact_block(sieve->report, segments->bases[i],
			    err->text);
			sieve->map_end = segments->bases[i];
			return SL_OK;
		}
		sieve->done_bytes +=
		    sl_compact_bytes_of(sieve->dir, segments->bases[i]);
	}
	return rc < 0 ? rc : SL_OK;
}

/* ---- Passes ---- */

/* Could the segment `at` and the next be one? */
static bool
is_small(const struct sl_sieve *sieve, const struct sl_segments *segments,
    size_t at)
{
	return sl_compact_bytes_of(sieve->dir, segments->bases[at]) +
	           sl_compact_bytes_of(sieve->dir, segments->bases[at + 1]) <=
	       (uint64_t)sieve->options->segment_bytes;
}

/*
 * All segments below what the map covers, or those that are small.
 * SL_ECORRUPT: up to damage.
 */
static int
sift(struct sl_sieve *sieve, const struct sl_segments *segments,
    bool only_small, struct sl_error *err)
{
	size_t at = 0, taken;
	int rc = SL_OK;

	while (rc == SL_OK && at + 1 < segments->count &&
	       segments->bases[at] < sieve->map_end) {
		if (only_small && !is_small(sieve, segments, at)) {
			at++;
			continue;
		}
		rc = sl_sieve_group(sieve, segments, at, &taken, err);
		if (rc == SL_ECORRUPT)
			sl_compact_block(sieve->report, segments->bases[at],
			    err->text);
		at += taken;
	}
	return rc;
}

/* What was passed below is gone: the next cleaning begins there. */
static int
note_clean(struct sl_sieve *sieve, struct sl_error *err)
{
	struct sl_cleaned next = sieve->cleaned;
	int rc;

	if (sieve->map_end > next.clean)
		next.clean = sieve->map_end;
	next.due_ms = sieve->due_ms;
	next.merge_base = next.merge_end = 0;
	rc = sl_cleaned_write(sieve->dir, sieve->like, &next, err);
	if (rc == SL_OK)
		sieve->cleaned = next;
	return rc;
}

/* One pass: map what fits, and sift. SL_END: nothing is in its reach. */
static int
pass(struct sl_sieve *sieve, struct sl_compact_plan *plan, struct sl_error *err)
{
	struct sl_compact_report *report = sieve->report;
	uint64_t ignored;
	int rc;

	sieve->done_bytes = 0;
	sl_compact_measure(sieve->dir, &plan->segments, &sieve->all_bytes,
	    &ignored);
	sieve->all_bytes += report->dirty_bytes;
	rc = map_keys(sieve, plan, err);
	if (rc == SL_OK && sieve->map_end <= plan->clean &&
	    sieve->cleaned.due_ms > sieve->options->now_ms)
		return SL_END;
	if (rc < 0)
		return rc;
	sieve->due_ms = INT64_MAX;
	report->records_kept = 0;
	report->passes++;
	rc = sift(sieve, &plan->segments, false, err);
	if (rc == SL_OK && !sieve->options->is_dry)
		rc = note_clean(sieve, err);
	plan->clean = sieve->map_end;
	return rc;
}

/* Segments that came out small are merged, where that was not to be seen. */
static int
merge_small(struct sl_sieve *sieve, struct sl_compact_plan *plan,
    struct sl_error *err)
{
	uint64_t kept = sieve->report->records_kept;
	int rc;

	/* By the last pass's map, which has nothing more to say of them. */
	rc = sl_segments_list(&plan->segments, sieve->dir, err);
	if (rc == SL_OK)
		rc = sift(sieve, &plan->segments, true, err);
	sieve->report->records_kept = kept;
	if (rc == SL_OK && sieve->cleaned.merge_end != 0)
		rc = note_clean(sieve, err);
	return rc;
}

/* Passes until all is clean that can be. */
static int
clean(struct sl_sieve *sieve, struct sl_compact_plan *plan,
    struct sl_error *err)
{
	bool is_over = false;
	int rc = SL_OK;

	while (rc == SL_OK && !is_over) {
		rc = pass(sieve, plan, err);
		sieve->report->is_least =
		    sieve->options->is_dry && sieve->map_end < plan->bound;
		is_over = sieve->options->is_dry ||
		          sieve->map_end >= plan->bound ||
		          sieve->report->blocked_at <= sieve->map_end;
		if (rc == SL_OK && !is_over)
			rc = sl_segments_list(&plan->segments, sieve->dir, err);
	}
	if (rc == SL_OK && !sieve->options->is_dry)
		rc = merge_small(sieve, plan, err);
	if (rc == SL_END || rc == SL_ECORRUPT) /* the report says where */
		rc = sieve->report->passes > 0 ? SL_OK : SL_END;
	return rc;
}

/* For the map: no more than there can be keys for, uncompressed. */
static size_t
memory_for(const struct sl_compact_options *options, uint64_t dirty_bytes)
{
	size_t bytes = options->memory_bytes;

	if (bytes == 0)
		bytes = SL_COMPACT_MEMORY_BYTES;
	if (dirty_bytes < bytes / MEMORY_PER_BYTE)
		bytes = (size_t)dirty_bytes * MEMORY_PER_BYTE;
	return bytes;
}

static int
compact(struct sl_sieve *sieve, struct sl_compact_plan *plan,
    struct sl_error *err)
{
	const struct sl_compact_options *options = sieve->options;
	struct sl_compact_report *report = sieve->report;
	struct sl_keymap map = SL_KEYMAP_EMPTY;
	int rc = SL_OK;

	if (!options->is_dry)
		rc = sl_swap_sweep(sieve->dir, sieve->like,
		    options->index_interval_bytes, err);
	if (rc == SL_OK)
		rc = sl_cleaned_read(sieve->dir, &sieve->cleaned, err);
	if (rc == SL_OK)
		rc = sl_compact_plan_make(plan, sieve->dir, options,
		    &sieve->cleaned, report, err);
	if (rc < 0)
		return rc;
	sl_compact_measure(sieve->dir, &plan->segments, &report->bytes_before,
	    &report->segments_before);
	report->bytes_after = report->bytes_before;
	report->segments_after = report->segments_before;
	if (!sl_compact_is_due(plan, sieve->dir, options, &sieve->cleaned,
	        report))
		return SL_END;
	rc =
	    sl_keymap_init(&map, memory_for(options, report->dirty_bytes), err);
	sieve->map = &map;
	if (rc == SL_OK)
		rc = clean(sieve, plan, err);
	if (rc == SL_OK)
		rc = sl_segments_list(&plan->segments, sieve->dir, err);
	if (rc == SL_OK)
		sl_compact_measure(sieve->dir, &plan->segments,
		    &report->bytes_after, &report->segments_after);
	sl_keymap_release(&map);
	return rc;
}

int
sl_compact_partition(int dir, const struct sl_fs_like *like,
    const struct sl_compact_options *options, struct sl_compact_report *report,
    struct sl_error *err)
{
	struct sl_compact_plan plan = { .segments = SL_SEGMENTS_EMPTY };
	struct sl_sieve sieve = SL_SIEVE_EMPTY;
	int rc;

	*report = (struct sl_compact_report){ .blocked_at = SL_OFFSET_NONE };
	sieve.dir = dir;
	sieve.like = like;
	sieve.options = options;
	sieve.report = report;
	rc = compact(&sieve, &plan, err);
	sl_sieve_release(&sieve);
	sl_segments_release(&plan.segments);
	return rc;
}
