/* topic_check.c: a topic's partitions, checked and mended; see
 * streamlog_check.h. */
#include "faults.h"
#include "log.h"
#include "read.h"
#include "topic.h"

#include <errno.h>
#include <stdio.h>

struct checking {
	const struct sl_check_options *options;
	struct sl_check_sums *sums;
	int partition;
	int dir;             /* owned */
	uint64_t end;        /* of the segment before */
	bool has_end;        /* there was one */
	uint64_t bytes_read; /* of all that were */
};

static void
tell(const struct checking *checking, enum sl_check_act act, uint64_t base,
    const char *suffix, const struct sl_fault *fault)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_check_note note = { .act = act,
		.partition = checking->partition,
		.file = name,
		.byte = fault->position,
		.bytes = fault->end - fault->position,
		.first = fault->first,
		.next = fault->next,
		.why = fault->why };

	sl_segment_name(name, base, suffix);
	if (checking->options->tell != NULL)
		checking->options->tell(checking->options->arg, &note);
}

static void
tell_index(const struct checking *checking, uint64_t base, const char *suffix,
    uint64_t byte)
{
	struct sl_fault fault = { .position = byte, .end = byte };

	snprintf(fault.why, sizeof(fault.why), "%s",
	    byte == SL_OFFSET_NONE ? "it isn't there"
	                           : "an entry names no batch");
	if (byte == SL_OFFSET_NONE)
		fault.position = fault.end = 0;
	tell(checking, SL_CHECK_INDEX, base, suffix, &fault);
}

/* Offsets between two segments that neither has. */
static void
note_gap(struct checking *checking, uint64_t base)
{
	struct sl_fault gap = { .first = checking->end,
		.next = base,
		.why = "no segment has them" };

	if (checking->has_end && base > checking->end)
		tell(checking, SL_CHECK_GONE, base, ".log", &gap);
}

/* A failed sync of it, told by its writer. */
static int
note_doubt(struct checking *checking, const struct sl_check_walk *walk,
    struct sl_error *err)
{
	struct sl_fault doubt = { .why = "a sync failed" };
	int rc;

	rc = sl_suspect_find(checking->dir, walk->base, &doubt.position, err);
	doubt.end = walk->position;
	if (rc == SL_OK && doubt.position < walk->position)
		tell(checking, SL_CHECK_DOUBT, walk->base, ".log", &doubt);
	return rc < 0 ? rc : SL_OK;
}

/* A batch, or one of its records. */
static void
show(void *arg, uint64_t base, uint64_t position,
    const struct sl_batch_head *head, const struct sl_record *record)
{
	const struct checking *checking = arg;
	const struct sl_check_options *options = checking->options;
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_check_batch batch = { .partition = checking->partition,
		.file = name,
		.byte = position,
		.bytes = head->bytes,
		.first = head->base,
		.last = head->base + head->last_offset_delta,
		.records = head->count,
		.compression = (enum sl_compression)(
		    head->attributes & SL_BATCH_CODEC_MASK),
		.crc = head->crc,
		.first_ms = head->base_timestamp_ms,
		.largest_ms = head->max_timestamp_ms };

	sl_segment_name(name, base, ".log");
	if (record == NULL && options->show_batch != NULL)
		options->show_batch(options->arg, &batch);
	else if (record != NULL && options->show_record != NULL)
		options->show_record(options->arg, &batch, record);
}

/* All of one segment. SL_EBUSY: it was replaced while it was read. */
static int
check_segment(struct checking *checking, uint64_t base, uint64_t behind,
    struct sl_error *err)
{
	struct sl_check_sums *sums = checking->sums;
	struct sl_check_walk walk;
	struct sl_fault fault;
	const char *suffix;
	uint64_t byte, damages = 0, lost = 0;
	int rc;

	rc = sl_check_open(&walk, checking->dir, base, behind, err);
	walk.show = show;
	walk.show_arg = checking;
	if (rc == SL_OK)
		note_gap(checking, base);
	while (rc == SL_OK) {
		rc = sl_check_next(&walk, &fault, err);
		if (rc != SL_OK)
			break;
		tell(checking, fault.is_torn ? SL_CHECK_TORN : SL_CHECK_DAMAGE,
		    base, ".log", &fault);
		damages += !fault.is_torn;
		lost += fault.is_torn ? 0 : fault.next - fault.first;
	}
	if (rc == SL_END) {
		rc = note_doubt(checking, &walk, err);
		sums->segments++;
		sums->batches += walk.batches;
		sums->events += walk.events;
		sums->bytes += walk.position;
		sums->damages += damages;
		sums->lost += lost;
		checking->end = walk.due;
		checking->has_end = true;
	}
	/* The active one's are the writer's to repair; damage has no entry. */
	if (rc == SL_OK && behind != SL_OFFSET_NONE && damages == 0 &&
	    sl_check_index_fault(&walk, &suffix, &byte) == SL_OK) {
		sums->bad_indexes++;
		tell_index(checking, base, suffix, byte);
	}
	sl_check_close(&walk);
	return rc;
}

/* What is no file in a segment's place has none of its offsets. */
static void
note_no_file(struct checking *checking, uint64_t base, uint64_t behind,
    const struct sl_error *err)
{
	struct sl_fault fault = { .first = base, .next = behind };

	if (behind == SL_OFFSET_NONE)
		fault.next = base;
	snprintf(fault.why, sizeof(fault.why), "%.255s", err->text);
	tell(checking, SL_CHECK_DAMAGE, base, ".log", &fault);
	checking->sums->damages++;
	checking->sums->lost += fault.next - fault.first;
	checking->end = fault.next;
	checking->has_end = true;
}

static int
check_all(struct checking *checking, struct sl_error *err)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	uint64_t base, behind;
	unsigned tries = 0;
	size_t i = 0;
	int rc;

	rc = sl_lookup_segments(&segments, checking->dir, err);
	while (rc == SL_OK && i < segments.count) {
		base = segments.bases[i];
		behind = i + 1 < segments.count ? segments.bases[i + 1]
		                                : SL_OFFSET_NONE;
		rc = check_segment(checking, base, behind, err);
		if (rc == SL_ECORRUPT) {
			note_no_file(checking, base, behind, err);
			rc = SL_OK;
		}
		if (rc == SL_OK) {
			i++;
			if (checking->options->progress != NULL)
				checking->options
				    ->progress(checking->options->arg,
				        checking->sums->bytes);
			continue;
		}
		/* Retention or compaction was here: what is there now? */
		if ((rc != SL_EBUSY && err->sys != ENOENT) ||
		    ++tries > SL_LOOKUP_TRIES)
			break;
		rc = sl_lookup_segments(&segments, checking->dir, err);
		for (i = 0; i < segments.count && segments.bases[i] < base; i++)
			;
	}
	sl_segments_release(&segments);
	return rc;
}

static int
open_partition(const struct sl_topic *topic, int partition, int *dir,
    struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	int rc;

	*dir = -1;
	rc = sl_topic_check_partition(topic, partition, err);
	if (rc < 0)
		return rc;
	sl_partition_name(name, partition);
	rc = sl_fs_open_dir(dir, topic->fd, name, err);
	return rc < 0 && err->sys == ENOENT &&
	               partition == SL_PARTITION_REJECTED
	           ? SL_END /* no line was */
	           : rc;
}

int
sl_files_topic_check(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	struct checking checking = { .options = options,
		.sums = sums,
		.partition = partition };
	int rc;

	*sums = (struct sl_check_sums){ .segments = 0 };
	rc = open_partition(topic, partition, &checking.dir, err);
	if (rc == SL_OK)
		rc = check_all(&checking, err);
	sl_fs_close(&checking.dir);
	if (rc == SL_END)
		return SL_END;
	return rc < 0 ? sl_topic_wrap(topic, partition, err) : SL_OK;
}

/* ---- Mending ---- */

static void
tell_mended(void *arg, uint64_t base, const struct sl_fault *fault,
    const char *saved)
{
	const struct checking *checking = arg;
	struct sl_check_note note = { .act = SL_CHECK_MENDED,
		.partition = checking->partition,
		.file = saved,
		.byte = fault->position,
		.bytes = fault->end - fault->position,
		.first = fault->first,
		.next = fault->next,
		.why = fault->why };

	(void)base; /* it is in the name */
	if (checking->options->tell != NULL)
		checking->options->tell(checking->options->arg, &note);
}

static void
tell_rebuilt(void *arg, uint64_t base)
{
	struct sl_fault fault = { .why = "made anew" };

	tell(arg, SL_CHECK_REBUILT, base, ".index", &fault);
}

int
sl_files_topic_mend(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err)
{
	struct checking checking = { .options = options,
		.partition = partition };
	struct sl_mending mending = { .like = &topic->like,
		.index_interval_bytes =
		    topic->config.settings.index_interval_bytes,
		.tell_fault = tell_mended,
		.tell_index = tell_rebuilt,
		.arg = &checking };
	int rc;

	*sums = (struct sl_check_sums){ .segments = 0 };
	rc = open_partition(topic, partition, &checking.dir, err);
	mending.dir = checking.dir;
	if (rc == SL_OK)
		rc = sl_mend(&mending, err);
	sl_fs_close(&checking.dir);
	if (rc == SL_END)
		return SL_END;
	if (rc < 0)
		return sl_topic_wrap(topic, partition, err);
	return sl_files_topic_check(topic, partition, options, sums, err);
}
