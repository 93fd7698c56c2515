/* ending.c: when a follower ends by itself; see ending.h. */
#include "ending.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void
ending_begin(struct ending *ending, int64_t idle_ms, pid_t pid)
{
	*ending = ENDING_NEVER;
	ending->idle_ms = idle_ms;
	ending->active_ms = sl_monotonic_ms();
	ending->pid = pid;
	if (pid == 0)
		return;
	ending->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	ending->is_pid_dead = ending->pid_fd < 0 && errno == ESRCH;
}

void
ending_close(struct ending *ending)
{
	if (ending->pid_fd >= 0)
		close(ending->pid_fd);
	*ending = ENDING_NEVER;
}

void
ending_look(struct ending *ending)
{
	if (ending->pid != 0 && ending->pid_fd < 0 &&
	    kill(ending->pid, 0) < 0 && errno == ESRCH)
		ending->is_pid_dead = true;
}

bool
ending_is_idle(const struct ending *ending, int64_t now_ms)
{
	return ending->idle_ms >= 0 &&
	       now_ms - ending->active_ms >= ending->idle_ms;
}

int64_t
ending_wait_ms(const struct ending *ending, int64_t now_ms, int64_t timeout_ms)
{
	int64_t left_ms = ending->active_ms + ending->idle_ms - now_ms;

	if (ending->idle_ms >= 0 && left_ms < timeout_ms)
		timeout_ms = left_ms;
	return timeout_ms > 0 ? timeout_ms : 0;
}
