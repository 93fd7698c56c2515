/*
 * share.h: a member's share of its group's work, as the files of tail_group
 * have it. Floor: cmd.
 *
 * Events go by batches of one partition to a command, whose exit 0 takes them,
 * or to stdout, where they are taken when its kind or its reader says so. The
 * ledger knows what was handed on and is not taken; a place is committed up to
 * there and no further.
 */
#ifndef SHARE_H
#define SHARE_H

#include "acks.h"
#include "child.h"
#include "ending.h"
#include "ledger.h"
#include "outlet.h"
#include "roster.h"
#include "tail_batch.h"
#include "tail_options.h"

/* Where a bounded run ends in a partition: as it stood at the start. */
struct share_bound {
	const struct sl_topic *topic;
	int partition;
	uint64_t end;
};

/* The place of a partition that was not committed, for --print-place. */
struct share_place {
	char topic[SL_TOPIC_NAME_MAX + 1];
	char topic_id[32];
	int partition;
	uint64_t offset;
};

struct share {
	const struct tail_options *options;
	const struct tail_group *group;
	struct roster roster;
	struct sl_reader *reader;
	struct sl_member *member;
	struct sl_topic **topics; /* owned array; the roster's topics */
	size_t topic_count;
	struct share_bound *bounds; /* owned */
	size_t bound_count;

	struct shape shape;
	struct batch batch;
	struct ledger ledger;
	struct outlet outlet;
	struct acks acks;
	struct child child;
	struct ending ending;
	struct share_place *places; /* owned */
	size_t place_count;

	uint64_t left; /* events that may still be handed on */
	uint64_t handed;
	int status;
	bool is_over;
	bool has_failed;     /* reading: what was handed on is seen through */
	bool is_reader_gone; /* of stdout, or who acknowledges */
	bool is_fenced_off;  /* the group is lost: nothing more to commit */
	bool was_standing_by;
	int64_t names_ms;  /* when topics' names are looked at again */
	int64_t member_ms; /* when the member is */
	int64_t commit_ms; /* when places are committed again */
	int64_t stop_ms;   /* a signal came, say: when waiting ends */
};

static inline bool
share_is_command(const struct share *share)
{
	return share->group->command != NULL;
}

/* Over for a failure, which is told here. */
void share_fail(struct share *share, const struct sl_error *err);
void share_raise(struct share *share, int status);

/* ---- share_member.c ---- */

/* Show a sign of life, and take up what changed in the group. */
void share_look(struct share *share);

/* Was anything taken that is not committed? */
bool share_is_due(const struct share *share);

/*
 * Commit what was taken; nothing is done where nothing was. False: the group's
 * lock was busy; commit_ms says when to try again.
 */
bool share_commit(struct share *share);

/* The same at the end, where there is no later: what can't be is told. */
void share_commit_last(struct share *share);

/* Let go of what others wait for, once all of it was taken. */
void share_let_go(struct share *share);

/* Let go of a topic's partitions: it was deleted. False: not yet of all. */
bool share_drop_topic(struct share *share, const struct sl_topic *topic);

/* ---- share_output.c ---- */

/* Hand a batch on: run the command with it, or put it onto stdout. */
void share_hand_on(struct share *share);

/* May more be handed on now? */
bool share_has_room(const struct share *share);

/* Write what waits, hear what is acknowledged, see what was taken. */
void share_settle(struct share *share);

/* stdout has no reader any more: take down what he took, and tell. */
void share_lose_reader(struct share *share);

#endif
