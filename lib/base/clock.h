/*
 * clock.h: the one place that reads a clock. Floor: base.
 */
#ifndef SL_CLOCK_H
#define SL_CLOCK_H

#include "streamlog.h"

#include <time.h>

/*
 * What `clock` (CLOCK_REALTIME, CLOCK_BOOTTIME) shows, in ms. All readings in
 * the library come through here. It is a weak symbol: a test that defines its
 * own owns the time.
 */
int64_t sl_clock_read(clockid_t clock);

#endif
