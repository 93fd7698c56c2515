/* reader_follow.c: records as they arrive; see reader.h. */
#include "reader.h"

#include <fcntl.h>

/* Following, a busy partition lets the others in after so many records. */
#define TURN_RECORDS 4096
/* Look at everything at least so often: an event may be lost. */
#define SAFETY_LOOK_MS 1000

/*
 * Watch the segment the cursor is in. True: it is new, so the partition must be
 * read once more before sleeping.
 */
static bool
watch_part(struct sl_reader *reader, struct sl_part *part)
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

/* The next record of a part. SL_END: none now; it is watched. */
static int
read_part(struct sl_reader *reader, struct sl_part *part,
    struct sl_record *record, struct sl_source *source, struct sl_error *err)
{
	uint64_t from;
	int rc;

	do {
		rc = sl_cursor_next(&part->cursor, record, &from, err);
		if (rc == SL_ENOTFOUND) /* said once a look */
			part->is_ready = false;
		if (rc < 0)
			return sl_part_fail(part, rc, record, source, err);
	} while (rc == SL_END && watch_part(reader, part));
	if (rc == SL_END) {
		part->is_ready = false;
		return SL_END;
	}
	reader->turn_records++;
	reader->has_found = true;
	source->topic = part->topic;
	source->partition = part->number;
	return SL_OK;
}

int
sl_reader_next_as_it_comes(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	size_t idle = 0;
	struct sl_part *part;
	int rc;

	while (idle < reader->count) {
		if (reader->turn >= reader->count)
			reader->turn = 0;
		part = reader->parts[reader->turn];
		if (part->is_ready && reader->turn_records < TURN_RECORDS) {
			rc = read_part(reader, part, record, source, err);
			if (rc != SL_END)
				return rc;
		}
		idle = part->is_ready ? 0 : idle + 1;
		reader->turn++;
		reader->turn_records = 0;
	}
	return SL_END;
}

int
sl_files_reader_next_here(struct sl_reader *reader, struct sl_record *record,
    struct sl_source *source, struct sl_error *err)
{
	struct sl_part *part;

	if (reader->turn >= reader->count)
		return SL_END;
	part = reader->parts[reader->turn];
	if (!part->is_ready)
		return SL_END;
	return read_part(reader, part, record, source, err);
}

void
sl_files_reader_end_turn(struct sl_reader *reader)
{
	reader->turn_records = TURN_RECORDS;
}

static void
open_watch(struct sl_reader *reader)
{
	if (!reader->has_watch)
		sl_watch_open(&reader->watch);
	reader->has_watch = true;
}

struct sl_watch *
sl_reader_share_watch(struct sl_reader *reader,
    void (*listener)(void *arg, int number), void *arg)
{
	open_watch(reader);
	reader->listener = listener;
	reader->listener_arg = arg;
	return &reader->watch;
}

int
sl_files_reader_follow(struct sl_reader *reader, struct sl_error *err)
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
	open_watch(reader);
	for (i = 0; i < reader->count; i++) {
		reader->parts[i]->cursor.end = SL_OFFSET_NONE;
		reader->parts[i]->is_ready = true;
	}
	return SL_OK;
}

void
sl_files_reader_watch_dir(struct sl_reader *reader, const char *path)
{
	struct sl_error ignored;
	int fd;

	open_watch(reader);
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
	struct sl_part *part;
	size_t i;

	if (reader->listener != NULL)
		reader->listener(reader->listener_arg, number);
	for (i = 0; i < reader->count; i++) {
		part = reader->parts[i];
		if (number < 0 || number == part->file_watch ||
		    number == part->dir_watch)
			part->is_ready = true;
		if (number == SL_WATCH_LOST ||
		    (number >= 0 && number == part->dir_watch))
			sl_cursor_look_again(&part->cursor);
	}
}

int
sl_files_reader_wait(struct sl_reader *reader, struct pollfd *fds,
    nfds_t fd_count, int timeout_ms, struct sl_error *err)
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
		note_event(reader, SL_WATCH_ALL);
		return SL_OK;
	}
	return rc == SL_END && left == timeout_ms ? SL_END : SL_OK;
}
