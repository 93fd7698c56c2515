/* scratch.c: a buffer that grows; see scratch.h. */
#include "scratch.h"
#include "cli.h"

#include <stdlib.h>

#define SCRATCH_BYTES_MIN 4096

void
scratch_release(struct scratch *scratch)
{
	free(scratch->bytes);
	*scratch = SCRATCH_EMPTY;
}

int
scratch_grow(struct scratch *scratch, size_t bytes, struct sl_error *err)
{
	size_t size;
	char *grown;

	size = scratch->size < SCRATCH_BYTES_MIN ? SCRATCH_BYTES_MIN
	                                         : scratch->size;
	while (size - scratch->used < bytes) {
		if (size > SIZE_MAX / 2)
			return sl_error_set(err, SL_ENOMEM, "out of memory");
		size *= 2;
	}
	grown = realloc(scratch->bytes, size);
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	scratch->bytes = grown;
	scratch->size = size;
	return SL_OK;
}

void
scratch_put_number(struct scratch *scratch, int64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest;

	rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (number < 0)
		digits[--at] = '-';
	scratch_put(scratch, digits + at, sizeof(digits) - at);
}
