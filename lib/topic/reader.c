/*
 * reader.c: records of many partitions, in the order of time or as they arrive.
 * Floor: topic.
 *
 * Each partition has a cursor. Bounded: a heap by (time, topic, partition)
 * hands out the earliest (RULE 23). Following: whichever has something, found
 * by watches on the active segments; a watch is added first, then the partition
 * is read to its end, then we sleep, so that nothing is missed between.
 */
#include "read.h"
#include "topic.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Following, a busy partition lets the others in after so many records. */
#define TURN_RECORDS 4096
/* Look at everything at least so often: an event may be lost. */
#define SAFETY_LOOK_MS 1000

struct part {
	struct sl_topic *topic;
	int number;
	struct sl_cursor cursor;
	struct sl_record record; /* the next, while in the heap */
	int64_t order_ms;        /* what it is ordered by */
	bool is_ready;           /* following: may have something */
	int file_watch;          /* -1: none */
	int dir_watch;
	uint64_t watched_base;
};

struct sl_reader {
	struct sl_reader_options options;
	struct part **parts;
	size_t count;
	struct part **heap; /* parts whose record is read, earliest first */
	size_t heap_count;
	struct part **needy; /* parts whose next record is to be read */
	size_t needy_count;
	bool is_following;
	size_t turn; /* following: the part in hand */
	size_t turn_records;
	bool has_found; /* something, since the last wait */
	struct sl_watch watch;
	bool has_watch;
	int64_t looked_ms;
};

int
sl_reader_open(struct sl_reader **out, const struct sl_reader_options *options,
    struct sl_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	(*out)->options = *options;
	(*out)->watch = SL_WATCH_CLOSED;
	return SL_OK;
}

static void
free_part(struct sl_reader *reader, struct part *part)
{
	sl_watch_remove(&reader->watch, part->file_watch);
	sl_watch_remove(&reader->watch, part->dir_watch);
	sl_cursor_close(&part->cursor);
	free(part);
}

void
sl_reader_close(struct sl_reader *reader)
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
	struct part ***lists[] = { &reader->parts, &reader->heap,
		&reader->needy };
	struct part **grown;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		grown = reallocarray(*lists[i], reader->count + 1,
		    sizeof(struct part *));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "no memory");
		*lists[i] = grown;
	}
	return SL_OK;
}

int
sl_reader_assign(struct sl_reader *reader, struct sl_topic *topic,
    int partition, uint64_t start, uint64_t end, struct sl_error *err)
{
	char name[SL_PARTITION_NAME_SIZE];
	struct part *part;
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
is_before(const struct part *a, const struct part *b)
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
heap_add(struct sl_reader *reader, struct part *part)
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

static struct part *
heap_take(struct sl_reader *reader)
{
	struct part *first = reader->heap[0];
	struct part *last = reader->heap[--reader->heap_count];
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

/* Wrap an error of a part's cursor, and say where it is. */
static int
fail(struct part *part, int rc, struct sl_record *record,
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
read_part(struct part *part, struct sl_record *record, struct sl_error *err)
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
	struct part *part;
	int rc;

	while (reader->needy_count > 1) {
		part = reader->needy[reader->needy_count - 1];
		rc = read_part(part, &part->record, err);
		if (rc < 0)
			return fail(part, rc, record, source, err);
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
	struct part *part = NULL;
	int rc;

	rc = feed_heap(reader, record, source, err);
	if (rc < 0)
		return rc;
	if (reader->needy_count == 1) {
		part = reader->needy[0];
		rc = read_part(part, record, err);
		if (rc < 0)
			return fail(part, rc, record, source, err);
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

/*
 * Watch the segment the cursor is in. True: it is new, so the partition must be
 * read once more before sleeping.
 */
static bool
watch_part(struct sl_reader *reader, struct part *part)
{
	struct sl_cursor *cursor = &part->cursor;

	if (!reader->has_watch)
		return false;
	if (part->dir_watch < 0)
		part->dir_watch =
		    sl_watch_add(&reader->watch, cursor->dir, SL_WATCH_DIR);
	if (part->dir_watch >= 0 && !cursor->is_watched) {
		cursor->is_watched = true;
		sl_cursor_look_again(cursor);
	}
	if (cursor->fd < 0 ||
	    (part->file_watch >= 0 && part->watched_base == cursor->base))
		return false;
	sl_watch_remove(&reader->watch, part->file_watch);
	part->file_watch =
	    sl_watch_add(&reader->watch, cursor->fd, SL_WATCH_FILE);
	part->watched_base = cursor->base;
	return part->file_watch >= 0;
}

/* Following: the part in hand until its turn is over, then the next ready. */
static int
next_as_it_comes(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	size_t idle = 0;
	struct part *part;
	uint64_t from;
	int rc;

	while (idle < reader->count) {
		if (reader->turn >= reader->count)
			reader->turn = 0;
		part = reader->parts[reader->turn];
		if (part->is_ready && reader->turn_records < TURN_RECORDS) {
			rc = sl_cursor_next(&part->cursor, record, &from, err);
			if (rc == SL_ENOTFOUND) /* said once a look */
				part->is_ready = false;
			if (rc < 0)
				return fail(part, rc, record, source, err);
			if (rc == SL_OK) {
				reader->turn_records++;
				reader->has_found = true;
				source->topic = part->topic;
				source->partition = part->number;
				return SL_OK;
			}
			if (watch_part(reader, part))
				continue;
			part->is_ready = false;
		}
		idle = part->is_ready ? 0 : idle + 1;
		reader->turn++;
		reader->turn_records = 0;
	}
	return SL_END;
}

int
sl_reader_next(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	if (reader->is_following)
		return next_as_it_comes(reader, record, source, err);
	return next_in_time(reader, record, source, err);
}

int
sl_reader_copy(struct sl_reader *reader, char *to, size_t room, char separator,
    uint64_t count_max, size_t *used, uint64_t *count, struct sl_source *source,
    struct sl_error *err)
{
	struct part *part;
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
		return fail(part, rc, &record, source, err);
	source->topic = part->topic;
	source->partition = part->number;
	return SL_OK; /* if it is the end, sl_reader_next() says so */
}

int
sl_reader_follow(struct sl_reader *reader, struct sl_error *err)
{
	size_t i;

	if (reader->is_following)
		return SL_OK;
	if (reader->heap_count > 0)
		return sl_error_set(err, SL_EUSAGE,
		    "follow: records of before are not all read");
	reader->is_following = true;
	reader->needy_count = 0;
	reader->looked_ms = sl_monotonic_ms();
	if (!reader->has_watch)
		sl_watch_open(&reader->watch);
	reader->has_watch = true;
	for (i = 0; i < reader->count; i++) {
		reader->parts[i]->cursor.end = SL_OFFSET_NONE;
		reader->parts[i]->is_ready = true;
	}
	return SL_OK;
}

void
sl_reader_watch_dir(struct sl_reader *reader, const char *path)
{
	struct sl_error ignored;
	int fd;

	if (!reader->has_watch)
		sl_watch_open(&reader->watch);
	reader->has_watch = true;
	if (sl_fs_open_dir(&fd, AT_FDCWD, path, &ignored) < 0)
		return; /* not there yet: the safety look finds it */
	(void)sl_watch_add(&reader->watch, fd, SL_WATCH_DIR);
	sl_fs_close(&fd);
}

/* An event names a watch: which part has it? */
static void
note_event(void *arg, int number)
{
	struct sl_reader *reader = arg;
	struct part *part;
	size_t i;

	for (i = 0; i < reader->count; i++) {
		part = reader->parts[i];
		if (number < 0 || number == part->file_watch ||
		    number == part->dir_watch)
			part->is_ready = true;
		if (number >= 0 && number == part->dir_watch)
			sl_cursor_look_again(&part->cursor);
	}
}

int
sl_reader_wait(struct sl_reader *reader, struct pollfd *fds, nfds_t fd_count,
    int timeout_ms, struct sl_error *err)
{
	int64_t now = sl_monotonic_ms();
	int64_t left = reader->looked_ms + SAFETY_LOOK_MS - now;
	size_t i;
	int rc;

	if (reader->has_found)
		sl_watch_found(&reader->watch);
	reader->has_found = false;
	if (left < 0)
		left = 0;
	if (timeout_ms >= 0 && timeout_ms < left)
		left = timeout_ms;
	rc = sl_watch_wait(&reader->watch, fds, fd_count, (int)left, note_event,
	    reader, err);
	if (rc < 0)
		return rc;
	now = sl_monotonic_ms();
	if (now - reader->looked_ms >= SAFETY_LOOK_MS) {
		reader->looked_ms = now;
		for (i = 0; i < reader->count; i++)
			sl_cursor_look_again(&reader->parts[i]->cursor);
		note_event(reader, -1);
		return SL_OK;
	}
	return rc == SL_END && left == timeout_ms ? SL_END : SL_OK;
}

static void
drop_from(struct part **list, size_t *count, const struct sl_topic *topic)
{
	size_t i, kept = 0;

	for (i = 0; i < *count; i++) {
		if (list[i]->topic != topic)
			list[kept++] = list[i];
	}
	*count = kept;
}

void
sl_reader_drop(struct sl_reader *reader, const struct sl_topic *topic)
{
	struct part **heap = reader->heap;
	size_t heap_count = reader->heap_count;
	size_t i, kept = 0;

	drop_from(reader->needy, &reader->needy_count, topic);
	drop_from(heap, &heap_count, topic);
	reader->heap_count = 0;
	for (i = 0; i < heap_count; i++)
		heap_add(reader, heap[i]);
	for (i = 0; i < reader->count; i++) {
		if (reader->parts[i]->topic == topic)
			free_part(reader, reader->parts[i]);
		else
			reader->parts[kept++] = reader->parts[i];
	}
	reader->count = kept;
}
