/*
 * actors.h: threads that stand in for processes, for test_threads.c. Each opens
 * handles of its own, and does its part on the same topics until its time is
 * over: `log`, which keeps all; `ring`, which loses its oldest; `table`, which
 * keeps the last of each key; `brief`, which comes and goes.
 *
 * An event tells its writer and its number, and each writer's are dealt to the
 * partitions in turn: so in a partition they rise by ones.
 */
#ifndef SL_ACTORS_H
#define SL_ACTORS_H

#include "streamlog.h"

#include <pthread.h>
#include <stdatomic.h>

#define PARTITIONS 2
#define WRITERS 6
#define KEYS 7
#define BATCH 10              /* events, of a writer that has no hurry */
#define EVENTS_MAX (1u << 20) /* of one writer */

extern char actors_path[64];       /* the log directory */
extern atomic_bool actors_over;    /* the time is over */
extern atomic_bool actors_written; /* and so is all writing */
/* By the group, of each writer. */
extern atomic_bool actors_handled[WRITERS][EVENTS_MAX];

struct actor {
	pthread_t thread;
	const char *topic;
	enum sl_sync_level sync; /* a writer's */
	unsigned id;
	uint64_t count; /* what it did, in its own unit */
	uint64_t limit; /* a writer ends there */
	int rc;
	struct sl_error err;
};

/* Whose is an event, and which? False: nobody wrote that. */
bool actors_parse(const struct sl_record *record, unsigned *writer,
    uint64_t *n);

/* What threads do: `arg` is a struct actor. */

/* Append to a topic. */
void *actors_write(void *arg);
/* Read all of `log`, each event once, to the end that it has when written. */
void *actors_follow(void *arg);
/* Read `ring`, whose oldest go meanwhile. */
void *actors_read_ring(void *arg);
/* Join a group that reads `log`, work, and leave or die, again and again. */
void *actors_join(void *arg);

/* A last member handles what the others left. */
int actors_drain(struct sl_error *err);

#endif
