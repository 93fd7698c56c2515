/* logdir.c: a partition to try things on; see logdir.h. */
#include "logdir.h"

#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What must not fail did: the test is worth nothing. */
static _Noreturn void
give_up(const char *what, const struct sl_error *err)
{
	printf("Bail out! %s: %s\n", what, err->text);
	exit(99);
}

void
logdir_init(struct logdir *dir, const char *root)
{
	struct sl_encoder_options options = { .batch_bytes = 1 << 20,
		.message_bytes_max = 1 << 20 };
	struct sl_fs_like like;
	struct sl_error err;

	*dir = (struct logdir){ .limits = { .segment_bytes = 1 << 30,
		                    .segment_ms = INT64_MAX,
		                    .index_interval_bytes = 4096 } };
	if (root == NULL)
		root = getenv("TMPDIR");
	snprintf(dir->path, sizeof(dir->path), "%s/streamlog-test-XXXXXX",
	    root != NULL ? root : "/tmp");
	if (mkdtemp(dir->path) == NULL) {
		sl_error_sys(&err, errno, "'%s'", dir->path);
		give_up("scratch directory", &err);
	}
	if (sl_fs_open_dir(&dir->at, AT_FDCWD, dir->path, &err) < 0 ||
	    sl_fs_like_of(dir->at, &like, &err) < 0 ||
	    sl_log_create(dir->at, "0", &like, &err) < 0 ||
	    sl_fs_open_dir(&dir->partition, dir->at, "0", &err) < 0 ||
	    sl_encoder_new(&dir->encoder, &options, &err) < 0)
		give_up("partition", &err);
}

void
logdir_release(struct logdir *dir)
{
	struct sl_error err;

	sl_encoder_free(dir->encoder);
	sl_fs_close(&dir->partition);
	sl_fs_close(&dir->at);
	if (sl_fs_remove_tree(AT_FDCWD, dir->path, &err) < 0)
		printf("# left behind: %s\n", err.text);
}

static int
remove_unless_lock(void *arg, const char *name, struct sl_error *err)
{
	if (strcmp(name, SL_LOCKFILE_NAME) == 0)
		return SL_OK;
	return sl_fs_remove_tree(*(int *)arg, name, err);
}

void
logdir_reset(struct logdir *dir, uint64_t made)
{
	struct sl_error err;

	if (sl_fs_list(dir->partition, remove_unless_lock, &dir->partition,
	        &err) < 0)
		give_up("reset", &err);
	dir->made = made;
}

struct sl_log
logdir_open(struct logdir *dir)
{
	struct sl_error err;
	struct sl_log log;

	if (sl_log_open(&log, dir->at, "0", &dir->limits, &err) < 0)
		give_up("open", &err);
	return log;
}

uint64_t
logdir_append(struct logdir *dir, struct sl_log *log, const int64_t *times_ms,
    uint32_t count)
{
	struct sl_batch_view batch;
	struct sl_record record = { .offset = 0 };
	struct sl_error err;
	uint64_t first = 0;
	char number[32];
	uint32_t i;

	sl_encoder_reset(dir->encoder);
	for (i = 0; i < count; i++) {
		record.timestamp_ms = times_ms[i];
		record.value = number;
		record.value_bytes = (size_t)snprintf(number, sizeof(number),
		    "%llu", (unsigned long long)dir->made++);
		if (sl_encoder_add(dir->encoder, 0, &record, &err) < 0)
			give_up("encode", &err);
	}
	if (sl_encoder_finish(dir->encoder, &err) < 0)
		give_up("encode", &err);
	batch = sl_encoder_batch(dir->encoder, 0);
	if (sl_log_append(log, batch.bytes, batch.size, batch.count,
	        batch.max_timestamp_ms, 1000, &first, &err) < 0)
		give_up("append", &err);
	return first;
}

uint8_t *
logdir_load(const struct logdir *dir, const char *name, size_t *bytes)
{
	struct sl_error err;
	char *text;

	*bytes = 0;
	if (sl_fs_read_file(dir->partition, name, 1 << 30, &text, bytes, &err) <
	    0)
		return NULL;
	return (uint8_t *)text;
}

void
logdir_store(const struct logdir *dir, const char *name, const uint8_t *bytes,
    size_t count)
{
	struct sl_error err = { .code = SL_OK };
	size_t done;
	int fd;

	fd = openat(dir->partition, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || sl_fs_write_at(fd, bytes, count, 0, &done, &err) < 0)
		give_up(name, &err);
	sl_fs_close(&fd);
}

static void
note(struct logdir_read *read, const struct sl_record *record)
{
	char number[32] = "";
	size_t room = read->count + 1;

	read->offsets = reallocarray(read->offsets, room, sizeof(uint64_t));
	read->numbers = reallocarray(read->numbers, room, sizeof(uint64_t));
	read->times_ms = reallocarray(read->times_ms, room, sizeof(int64_t));
	if (record->value != NULL && record->value_bytes < sizeof(number))
		memcpy(number, record->value, record->value_bytes);
	read->offsets[read->count] = record->offset;
	read->numbers[read->count] = strtoull(number, NULL, 10);
	read->times_ms[read->count] = record->timestamp_ms;
	read->count++;
}

void
logdir_read(const struct logdir *dir, uint64_t start, bool skips_damage,
    struct logdir_read *read)
{
	struct sl_record record;
	struct sl_cursor cursor;
	struct sl_error err;
	uint64_t from;
	int rc;

	*read = (struct logdir_read){ .count = 0 };
	if (sl_cursor_open(&cursor, dir->at, "0", start, SL_OFFSET_NONE, &err) <
	    0)
		give_up("cursor", &err);
	cursor.skips_damage = skips_damage;
	for (;;) {
		rc = sl_cursor_next(&cursor, &record, &from, &err);
		if (rc == SL_OK)
			note(read, &record);
		else if (rc == SL_EGONE)
			read->gones++;
		else if (rc == SL_ECORRUPT && skips_damage &&
		         read->damages < 100)
			read->damages++;
		else
			break;
	}
	read->rc = rc;
	sl_cursor_close(&cursor);
}

void
logdir_read_release(struct logdir_read *read)
{
	free(read->offsets);
	free(read->numbers);
	free(read->times_ms);
}

uint64_t
logdir_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
