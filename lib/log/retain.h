/*
 * retain.h: which segments of a partition go, and their going. Floor: log.
 *
 * Whole segments, the oldest first, never the active one (RULE 14). A segment
 * is as old as its newest event says. The plan is made from a listing, for
 * eyes, or under the clean lock to be carried out; offsets in a plan stay true
 * whatever others do meanwhile, positions and sizes don't.
 */
#ifndef SL_RETAIN_H
#define SL_RETAIN_H

#include "clean.h"

#define SL_DELETED_NAME_SIZE (SL_SEGMENT_NAME_SIZE + sizeof(SL_DELETED_SUFFIX))

/* The bounds of one partition; -1: none. */
struct sl_retain_bounds {
	int64_t now_ms;
	int64_t future_ms; /* a time past this is no time */
	int64_t age_ms;
	int64_t count;
	int64_t bytes;
	int64_t delay_ms; /* from a segment's going to its bytes' */
	/* Offsets from here on don't go for their age or number ... */
	uint64_t keep_from;
	/* ... or for their bytes; SL_OFFSET_NONE: all may. */
	uint64_t keep_bytes_from;
	/* Below this they go for a reason of the whole topic's. */
	uint64_t drop_below;
	enum sl_clean_reason drop_reason;
	bool rolls_active; /* the active one is as good as closed */
	bool yields;       /* see sl_clean_remove() */
};

struct sl_retain_segment {
	uint64_t base;
	uint64_t next; /* the offset behind it */
	uint64_t bytes;
	int64_t newest_ms; /* its newest time that is none of the future */
	bool is_dated;     /* newest_ms was looked for */
	bool is_future;
	enum sl_clean_reason reason;
};

/* A file that is being deleted. */
struct sl_retain_file {
	char name[SL_DELETED_NAME_SIZE];
	uint64_t base;
	uint64_t bytes;
	int64_t since_ms;
};

struct sl_retain {
	int dir; /* borrowed */
	struct sl_retain_segment *segments;
	size_t count;
	size_t planned;               /* so many from the first on go */
	uint64_t bytes;               /* of those that stay */
	struct sl_retain_file *files; /* what went, by name */
	size_t file_count;
	size_t file_room;
	uint64_t file_bytes;
};
#define SL_RETAIN_EMPTY ((struct sl_retain){ .dir = -1 })

/* List what there is. */
SL_MUST_USE int sl_retain_load(struct sl_retain *retain, int dir,
    struct sl_error *err);
void sl_retain_release(struct sl_retain *retain);

/* Mark what is past the bounds. */
SL_MUST_USE int sl_retain_plan(struct sl_retain *retain,
    const struct sl_retain_bounds *bounds, struct sl_error *err);

/*
 * The segment that would go next, beyond the plan, with its newest time; NULL:
 * all but the active one go.
 */
SL_MUST_USE int sl_retain_peek(struct sl_retain *retain,
    const struct sl_retain_bounds *bounds, struct sl_retain_segment **segment,
    struct sl_error *err);

/* Mark that one. */
void sl_retain_take(struct sl_retain *retain, enum sl_clean_reason reason);

/*
 * Begin the next segment if the log's active one is not empty, and is_named or
 * older than segment.ms or than the bound on age. Under the clean lock; takes
 * the append lock.
 */
SL_MUST_USE int sl_retain_roll(struct sl_log *log,
    const struct sl_retain_bounds *bounds, bool is_named, struct sl_error *err);

/* What is told, and summed up. */
struct sl_retain_ear {
	int partition;
	void (*tell)(void *arg, const struct sl_clean_note *note);
	void *arg;
	struct sl_clean_sums *sums;
};

/* Tell what would go. */
void sl_retain_tell(const struct sl_retain *retain,
    const struct sl_retain_ear *ear);

/*
 * Carry out the plan, under the clean lock, and give back the bytes of what
 * went long enough ago, or is past the bound in bytes. Sweeps what a kill left.
 */
SL_MUST_USE int sl_retain_carry_out(struct sl_retain *retain,
    const struct sl_retain_bounds *bounds, const struct sl_retain_ear *ear,
    struct sl_error *err);

#endif
