/*
 * lag.h: how far offsets are from the end of one partition, asked many times.
 * Floor: log. Takes no lock, changes nothing, needs no write permission.
 *
 * The end is found once, when it is opened. Bytes before it never change, so
 * what was read of them stays true: the index of the segment in hand is kept
 * whole, and the bytes looked at last. A batch is found by heads alone; an
 * index entry is believed only if the batch there confirms it (RULE 15), and
 * once one lies all entries of that segment are made anew, in memory, by
 * walking it.
 */
#ifndef SL_LAG_H
#define SL_LAG_H

#include "index.h"
#include "segment.h"

#define SL_LAG_NAME_SIZE 16

struct sl_lag_log {
	bool is_open;
	int at; /* borrowed: the directory of the partition's */
	char name[SL_LAG_NAME_SIZE];
	struct sl_segments segments; /* owned, as is the next */
	uint64_t *bytes_from;        /* of each segment, and of all behind it */
	size_t sized;                /* from this one on they are known */
	struct sl_range range;

	/* The segment in hand. */
	int fd;                       /* owned, as are the next two; -1: none */
	struct sl_index_entry *marks; /* to walk from, rising */
	uint8_t *view;                /* bytes of it */
	size_t mark_count;
	size_t in_hand; /* its number in segments */
	uint64_t size;  /* of its batches */
	uint64_t view_position;
	size_t view_bytes;
	bool is_walked; /* its marks were made by walking it */

	uint64_t asked; /* the last answer, and what was asked */
	struct sl_lag answer;
};

#define SL_LAG_LOG_CLOSED ((struct sl_lag_log){ .fd = -1 })

/* Open the partition `name` in `at`, and find its end. */
SL_MUST_USE int sl_lag_log_open(struct sl_lag_log *log, int at,
    const char *name, struct sl_error *err);
void sl_lag_log_close(struct sl_lag_log *log);

/* Give back the descriptor, and the memory of the segment in hand. */
void sl_lag_log_rest(struct sl_lag_log *log);

/*
 * See sl_lag_measure(). Where damage hides the batch that is asked for, the
 * bytes count from the damage on, and the time is not known.
 */
SL_MUST_USE int sl_lag_log_measure(struct sl_lag_log *log, uint64_t offset,
    struct sl_lag *lag, struct sl_error *err);

#endif
