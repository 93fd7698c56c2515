/* keyed.c: events with keys, and what stays of them; see keyed.h. */
#include "keyed.h"

#include "read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 4096

static _Noreturn void
give_up(const char *what, const struct sl_error *err)
{
	printf("Bail out! %s: %s\n", what, err->text);
	exit(99);
}

void
keyed_init(struct keyed *keyed, uint64_t seed, enum sl_compression compression,
    int64_t segment_bytes)
{
	struct sl_encoder_options options = { .batch_bytes = 1 << 20,
		.message_bytes_max = 1 << 20,
		.compression = compression };
	struct sl_error err;

	*keyed = (struct keyed){ .random = seed };
	logdir_init(&keyed->dir, NULL);
	keyed->dir.limits.segment_bytes = segment_bytes;
	keyed->dir.limits.index_interval_bytes = 300;
	if (sl_encoder_new(&keyed->encoder, &options, &err) < 0)
		give_up("encoder", &err);
	keyed->options = (struct sl_compact_options){
		.segment_bytes = segment_bytes,
		.index_interval_bytes = 300,
		.delete_retention_ms = 1000,
		.now_ms = KEYED_T0 + 1000000,
		.is_forced = true,
	};
}

void
keyed_release(struct keyed *keyed)
{
	sl_encoder_free(keyed->encoder);
	free(keyed->events);
	logdir_release(&keyed->dir);
}

/* The record of an event; `text` is its room. */
static void
describe(const struct keyed_event *event, uint64_t offset, char text[96],
    struct sl_record *record)
{
	int key_bytes = snprintf(text, 32, "key-%u", event->key);
	int bytes = snprintf(text + 32, 64, "value-%llu-%u-of-the-event",
	    (unsigned long long)offset, event->key);

	*record = (struct sl_record){ .timestamp_ms = event->time_ms };
	if (event->has_key) {
		record->key = text;
		record->key_bytes = (size_t)key_bytes;
	}
	if (!event->is_tombstone) {
		record->value = text + 32;
		record->value_bytes = (size_t)bytes;
	}
	if (offset % 7 == 0) {
		static const uint8_t header[] = { 2, 'h', 2, 'v' };

		record->headers = header;
		record->headers_bytes = sizeof(header);
		record->header_count = 1;
	}
}

static void
invent(struct keyed *keyed, unsigned keys, unsigned keyless)
{
	struct keyed_event *event;

	keyed->events = reallocarray(keyed->events, keyed->count + 1,
	    sizeof(*keyed->events));
	event = &keyed->events[keyed->count];
	*event = (struct keyed_event){ .stays = true };
	event->key = (unsigned)(logdir_random(&keyed->random) % keys);
	event->has_key = logdir_random(&keyed->random) % 100 >= keyless;
	event->is_tombstone =
	    event->has_key && logdir_random(&keyed->random) % 4 == 0;
	event->time_ms = KEYED_T0 + 10 * (int64_t)keyed->count -
	                 (int64_t)(logdir_random(&keyed->random) % 40);
}

void
keyed_append(struct keyed *keyed, size_t count, unsigned keys, unsigned keyless)
{
	struct sl_log log = logdir_open(&keyed->dir);
	struct sl_batch_view batch;
	struct sl_record record;
	struct sl_error err;
	uint64_t first;
	char text[96];
	size_t left, end = keyed->count + count;

	while (keyed->count < end) {
		sl_encoder_reset(keyed->encoder);
		left = 1 + logdir_random(&keyed->random) % 12;
		for (; left > 0 && keyed->count < end; left--) {
			invent(keyed, keys, keyless);
			describe(&keyed->events[keyed->count], keyed->count,
			    text, &record);
			if (sl_encoder_add(keyed->encoder, 0, &record, &err) <
			    0)
				give_up("encode", &err);
			keyed->count++;
		}
		if (sl_encoder_finish(keyed->encoder, &err) < 0)
			give_up("encode", &err);
		batch = sl_encoder_batch(keyed->encoder, 0);
		if (sl_log_append(&log, batch.bytes, batch.size, batch.count,
		        batch.max_timestamp_ms, 1000, &first, &err) < 0)
			give_up("append", &err);
	}
	sl_log_close(&log);
}

void
keyed_roll(struct keyed *keyed)
{
	struct sl_log log = logdir_open(&keyed->dir);
	struct sl_error err;

	if (sl_log_lock(&log, 1000, &err) < 0 || sl_log_roll(&log, &err) < 0)
		give_up("roll", &err);
	sl_log_unlock(&log);
	sl_log_close(&log);
}

uint64_t
keyed_bound(const struct keyed *keyed)
{
	struct sl_segments segments = SL_SEGMENTS_EMPTY;
	struct sl_error err;
	uint64_t bound;

	if (sl_segments_list(&segments, keyed->dir.partition, &err) < 0)
		give_up("list", &err);
	bound = segments.bases[segments.count - 1];
	sl_segments_release(&segments);
	return bound;
}

void
keyed_expect(struct keyed *keyed, uint64_t bound, uint64_t expired)
{
	struct keyed_event *event;
	bool *is_passed = calloc(KEYS_MAX, sizeof(*is_passed));
	size_t i;

	for (i = bound; i-- > 0;) {
		event = &keyed->events[i];
		event->stays = true;
		if (!event->has_key)
			continue;
		event->stays = !is_passed[event->key] &&
		               (!event->is_tombstone || i >= expired);
		is_passed[event->key] = true;
	}
	free(is_passed);
}

int
keyed_compact(const struct keyed *keyed, struct sl_compact_report *report)
{
	struct sl_fs_like like;
	struct sl_error err;
	int rc;

	rc = sl_fs_like_of(keyed->dir.partition, &like, &err);
	if (rc == SL_OK)
		rc = sl_compact_partition(keyed->dir.partition, &like,
		    &keyed->options, report, &err);
	if (rc < 0)
		printf("# compact: %s\n", err.text);
	return rc;
}

static bool
is_same(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
	       (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

/* Is it the event that was appended? */
static bool
is_event(const struct keyed *keyed, const struct sl_record *record)
{
	struct sl_record made;
	char text[96];

	if (record->offset >= keyed->count)
		return false;
	describe(&keyed->events[record->offset], record->offset, text, &made);
	return record->timestamp_ms == made.timestamp_ms &&
	       record->header_count == made.header_count &&
	       is_same(record->key, record->key_bytes, made.key,
	           made.key_bytes) &&
	       is_same(record->value, record->value_bytes, made.value,
	           made.value_bytes) &&
	       record->headers_bytes == made.headers_bytes;
}

/* Those between that were not read: none of them should stay. */
static const char *
check_missing(const struct keyed *keyed, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		if (keyed->events[from].stays)
			return "an event that stays is missing";
	return NULL;
}

/* By key, is what was read last what the log had last? */
static const char *
check_table(const struct keyed *keyed, const uint64_t *last, uint64_t start)
{
	const struct keyed_event *event;
	bool *is_seen = calloc(KEYS_MAX, sizeof(*is_seen));
	const char *wrong = NULL;
	size_t i;

	for (i = keyed->count; i-- > start;) {
		event = &keyed->events[i];
		if (!event->has_key || is_seen[event->key])
			continue;
		is_seen[event->key] = true;
		/* A tombstone may be gone, but then so is all before. */
		if (last[event->key] != i + 1 &&
		    !(event->is_tombstone && last[event->key] == 0))
			wrong = "a key's last event is another";
	}
	free(is_seen);
	return wrong;
}

static const char *
check_read(const struct keyed *keyed, uint64_t start, bool or_more,
    struct sl_cursor *cursor, uint64_t *last)
{
	static char text[SL_ERROR_TEXT_SIZE + 32];
	uint64_t next = start, from;
	const char *wrong = NULL;
	struct sl_record record;
	struct sl_error err;
	int rc;

	while (wrong == NULL) {
		rc = sl_cursor_next(cursor, &record, &from, &err);
		if (rc == SL_END)
			break;
		if (rc < 0) {
			snprintf(text, sizeof(text), "%d: %s", rc, err.text);
			return text;
		}
		if (record.offset < next)
			return "an event is there twice";
		wrong = check_missing(keyed, next, record.offset);
		if (wrong == NULL && !is_event(keyed, &record))
			wrong = "an event is not as it was";
		if (wrong == NULL && !or_more &&
		    !keyed->events[record.offset].stays)
			wrong = "an event is there that was passed";
		if (wrong == NULL && record.key != NULL)
			last[keyed->events[record.offset].key] =
			    record.offset + 1;
		next = record.offset + 1;
	}
	if (wrong == NULL)
		wrong = check_missing(keyed, next, keyed->count);
	if (wrong == NULL && cursor->expected != keyed->count)
		wrong = "the reader stands elsewhere at the end";
	return wrong;
}

const char *
keyed_check(const struct keyed *keyed, uint64_t start, bool or_more)
{
	uint64_t *last = calloc(KEYS_MAX, sizeof(*last));
	struct sl_cursor cursor;
	const char *wrong;
	struct sl_error err;

	if (sl_cursor_open(&cursor, keyed->dir.at, "0", start, SL_OFFSET_NONE,
	        &err) < 0)
		give_up("cursor", &err);
	wrong = check_read(keyed, start, or_more, &cursor, last);
	if (wrong == NULL)
		wrong = check_table(keyed, last, start);
	sl_cursor_close(&cursor);
	free(last);
	return wrong;
}

struct files {
	const struct keyed *keyed;
	struct sl_segments segments;
	const char *wrong;
};

static int
check_name(void *arg, const char *name, struct sl_error *err)
{
	struct files *files = arg;
	const char *suffix;
	uint64_t base;

	(void)err;
	if (!sl_segment_name_parse(name, &base, &suffix)) {
		if (strcmp(name, "lock") != 0 && strcmp(name, "cleaned") != 0 &&
		    strcmp(name, "ends") != 0)
			files->wrong = "a file of another name is there";
		return SL_OK;
	}
	if (strcmp(suffix, ".log") != 0 && strcmp(suffix, ".index") != 0 &&
	    strcmp(suffix, ".timeindex") != 0)
		files->wrong = "a file is left over";
	else if (!sl_segments_has(&files->segments, base))
		files->wrong = "an index is left over";
	return SL_OK;
}

static const char *
check_segment(const struct keyed *keyed, uint64_t base, uint64_t end)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_batch_head head;
	size_t bytes, at = 0;
	const char *wrong = NULL;
	struct sl_error err;
	uint64_t next = base;
	uint8_t *log;

	sl_segment_name(name, base, ".index");
	free(logdir_load(&keyed->dir, name, &bytes));
	sl_segment_name(name, base, ".log");
	log = logdir_load(&keyed->dir, name, &at);
	if (bytes == 0 && at > 4096)
		wrong = "a segment lacks its index";
	bytes = at;
	for (at = 0; at < bytes; at += head.bytes) {
		if (sl_batch_head_decode(log + at, bytes - at, &head, &err) !=
		        SL_OK ||
		    head.base < next) {
			wrong = "a segment is damaged";
			break;
		}
		if (head.count == 0 && at + head.bytes < bytes)
			wrong = "an empty batch is not the last";
		next = head.base + head.last_offset_delta + 1;
	}
	free(log);
	if (wrong == NULL && next != end)
		wrong = "a segment ends elsewhere than the next begins";
	return wrong;
}

const char *
keyed_check_files(const struct keyed *keyed)
{
	struct files files = { .keyed = keyed, .segments = SL_SEGMENTS_EMPTY };
	struct sl_error err;
	size_t i;

	if (sl_segments_list(&files.segments, keyed->dir.partition, &err) < 0 ||
	    sl_fs_list(keyed->dir.partition, check_name, &files, &err) < 0)
		give_up("list", &err);
	for (i = 0; files.wrong == NULL && i + 1 < files.segments.count; i++)
		files.wrong = check_segment(keyed, files.segments.bases[i],
		    files.segments.bases[i + 1]);
	sl_segments_release(&files.segments);
	return files.wrong;
}
