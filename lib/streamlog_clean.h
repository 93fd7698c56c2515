/*
 * streamlog_clean.h: what goes of a topic, and when. A part of streamlog.h,
 * which includes it; include that.
 */
#ifndef STREAMLOG_CLEAN_H
#define STREAMLOG_CLEAN_H

#ifndef STREAMLOG_H
#error "include streamlog.h, which includes this"
#endif

/* ---- Cleaning ---- */

/* Why a segment goes: past which bound it is. */
enum sl_clean_reason {
	SL_CLEAN_NOT,   /* it stays */
	SL_CLEAN_AGE,   /* retention.ms */
	SL_CLEAN_COUNT, /* retention.count */
	SL_CLEAN_BYTES, /* retention.bytes */
	SL_CLEAN_TOTAL, /* retention.total.bytes */
	SL_CLEAN_FREE,  /* min.free.bytes */
	SL_CLEAN_FULL,  /* the disk is full */
};

enum sl_clean_act {
	SL_CLEAN_ARCHIVE, /* a segment is copied to the archive, or would be */
	SL_CLEAN_MISSED,  /* `events` from `base` on had gone by then */
	SL_CLEAN_DELETE,  /* a segment goes, or would */
	SL_CLEAN_GIVE,    /* bytes of one that went before are given back */
	SL_CLEAN_FUTURE,  /* a segment that goes is dated in the future */
	SL_CLEAN_PASSED,  /* of a segment's `events` so many `passed` ones go */
	SL_CLEAN_COMPACT, /* the same of a partition: only `passed` */
	SL_CLEAN_BLOCKED, /* no compaction from `base` on: `why` says it */
};

/* What is done to one segment. */
struct sl_clean_note {
	enum sl_clean_act act;
	enum sl_clean_reason reason;
	int partition;
	uint64_t base;     /* its first offset, which names it */
	uint64_t events;   /* offsets in it */
	uint64_t passed;   /* events that a later one of their key passed */
	bool is_least;     /* there may be more of them */
	uint64_t bytes;    /* with its indexes */
	int64_t newest_ms; /* SL_TIME_NONE: it has no time of its own */
	const char *why;   /* of SL_CLEAN_BLOCKED */
};

struct sl_clean_options {
	bool is_named;   /* what is being written is closed, too */
	bool is_dry_run; /* only tell; needs no permission to write */
	int lock_timeout_ms;
	size_t memory_bytes; /* for keys; 0: 64 MiB. Fewer is more passes. */
	/*
	 * A log directory to which complete segments are copied, and synced,
	 * before any goes; they are then a topic there. NULL: none.
	 */
	const char *archive_dir;
	/* Told of each; NULL: nobody. */
	void (*tell)(void *arg, const struct sl_clean_note *note);
	void *arg;
};

struct sl_clean_sums {
	uint64_t segments; /* that went */
	uint64_t events;   /* in them */
	uint64_t passed;   /* events that went by compaction */
	uint64_t passed_bytes;
	uint64_t bytes; /* of them */
	uint64_t freed; /* bytes given back to the disk */
	uint64_t archived_segments;
	uint64_t archived_events;
	uint64_t archived_bytes;
};

/*
 * Delete what is past the topic's bounds (RULES 13, 14). Adds to *sums. A
 * dry run counts what would go. SL_EBUSY: another cleans a partition of it.
 * SL_END: a cluster cleans it by itself, as err says.
 */
SL_MUST_USE int sl_topic_clean(struct sl_topic *topic,
    const struct sl_clean_options *options, struct sl_clean_sums *sums,
    struct sl_error *err);

/*
 * A writer deletes, too: when a segment is full, and when the disk is. Where
 * groups have a say in what goes (retention.protect.groups, on.full=wait) it
 * must be told to look at their places; until then nothing that they could keep
 * goes.
 */
void sl_writer_heed_groups(struct sl_writer *writer);

#endif
