/*
 * group_plan.h: which places of a group would be set, and to what. Floor: cmd.
 * Reads only.
 */
#ifndef GROUP_PLAN_H
#define GROUP_PLAN_H

#include "group_reset.h"
#include "places_file.h"

struct plan_topic {
	char name[SL_TOPIC_NAME_MAX + 1];
	char id[32];
};

struct plan_row {
	const struct plan_topic *topic; /* the plan's */
	const struct file_place *line;  /* the file's; NULL: not of one */
	int partition;
	const char *was; /* "none", "damaged", "replaced"; NULL: `from` */
	uint64_t from;
	uint64_t wanted;
	uint64_t to; /* the same, within the log */
	uint64_t end;
};

struct plan {
	const struct group_query *query; /* borrowed, as is the goal */
	const struct reset_goal *goal;
	bool is_new;                   /* the group isn't there */
	struct sl_group_place *places; /* owned: as they are now */
	size_t place_count;
	struct places_file file;    /* owned; empty where the goal is none */
	struct plan_topic **topics; /* owned */
	size_t topic_count;
	struct plan_row *rows; /* owned, by topic and partition */
	size_t row_count;
	int status; /* the exit status of the first topic that failed */
};

/*
 * Make the plan; release is due whatever it returns. A topic that can't be
 * opened is told, and left out. Fails where a line of the file can't be, or the
 * group isn't there and neither topics nor a file are named.
 */
SL_MUST_USE int plan_make(struct plan *plan, const struct group_query *query,
    const struct reset_goal *goal, struct sl_error *err);
void plan_release(struct plan *plan);

/* Would anything change? */
bool plan_row_moves(const struct plan_row *row);

/* Does each line lie within its log? What is beyond it was never read. */
SL_MUST_USE int plan_check_commit(const struct plan *plan,
    struct sl_error *err);

#endif
