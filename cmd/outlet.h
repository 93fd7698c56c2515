/*
 * outlet.h: stdout of a group's member, which must never be stuck in it: who
 * shows no sign of life is taken for dead. Floor: cmd.
 *
 * What stdout is decides when an event counts as taken: out of a pipe, once its
 * reader took the bytes (FIONREAD tells, also after the reader died); into a
 * file, once it is synced; anywhere else, once it is written.
 */
#ifndef OUTLET_H
#define OUTLET_H

#include "scratch.h"

enum outlet_kind {
	OUTLET_STREAM, /* a terminal, a socket, /dev/null */
	OUTLET_PIPE,
	OUTLET_FILE,
};

struct outlet {
	enum outlet_kind kind;
	int fd;        /* stdout, or owned: the same pipe, never waiting */
	int separator; /* behind each event; -1: none is known */
	struct scratch pending; /* owned: from `at` on not yet written */
	size_t at;
	uint64_t written;
};

/* So much may wait to be written before more is put there. */
#define OUTLET_PENDING_MAX ((size_t)64 << 10)

/*
 * See what stdout is. A file whose last line a kill left without `separator`
 * (-1: none is known) gets one. SL_EIO: stdout is closed.
 */
SL_MUST_USE int outlet_init(struct outlet *outlet, int separator,
    struct sl_error *err);
void outlet_release(struct outlet *outlet);

/* Put bytes behind those that wait. */
SL_MUST_USE int outlet_put(struct outlet *outlet, const char *bytes,
    size_t count, struct sl_error *err);

/* How many bytes wait to be written. */
size_t outlet_waiting(const struct outlet *outlet);

/*
 * Write what goes without waiting; into a file all, and sync it. Events that
 * fit into PIPE_BUF bytes go whole, for others may write there, too. SL_END:
 * the reader is gone.
 */
SL_MUST_USE int outlet_write(struct outlet *outlet, struct sl_error *err);

/* How many of the bytes put here were taken. */
uint64_t outlet_taken(const struct outlet *outlet);

#endif
