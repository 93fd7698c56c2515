/*
 * streamlog_check.h: what is wrong with a topic's logs, and its mending. A part
 * of streamlog.h, which includes it; include that.
 */
#ifndef STREAMLOG_CHECK_H
#define STREAMLOG_CHECK_H

#ifndef STREAMLOG_H
#error "include streamlog.h, which includes this"
#endif

/* ---- Checking ---- */

enum sl_check_act {
	SL_CHECK_DAMAGE,  /* bytes are no valid batch: offsets can't be read */
	SL_CHECK_INDEX,   /* an index lies, or isn't there: reading is slower */
	SL_CHECK_GONE,    /* no segment has these offsets: it was mended, say */
	SL_CHECK_TORN,    /* a writer was killed: the next append cuts it */
	SL_CHECK_DOUBT,   /* a sync failed: what is behind may not be on disk */
	SL_CHECK_MENDED,  /* damage was moved to lost+found/`file` */
	SL_CHECK_REBUILT, /* an index was made anew */
};

/* What was found, or done, at one place. */
struct sl_check_note {
	enum sl_check_act act;
	int partition;
	const char *file; /* in the partition's directory */
	uint64_t byte;    /* where it begins in the file */
	uint64_t bytes;   /* how long it is */
	uint64_t first;   /* the offsets it costs: from here ... */
	uint64_t next;    /* ... to before here; the same: none */
	const char *why;  /* "bad checksum" */
};

/* A batch as it stands in its file. */
struct sl_check_batch {
	int partition;
	const char *file;
	uint64_t byte;
	uint64_t bytes;
	uint64_t first; /* offsets that it takes */
	uint64_t last;
	uint64_t records; /* that it has */
	enum sl_compression compression;
	uint32_t crc;
	int64_t first_ms; /* its base timestamp, and its largest */
	int64_t largest_ms;
};

struct sl_check_options {
	/* Told of each; NULL: nobody. */
	void (*tell)(void *arg, const struct sl_check_note *note);
	/* Shown each valid batch, and then its records; NULL: nobody. */
	void (*show_batch)(void *arg, const struct sl_check_batch *batch);
	void (*show_record)(void *arg, const struct sl_check_batch *batch,
	    const struct sl_record *record);
	/* So many bytes are read; NULL: nobody asks. */
	void (*progress)(void *arg, uint64_t bytes);
	void *arg;
};

/* Of one partition. */
struct sl_check_sums {
	uint64_t segments;
	uint64_t batches; /* that can be read */
	uint64_t events;
	uint64_t bytes;
	uint64_t damages;
	uint64_t lost; /* offsets that can't be read */
	uint64_t bad_indexes;
};

/*
 * Read every batch and index of a partition (or SL_PARTITION_REJECTED), without
 * a lock, while writers may go on. SL_OK whatever is wrong: *sums has it.
 * SL_END: there is no such partition, as no line was ever rejected.
 */
SL_MUST_USE int sl_topic_check(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err);

/*
 * Move damage to lost+found/, save the good batches on both sides of it, make
 * indexes anew (RULE 24): nothing is deleted, and no offset changes. SL_EBUSY:
 * a writer has the partition open. *sums is what is found afterwards.
 */
SL_MUST_USE int sl_topic_mend(const struct sl_topic *topic, int partition,
    const struct sl_check_options *options, struct sl_check_sums *sums,
    struct sl_error *err);

#endif
