/*
 * tree.h: a directory that is made to hold the files that are asked for, again
 * and again, with only what differs written.
 */
#ifndef CUTS_TREE_H
#define CUTS_TREE_H

#include <stddef.h>
#include <stdint.h>

struct slot {
	char *path; /* owned; relative */
	uint32_t kind;
	uint8_t *bytes; /* owned */
	size_t size;
	uint64_t recorded; /* its inode in the trace */
	uint64_t inode;    /* here; 0: to be written */
	int is_met;
};

enum slot_kind { SLOT_GONE, SLOT_DIR, SLOT_FILE };

struct tree {
	struct slot *slots; /* owned */
	size_t count;
};

/* The slot of a number that follows the last one, or is one of before. */
struct slot *tree_slot(struct tree *tree, size_t number);

/* Bring the current directory to what the slots say. */
void tree_make(struct tree *tree);

#endif
