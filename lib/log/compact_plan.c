/* compact_plan.c: what of a partition may be cleaned; see compact_plan.h. */
#include "compact_plan.h"

#include "log.h"

#include <fcntl.h>
#include <stdio.h>

void
sl_compact_block(struct sl_compact_report *report, uint64_t at, const char *why)
{
	if (at >= report->blocked_at)
		return;
	report->blocked_at = at;
	snprintf(report->blocked_why, sizeof(report->blocked_why), "%.255s",
	    why);
}

uint64_t
sl_compact_bytes_of(int dir, uint64_t base)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct stat st;

	sl_segment_name(name, base, ".log");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return (uint64_t)st.st_size;
}

void
sl_compact_measure(int dir, const struct sl_segments *segments, uint64_t *bytes,
    uint64_t *count)
{
	*bytes = 0;
	*count = segments->count;
	for (size_t i = 0; i < segments->count; i++)
		*bytes += sl_compact_bytes_of(dir, segments->bases[i]);
}

/* ---- Up to where may be cleaned ---- */

static int
take_time(void *arg, const struct sl_batch_head *head, uint64_t position,
    struct sl_error *err)
{
	int64_t *largest_ms = arg;

	(void)position;
	(void)err;
	if (head->max_timestamp_ms > *largest_ms)
		*largest_ms = head->max_timestamp_ms;
	return SL_OK;
}

/* Is the segment too young (min.compaction.lag.ms)? */
static int
is_young(int dir, const struct sl_compact_options *options, uint64_t base,
    bool *is_so, struct sl_error *err)
{
	int64_t largest_ms = SL_TIME_NONE, oldest_ms;
	int rc;

	*is_so = false;
	if (options->min_compaction_lag_ms <= 0)
		return SL_OK;
	if (__builtin_sub_overflow(options->now_ms,
	        options->min_compaction_lag_ms, &oldest_ms))
		oldest_ms = INT64_MIN;
	rc = sl_segment_heads(dir, base, take_time, &largest_ms, err);
	/* Of damage the pass over the keys will say so. */
	if (rc == SL_END || rc == SL_ECORRUPT)
		rc = SL_OK;
	*is_so = rc == SL_OK && largest_ms > oldest_ms;
	return rc;
}

/*
 * The bound is the active segment, or the first that is too young or suspect:
 * what that holds is in doubt, and the verdict speaks of positions in it.
 */
static int
find_bound(struct sl_compact_plan *plan, int dir,
    const struct sl_compact_options *options, struct sl_compact_report *report,
    struct sl_error *err)
{
	const struct sl_segments *segments = &plan->segments;
	bool is_so = false;
	uint64_t ignored;
	size_t i;
	int rc;

	plan->bound = segments->bases[segments->count - 1];
	if (plan->clean < segments->bases[0] || plan->clean > plan->bound)
		plan->clean = segments->bases[0];
	for (i = 0; i + 1 < segments->count; i++) {
		rc = sl_suspect_find(dir, segments->bases[i], &ignored, err);
		if (rc == SL_OK) {
			sl_compact_block(report, segments->bases[i],
			    "a sync failed");
			plan->bound = segments->bases[i];
			return SL_OK;
		}
		if (rc == SL_END && segments->bases[i + 1] > plan->clean)
			rc = is_young(dir, options, segments->bases[i], &is_so,
			    err);
		if (rc < 0)
			return rc;
		if (is_so) {
			plan->bound = segments->bases[i];
			return SL_OK;
		}
	}
	return SL_OK;
}

int
sl_compact_plan_make(struct sl_compact_plan *plan, int dir,
    const struct sl_compact_options *options, const struct sl_cleaned *cleaned,
    struct sl_compact_report *report, struct sl_error *err)
{
	int rc;

	plan->clean = cleaned->clean;
	rc = sl_segments_list(&plan->segments, dir, err);
	if (rc == SL_OK && plan->segments.count > 0 &&
	    options->active_end >
	        plan->segments.bases[plan->segments.count - 1])
		rc = sl_segments_add(&plan->segments, options->active_end, err);
	if (rc == SL_OK && plan->segments.count == 0)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "no segment is there: it was damaged from outside");
	return rc < 0 ? rc : find_bound(plan, dir, options, report, err);
}

/* Is there enough to do? */
bool
sl_compact_is_due(const struct sl_compact_plan *plan, int dir,
    const struct sl_compact_options *options, const struct sl_cleaned *cleaned,
    struct sl_compact_report *report)
{
	const struct sl_segments *segments = &plan->segments;
	uint64_t bytes;

	for (size_t i = 0;
	     i + 1 < segments->count && segments->bases[i] < plan->bound; i++) {
		bytes = sl_compact_bytes_of(dir, segments->bases[i]);
		if (segments->bases[i + 1] > plan->clean)
			report->dirty_bytes += bytes;
		else
			report->clean_bytes += bytes;
	}
	if (cleaned->due_ms <= options->now_ms &&
	    segments->bases[0] < plan->bound)
		return true;
	if (report->dirty_bytes == 0)
		return false;
	return options->is_forced ||
	       (double)report->dirty_bytes >
	           options->min_cleanable_dirty_ratio *
	               (double)(report->dirty_bytes + report->clean_bytes);
}
