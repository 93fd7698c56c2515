/*
 * scratch.h: a buffer that grows, for lines put together and reused. Floor:
 * cmd.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "streamlog.h"

#include <string.h>

struct scratch {
	char *bytes; /* owned; NULL: none yet */
	size_t used;
	size_t size;
};

#define SCRATCH_EMPTY ((struct scratch){ .bytes = NULL })

/* Give back the memory. Harmless twice. */
void scratch_release(struct scratch *scratch);

/* What scratch_reserve() does where there is not room enough: SL_ENOMEM. */
SL_MUST_USE int scratch_grow(struct scratch *scratch, size_t bytes,
    struct sl_error *err);

/* Have room for `bytes` more behind what is used. */
SL_MUST_USE static inline int
scratch_reserve(struct scratch *scratch, size_t bytes, struct sl_error *err)
{
	if (scratch->size - scratch->used >= bytes)
		return SL_OK;
	return scratch_grow(scratch, bytes, err);
}

/* Append, where room was reserved. */
static inline void
scratch_put(struct scratch *scratch, const void *bytes, size_t count)
{
	memcpy(scratch->bytes + scratch->used, bytes, count);
	scratch->used += count;
}

/* A whole number in decimal; needs 20 bytes of room at most. */
void scratch_put_number(struct scratch *scratch, int64_t number);

#endif
