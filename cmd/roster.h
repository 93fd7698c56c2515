/*
 * roster.h: the topics that a reader's operands stand for, now and while it
 * follows: names, paths, and globs, which new topics may come to match.
 * Floor: cmd.
 *
 * A topic found at the start is read as `select` says, one that comes later
 * from its beginning. The roster owns the topics and tells on stderr of those
 * that come and go.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include "select.h"
#include "streamlog.h"

enum roster_patience {
	ROSTER_BOUNDED, /* what isn't there is an error */
	ROSTER_FOLLOW,  /* globs wait for topics, names don't */
	ROSTER_RETRY,   /* names wait, too, and for the next one of that name */
};

struct roster_operand {
	const char *text; /* as typed */
	char *path;       /* owned: what dir and name point into */
	const char *dir;  /* a path's parent; NULL: roster->dir */
	const char *name; /* a name or a pattern */
	bool is_glob;
	bool is_waiting; /* a name that isn't there */
	bool is_told;    /* that it is waited for */

	/* What is there can't be opened; told once, where it lasts. */
	bool is_trouble_told;
	int64_t trouble_ms; /* since when; 0: no trouble */
};

struct roster_topic {
	struct sl_topic *topic; /* owned */
	struct roster_operand *operand;
	int assigned;     /* partitions below it were seen to */
	bool is_leaving;  /* deleted: what is left of it is being read */
	bool is_in_doubt; /* its settings couldn't be read; told once */
};

struct roster {
	const char *dir; /* borrowed; NULL: the default */
	enum roster_patience patience;
	const struct select *select; /* borrowed */
	bool
	    is_shared; /* by a group, which says what is read, and from where */
	struct sl_reader *reader; /* borrowed; NULL: not yet */
	struct roster_operand *operands;
	size_t operand_count;
	struct roster_topic *topics;
	size_t topic_count;
	bool is_missing;    /* a named topic went, and is not waited for */
	int trouble_status; /* of topics that a pattern matched; 0: none */
};

#define ROSTER_EMPTY ((struct roster){ .topics = NULL })

/*
 * Open the topics of `operands`. SL_ENOTFOUND where one isn't there and not
 * waited for. Release is due whatever it returns.
 */
SL_MUST_USE int roster_open(struct roster *roster, char *const *operands,
    size_t operand_count, struct sl_error *err);
void roster_release(struct roster *roster);

/* The log directory of its first operand, as it was named; NULL: default. */
const char *roster_dir(const struct roster *roster);

/* The windows of all partitions that are asked for; free(3) them. */
SL_MUST_USE int roster_windows(struct roster *roster,
    struct select_window **windows, size_t *count, struct sl_error *err);

/* From now on assign to `reader` what comes, and have it watch for that. */
void roster_begin_follow(struct roster *roster, struct sl_reader *reader);

/*
 * Look for new partitions and topics, which are assigned, and for deleted ones,
 * which begin to leave. Due each second, and when a watched directory changed.
 */
SL_MUST_USE int roster_look(struct roster *roster, struct sl_error *err);

/*
 * Let go of those that leave; due when what is left of them was read. Returns
 * whether there was one: the next of its name may be there already.
 */
bool roster_drop_leaving(struct roster *roster);

/* Reading found a topic deleted: it begins to leave. False: it does already. */
bool roster_lose(struct roster *roster, const struct sl_topic *topic);

/* Is anything waited for that only a look at names can find? */
bool roster_awaits_names(const struct roster *roster);

/*
 * Is all read that was there before this call? While a reader follows a cluster
 * what is there may still be on its way.
 */
bool roster_is_read(const struct roster *roster);

/* Is there no topic, and none to wait for? */
bool roster_is_over(const struct roster *roster);

#endif
