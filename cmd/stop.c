/* stop.c: signals as a wish to end well; see stop.h. */
#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

atomic_int stop_signal;
int stop_fd = -1;

static void
note_signal(int signal_number)
{
	const uint64_t one = 1;
	int saved = errno;

	stop_signal = signal_number;
	if (write(stop_fd, &one, sizeof(one)) < 0)
		errno = saved; /* it is readable already */
	errno = saved;
}

static bool
is_stopped(void)
{
	return stop_signal != 0;
}

int
stop_catch(struct sl_error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	/* The second one ends it, whatever it is at. */
	struct sigaction action = { .sa_handler = note_signal,
		.sa_flags = (int)SA_RESETHAND };
	struct sigaction before;
	size_t i;

	sl_on_stop(is_stopped);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return sl_error_sys(err, errno, "eventfd");
	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What nohup(1) and a shell's & ignore stays ignored. */
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	return SL_OK;
}

int
stop_die(void)
{
	int signal_number = stop_signal;
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigemptyset(&action.sa_mask);
	sigaction(signal_number, &action, NULL);
	raise(signal_number);
	return 128 + signal_number;
}
