/* topic_clean.c: retention of a topic; see topic_clean.h. */
#include "topic_clean.h"

#include "compact.h"
#include "ends.h"
#include "retain.h"
#include "swap.h"
#include "topic_archive.h"

#include <errno.h>
#include <stdlib.h>

/* Rejected lines are kept up to this; the oldest go. */
#define REJECTED_BYTES INT64_C(67108864)
/* So many segments a bound has at least ... */
#define BOUND_SEGMENTS 8
/* ... unless they would be smaller than these. */
#define SEGMENT_BYTES_MIN INT64_C(4096)
#define SEGMENT_MS_MIN INT64_C(1000)
/* Where a topic takes any date: what is so far ahead is no time. */
#define FUTURE_MS INT64_C(3600000)

/* ---- Bounds ---- */

/* Lower *limit to a part of a bound; -1 is none. */
static void
limit_by(int64_t *limit, int64_t bound, int64_t parts, int64_t min)
{
	int64_t part = bound / parts < min ? min : bound / parts;

	if (bound >= 0 && part < *limit)
		*limit = part;
}

static bool
deletes(const struct sl_settings *settings)
{
	return (settings->cleanup & SL_CLEANUP_DELETE) != 0;
}

int64_t
sl_settings_segment_bytes(const struct sl_settings *settings)
{
	int64_t bytes = settings->segment_bytes;

	if (!deletes(settings))
		return bytes;
	limit_by(&bytes, settings->retention_bytes, BOUND_SEGMENTS,
	    SEGMENT_BYTES_MIN);
	limit_by(&bytes, settings->retention_total_bytes,
	    BOUND_SEGMENTS * (int64_t)settings->partitions, SEGMENT_BYTES_MIN);
	return bytes;
}

struct sl_log_limits
sl_topic_limits(const struct sl_topic *topic, int partition)
{
	const struct sl_settings *settings = &topic->config.settings;
	struct sl_log_limits limits = {
		.segment_bytes = sl_settings_segment_bytes(settings),
		.segment_ms = settings->segment_ms,
		.index_interval_bytes = settings->index_interval_bytes,
	};

	if (partition == SL_PARTITION_REJECTED) {
		limit_by(&limits.segment_bytes, REJECTED_BYTES, BOUND_SEGMENTS,
		    SEGMENT_BYTES_MIN);
	} else if (deletes(settings)) {
		limit_by(&limits.segment_ms, settings->retention_ms,
		    BOUND_SEGMENTS, SEGMENT_MS_MIN);
		limits.segment_count = INT64_MAX;
		limit_by(&limits.segment_count, settings->retention_count,
		    BOUND_SEGMENTS, 1);
		if (limits.segment_count == INT64_MAX)
			limits.segment_count = 0;
	}
	return limits;
}

bool
sl_topic_is_bounded(const struct sl_topic *topic, int partition)
{
	const struct sl_settings *settings = &topic->config.settings;

	if (partition == SL_PARTITION_REJECTED)
		return true;
	return deletes(settings) &&
	       (settings->retention_ms >= 0 || settings->retention_bytes >= 0 ||
	           settings->retention_total_bytes >= 0 ||
	           settings->retention_count >= 0 ||
	           settings->min_free_bytes >= 0);
}

/* Where groups keep what is to go; where nobody can say, everywhere. */
static int
keep_of(const struct sl_topic *topic, int partition, sl_keep_fn *keep,
    enum sl_keep_whose whose, uint64_t *from, struct sl_error *err)
{
	*from = 0;
	return keep == NULL ? SL_OK : keep(topic, partition, whose, from, err);
}

/* A bound with room left beneath it. */
static int64_t
less(int64_t bound, uint64_t room)
{
	if (bound < 0)
		return bound;
	return (uint64_t)bound > room ? bound - (int64_t)room : 0;
}

static int
bounds_of(const struct sl_topic *topic, int partition,
    const struct sl_topic_cleaning *cleaning, struct sl_retain_bounds *bounds,
    struct sl_error *err)
{
	const struct sl_settings *settings = &topic->config.settings;
	int64_t ahead_ms = settings->timestamp_after_max_ms;
	int rc = SL_OK;

	*bounds = (struct sl_retain_bounds){ .now_ms = sl_now_ms(),
		.age_ms = -1,
		.count = -1,
		.bytes = -1,
		.delay_ms = settings->file_delete_delay_ms,
		.keep_from = SL_OFFSET_NONE,
		.keep_bytes_from = SL_OFFSET_NONE,
		.yields = cleaning->yields };
	bounds->future_ms =
	    bounds->now_ms + (ahead_ms < 0 ? FUTURE_MS : ahead_ms);
	if (partition == SL_PARTITION_REJECTED) {
		bounds->bytes = REJECTED_BYTES;
		return SL_OK;
	}
	if (!deletes(settings))
		return SL_OK;
	bounds->age_ms = settings->retention_ms;
	bounds->count = settings->retention_count;
	bounds->bytes = less(settings->retention_bytes, cleaning->room);
	if (settings->protect_groups[0] != '\0')
		rc = keep_of(topic, partition, cleaning->keep,
		    SL_KEEP_PROTECTED, &bounds->keep_from, err);
	if (rc == SL_OK && settings->on_full == SL_FULL_REFUSE)
		bounds->keep_bytes_from = 0;
	if (rc == SL_OK && settings->on_full == SL_FULL_WAIT)
		rc = keep_of(topic, partition, cleaning->keep, SL_KEEP_WAITED,
		    &bounds->keep_bytes_from, err);
	return rc;
}

/* ---- The plan for all partitions ---- */

struct part {
	int number;
	struct sl_retain_bounds bounds;
	struct sl_retain retain; /* owned */
	bool is_peeked;
	struct sl_retain_segment *next; /* the one to go next; NULL: none */
};

struct plan {
	struct sl_topic *topic;
	const struct sl_topic_cleaning *cleaning;
	struct sl_topic *archive; /* owned; NULL: none */
	struct part *parts;       /* owned */
	size_t count;
	bool is_urgent; /* what went is given back at once */
};

static void
plan_release(struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++)
		sl_retain_release(&plan->parts[i].retain);
	free(plan->parts);
	sl_files_topic_close(plan->archive);
}

static int
load_part(struct plan *plan, int number, struct sl_error *err)
{
	struct part *part = &plan->parts[plan->count];
	char name[SL_PARTITION_NAME_SIZE];
	int dir = -1;
	int rc;

	*part = (struct part){ .number = number, .retain = SL_RETAIN_EMPTY };
	sl_partition_name(name, number);
	rc = sl_fs_open_dir(&dir, plan->topic->fd, name, err);
	if (rc < 0 && err->sys == ENOENT && number == SL_PARTITION_REJECTED)
		return SL_OK; /* no line was */
	plan->count++;
	if (rc == SL_OK)
		rc = bounds_of(plan->topic, number, plan->cleaning,
		    &part->bounds, err);
	part->bounds.rolls_active = plan->cleaning->options.is_dry_run &&
	                            plan->cleaning->options.is_named &&
	                            number != SL_PARTITION_REJECTED;
	if (rc == SL_OK)
		rc = sl_retain_load(&part->retain, dir, err);
	if (rc == SL_OK)
		rc = sl_retain_plan(&part->retain, &part->bounds, err);
	sl_fs_close(&dir);
	return rc < 0 ? sl_topic_wrap(plan->topic, number, err) : SL_OK;
}

static int
plan_load(struct plan *plan, struct sl_error *err)
{
	const struct sl_settings *settings = &plan->topic->config.settings;
	int only = plan->cleaning->only;
	int i, rc = SL_OK;

	/* A bound of the whole topic's needs them all. */
	if (only != SL_PARTITION_REJECTED &&
	    (plan->cleaning->is_full || settings->retention_total_bytes >= 0 ||
	        settings->min_free_bytes >= 0))
		only = SL_PARTITIONS_ALL;
	plan->parts =
	    calloc((size_t)settings->partitions + 1, sizeof(*plan->parts));
	if (plan->parts == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	for (i = 0; rc == SL_OK && i < settings->partitions; i++) {
		if (only == SL_PARTITIONS_ALL || only == i)
			rc = load_part(plan, i, err);
	}
	if (rc == SL_OK &&
	    (only == SL_PARTITIONS_ALL || only == SL_PARTITION_REJECTED))
		rc = load_part(plan, SL_PARTITION_REJECTED, err);
	return rc;
}

static int
peek_part(struct plan *plan, struct part *part, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int rc;

	if (part->is_peeked)
		return SL_OK;
	sl_partition_name(name, part->number);
	rc = sl_fs_open_dir(&part->retain.dir, plan->topic->fd, name, err);
	if (rc == SL_OK)
		rc = sl_retain_peek(&part->retain, &part->bounds, &part->next,
		    err);
	sl_fs_close(&part->retain.dir);
	part->is_peeked = rc == SL_OK;
	return rc < 0 ? sl_topic_wrap(plan->topic, part->number, err) : SL_OK;
}

/* The segment of the topic that is the oldest, in *part; NULL: none may go. */
static int
find_oldest(struct plan *plan, struct part **oldest, struct sl_error *err)
{
	struct part *part;
	size_t i;
	int rc;

	*oldest = NULL;
	for (i = 0; i < plan->count; i++) {
		part = &plan->parts[i];
		if (part->number == SL_PARTITION_REJECTED)
			continue;
		rc = peek_part(plan, part, err);
		if (rc < 0)
			return rc;
		if (part->next != NULL &&
		    (*oldest == NULL ||
		        part->next->newest_ms < (*oldest)->next->newest_ms))
			*oldest = part;
	}
	return SL_OK;
}

/* Let the oldest segments go while more than so many bytes must. */
static int
drop_oldest(struct plan *plan, uint64_t bytes, enum sl_clean_reason reason,
    uint64_t *dropped, struct sl_error *err)
{
	struct part *part;
	int rc;

	*dropped = 0;
	while (*dropped < bytes) {
		rc = find_oldest(plan, &part, err);
		if (rc < 0 || part == NULL)
			return rc;
		*dropped += part->next->bytes;
		part->bounds.drop_below = part->next->next;
		part->bounds.drop_reason = reason;
		sl_retain_take(&part->retain, reason);
		part->is_peeked = false;
	}
	return SL_OK;
}

/* What the topic's partitions hold: what stays, what goes, what has gone. */
static void
sum_up(const struct plan *plan, uint64_t *live, uint64_t *going, uint64_t *gone)
{
	const struct sl_retain *retain;
	size_t i, at;

	*live = *going = *gone = 0;
	for (i = 0; i < plan->count; i++) {
		if (plan->parts[i].number == SL_PARTITION_REJECTED)
			continue;
		retain = &plan->parts[i].retain;
		*live += retain->bytes;
		*gone += retain->file_bytes;
		for (at = 0; at < retain->planned; at++)
			*going += retain->segments[at].bytes;
	}
}

static uint64_t
over(uint64_t bytes, int64_t bound)
{
	return bound >= 0 && bytes > (uint64_t)bound ? bytes - (uint64_t)bound
	                                             : 0;
}

/* The bounds of the whole topic. */
static int
plan_whole(struct plan *plan, struct sl_error *err)
{
	const struct sl_settings *settings = &plan->topic->config.settings;
	int64_t total =
	    less(settings->retention_total_bytes, plan->cleaning->room);
	uint64_t live, going, gone, dropped = 0, free_bytes = UINT64_MAX, lack;
	int rc;

	plan->is_urgent = plan->cleaning->is_full;
	if (!deletes(settings) || plan->cleaning->only == SL_PARTITION_REJECTED)
		return SL_OK;
	sum_up(plan, &live, &going, &gone);
	rc =
	    drop_oldest(plan, over(live, total), SL_CLEAN_TOTAL, &dropped, err);
	plan->is_urgent =
	    plan->cleaning->is_full || over(live + going + gone, total) > 0;
	if (rc == SL_OK && settings->min_free_bytes >= 0)
		rc = sl_fs_free_bytes(plan->topic->fd, &free_bytes, err);
	if (rc < 0)
		return rc;
	if (settings->min_free_bytes >= 0 &&
	    free_bytes < (uint64_t)settings->min_free_bytes) {
		plan->is_urgent = true;
		lack = (uint64_t)settings->min_free_bytes - free_bytes;
		going += gone + dropped;
		rc = drop_oldest(plan, lack > going ? lack - going : 0,
		    SL_CLEAN_FREE, &dropped, err);
		going += dropped;
	}
	/* On a full disk at least one goes, if none is on its way. */
	if (rc == SL_OK && plan->cleaning->is_full && going + gone == 0)
		rc = drop_oldest(plan, 1, SL_CLEAN_FULL, &dropped, err);
	return rc;
}

/* ---- Carrying it out ---- */

/* Does anything there ever go? Else no segment need be closed. */
static bool
is_cleaned(const struct sl_topic *topic, int partition)
{
	return sl_topic_is_bounded(topic, partition) ||
	       (topic->config.settings.cleanup & SL_CLEANUP_COMPACT) != 0;
}

static void
tell(const struct sl_retain_ear *ear, const struct sl_clean_note *note)
{
	if (ear->tell != NULL)
		ear->tell(ear->arg, note);
}

static void
tell_compacted(const struct sl_retain_ear *ear,
    const struct sl_compact_report *report)
{
	uint64_t bytes = report->bytes_before > report->bytes_after
	                     ? report->bytes_before - report->bytes_after
	                     : 0;
	struct sl_clean_note note = { .act = SL_CLEAN_COMPACT,
		.partition = ear->partition,
		.passed = report->records_dropped,
		.is_least = report->is_least,
		.bytes = bytes,
		.newest_ms = SL_TIME_NONE };

	if (report->blocked_at != SL_OFFSET_NONE) {
		note.act = SL_CLEAN_BLOCKED;
		note.base = report->blocked_at;
		note.why = report->blocked_why;
		tell(ear, &note);
		note.act = SL_CLEAN_COMPACT;
	}
	if (report->records_dropped == 0)
		return;
	tell(ear, &note);
	ear->sums->passed += report->records_dropped;
	ear->sums->passed_bytes += bytes;
	ear->sums->freed += bytes;
}

static void
tell_passed(void *arg, uint64_t base, uint64_t kept, uint64_t dropped)
{
	const struct sl_retain_ear *ear = arg;
	struct sl_clean_note note = { .act = SL_CLEAN_PASSED,
		.partition = ear->partition,
		.base = base,
		.events = kept + dropped,
		.passed = dropped,
		.newest_ms = SL_TIME_NONE };

	tell(ear, &note);
}

/* By key, where the policy says so; sealed segments only. */
static int
compact_part(const struct plan *plan, const struct part *part, int dir,
    const struct sl_fs_like *like, const struct sl_retain_ear *ear,
    struct sl_error *err)
{
	const struct sl_settings *settings = &plan->topic->config.settings;
	const struct sl_topic_cleaning *cleaning = plan->cleaning;
	struct sl_retain_ear heard = *ear;
	struct sl_compact_options options = {
		.memory_bytes = cleaning->options.memory_bytes,
		.segment_bytes = sl_settings_segment_bytes(settings),
		.index_interval_bytes = settings->index_interval_bytes,
		.delete_retention_ms = settings->delete_retention_ms,
		.min_compaction_lag_ms = settings->min_compaction_lag_ms,
		.min_cleanable_dirty_ratio =
		    (double)settings->min_cleanable_dirty_ppm / 1e6,
		.now_ms = part->bounds.now_ms,
		.is_forced = cleaning->options.is_named,
		.is_dry = cleaning->options.is_dry_run,
		.tell = tell_passed,
		.tell_arg = &heard,
	};
	struct sl_compact_report report;
	const struct sl_retain *retain = &part->retain;
	int rc;

	if (!cleaning->compacts || part->number == SL_PARTITION_REJECTED ||
	    (settings->cleanup & SL_CLEANUP_COMPACT) == 0)
		return SL_OK;
	if (part->bounds.rolls_active) /* it would be closed first */
		options.active_end = retain->segments[retain->count - 1].next;
	rc = sl_compact_partition(dir, like, &options, &report, err);
	/* Without the lock: a merge took what was being looked at. */
	if (rc < 0 && options.is_dry && err->sys == ENOENT)
		rc = sl_clean_busy(err);
	if (rc >= 0)
		tell_compacted(ear, &report);
	return rc < 0 ? rc : SL_OK;
}

/* Is what is complete of the partition copied before anything goes? */
static bool
is_archived(const struct plan *plan, int partition)
{
	return plan->cleaning->options.archive_dir != NULL &&
	       partition != SL_PARTITION_REJECTED &&
	       is_cleaned(plan->topic, partition);
}

static int
clean_locked(struct plan *plan, struct part *part, struct sl_log *log,
    const struct sl_retain_ear *ear, struct sl_error *err)
{
	const struct sl_clean_options *options = &plan->cleaning->options;
	bool is_named =
	    options->is_named && part->number != SL_PARTITION_REJECTED;
	int rc;

	sl_retain_release(&part->retain);
	/* What a kill left of a merge isn't to be taken for segments. */
	rc = sl_swap_sweep(log->dir, &log->like,
	    log->limits.index_interval_bytes, err);
	if (rc == SL_OK && plan->cleaning->rolls &&
	    is_cleaned(plan->topic, part->number))
		rc = sl_retain_roll(log, &part->bounds, is_named, err);
	/* No room for the next segment: all the more must go. */
	if (rc == SL_EFULL)
		rc = SL_OK;
	if (rc == SL_OK && is_archived(plan, part->number))
		rc = sl_topic_archive_part(plan->archive, log->dir, ear, err);
	if (rc == SL_OK)
		rc = sl_retain_load(&part->retain, log->dir, err);
	if (rc == SL_OK)
		rc = sl_retain_plan(&part->retain, &part->bounds, err);
	if (rc == SL_OK)
		rc =
		    sl_retain_carry_out(&part->retain, &part->bounds, ear, err);
	if (rc == SL_OK && part->retain.planned > 0)
		sl_ends_write_first(log->dir, &log->like,
		    part->retain.segments[part->retain.planned].base);
	if (rc == SL_OK)
		rc = compact_part(plan, part, log->dir, &log->like, ear, err);
	return rc;
}

/* What it would do, which needs no lock. */
static int
tell_plan(const struct plan *plan, const struct part *part,
    const struct sl_retain_ear *ear, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	struct sl_fs_like like;
	int dir = -1;
	int rc;

	sl_partition_name(name, part->number);
	rc = sl_fs_open_dir(&dir, plan->topic->fd, name, err);
	if (rc == SL_OK && is_archived(plan, part->number))
		rc = sl_topic_archive_tell(plan->archive, dir,
		    part->bounds.rolls_active, ear, err);
	if (rc == SL_OK) {
		sl_retain_tell(&part->retain, ear);
		rc = sl_fs_like_of(dir, &like, err);
	}
	if (rc == SL_OK)
		rc = compact_part(plan, part, dir, &like, ear, err);
	sl_fs_close(&dir);
	return rc < 0 ? sl_topic_wrap(plan->topic, part->number, err) : SL_OK;
}

static int
clean_part(struct plan *plan, struct part *part, struct sl_clean_sums *sums,
    struct sl_error *err)
{
	const struct sl_clean_options *options = &plan->cleaning->options;
	struct sl_retain_ear ear = { .partition = part->number,
		.tell = options->tell,
		.arg = options->arg,
		.sums = sums };
	struct sl_log_limits limits =
	    sl_topic_limits(plan->topic, part->number);
	char name[SL_PARTITION_NAME_SIZE];
	struct sl_log log;
	int rc;

	/* Nothing that could go: it isn't even locked. */
	if (!is_cleaned(plan->topic, part->number) &&
	    part->retain.file_count == 0)
		return SL_OK;
	if (options->is_dry_run)
		return tell_plan(plan, part, &ear, err);
	if (plan->is_urgent)
		part->bounds.delay_ms = 0;
	sl_partition_name(name, part->number);
	rc = sl_log_open(&log, plan->topic->fd, name, &limits, err);
	if (rc == SL_OK)
		rc = sl_clean_lock(&log, options->lock_timeout_ms, err);
	if (rc == SL_OK) {
		rc = clean_locked(plan, part, &log, &ear, err);
		sl_clean_unlock(&log);
	}
	sl_log_close(&log);
	return rc < 0 ? sl_topic_wrap(plan->topic, part->number, err) : SL_OK;
}

int
sl_topic_clean_as(struct sl_topic *topic,
    const struct sl_topic_cleaning *cleaning, struct sl_clean_sums *sums,
    struct sl_error *err)
{
	struct plan plan = { .topic = topic, .cleaning = cleaning };
	struct sl_error first;
	size_t i;
	int rc;

	/* An archive: nothing goes, and nobody else is to write to it. */
	if (topic->config.settings.read_only)
		return SL_OK;
	rc = plan_load(&plan, err);
	if (rc == SL_OK && is_archived(&plan, 0))
		rc = sl_topic_archive_open(&plan.archive,
		    cleaning->options.archive_dir, topic,
		    cleaning->options.is_dry_run, err);
	if (rc >= 0)
		rc = plan_whole(&plan, err);
	/* One that another cleans doesn't keep us from the rest. */
	for (i = 0; i < plan.count && (rc == SL_OK || rc == SL_EBUSY); i++) {
		int one = clean_part(&plan, &plan.parts[i], sums, &first);

		if (one < 0) {
			rc = one;
			*err = first;
		}
	}
	plan_release(&plan);
	return rc;
}
