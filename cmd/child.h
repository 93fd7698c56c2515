/*
 * child.h: a command that is run once a batch, with the batch on its stdin.
 * Floor: cmd.
 *
 * Its stdin is a sealed memory file that holds all of the batch before the
 * command begins, so that no death of ours tears a line of it; memfd_create(2).
 */
#ifndef CHILD_H
#define CHILD_H

#include "streamlog.h"

#include <sys/resource.h>
#include <sys/types.h>

struct child {
	char **argv;         /* borrowed */
	pid_t pid;           /* 0: none runs */
	int pid_fd;          /* owned; readable when it has ended; -1 */
	struct rlimit files; /* as it shall be for it, if has_files */
	bool has_files;
};

/* Raise our limit on open files to what is allowed; the command's stays. */
void child_raise_files(struct child *child);

/* NAME=VALUE words for its environment, beside ours; NULL at the end. */
#define CHILD_WORDS_MAX 8

/* Start it. SL_EIO: it can't be, *status is the one a shell would have. */
SL_MUST_USE int child_start(struct child *child, const void *input,
    size_t bytes, char *const words[CHILD_WORDS_MAX], int *status,
    struct sl_error *err);

/*
 * It has ended: its exit status, 128+N where signal N killed it. *how is what
 * to say of it, such as "ended with 1".
 */
int child_reap(struct child *child, char how[64]);

#endif
