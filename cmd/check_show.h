/*
 * check_show.h: what is wrong with a topic, for eyes and programs. Floor: cmd.
 */
#ifndef CHECK_SHOW_H
#define CHECK_SHOW_H

#include "streamlog.h"

#include <stdbool.h>

struct check_show {
	const struct sl_topic *topic; /* borrowed */
	bool is_json;
	bool is_mending;
	uint64_t bytes_done; /* of the partitions before */
	struct sl_error err; /* SL_OK, or why a row could not be printed */
};

/* One place: what is wrong to stderr, what was done to stdout; or a row. `arg`
 * is a struct check_show. */
void check_show_note(void *arg, const struct sl_check_note *note);

/* --dump: a batch, and a record of one. `arg` as above. */
void check_show_batch(void *arg, const struct sl_check_batch *batch);
void check_show_record(void *arg, const struct sl_check_batch *batch,
    const struct sl_record *record);

/* So much of a partition is read. `arg` as above. */
void check_show_progress(void *arg, uint64_t bytes);

/* A partition: a line, or a row. */
void check_show_sums(struct check_show *show, int partition,
    const struct sl_check_sums *sums);

#endif
