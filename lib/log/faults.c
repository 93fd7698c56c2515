/* faults.c: a segment read from end to end; see faults.h. */
#include "faults.h"

#include "bytes.h"
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OFFSET_ENTRY_SIZE 8
#define TIME_ENTRY_SIZE 12
/* The largest index: an entry for each position of the largest segment. */
#define INDEX_BYTES_MAX (64u << 20)
/* What looks bad at the active end may be a write in flight (RULE 8). */
#define DOUBT_TRIES 5
#define DOUBT_NAP_NS 10000000

/* ---- Indexes ---- */

static int
load_index(struct sl_check_index *index, int dir, uint64_t base,
    const char *suffix, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	char *text;
	int rc;

	index->bad = SL_OFFSET_NONE;
	sl_segment_name(name, base, suffix);
	rc = sl_fs_read_file(dir, name, INDEX_BYTES_MAX, &text, &index->size,
	    err);
	if (rc == SL_OK)
		index->bytes = (uint8_t *)text;
	else if (rc == SL_ECORRUPT || err->sys == ENOENT)
		rc = SL_OK;
	return rc;
}

static void
note_bad(struct sl_check_index *index)
{
	if (index->bad == SL_OFFSET_NONE)
		index->bad = index->at;
}

/* Do the entries up to this batch name a batch's end and beginning? */
static void
confirm_offsets(struct sl_check_index *index, uint64_t base, uint64_t position,
    uint64_t last)
{
	uint64_t entry_last, entry_position;

	for (; index->at + OFFSET_ENTRY_SIZE <= index->size;
	     index->at += OFFSET_ENTRY_SIZE) {
		entry_last = base + sl_get_u32(index->bytes + index->at);
		entry_position = sl_get_u32(index->bytes + index->at + 4);
		if (entry_position > position)
			return;
		if (entry_position < position || entry_last != last)
			note_bad(index);
	}
}

/* Have the batches they name the times they say, the largest so far? */
static void
confirm_times(struct sl_check_index *index, uint64_t base, uint64_t last,
    int64_t max_ms)
{
	uint64_t entry_last;
	int64_t entry_ms;

	for (; index->at + TIME_ENTRY_SIZE <= index->size;
	     index->at += TIME_ENTRY_SIZE) {
		entry_ms = (int64_t)sl_get_u64(index->bytes + index->at);
		entry_last = base + sl_get_u32(index->bytes + index->at + 8);
		if (entry_last > last)
			return;
		if (entry_last < last || entry_ms != max_ms)
			note_bad(index);
	}
}

static bool
does_lie(struct sl_check_index *index, size_t entry_size, uint64_t *byte)
{
	*byte = SL_OFFSET_NONE;
	if (index->bytes == NULL)
		return true;
	/* What is left names no batch; half an entry is none. */
	if (index->at < index->size || index->size % entry_size != 0)
		note_bad(index);
	*byte = index->bad;
	return index->bad != SL_OFFSET_NONE;
}

int
sl_check_index_fault(struct sl_check_walk *walk, const char **suffix,
    uint64_t *byte)
{
	*suffix = ".index";
	if (does_lie(&walk->offsets, OFFSET_ENTRY_SIZE, byte))
		return SL_OK;
	*suffix = ".timeindex";
	return does_lie(&walk->times, TIME_ENTRY_SIZE, byte) ? SL_OK : SL_END;
}

/* ---- The walk ---- */

int
sl_check_open(struct sl_check_walk *walk, int dir, uint64_t base,
    uint64_t behind, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	int rc;

	*walk = SL_CHECK_WALK_CLOSED;
	walk->dir = dir;
	walk->base = walk->due = walk->last_due = walk->last_base = base;
	walk->behind = behind;
	walk->max_ms = SL_TIME_NONE;
	walk->holes.dir = dir;
	walk->holes.base = base;
	sl_segment_name(name, base, ".log");
	rc = sl_fs_open_read(&walk->holes.fd, dir, name, err);
	if (rc == SL_OK)
		sl_fs_read_ahead(walk->holes.fd);
	if (rc == SL_OK)
		rc = load_index(&walk->offsets, dir, base, ".index", err);
	if (rc == SL_OK)
		rc = load_index(&walk->times, dir, base, ".timeindex", err);
	return rc;
}

void
sl_check_close(struct sl_check_walk *walk)
{
	sl_fs_close(&walk->holes.fd);
	sl_window_release(&walk->window);
	sl_batch_walk_release(&walk->records);
	free(walk->offsets.bytes);
	free(walk->times.bytes);
	*walk = SL_CHECK_WALK_CLOSED;
}

/* Every record of a valid batch. SL_ECORRUPT: one is none. */
static int
read_records(struct sl_check_walk *walk, const uint8_t *batch,
    const struct sl_batch_head *head, struct sl_error *err)
{
	struct sl_record record;
	int rc;

	rc = sl_batch_walk_begin(&walk->records, batch, head, err);
	if (rc == SL_OK && walk->show != NULL)
		walk->show(walk->show_arg, walk->base, walk->position, head,
		    NULL);
	while (rc == SL_OK) {
		rc = sl_batch_walk_next(&walk->records, &record, err);
		if (rc == SL_OK && walk->show != NULL)
			walk->show(walk->show_arg, walk->base, walk->position,
			    head, &record);
	}
	return rc == SL_END ? SL_OK : rc;
}

static void
take_batch(struct sl_check_walk *walk, const struct sl_batch_head *head)
{
	uint64_t last = head->base + head->last_offset_delta;

	/* An empty batch keeps a time that no event has any more. */
	if (head->count > 0 && head->max_timestamp_ms > walk->max_ms)
		walk->max_ms = head->max_timestamp_ms;
	confirm_offsets(&walk->offsets, walk->base, walk->position, last);
	confirm_times(&walk->times, walk->base, last, walk->max_ms);
	walk->batches++;
	walk->events += head->count;
	walk->last_position = walk->position;
	walk->last_due = walk->due;
	walk->last_base = head->base;
	walk->position += head->bytes;
	walk->due = last + 1;
}

/* SL_EBUSY: the segment was replaced while it was read. */
static int
check_name(const struct sl_check_walk *walk, struct sl_error *err)
{
	int rc;

	rc = sl_segment_is_named(walk->dir, walk->base, walk->holes.fd, err);
	if (rc == SL_END)
		rc = sl_error_set(err, SL_EBUSY, "it was replaced");
	return rc;
}

/* What the damage at walk->position reaches, and costs. */
static int
measure(struct sl_check_walk *walk, struct sl_fault *fault,
    struct sl_error *err)
{
	struct sl_batch_head head;
	enum sl_found found;
	int rc;

	fault->position = walk->position;
	fault->first = fault->next = walk->due;
	rc = sl_segment_search_behind(&walk->holes, walk->position, walk->due,
	    &fault->end, err);
	fault->has_rest = rc == SL_OK;
	if (rc == SL_OK) {
		rc = sl_segment_peek(walk->holes.fd, fault->end, INT64_MAX,
		    &head, &found, err);
		fault->next = head.base;
	} else if (rc == SL_END) {
		rc = sl_fs_size(walk->holes.fd, &fault->end, err);
		if (rc == SL_OK && walk->behind != SL_OFFSET_NONE)
			fault->next = walk->behind;
		else if (rc == SL_OK && !fault->is_torn)
			rc = sl_segment_pass(&walk->holes, walk->position,
			    &fault->next, err);
	}
	if (fault->next < fault->first)
		fault->next = fault->first;
	walk->position = fault->end;
	walk->due = fault->next;
	return rc;
}

int
sl_check_next(struct sl_check_walk *walk, struct sl_fault *fault,
    struct sl_error *err)
{
	const struct timespec nap = { .tv_nsec = DOUBT_NAP_NS };
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int tries = 0, rc;

	for (;;) {
		rc = sl_segment_judge(&walk->holes, &walk->window,
		    walk->position, walk->due, &head, &batch, &found, err);
		if (rc < 0 || found == SL_FOUND_END)
			break;
		if (found == SL_FOUND_BATCH) {
			rc = read_records(walk, batch, &head, err);
			if (rc == SL_OK) {
				take_batch(walk, &head);
				tries = 0;
				continue;
			}
			if (rc != SL_ECORRUPT)
				break;
		}
		if (walk->behind == SL_OFFSET_NONE && ++tries <= DOUBT_TRIES) {
			walk->window.size = 0;
			nanosleep(&nap, NULL);
			continue;
		}
		*fault = (struct sl_fault){ .is_torn = found == SL_FOUND_TORN &&
			                               walk->behind ==
			                                   SL_OFFSET_NONE };
		snprintf(fault->why, sizeof(fault->why), "%.255s",
		    found == SL_FOUND_TORN ? "the file ends inside a batch"
		                           : err->text);
		rc = check_name(walk, err);
		return rc < 0 ? rc : measure(walk, fault, err);
	}
	if (rc == SL_OK)
		rc = check_name(walk, err);
	return rc < 0 ? rc : SL_END;
}
