/*
 * progress.h: a bar on the terminal of stderr, for what takes a second or
 * more. Floor: cmd. Where stderr is no terminal, or with -q, all of it does
 * nothing.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* Begin; `total_bytes` 0: not known. `label` is borrowed until the end. */
void progress_start(const char *label, uint64_t total_bytes);

/* So many bytes are done. Cheap: looks at the clock, draws 10 times a second.
 */
void progress_update(uint64_t done_bytes);

/* Wipe it; due before a message, which it would be mixed with. The next update
 * draws it again. */
void progress_clear(void);

/* Wipe it for good. Harmless without a start. */
void progress_end(void);

#endif
