/* reader.c: records of many partitions, in the order of time; see reader.h. */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARTITION_ANY (-1)

int
sl_files_reader_open(struct sl_reader **out,
    const struct sl_reader_options *options, struct sl_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	(*out)->options = *options;
	(*out)->watch = SL_WATCH_CLOSED;
	return SL_OK;
}

static void
free_part(struct sl_reader *reader, struct sl_part *part)
{
	sl_watch_remove(&reader->watch, part->file_watch);
	sl_watch_remove(&reader->watch, part->dir_watch);
	sl_cursor_close(&part->cursor);
	free(part);
}

void
sl_files_reader_close(struct sl_reader *reader)
{
	size_t i;

	if (reader == NULL)
		return;
	for (i = 0; i < reader->count; i++)
		free_part(reader, reader->parts[i]);
	free(reader->parts);
	free(reader->heap);
	free(reader->needy);
	sl_watch_close(&reader->watch);
	free(reader);
}

/* Room for one more part in each of the three lists. */
static int
grow(struct sl_reader *reader, struct sl_error *err)
{
	struct sl_part ***lists[] = { &reader->parts, &reader->heap,
		&reader->needy };
	struct sl_part **grown;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		grown = reallocarray(*lists[i], reader->count + 1,
		    sizeof(struct sl_part *));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		*lists[i] = grown;
	}
	return SL_OK;
}

int
sl_files_reader_assign(struct sl_reader *reader, struct sl_topic *topic,
    int partition, uint64_t start, uint64_t end, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	struct sl_part *part;
	int rc;

	rc = sl_topic_check_partition(topic, partition, err);
	if (rc == SL_OK)
		rc = grow(reader, err);
	if (rc < 0)
		return rc;
	part = calloc(1, sizeof(*part));
	if (part == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	part->topic = topic;
	part->number = partition;
	part->file_watch = part->dir_watch = -1;
	part->is_ready = true;
	sl_partition_name(name, partition);
	rc = sl_cursor_open(&part->cursor, topic->fd, name, start, end, err);
	if (rc < 0) {
		free(part);
		if (err->sys == ENOENT)
			err->code = SL_ENOTFOUND;
		return sl_topic_wrap(topic, partition, err);
	}
	part->cursor.is_synced = reader->options.synced;
	part->cursor.skips_damage = reader->options.skip_damage;
	reader->parts[reader->count++] = part;
	if (!reader->is_following)
		reader->needy[reader->needy_count++] = part;
	return SL_OK;
}

static bool
is_before(const struct sl_part *a, const struct sl_part *b)
{
	int order;

	if (a->order_ms != b->order_ms)
		return a->order_ms < b->order_ms;
	if (a->topic != b->topic) {
		order = strcmp(a->topic->name, b->topic->name);
		if (order == 0)
			order = strcmp(a->topic->dir, b->topic->dir);
		if (order != 0)
			return order < 0;
	}
	return a->number < b->number;
}

static void
heap_add(struct sl_reader *reader, struct sl_part *part)
{
	size_t at = reader->heap_count++;
	size_t above;

	while (at > 0) {
		above = (at - 1) / 2;
		if (!is_before(part, reader->heap[above]))
			break;
		reader->heap[at] = reader->heap[above];
		at = above;
	}
	reader->heap[at] = part;
}

static struct sl_part *
heap_take(struct sl_reader *reader)
{
	struct sl_part *first = reader->heap[0];
	struct sl_part *last = reader->heap[--reader->heap_count];
	size_t at = 0, below;

	for (;;) {
		below = 2 * at + 1;
		if (below >= reader->heap_count)
			break;
		if (below + 1 < reader->heap_count &&
		    is_before(reader->heap[below + 1], reader->heap[below]))
			below++;
		if (!is_before(reader->heap[below], last))
			break;
		reader->heap[at] = reader->heap[below];
		at = below;
	}
	reader->heap[at] = last;
	return first;
}

int
sl_part_fail(struct sl_part *part, int rc, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	source->topic = part->topic;
	source->partition = part->number;
	record->offset = part->cursor.expected;
	sl_topic_wrap(part->topic, part->number, err);
	return rc;
}

/* Read a part's next record, and what it is ordered by. */
static int
read_part(struct sl_part *part, struct sl_record *record, struct sl_error *err)
{
	uint64_t from;
	int rc;

	rc = sl_cursor_next(&part->cursor, record, &from, err);
	if (rc != SL_OK)
		return rc;
	if (record->timestamp_ms > part->cursor.largest_ms)
		part->cursor.largest_ms = record->timestamp_ms;
	part->order_ms = part->cursor.largest_ms;
	return SL_OK;
}

/* Of all parts whose last record was handed out but one: into the heap. */
static int
feed_heap(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_part *part;
	int rc;

	while (reader->needy_count > 1) {
		part = reader->needy[reader->needy_count - 1];
		rc = read_part(part, &part->record, err);
		if (rc < 0)
			return sl_part_fail(part, rc, record, source, err);
		reader->needy_count--;
		if (rc == SL_OK)
			heap_add(reader, part);
	}
	return SL_OK;
}

/* The part handed out last is read first: often it is the earliest again. */
static int
next_in_time(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_part *part = NULL;
	int rc;

	rc = feed_heap(reader, record, source, err);
	if (rc < 0)
		return rc;
	if (reader->needy_count == 1) {
		part = reader->needy[0];
		rc = read_part(part, record, err);
		if (rc < 0)
			return sl_part_fail(part, rc, record, source, err);
		if (rc == SL_END) {
			reader->needy_count = 0;
		} else if (reader->heap_count > 0 &&
		           !is_before(part, reader->heap[0])) {
			part->record = *record;
			heap_add(reader, part);
			reader->needy_count = 0;
		}
	}
	if (reader->needy_count == 0) {
		if (reader->heap_count == 0)
			return SL_END;
		part = heap_take(reader);
		reader->needy[reader->needy_count++] = part;
		*record = part->record;
	}
	source->topic = part->topic;
	source->partition = part->number;
	return SL_OK;
}

int
sl_files_reader_next(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	if (reader->is_following)
		return sl_reader_next_as_it_comes(reader, record, source, err);
	return next_in_time(reader, record, source, err);
}

int
sl_files_reader_copy(struct sl_reader *reader, char *to, size_t room,
    char separator, uint64_t count_max, size_t *used, uint64_t *count,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_part *part;
	struct sl_batch_copy copy = {
		.to = to,
		.end = to + room,
		.count_max = count_max,
		.separator = separator,
	};
	struct sl_record record;
	uint64_t from;
	int rc;

	*used = 0;
	*count = 0;
	/* Of several, or following, one by one, in their order and turn. */
	if (reader->is_following || reader->needy_count != 1 ||
	    reader->heap_count > 0)
		return SL_OK;
	part = reader->needy[0];
	rc = sl_cursor_copy(&part->cursor, &copy, &from, err);
	*used = (size_t)(copy.to - to);
	*count = copy.count;
	if (rc < 0)
		return sl_part_fail(part, rc, &record, source, err);
	source->topic = part->topic;
	source->partition = part->number;
	return SL_OK; /* if it is the end, sl_files_reader_next() says so */
}

static struct sl_part *
find_part(const struct sl_reader *reader, const struct sl_topic *topic,
    int partition)
{
	size_t i;

	for (i = 0; i < reader->count; i++)
		if (reader->parts[i]->topic == topic &&
		    reader->parts[i]->number == partition)
			return reader->parts[i];
	return NULL;
}

uint64_t
sl_files_reader_place(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	const struct sl_part *part = find_part(reader, topic, partition);

	return part == NULL ? SL_OFFSET_NONE : part->cursor.expected;
}

uint64_t
sl_files_reader_end(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	const struct sl_part *part = find_part(reader, topic, partition);

	if (part == NULL)
		return SL_OFFSET_NONE;
	/* Damage was told, and nothing lies behind it. */
	if (part->cursor.is_passing && !part->is_ready)
		return part->cursor.expected;
	return part->cursor.end;
}

void
sl_files_reader_end_at(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, uint64_t end)
{
	struct sl_part *part = find_part(reader, topic, partition);

	if (part != NULL)
		part->cursor.end = end;
}

int
sl_files_reader_sync(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	struct sl_part *part = find_part(reader, topic, partition);

	return part == NULL ? SL_OK : sl_cursor_sync(&part->cursor, err);
}

/* Is it of the topic, and that partition (PARTITION_ANY: any)? */
static bool
is_of(const struct sl_part *part, const struct sl_topic *topic, int partition)
{
	return part->topic == topic &&
	       (partition == PARTITION_ANY || part->number == partition);
}

static void
drop_from(struct sl_part **list, size_t *count, const struct sl_topic *topic,
    int partition)
{
	size_t i, kept = 0;

	for (i = 0; i < *count; i++) {
		if (!is_of(list[i], topic, partition))
			list[kept++] = list[i];
	}
	*count = kept;
}

static void
drop(struct sl_reader *reader, const struct sl_topic *topic, int partition)
{
	struct sl_part **heap = reader->heap;
	size_t heap_count = reader->heap_count;
	size_t i, kept = 0;

	drop_from(reader->needy, &reader->needy_count, topic, partition);
	drop_from(heap, &heap_count, topic, partition);
	reader->heap_count = 0;
	for (i = 0; i < heap_count; i++)
		heap_add(reader, heap[i]);
	for (i = 0; i < reader->count; i++) {
		if (is_of(reader->parts[i], topic, partition))
			free_part(reader, reader->parts[i]);
		else
			reader->parts[kept++] = reader->parts[i];
	}
	reader->count = kept;
	reader->turn_records = 0;
}

void
sl_files_reader_drop(struct sl_reader *reader, const struct sl_topic *topic)
{
	drop(reader, topic, PARTITION_ANY);
}

void
sl_files_reader_drop_partition(struct sl_reader *reader,
    const struct sl_topic *topic, int partition)
{
	drop(reader, topic, partition);
}
