/*
 * watch.h: wake up when files change. Floor: base. The only door to inotify(7).
 *
 * An event only says "look" (RULE 8): it is never data, and one may be lost or
 * come for nothing. Where there is no instance left (128 a user) or the file
 * system is shared with other hosts, waiting is polling: naps from 1 to 50 ms.
 */
#ifndef SL_WATCH_H
#define SL_WATCH_H

#include "streamlog.h"

struct sl_watch {
	int fd; /* owned; -1: closed, or polling */
	bool is_polling;
	int nap_ms; /* of the next poll */
};
#define SL_WATCH_CLOSED ((struct sl_watch){ .fd = -1 })

enum sl_watch_kind {
	SL_WATCH_FILE,  /* its bytes grow */
	SL_WATCH_DIR,   /* names come and go; it is moved or removed */
	SL_WATCH_USERS, /* the same, and who had a file open to write is gone */
};

/* Never fails: what can't be watched is polled. */
void sl_watch_open(struct sl_watch *watch);
void sl_watch_close(struct sl_watch *watch);

/* Watch what `fd` leads to. Returns a number that events carry; -1: polled. */
int sl_watch_add(struct sl_watch *watch, int fd, enum sl_watch_kind kind);
void sl_watch_remove(struct sl_watch *watch, int number);

/* Instead of a watch's number: look at everything. */
#define SL_WATCH_ALL (-1)  /* who polls does so after each nap */
#define SL_WATCH_LOST (-2) /* events were lost, of names, too, perhaps */

/*
 * Wait for an event, one of `fds`, a signal, or the time. SL_OK: look; SL_END:
 * the time was up. `each` is called with the number of every event that came,
 * and with one of the above where all must be looked at.
 */
SL_MUST_USE int sl_watch_wait(struct sl_watch *watch, struct pollfd *fds,
    nfds_t fd_count, int timeout_ms, void (*each)(void *arg, int number),
    void *arg, struct sl_error *err);

/* Something was found: poll often again. */
void sl_watch_found(struct sl_watch *watch);

#endif
