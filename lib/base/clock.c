/* clock.c: the machine's clocks; see clock.h. */
#include "clock.h"

#include <assert.h>

__attribute__((weak)) int64_t
sl_clock_read(clockid_t clock)
{
	struct timespec now;
	int rc;

	rc = clock_gettime(clock, &now);
	assert(rc == 0); /* fails only for a clock that Linux lacks */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
sl_now_ms(void)
{
	return sl_clock_read(CLOCK_REALTIME);
}

int64_t
sl_monotonic_ms(void)
{
	return sl_clock_read(CLOCK_BOOTTIME);
}
