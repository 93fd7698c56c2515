/*
 * group_scan.h: the places of groups, and how far each is from its partition's
 * end. Floor: cmd. Reads only; what it can't read of one is told on stderr, and
 * the rest is there all the same.
 *
 * Places are measured topic by topic, in the order of partitions and offsets,
 * which asks for few descriptors and little memory however many groups read.
 */
#ifndef GROUP_SCAN_H
#define GROUP_SCAN_H

#include "streamlog.h"

/* What is asked for on the command line. */
struct group_query {
	const char *dir;       /* NULL: the default */
	const char *state_dir; /* NULL: in the log directory */
	const char *group;     /* a name or a pattern; NULL: all */
	char *const *topics;   /* names and patterns */
	size_t topic_count;    /* 0: all */
};

/* How a place stands to its partition. */
enum place_state {
	PLACE_OK,
	PLACE_NONE,       /* a new partition, read from its beginning */
	PLACE_DAMAGED,    /* can't be read */
	PLACE_REPLACED,   /* is one in another topic of that name */
	PLACE_NO_TOPIC,   /* that topic isn't there */
	PLACE_BEYOND_END, /* the log has lost what it points behind */
	PLACE_UNREADABLE, /* the log can't be read; it was told why */
};

/* "ok", "none", "damaged", "replaced", "no topic", "beyond end", "unreadable".
 */
const char *place_state_name(enum place_state state);

struct scan_row {
	const char *group;                  /* its name; the scan's */
	const struct sl_group_place *place; /* the scan's */
	struct sl_group_place *made; /* owned: that place, if there is none */
	enum place_state state;
	bool has_end;      /* the range in `lag` is known */
	struct sl_lag lag; /* all of it where the place is measured */
	int64_t behind_ms; /* SL_TIME_NONE: not known; 0: nothing unread */
	/* Until retention passes the place; SL_TIME_NONE: never, or unknown. */
	int64_t headroom_ms;
};

struct scan_group {
	char *name; /* owned, as are the places */
	struct sl_group_place *places;
	size_t place_count;
	size_t live;      /* members */
	size_t row_first; /* its rows, by topic and partition */
	size_t row_count;
};

struct group_scan {
	const struct group_query *query; /* borrowed */
	struct scan_group *groups;       /* owned, sorted, as are the rows */
	size_t group_count;
	struct scan_row *rows;
	size_t row_count;
	int status; /* the exit status of the first that failed */
};

#define GROUP_SCAN_EMPTY ((struct group_scan){ .groups = NULL })

/*
 * Look at all that is asked for; `needs_live`: also how many members live.
 * Fails where the one group that was named can't be looked at, or memory lacks.
 */
SL_MUST_USE int group_scan_read(struct group_scan *scan,
    const struct group_query *query, bool needs_live, struct sl_error *err);

/* The places alone, not how far they are behind. */
SL_MUST_USE int group_scan_list(struct group_scan *scan,
    const struct group_query *query, struct sl_error *err);
void group_scan_release(struct group_scan *scan);

/* Is it known how far the place is behind? Can its offset be used? */
bool scan_row_is_measured(const struct scan_row *row);
bool scan_row_has_offset(const struct scan_row *row);

/* Would a member stop there? Not at one of a partition that is no more. */
bool scan_row_is_trouble(const struct scan_row *row);

/* Tell a failure of one of many; scan->status is that of the first. */
void group_scan_note(struct group_scan *scan, const struct sl_error *err);

/* The places of one group in one topic, as one. */
struct scan_sum {
	const char *group;
	const char *topic;
	const struct scan_row *rows;
	size_t partitions; /* that have a place; as many rows */
	size_t members;    /* that read there */
	const struct scan_row
	    *trouble;    /* NULL: all places are as they should */
	uint64_t events; /* without trouble: in all */
	uint64_t bytes;
	int64_t behind_ms;   /* the longest; SL_TIME_NONE: not known */
	int64_t headroom_ms; /* the shortest; SL_TIME_NONE: none */
};

/* The next one: *at starts as 0. False: no more. */
bool scan_next_sum(const struct group_scan *scan, size_t *at,
    struct scan_sum *sum);

/* Does one of the query's topics match? All do where it names none. */
bool group_query_takes(const struct group_query *query, const char *topic);

/* Is the group asked for by a pattern, or not at all? */
bool group_query_is_open(const struct group_query *query);

/*
 * The names of the groups that are asked for: just that where it is a name.
 * SL_ENOTFOUND: no group matches.
 */
SL_MUST_USE int group_query_names(const struct group_query *query,
    char ***names, size_t *count, struct sl_error *err);

#endif
