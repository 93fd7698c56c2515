/*
 * stop.h: SIGINT, SIGTERM and SIGHUP as a wish to end well. Floor: cmd.
 *
 * The first one is noted; the second ends the process, whatever it is at.
 */
#ifndef STOP_H
#define STOP_H

#include "streamlog.h"

#include <stdatomic.h>

/* The signal that came; 0: none yet. */
extern atomic_int stop_signal;
/* Readable once it came; -1 before stop_catch(). */
extern int stop_fd;

/* From now on note them. */
SL_MUST_USE int stop_catch(struct sl_error *err);

/* Die of the signal that ended the run, so that a shell knows. */
int stop_die(void);

#endif
