/*
 * oracle.h: what a topic's files hold, read without the library; the bytes are
 * in streamlog-format(5). Shares no code with what it judges.
 */
#ifndef CUTS_ORACLE_H
#define CUTS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#define PARTS_MAX 64
#define FLAWS_MAX 256

/* An event, its value and key as numbers; key 0: none. */
struct event {
	uint32_t partition;
	uint32_t is_tombstone;
	uint64_t offset;
	uint64_t value;
	uint64_t key;
};

/* Offsets [from, to) that can't be read; `to` may be unknown (0). */
struct flaw {
	uint32_t partition;
	uint32_t kind; /* 'd': damage; 'g': no segment has them */
	uint64_t from;
	uint64_t to;
};

struct view {
	struct event *events; /* owned */
	size_t count;
	size_t room;
	struct flaw flaws[FLAWS_MAX];
	size_t flaw_count;
	uint32_t parts;           /* partitions 0 to parts - 1 are there */
	uint64_t ends[PARTS_MAX]; /* what the next event should get at least */
};

uint32_t oracle_crc(const void *bytes, size_t count);
uint64_t oracle_hash(const void *bytes, size_t count);

void view_add(struct view *view, const struct event *event);

/* Forget all; the memory stays. */
void view_clear(struct view *view);

/* All of a topic; what is there before in `view` stays. */
void oracle_topic(struct view *view, const char *path);

/*
 * Does each entry of the indexes of a partition's last segment name a batch?
 * Only of such that a writer has just opened: before that they are hints.
 */
int oracle_indexes_hold(const char *path, uint32_t partition);

/* The events of batches, one behind the other; stops where there is none. */
void oracle_batches(struct view *view, const uint8_t *bytes, size_t count);

#endif
