/*
 * lock.h: open file description locks on single bytes. Floor: base.
 *
 * The lock goes with the last descriptor of its open file description, so with
 * the process; fcntl(2). An exclusive lock needs a writable descriptor, which
 * is why a lock file is readable only by who may write it (RULE 1).
 */
#ifndef SL_LOCK_H
#define SL_LOCK_H

#include "streamlog.h"

/*
 * Take byte `byte` of `fd`, exclusive or shared, waiting up to `timeout_ms`
 * (0: try once). SL_EBUSY when the time is up; the text is the caller's to
 * wrap. Taking it again, or the other way, changes the lock that is held.
 */
SL_MUST_USE int sl_lock_take(int fd, int byte, bool exclusive, int timeout_ms,
    struct sl_error *err);
void sl_lock_drop(int fd, int byte);

/*
 * Does another hold byte `byte` exclusively? Takes nothing, and needs no more
 * than a descriptor for reading (RULE 19).
 */
bool sl_lock_is_held(int fd, int byte);

#endif
