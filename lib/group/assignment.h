/*
 * assignment.h: who owns which partition: the text of a group's `lock`, and the
 * copy of it to read. Floor: group.
 *
 * `lock` is a head and a row for each partition, each a line of fixed width
 * with a checksum, overwritten in place. Byte 0: shared by who commits,
 * exclusive for changes. Byte 1: a gate that who changes holds, and who commits
 * passes, lest many committers starve him (RULE 16). Byte 2: who makes files in
 * the group's directory and in places/.
 *
 * Changes are written under the exclusive lock: the head with the next
 * generation, then the rows that change, each by one write within a page. A
 * kill may leave some rows old: each row is true by itself, and whoever looks
 * next finds the rest to do. A power cut may tear them: what can't be read owns
 * nothing. Readable only by who may write there (RULE 1); assignment.json is
 * for everybody, written after the lock was let go of, and may be a moment old.
 */
#ifndef SL_ASSIGNMENT_H
#define SL_ASSIGNMENT_H

#include "peer.h"

#define SL_GROUP_LOCK "lock"
#define SL_GROUP_BYTE_CHANGE 0
#define SL_GROUP_BYTE_GATE 1
#define SL_GROUP_BYTE_FILES 2

#define SL_ASSIGNMENT_JSON "assignment.json"
#define SL_ROW_BYTES 512

/* Who owns a partition; "": nobody. A row without a topic is free. */
struct sl_row {
	char topic[SL_TOPIC_NAME_MAX + 1];
	int partition;
	char owner[SL_PEER_ID_SIZE];
	char next[SL_PEER_ID_SIZE]; /* who is to have it once owner let go */
};

struct sl_assignment {
	uint64_t generation; /* 0: the head couldn't be read */
	bool is_lost;        /* so that it must be written */
	struct sl_row *rows; /* owned */
	bool *is_changed;    /* owned: rows that are not yet written */
	size_t count;
	size_t room;
};
#define SL_ASSIGNMENT_EMPTY ((struct sl_assignment){ .rows = NULL })
void sl_assignment_release(struct sl_assignment *assignment);

/* ---- One line; pure ---- */

void sl_row_print(const struct sl_row *row, char line[SL_ROW_BYTES]);
/* False: it is not as sl_row_print() makes them; *row is free then. */
bool sl_row_parse(const char line[SL_ROW_BYTES], struct sl_row *row);

/* ---- The file ---- */

/* Make a group's `lock`. */
SL_MUST_USE int sl_assignment_create(int dir, const struct sl_fs_like *like,
    struct sl_error *err);

/* Read all; under either lock, or by luck: each row is true by itself. */
SL_MUST_USE int sl_assignment_read(struct sl_assignment *assignment, int lock,
    struct sl_error *err);

/* Read one row as it stands. */
SL_MUST_USE int sl_assignment_read_row(int lock, size_t index,
    struct sl_row *row, struct sl_error *err);

/* The index of a partition's row, looked for at `hint` first; -1: none. */
long sl_assignment_find(const struct sl_assignment *assignment,
    const char *topic, int partition, size_t hint);

/* Give a partition a row, which nobody owns: a free one, or a new one. */
SL_MUST_USE int sl_assignment_add(struct sl_assignment *assignment,
    const char *topic, int partition, size_t *index, struct sl_error *err);

/* Set a row's owner and next (NULL: nobody); remembers whether it changed. */
void sl_assignment_set(struct sl_assignment *assignment, size_t index,
    const char *owner, const char *next);

/* Let a row be free. */
void sl_assignment_free(struct sl_assignment *assignment, size_t index);

bool sl_assignment_is_changed(const struct sl_assignment *assignment);

/*
 * Write what was changed, with the next generation; nothing where nothing was.
 * Under the exclusive lock.
 */
SL_MUST_USE int sl_assignment_write(struct sl_assignment *assignment, int lock,
    struct sl_error *err);

/* ---- The copy ---- */

/* Write assignment.json in the directory `dir`. Byte 2 is held. */
SL_MUST_USE int sl_assignment_write_copy(const struct sl_assignment *assignment,
    int dir, const struct sl_fs_like *like, struct sl_error *err);

/* Read it; SL_END: it isn't there, or no such thing. */
SL_MUST_USE int sl_assignment_read_copy(struct sl_assignment *assignment,
    int dir, struct sl_error *err);

#endif
