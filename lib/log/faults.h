/*
 * faults.h: a segment read from end to end, fault by fault. Floor: log. Takes
 * no lock; changes nothing.
 */
#ifndef SL_FAULTS_H
#define SL_FAULTS_H

#include "segment.h"

/* One damaged place of a segment. */
struct sl_fault {
	uint64_t position;
	uint64_t end; /* where the next valid batch begins, or the file ends */
	uint64_t first; /* offsets from here on can't be read, ... */
	uint64_t next;  /* ... to before here */
	bool has_rest;  /* a valid batch stands at `end` */
	bool is_torn;   /* a prefix at the active segment's end */
	char why[256];
};

/* One index of the segment in hand, confirmed batch by batch. */
struct sl_check_index {
	uint8_t *bytes; /* owned; NULL: it isn't there */
	size_t size;
	size_t at;
	uint64_t bad; /* the byte of the first entry that lies; or NONE */
};

struct sl_check_walk {
	int dir; /* borrowed */
	/* Shown each batch, and then its records; NULL: nobody. */
	void (*show)(void *arg, uint64_t base, uint64_t position,
	    const struct sl_batch_head *head, const struct sl_record *record);
	void *show_arg;
	uint64_t base;
	uint64_t behind; /* the next segment's base; SL_OFFSET_NONE: active */
	struct sl_holes holes; /* its fd is owned */
	struct sl_window window;
	struct sl_batch_walk records;
	struct sl_check_index offsets;
	struct sl_check_index times;
	uint64_t position;
	uint64_t due; /* the offset that stands there */
	uint64_t batches;
	uint64_t events;
	int64_t max_ms;
	/* The batch before `position`, and the offset due before it. */
	uint64_t last_position;
	uint64_t last_due;
	uint64_t last_base;
};

#define SL_CHECK_WALK_CLOSED                                                   \
	((struct sl_check_walk){ .holes = { .fd = -1 },                        \
	    .records = SL_BATCH_WALK_CLOSED })

/* Open the segment `base`. SL_EIO, ENOENT: it has gone. SL_ECORRUPT: no file.
 */
SL_MUST_USE int sl_check_open(struct sl_check_walk *walk, int dir,
    uint64_t base, uint64_t behind, struct sl_error *err);
void sl_check_close(struct sl_check_walk *walk);

/*
 * To the next fault, and past it. SL_OK and *fault; SL_END: the rest is whole.
 * SL_EBUSY: the file was replaced meanwhile, so what was found is worth
 * nothing.
 */
SL_MUST_USE int sl_check_next(struct sl_check_walk *walk,
    struct sl_fault *fault, struct sl_error *err);

/*
 * At the end: the first index that lies, and the byte of the entry that does,
 * or SL_OFFSET_NONE: the file isn't there. SL_END: none does.
 */
SL_MUST_USE int sl_check_index_fault(struct sl_check_walk *walk,
    const char **suffix, uint64_t *byte);

/* ---- mend.c ---- */

/* Told of what was done: a fault's bytes are in lost+found/`saved`. */
struct sl_mending {
	int dir; /* borrowed, as is the next */
	const struct sl_fs_like *like;
	int64_t index_interval_bytes;
	void (*tell_fault)(void *arg, uint64_t base,
	    const struct sl_fault *fault, const char *saved);
	void (*tell_index)(void *arg, uint64_t base);
	void *arg;
};

/* Mend a partition. SL_EBUSY: a writer has it open. */
SL_MUST_USE int sl_mend(const struct sl_mending *mending, struct sl_error *err);

#endif
