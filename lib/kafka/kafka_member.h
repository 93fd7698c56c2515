/*
 * kafka_member.h: a member, as the files of it share it. Floor: kafka.
 */
#ifndef SL_KAFKA_MEMBER_H
#define SL_KAFKA_MEMBER_H

#include "kafka.h"

/* A partition that the coordinator gave. */
struct sl_kafka_held {
	char name[SL_TOPIC_NAME_MAX + 1];
	int partition;
	uint64_t offset;        /* the place, as it is committed */
	struct sl_topic *topic; /* the caller's; NULL: not handed out yet */
	bool is_revoked;
};

struct sl_member {
	const struct sl_engine *engine; /* the door's */
	struct sl_kafka kafka;          /* owned: the reader reads by it, too */
	struct sl_reader *reader;       /* borrowed */
	rd_kafka_queue_t *events;       /* owned */
	rd_kafka_queue_t *commits;      /* owned: what became of them */
	char *group;                    /* owned */
	int64_t session_ms;
	enum sl_group_first first;
	int64_t first_ms;
	struct sl_kafka_held *held; /* owned */
	size_t held_count;
	struct sl_member_change *changes; /* owned; from `taken` on */
	size_t change_count;
	size_t change_room;
	size_t changes_taken;
	size_t partitions; /* of the caller's topics */
	/* Owned: to be given back once none of it is held. */
	rd_kafka_topic_partition_list_t *revoked;
	/* Owned: what was given, while its places can't be asked; or NULL. */
	rd_kafka_topic_partition_list_t *given;
	bool is_settled;   /* the coordinator has said what is its own */
	bool was_assigned; /* it has said so once */
	int64_t seal_ms;   /* descriptors are looked at again then */
	/* Of the others, who may be dead; see kafka_others.c. */
	rd_kafka_topic_partition_list_t *others; /* owned; NULL: to be asked */
	int64_t others_until_ms;
	bool is_others_turn;
};

/*
 * Commit places. SL_EBUSY: it isn't known what became of it; SL_EIO: nor will
 * it be, for the program was stopped. SL_EFENCED.
 */
SL_MUST_USE int sl_kafka_commit(struct sl_member *member,
    const rd_kafka_topic_partition_list_t *list, struct sl_error *err);

/* ---- kafka_assign.c ---- */

/* An event of its client's: partitions come or go, or something is wrong. */
SL_MUST_USE int sl_kafka_member_hear(struct sl_member *member,
    rd_kafka_event_t *event, struct sl_error *err);

/* Take up what was given; it stays so while the cluster doesn't answer. */
SL_MUST_USE int sl_kafka_member_take(struct sl_member *member,
    struct sl_error *err);

/* Is something that was revoked still being worked on? */
bool sl_kafka_member_is_busy(const struct sl_member *member);

/* Give back what was revoked. */
SL_MUST_USE int sl_kafka_member_give_back(struct sl_member *member,
    struct sl_error *err);

/* One more change to tell. */
SL_MUST_USE int sl_kafka_member_tell(struct sl_member *member,
    enum sl_member_change_kind kind, const struct sl_kafka_held *held,
    struct sl_error *err);

struct sl_kafka_held *sl_kafka_held_find(const struct sl_member *member,
    const char *name, int partition);
void sl_kafka_held_forget(struct sl_member *member, struct sl_kafka_held *held);

/* An error of librdkafka's, which is destroyed; NULL: none. */
SL_MUST_USE int sl_kafka_member_error(const struct sl_member *member,
    rd_kafka_error_t *error, struct sl_error *err);

/* ---- kafka_others.c ---- */

/* The assignment is another one: others have other partitions. */
void sl_kafka_others_forget(struct sl_member *member);

/*
 * Look whether what others have is read; says so in member->is_others_turn.
 * What can't be asked now is asked again.
 */
SL_MUST_USE int sl_kafka_others_look(struct sl_member *member,
    struct sl_topic *const *topics, size_t count, struct sl_error *err);

#endif
