/*
 * logdir.h: a partition in a scratch directory, for the tests of lib/log.
 *
 * Events are numbers in the order they were made; a number is an event's value,
 * so that what a reader hands out can be told apart.
 */
#ifndef SL_LOGDIR_H
#define SL_LOGDIR_H

#include "log.h"

#include <limits.h>

struct logdir {
	char path[PATH_MAX]; /* the scratch directory */
	int at;              /* owned: it, opened; the partition is "0" in it */
	int partition;       /* owned: the partition, opened */
	struct sl_encoder *encoder; /* owned */
	struct sl_log_limits limits;
	uint64_t made; /* events so far */
};

/*
 * Make a partition with limits that roll never, below `root` ($TMPDIR or /tmp
 * where NULL); ends the test where it can't.
 */
void logdir_init(struct logdir *dir, const char *root);
/* Remove it and all below. */
void logdir_release(struct logdir *dir);

/* Take away all but the lock; the next number is `made`. */
void logdir_reset(struct logdir *dir, uint64_t made);

/* A writer's handle on it. */
struct sl_log logdir_open(struct logdir *dir);

/* Append one batch of `count` events at these times. Returns its offset. */
uint64_t logdir_append(struct logdir *dir, struct sl_log *log,
    const int64_t *times_ms, uint32_t count);

/* A file of the partition, whole: the caller frees. NULL: it isn't there. */
uint8_t *logdir_load(const struct logdir *dir, const char *name, size_t *bytes);
void logdir_store(const struct logdir *dir, const char *name,
    const uint8_t *bytes, size_t count);

/* What a reader handed out. */
struct logdir_read {
	uint64_t *offsets; /* owned, and so are the numbers and times */
	uint64_t *numbers;
	int64_t *times_ms;
	size_t count;
	unsigned damages;
	unsigned gones;
	int rc; /* what it ended with: SL_END, or what stopped it */
};

/* Read from `start` to the end there is. */
void logdir_read(const struct logdir *dir, uint64_t start, bool skips_damage,
    struct logdir_read *read);
void logdir_read_release(struct logdir_read *read);

/* The same numbers for the same seed. */
uint64_t logdir_random(uint64_t *state);

#endif
