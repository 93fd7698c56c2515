/*
 * ending.h: when a follower ends by itself: after a time without an event, or
 * once another process has died. Floor: cmd.
 */
#ifndef ENDING_H
#define ENDING_H

#include "streamlog.h"

#include <sys/types.h>

struct ending {
	int64_t idle_ms;   /* -1: never mind */
	int64_t active_ms; /* when the last event came */
	pid_t pid;         /* 0: none */
	int pid_fd;        /* owned: readable once it is dead; -1: none */
	bool is_pid_dead;  /* what is there now is the last */
};

#define ENDING_NEVER ((struct ending){ .idle_ms = -1, .pid_fd = -1 })

/* Begin to wait for the end. */
void ending_begin(struct ending *ending, int64_t idle_ms, pid_t pid);
void ending_close(struct ending *ending);

/* Is the process dead, where the kernel has no descriptor to wait on? */
void ending_look(struct ending *ending);

/* At the end of what there is: was there nothing for long enough? */
bool ending_is_idle(const struct ending *ending, int64_t now_ms);

/* So long may be slept, `timeout_ms` at most. */
int64_t ending_wait_ms(const struct ending *ending, int64_t now_ms,
    int64_t timeout_ms);

#endif
