/*
 * time_field.h: an event's own time, out of its JSON. Floor: cmd.
 */
#ifndef TIME_FIELD_H
#define TIME_FIELD_H

#include "scratch.h"
#include "streamlog.h"

/*
 * The time at `field` of a JSON text known to be good: a number, or a text that
 * says a time or is such a number. `room` is for its text. SL_EREJECTED: `err`
 * says why it is none; or SL_ENOMEM.
 */
SL_MUST_USE int time_field_read(struct scratch *room, const char *field,
    const char *text, size_t bytes, int64_t now_ms, int64_t *ms,
    struct sl_error *err);

#endif
