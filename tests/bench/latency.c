/*
 * latency.c: how long lines take from one descriptor to another.
 *
 *     latency WRITE_FD READ_FD COUNT INTERVAL_US
 *
 * Writes COUNT events, one each INTERVAL_US, each with its number and the time
 * (CLOCK_MONOTONIC) it was written at, and reads them back. One event goes
 * ahead and isn't counted: when it is back, the way is open. Prints
 * {"count","p50_us","p99_us","max_us"}; exit 1 where an event was lost, came
 * twice, out of order or torn.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 1000000
#define EVENT "{\"number\":%ld,\"sent_ns\":%" PRIu64 ",\"text\":\"%s\"}\n"
#define TEXT "sixty bytes make an event of the size that such events have.."
#define PATIENCE_NS UINT64_C(10000000000)

struct probe {
	int to;
	int from;
	long count;
	long sent;
	long received;
	uint64_t *taken_ns;
	char unread[65536];
	size_t unread_bytes;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "latency: %s\n", what);
	exit(1);
}

static void
send_event(struct probe *probe)
{
	char line[256];
	int bytes =
	    snprintf(line, sizeof(line), EVENT, probe->sent, now_ns(), TEXT);

	if (write(probe->to, line, (size_t)bytes) != bytes)
		die("the writer takes no more");
	probe->sent++;
}

static void
take_line(struct probe *probe, const char *line, size_t bytes, uint64_t now)
{
	char expected[256];
	uint64_t sent_ns = 0;
	long number = -1;
	int length;

	if (sscanf(line, "{\"number\":%ld,\"sent_ns\":%" SCNu64, &number,
	        &sent_ns) != 2 ||
	    number != probe->received)
		die("an event was lost, repeated or torn");
	length =
	    snprintf(expected, sizeof(expected), EVENT, number, sent_ns, TEXT);
	if ((size_t)length != bytes || memcmp(line, expected, bytes) != 0)
		die("an event was changed");
	probe->taken_ns[probe->received++] = now - sent_ns;
}

/* Read what is there, waiting for it until `deadline_ns`. */
static void
receive(struct probe *probe, uint64_t deadline_ns)
{
	struct pollfd ready = { .fd = probe->from, .events = POLLIN };
	uint64_t now = now_ns();
	uint64_t left_ns = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec wait = { .tv_sec = (time_t)(left_ns / 1000000000u),
		.tv_nsec = (long)(left_ns % 1000000000u) };
	char *start = probe->unread, *newline;
	ssize_t got;

	if (ppoll(&ready, 1, &wait, NULL) <= 0)
		return;
	got = read(probe->from, probe->unread + probe->unread_bytes,
	    sizeof(probe->unread) - probe->unread_bytes - 1);
	now = now_ns();
	if (got <= 0)
		die("the follower ended");
	probe->unread_bytes += (size_t)got;
	probe->unread[probe->unread_bytes] = '\0';
	for (;;) {
		newline = memchr(start, '\n',
		    (size_t)(probe->unread + probe->unread_bytes - start));
		if (newline == NULL)
			break;
		take_line(probe, start, (size_t)(newline + 1 - start), now);
		start = newline + 1;
	}
	probe->unread_bytes -= (size_t)(start - probe->unread);
	memmove(probe->unread, start, probe->unread_bytes);
}

static void
receive_all_sent(struct probe *probe)
{
	uint64_t deadline_ns = now_ns() + PATIENCE_NS;

	while (probe->received < probe->sent) {
		if (now_ns() > deadline_ns)
			die("events did not arrive");
		receive(probe, deadline_ns);
	}
}

static int
compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double
percentile_us(const uint64_t *sorted, long count, int percent)
{
	return (double)sorted[(count - 1) * percent / 100] / 1000;
}

int
main(int argc, char **argv)
{
	static struct probe probe;
	uint64_t next_ns, interval_ns;

	if (argc != 5)
		die("usage: latency WRITE_FD READ_FD COUNT INTERVAL_US");
	probe.to = atoi(argv[1]);
	probe.from = atoi(argv[2]);
	probe.count = atol(argv[3]);
	interval_ns = (uint64_t)atol(argv[4]) * 1000;
	if (probe.count < 1 || probe.count > COUNT_MAX)
		die("COUNT is 1 to 1000000");
	probe.taken_ns =
	    calloc((size_t)probe.count + 1, sizeof(*probe.taken_ns));
	if (probe.taken_ns == NULL)
		die("no memory");

	send_event(&probe);
	receive_all_sent(&probe);
	next_ns = now_ns() + interval_ns;
	while (probe.sent <= probe.count) {
		while (now_ns() < next_ns)
			receive(&probe, next_ns);
		send_event(&probe);
		next_ns += interval_ns;
	}
	receive_all_sent(&probe);

	qsort(probe.taken_ns + 1, (size_t)probe.count, sizeof(*probe.taken_ns),
	    compare);
	printf("{\"count\":%ld,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"max_us\":%.1f}\n",
	    probe.count, percentile_us(probe.taken_ns + 1, probe.count, 50),
	    percentile_us(probe.taken_ns + 1, probe.count, 99),
	    percentile_us(probe.taken_ns + 1, probe.count, 100));
	free(probe.taken_ns);
	return 0;
}
