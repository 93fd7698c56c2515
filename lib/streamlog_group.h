/*
 * streamlog_group.h: consumer groups: who has read how far, and their members,
 * who share the work. A part of streamlog.h, which includes it; include that.
 */
#ifndef STREAMLOG_GROUP_H
#define STREAMLOG_GROUP_H

#ifndef STREAMLOG_H
#error "include streamlog.h, which includes this"
#endif

/* ---- Groups ---- */

/*
 * A consumer group keeps a place in each partition that it reads: the offset to
 * read next. It is a directory over all topics of one log directory,
 * DIR/@groups/NAME, or STATE_DIR/NAME where `state_dir` is not NULL. `dir` NULL
 * is the default log directory. Who may write there may read with the group;
 * the others can look at it (RULES 16 to 21).
 */
struct sl_group;

/* May a group be called that? As topics are. SL_EUSAGE says why not. */
SL_MUST_USE int sl_group_name_check(const char *name, struct sl_error *err);

/*
 * The groups whose names match `pattern` (NULL: all), sorted. SL_ENOTFOUND: the
 * log directory, or `state_dir`, isn't there.
 */
SL_MUST_USE int sl_group_list(const char *dir, const char *state_dir,
    const char *pattern, char ***names, size_t *count, struct sl_error *err);

/* Open a group to look at it, or to change it. SL_ENOTFOUND. */
SL_MUST_USE int sl_group_open(struct sl_group **group, const char *dir,
    const char *state_dir, const char *name, struct sl_error *err);
void sl_group_close(struct sl_group *group);

/* Make a group that has no place yet. SL_EEXISTS: it is there, and is fine. */
SL_MUST_USE int sl_group_create(const char *dir, const char *state_dir,
    const char *name, struct sl_error *err);

#define SL_MEMBER_NAME_SIZE 64

/* A place as it is on disk, and who reads there now. */
struct sl_group_place {
	char topic[SL_TOPIC_NAME_MAX + 1];
	int partition;
	bool is_damaged;   /* `offset` and the rest of it can't be read */
	uint64_t offset;   /* the next to read */
	int64_t time_ms;   /* of the last commit */
	char topic_id[32]; /* of the topic that it is a place in */
	char member[SL_MEMBER_NAME_SIZE]; /* its live owner; "": none */
};

/* All places of a group, by topic and partition; free(3) them. */
SL_MUST_USE int sl_group_places(struct sl_group *group,
    struct sl_group_place **places, size_t *count, struct sl_error *err);

/* How many members are alive. */
SL_MUST_USE int sl_group_live(struct sl_group *group, size_t *count,
    struct sl_error *err);

/* One place to set. */
struct sl_group_move {
	const char *topic;
	const char *topic_id;
	int partition;
	uint64_t offset;
};

/*
 * Set places, of which some may be new. SL_EBUSY, and nothing is done, while
 * the group has a live member. `forward`: none may move back, or be damaged or
 * of another topic: SL_EUSAGE or SL_ECORRUPT, and nothing is done.
 */
SL_MUST_USE int sl_group_set(struct sl_group *group,
    const struct sl_group_move *moves, size_t count, bool forward,
    struct sl_error *err);

/* Forget a topic's places. SL_EBUSY while the group has a live member. */
SL_MUST_USE int sl_group_forget(struct sl_group *group, const char *topic,
    struct sl_error *err);

/* Delete a group. SL_EBUSY while it has a live member. */
SL_MUST_USE int sl_group_delete(const char *dir, const char *state_dir,
    const char *name, struct sl_error *err);

/* How far an offset is from a partition's end. */
struct sl_lag {
	struct sl_range range; /* of the partition */
	uint64_t events;       /* from the offset to the end; 0: beyond it */
	uint64_t bytes;        /* as stored, to a batch; or SL_UNKNOWN */
	int64_t
	    first_ms;  /* time of the first of them; SL_TIME_NONE: not known */
	uint64_t gone; /* of them, those that are not there any more */
};

/*
 * A topic's logs, opened for many questions about lag: it remembers indexes.
 * `topic` must outlive it.
 */
struct sl_lag_meter;
SL_MUST_USE int sl_lag_meter_open(struct sl_lag_meter **meter,
    struct sl_topic *topic, struct sl_error *err);
void sl_lag_meter_close(struct sl_lag_meter *meter);
SL_MUST_USE int sl_lag_measure(struct sl_lag_meter *meter, int partition,
    uint64_t offset, struct sl_lag *lag, struct sl_error *err);

/* ---- Members ---- */

/*
 * A member of a group: this process, sharing the partitions of its topics with
 * the other members that live. It is alive while it has its file locked; who
 * sees it dead, or silent for its session time-out, takes its partitions over.
 */
struct sl_member;

enum sl_group_first {
	SL_GROUP_BEGINNING,
	SL_GROUP_END,
	SL_GROUP_TIME, /* the first event at first_ms or later */
};

struct sl_member_options {
	const char *dir;       /* the log directory; NULL: the default */
	const char *state_dir; /* where the group lies; NULL: @groups in dir */
	/* Names and globs of its topics, for the other members to know. */
	const char *const *words;
	size_t word_count;
	bool is_exclusive; /* no other member beside it: else SL_EBUSY */
	int64_t session_timeout_ms;
	/* Where a topic that is new to the group begins: those open at join. */
	enum sl_group_first first;
	int64_t first_ms;
};

/*
 * Join a group, made where it lacks. `topics` are those of its words that are
 * there, opened by the caller, as for sl_member_look(). `reader` follows, wakes
 * in sl_reader_wait() when something changes in the group, and must outlive the
 * member. What it gets comes by sl_member_look(). SL_EBUSY: a member is there,
 * and it or this one is exclusive. SL_EUSAGE: the topics lie in different log
 * directories.
 */
SL_MUST_USE int sl_member_join(struct sl_member **member, const char *group,
    const struct sl_member_options *options, struct sl_reader *reader,
    struct sl_topic *const *topics, size_t topic_count, struct sl_error *err);

/* As a death: nothing is handed over, others take it. See sl_member_leave(). */
void sl_member_close(struct sl_member *member);

/*
 * Show a sign of life and see what changed; due after each sl_reader_wait(),
 * cheap when nothing is. `topics` are all of its words' topics that are there.
 * SL_OK: there are changes to take by sl_member_next_change(); SL_END: none.
 * *again_ms: it is due again after so long.
 */
SL_MUST_USE int sl_member_look(struct sl_member *member,
    struct sl_topic *const *topics, size_t topic_count, int *again_ms,
    struct sl_error *err);

enum sl_member_change_kind {
	SL_MEMBER_ASSIGNED, /* read it from `offset` on */
	SL_MEMBER_REVOKED,  /* finish and commit, then sl_member_release() */
	SL_MEMBER_LOST,     /* another has it: what is not committed is its */
	SL_MEMBER_UNKNOWN,  /* assigned, but none of `topics` is that: look for
	                       it; said again at each look */
};

struct sl_member_change {
	enum sl_member_change_kind kind;
	struct sl_topic *topic; /* the caller's; NULL: UNKNOWN, or closed */
	char name[SL_TOPIC_NAME_MAX + 1];
	int partition;
	uint64_t offset;
};

/*
 * The next change. SL_END: there is none. A place that can't be read on from
 * (damaged, of another topic, beyond the end) fails: SL_ECORRUPT, `err` says
 * what mends it.
 */
SL_MUST_USE int sl_member_next_change(struct sl_member *member,
    struct sl_member_change *change, struct sl_error *err);

/*
 * Commit a place: the log up to it, then the place, are on disk when this
 * returns. SL_EFENCED: the partition isn't this member's any more; it comes as
 * SL_MEMBER_LOST. SL_EUSAGE: beyond what was read. SL_EIO: a sync failed, also
 * an earlier one of a writer's: no place passes that. One that is there already
 * is done; one before it, too, and stays as it is.
 */
SL_MUST_USE int sl_member_commit(struct sl_member *member,
    const struct sl_topic *topic, int partition, uint64_t offset,
    struct sl_error *err);

/* Let go of a partition, whose last commit is made. */
SL_MUST_USE int sl_member_release(struct sl_member *member,
    const struct sl_topic *topic, int partition, struct sl_error *err);

/* Hand all over to the others and leave the group; close is still due. */
SL_MUST_USE int sl_member_leave(struct sl_member *member, struct sl_error *err);

struct sl_member_info {
	const char *name;  /* "atlas:4711" */
	size_t members;    /* that live, this one among them */
	size_t partitions; /* of this member's topics */
	size_t mine;
	size_t coming; /* to be this one's once their owners let go */
};
void sl_member_info(const struct sl_member *member,
    struct sl_member_info *info);

#endif
