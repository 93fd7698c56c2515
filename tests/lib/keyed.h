/*
 * keyed.h: a partition of events with keys, and what a plain table says should
 * be left of them, for the tests of compaction.
 */
#ifndef SL_KEYED_H
#define SL_KEYED_H

#include "compact.h"
#include "logdir.h"

#define KEYED_T0 INT64_C(1546300800000)

struct keyed_event { /* its offset is its place in the row */
	int64_t time_ms;
	unsigned key;
	bool has_key;
	bool is_tombstone;
	bool stays; /* by the table, once cleaned */
};

struct keyed {
	struct logdir dir;
	struct sl_encoder *encoder; /* owned, as are the events */
	struct keyed_event *events;
	size_t count;
	uint64_t random;
	struct sl_compact_options options;
};

/* Segments of `segment_bytes`; sensible options for compaction. */
void keyed_init(struct keyed *keyed, uint64_t seed,
    enum sl_compression compression, int64_t segment_bytes);
void keyed_release(struct keyed *keyed);

/*
 * Append `count` events of `keys` keys, in random batches; some are tombstones,
 * a few of `keyless` in a hundred have no key.
 */
void keyed_append(struct keyed *keyed, size_t count, unsigned keys,
    unsigned keyless);

/* Begin a new segment, so that all before may be cleaned. */
void keyed_roll(struct keyed *keyed);

/* The active segment's name. */
uint64_t keyed_bound(const struct keyed *keyed);

/*
 * What stays of the events below `bound`, by a table of last offsets; without
 * the tombstones below `expired`.
 */
void keyed_expect(struct keyed *keyed, uint64_t bound, uint64_t expired);

int keyed_compact(const struct keyed *keyed, struct sl_compact_report *report);

/*
 * Read from `start`: just what stays is there, as it was, at its offset. NULL,
 * or what is wrong. With `or_more` events may be there that don't stay, as in a
 * log that is half cleaned, but a table of what is read ends the same.
 */
const char *keyed_check(const struct keyed *keyed, uint64_t start,
    bool or_more);

/* Does each segment end where the next begins, and is nothing left over? */
const char *keyed_check_files(const struct keyed *keyed);

#endif
