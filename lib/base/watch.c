/* watch.c: inotify, or polling; see watch.h. */
#include "watch.h"

#include "fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NAP_MS_MIN 1
#define NAP_MS_MAX 50
#define EVENT_SIZE_MAX (sizeof(struct inotify_event) + NAME_MAX + 1)

void
sl_watch_open(struct sl_watch *watch)
{
	*watch = SL_WATCH_CLOSED;
	watch->nap_ms = NAP_MS_MIN;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->is_polling = watch->fd < 0;
}

void
sl_watch_close(struct sl_watch *watch)
{
	sl_fs_close(&watch->fd);
}

int
sl_watch_add(struct sl_watch *watch, int fd, enum sl_watch_kind kind)
{
	static const uint32_t names = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
	                              IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
	uint32_t mask = IN_MODIFY;
	int number = -1;
	char path[32];

	if (kind == SL_WATCH_DIR)
		mask = names;
	else if (kind == SL_WATCH_USERS)
		mask = names | IN_CLOSE_WRITE;
	/* By descriptor: the name may lead elsewhere by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (watch->fd >= 0 && sl_fs_is_local(fd))
		number = inotify_add_watch(watch->fd, path, mask);
	if (number < 0)
		watch->is_polling = true;
	return number;
}

void
sl_watch_remove(struct sl_watch *watch, int number)
{
	if (watch->fd >= 0 && number >= 0)
		(void)inotify_rm_watch(watch->fd, number);
}

static void
drain(struct sl_watch *watch, void (*each)(void *, int), void *arg)
{
	_Alignas(struct inotify_event) char bytes[4096];
	struct inotify_event event;
	ssize_t size, at;

	for (;;) {
		size = read(watch->fd, bytes, sizeof(bytes));
		if (size <= 0)
			return;
		for (at = 0; at < size;
		     at += (ssize_t)(sizeof(event) + event.len)) {
			memcpy(&event, bytes + at, sizeof(event));
			each(arg, event.mask & IN_Q_OVERFLOW ? SL_WATCH_LOST
			                                     : event.wd);
		}
		/* Where one more event had fitted there is none. */
		if ((size_t)size < sizeof(bytes) - EVENT_SIZE_MAX)
			return;
	}
}

int
sl_watch_wait(struct sl_watch *watch, struct pollfd *fds, nfds_t fd_count,
    int timeout_ms, void (*each)(void *, int), void *arg, struct sl_error *err)
{
	struct pollfd all[16];
	nfds_t count = fd_count;
	int nap = timeout_ms;
	int ready;

	if (fd_count >= sizeof(all) / sizeof(all[0]))
		return sl_error_set(err, SL_EUSAGE,
		    "more than 15 descriptors to wait for");
	if (fd_count > 0)
		memcpy(all, fds, fd_count * sizeof(*fds));
	if (watch->fd >= 0)
		all[count++] = (struct pollfd){ watch->fd, POLLIN, 0 };
	if (watch->is_polling && (nap < 0 || nap > watch->nap_ms)) {
		nap = watch->nap_ms;
		if (watch->nap_ms < NAP_MS_MAX)
			watch->nap_ms *= 2;
		if (watch->nap_ms > NAP_MS_MAX)
			watch->nap_ms = NAP_MS_MAX;
	}
	ready = poll(all, count, nap);
	if (ready < 0 && errno != EINTR)
		return sl_error_sys(err, errno, "poll");
	if (ready < 0)
		return SL_OK;
	if (fd_count > 0)
		memcpy(fds, all, fd_count * sizeof(*fds));
	if (watch->fd >= 0 && ready > 0 && all[count - 1].revents != 0)
		drain(watch, each, arg);
	if (watch->is_polling)
		each(arg, SL_WATCH_ALL);
	return ready == 0 && nap == timeout_ms ? SL_END : SL_OK;
}

void
sl_watch_found(struct sl_watch *watch)
{
	watch->nap_ms = NAP_MS_MIN;
}
