/* tail_batch.c: what one partition has now; see tail_batch.h. */
#include "tail_batch.h"

#include <stdlib.h>

/* Records that a filter leaves out before others have their turn. */
#define SCAN_MAX 4096

void
batch_release(struct batch *batch)
{
	scratch_release(&batch->text);
	free(batch->events);
	*batch = (struct batch){ .text = SCRATCH_EMPTY };
}

static int
grow(struct batch *batch, struct sl_error *err)
{
	size_t room = batch->room == 0 ? 256 : 2 * batch->room;
	struct batch_event *grown;

	if (batch->count < batch->room)
		return SL_OK;
	grown = reallocarray(batch->events, room, sizeof(*grown));
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	batch->events = grown;
	batch->room = room;
	return SL_OK;
}

static int
add_event(struct batch *batch, struct shape *shape,
    const struct sl_record *record, struct sl_error *err)
{
	size_t bytes, separator = shape_separator_bytes(shape);
	const char *text;
	int rc;

	rc = shape_event(shape, record, &batch->source, &text, &bytes, err);
	if (rc == SL_OK)
		rc = scratch_reserve(&batch->text, bytes + separator, err);
	if (rc == SL_OK)
		rc = grow(batch, err);
	if (rc != SL_OK)
		return rc;
	scratch_put(&batch->text, text, bytes);
	scratch_put(&batch->text, &shape->separator, separator);
	batch->events[batch->count++] =
	    (struct batch_event){ .offset = record->offset,
		    .end = batch->text.used };
	return SL_OK;
}

int
batch_fill(struct batch *batch, struct sl_reader *reader,
    const struct select *select, struct shape *shape, uint64_t count_max,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_record record;
	size_t scanned = 0;
	int rc;

	batch->text.used = 0;
	batch->count = 0;
	batch->source.topic = NULL;
	rc = sl_reader_next(reader, &record, source, err);
	if (rc == SL_OK) {
		batch->source = *source;
		batch->next = record.offset;
	}
	while (rc == SL_OK) {
		if (select_takes(select, &record))
			rc = add_event(batch, shape, &record, err);
		if (rc != SL_OK)
			break;
		batch->next = record.offset + 1;
		if (batch->count == count_max ||
		    batch->text.used >= BATCH_BYTES_MAX ||
		    ++scanned - batch->count >= SCAN_MAX)
			break;
		rc = sl_reader_next_here(reader, &record, source, err);
	}
	sl_reader_end_turn(reader);
	return rc == SL_END && batch->source.topic != NULL ? SL_OK : rc;
}
