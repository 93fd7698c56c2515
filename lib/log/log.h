/*
 * log.h: one partition as its writer has it. Floor: log.
 *
 * A partition is a directory with a `lock` and a row of segments, the last of
 * which is the active one. What this handle remembers of the active segment
 * holds while the lock file's change word and the file's size are as remembered
 * (RULE 2); everything else is found again by name, under the append lock.
 * Exclusion is between handles, by the lock; one handle is for one thread.
 */
#ifndef SL_LOG_H
#define SL_LOG_H

#include "fs.h"
#include "index.h"
#include "lockfile.h"
#include "segment.h"
#include "word.h"

struct sl_log_limits {
	int64_t segment_bytes;
	int64_t segment_ms;
	int64_t index_interval_bytes;
	int64_t segment_count; /* offsets of one segment; 0: no limit */
};

struct sl_log {
	int dir;  /* owned; -1 when closed */
	int lock; /* owned; `lock`, with a shared lock on its presence byte */
	dev_t lock_dev;
	ino_t lock_ino;
	struct sl_fs_like like;
	struct sl_log_limits limits;

	/* What is remembered of the active segment. */
	int fd; /* owned; -1: nothing is remembered */
	uint64_t change;
	uint64_t base;
	uint64_t size;       /* of its valid batches, and of the file */
	uint64_t next;       /* the offset to give next */
	int64_t first_ms;    /* largest timestamp of its first batch */
	int64_t max_ms;      /* the largest of all; SL_TIME_NONE: empty */
	uint64_t max_offset; /* last offset of the batch that has it */
	bool is_sealed;      /* damaged or its index is full: takes no more */
	bool is_suspect;     /* a sync of it failed: takes no more (RULE 10) */
	struct sl_index index;
	struct sl_word word; /* where its writers meet; see sl_log_sync() */
	uint64_t opened_at;  /* its size when `fd` was opened */
	bool was_synced;     /* by this handle */

	/* What was written here and not synced. */
	bool is_dirty;
	bool is_unsure; /* found after a crash: nobody says it was synced */
	uint64_t doubt_position; /* where it begins in the active segment */
	uint64_t doubt_offset;
	uint64_t rolls;  /* done by this handle */
	bool has_failed; /* a sync failed: nothing more is written (RULE 10) */
};

#define SL_LOG_CLOSED                                                          \
	((struct sl_log){ .dir = -1,                                           \
	    .lock = -1,                                                        \
	    .fd = -1,                                                          \
	    .index = SL_INDEX_CLOSED,                                          \
	    .word = SL_WORD_NONE })

/*
 * Make a partition's directory whole, with its lock and first segment, all
 * synced but for the name in the directory `at`. SL_EIO, EEXIST: it is there.
 */
SL_MUST_USE int sl_log_create(int at, const char *name,
    const struct sl_fs_like *like, struct sl_error *err);

/*
 * Open the partition `name` for writing; presence is taken. SL_EBUSY: mend or
 * delete has it. SL_ENOTFOUND: it was deleted.
 */
SL_MUST_USE int sl_log_open(struct sl_log *log, int at, const char *name,
    const struct sl_log_limits *limits, struct sl_error *err);
void sl_log_close(struct sl_log *log);

/* Take the append lock and make what is remembered true; and let go of it. */
SL_MUST_USE int sl_log_lock(struct sl_log *log, int timeout_ms,
    struct sl_error *err);
void sl_log_unlock(struct sl_log *log);

/* Is the locked file still the partition's lock (RULE 1)? Else SL_ENOTFOUND. */
SL_MUST_USE int sl_log_check_lock(const struct sl_log *log,
    struct sl_error *err);

/* Bump the change word, before an act that others must see (RULE 2). */
SL_MUST_USE int sl_log_bump(struct sl_log *log, struct sl_error *err);

/* Forget the active segment: it is looked for by name at the next lock. */
void sl_log_forget(struct sl_log *log);

/*
 * Begin the next segment, under the append lock (RULE 7). The name is
 * log->next; SL_EFULL leaves the log as it was.
 */
SL_MUST_USE int sl_log_roll(struct sl_log *log, struct sl_error *err);

/* ---- suspect.c ---- */

/*
 * fdatasync of the active segment; or, with no lock held, by whoever's sync.
 * SL_EIO is final: the handle writes no more, and sl_log_post_suspect() is due,
 * which takes the append lock (taken again it stays one) and lets go of it.
 */
SL_MUST_USE int sl_log_sync_segment(struct sl_log *log, struct sl_error *err);
SL_MUST_USE int sl_log_sync_shared(struct sl_log *log, struct sl_error *err);
void sl_log_post_suspect(const struct sl_log *log, int timeout_ms);

/*
 * Where doubt begins in the segment `base` of the partition `dir`: by `lock`,
 * or for who can't read that (RULE 1) by BASE.suspect. SL_OK and *position;
 * SL_END: there is none.
 */
SL_MUST_USE int sl_suspect_find(int dir, uint64_t base, uint64_t *position,
    struct sl_error *err);

/* ---- recover.c ---- */

/* Open the active segment by name, walk to its end, repair its tail (RULE 4).
 */
SL_MUST_USE int sl_log_recover(struct sl_log *log, struct sl_error *err);

/* Step over what others appended, up to `size` bytes; repair the tail. */
SL_MUST_USE int sl_log_step(struct sl_log *log, uint64_t size,
    struct sl_error *err);

/* ---- append.c ---- */

/*
 * Append one encoded batch (`count` records, largest timestamp `max_ms`): sets
 * its base offset, which comes back in *first_offset. All of it or nothing.
 * Visible to readers at once; on disk after sl_log_sync().
 */
SL_MUST_USE int sl_log_append(struct sl_log *log, uint8_t *batch, size_t bytes,
    uint32_t count, int64_t max_ms, int timeout_ms, uint64_t *first_offset,
    struct sl_error *err);

/*
 * Put on disk what was appended here, maybe by the sync of another process: who
 * syncs a segment twice meets its other writers (RULE 9). SL_EIO: it is in
 * doubt for ever, `lock` says so to all, and this handle writes no more.
 */
SL_MUST_USE int sl_log_sync(struct sl_log *log, struct sl_error *err);

#endif
