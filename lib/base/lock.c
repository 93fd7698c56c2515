/* lock.c: byte locks; see lock.h. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>

#define YIELDS 4
#define NAP_NS_MIN 20000
#define NAP_NS_MAX 2000000

static struct flock
lock_of(int byte, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};
}

static int
set_lock(int fd, int byte, short type)
{
	struct flock lock = lock_of(byte, type);

	return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/*
 * A waiter naps instead of queueing in the kernel: F_OFD_SETLKW can't be given
 * a time-out, and its queue is no fairer. Sections are tens of microseconds: at
 * first another one that is ready may as well run.
 */
int
sl_lock_take(int fd, int byte, bool exclusive, int timeout_ms,
    struct sl_error *err)
{
	struct timespec nap = { .tv_nsec = NAP_NS_MIN };
	int64_t begin = -1;
	int sys, yields = 0;

	for (;;) {
		sys = set_lock(fd, byte, exclusive ? F_WRLCK : F_RDLCK);
		if (sys == 0)
			return SL_OK;
		if (sys == EINTR)
			continue; /* nobody holds it, as far as we know */
		if (sys != EAGAIN && sys != EACCES)
			return sl_error_sys(err, sys, "lock");
		if (begin < 0)
			begin = sl_monotonic_ms();
		if (sl_monotonic_ms() - begin >= timeout_ms)
			return sl_error_set(err, SL_EBUSY, "locked");
		if (yields < YIELDS) {
			yields++;
			(void)sched_yield();
			continue;
		}
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < NAP_NS_MAX)
			nap.tv_nsec += nap.tv_nsec / 2;
	}
}

void
sl_lock_drop(int fd, int byte)
{
	(void)set_lock(fd, byte, F_UNLCK);
}

bool
sl_lock_is_held(int fd, int byte)
{
	struct flock lock = lock_of(byte, F_RDLCK);

	/* Where it can't be asked, nobody is called dead. */
	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_WRLCK;
}
