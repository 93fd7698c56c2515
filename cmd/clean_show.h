/*
 * clean_show.h: what cleaning a topic does or would do, told to people and
 * programs. Floor: cmd.
 */
#ifndef CLEAN_SHOW_H
#define CLEAN_SHOW_H

#include "streamlog.h"

struct clean_show {
	const struct sl_topic *topic;
	bool is_dry_run;
	bool is_json;
	uint64_t freed;      /* of all topics so far, for the progress */
	struct sl_error err; /* code SL_OK: no row was lost */
};

/* A struct sl_clean_options' tell; `arg` is the struct clean_show. */
void clean_show_note(void *arg, const struct sl_clean_note *note);

/* What it came to; nothing where there was nothing to do. */
void clean_show_sums(struct clean_show *show, const struct sl_clean_sums *sums);

#endif
