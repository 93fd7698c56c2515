/*
 * member.h: this process in a group, as the files of the member share it.
 * Floor: group.
 */
#ifndef SL_MEMBER_H
#define SL_MEMBER_H

#include "group.h"
#include "reader.h"

/* A partition that is this member's. */
struct sl_held {
	struct sl_topic *topic; /* the caller's */
	char name[SL_TOPIC_NAME_MAX + 1];
	int partition;
	size_t row;                 /* in the assignment */
	struct sl_place_file place; /* opened when it is handed out */
	bool is_revoked;            /* the caller was told to let go */
};

struct sl_member {
	const struct sl_engine *engine; /* the door's; see files.h */
	struct sl_group *group;         /* owned */
	struct sl_reader *reader;       /* borrowed */
	struct sl_peer_card card;       /* its words are owned */
	char id[SL_PEER_ID_SIZE];
	char name[SL_MEMBER_NAME_SIZE];
	int fd; /* owned: its own file, locked; -1: not in the group */

	struct sl_peers peers;
	struct sl_assignment view; /* as it was read last */
	struct sl_held *held;      /* owned */
	size_t held_count;
	struct sl_member_change
	    *changes; /* owned: to be taken from `taken` on */
	size_t change_count;
	size_t change_room;
	size_t changes_taken;
	size_t partitions; /* of the caller's topics */

	int members_watch; /* numbers of the reader's watch */
	int lock_watch;
	bool has_event;   /* something changed: look */
	bool is_copy_due; /* assignment.json may be old */
	int nap_ms;       /* of the next look after an event (RULE 19) */
	int64_t look_ms;  /* when the next look is due */
	int64_t beat_ms;  /* when the next heartbeat is */
	int64_t copy_ms;  /* when assignment.json is looked at again */
};

/*
 * How long to wait for the group's lock between heartbeats; then it is tried
 * again.
 */
#define SL_TURN_TIMEOUT_MS 200

/* The caller's topics. */
struct sl_topics {
	struct sl_topic *const *list;
	size_t count;
};

/* How many partitions they have. */
size_t sl_topics_partitions(const struct sl_topics *topics);

/* ---- member.c ---- */

/*
 * Look again, plan, and write what changes: under the group's exclusive lock,
 * so that what two members find to do at once is done once (RULE 21).
 */
SL_MUST_USE int sl_member_act(struct sl_member *member,
    const struct sl_topics *topics, struct sl_error *err);

/* Come in, under a new id. SL_EEXISTS: one of the members is to be alone. */
SL_MUST_USE int sl_member_enter(struct sl_member *member,
    const struct sl_topics *topics, struct sl_error *err);

/* ---- member_look.c ---- */

/* The reader's watch saw something: is it the group's? */
void sl_member_note_event(void *member, int number);

/* Show a sign of life, where one is due: from whatever may take long. */
void sl_member_beat(struct sl_member *member);

/* Write assignment.json; nobody is in haste for it. */
void sl_member_copy(struct sl_member *member);

/* ---- member_plan.c ---- */

/*
 * Change `view` to what it should be for the members that live: dead owners
 * replaced, the rest balanced. Rows of topics that are not this member's stay.
 * The rows that change are marked.
 */
SL_MUST_USE int sl_member_plan(struct sl_member *member,
    const struct sl_topics *topics, struct sl_error *err);

/* ---- member_place.c ---- */

/* Make places where a topic that is new to the group begins (H36). */
SL_MUST_USE int sl_member_pin(const struct sl_member *member,
    const struct sl_topics *topics, const struct sl_member_options *options,
    struct sl_error *err);

/* Open the place of a partition, made where it lacks, and judge it. */
SL_MUST_USE int sl_member_open_place(struct sl_member *member,
    struct sl_held *held, struct sl_error *err);

struct sl_held *sl_member_find(const struct sl_member *member,
    const char *topic, int partition);
void sl_member_drop(struct sl_member *member, struct sl_held *held);

#endif
