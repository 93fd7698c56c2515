/*
 * see.c: reads envelopes, and writes down what it saw, as spans (event.h).
 *
 *     see FILE
 *
 * FILE is appended to. What comes on stdin is written down as it comes; but
 * where STREAMLOG_TOPIC says that it is a group's batch, only at its end, all
 * of it at once, between "B NS PPID TOPIC PARTITION OFFSET COUNT" and "E"; NS,
 * of CLOCK_MONOTONIC, is when it began. A line that is no whole event is told
 * as "X LINE", a last one without its end as "T BYTES".
 */
#include "event.h"

#include <fcntl.h>
#include <time.h>

#define BLOCK_BYTES (256 * 1024)
#define SHOWN_MAX 200

static const char before_topic[] = "{\"topic\":\"";
static const char before_partition[] = "\",\"partition\":";
static const char before_offset[] = ",\"offset\":";
static const char before_time[] = ",\"ts\":";
static const char before_key[] = ",\"key\":\"";
static const char before_payload[] = ",\"payload\":";

/* What is left of a line; empty where it is not as it should be. */
struct rest {
	const char *at;
	const char *end;
};

static bool
take_word(struct rest *rest, const char *word)
{
	size_t bytes = strlen(word);

	if ((size_t)(rest->end - rest->at) < bytes ||
	    memcmp(rest->at, word, bytes) != 0)
		return false;
	rest->at += bytes;
	return true;
}

static bool
take_number(struct rest *rest, uint64_t *number)
{
	const char *begin = rest->at;

	for (*number = 0;
	     rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9';
	     rest->at++)
		*number = *number * 10 + (uint64_t)(*rest->at - '0');
	return rest->at > begin;
}

/* Up to a quote. */
static bool
take_string(struct rest *rest, const char **string, size_t *bytes)
{
	const char *quote =
	    memchr(rest->at, '"', (size_t)(rest->end - rest->at));

	if (quote == NULL)
		return false;
	*string = rest->at;
	*bytes = (size_t)(quote - rest->at);
	rest->at = quote;
	return true;
}

/* An envelope's place and event; false: it isn't one, or isn't whole. */
static bool
know(const char *line, size_t bytes, struct span *at, struct event *event)
{
	struct rest rest = { line, line + bytes };
	uint64_t partition, time;
	const char *key = NULL;
	size_t key_bytes = 0;

	if (!take_word(&rest, before_topic) ||
	    !take_string(&rest, &at->topic, &at->topic_bytes) ||
	    !take_word(&rest, before_partition) ||
	    !take_number(&rest, &partition) ||
	    !take_word(&rest, before_offset) ||
	    !take_number(&rest, &at->offset) ||
	    !take_word(&rest, before_time) || !take_number(&rest, &time))
		return false;
	at->partition = (unsigned)partition;
	if (take_word(&rest, before_key) &&
	    (!take_string(&rest, &key, &key_bytes) || !take_word(&rest, "\"")))
		return false;
	if (!take_word(&rest, before_payload) || rest.end[-1] != '}' ||
	    !event_know(rest.at, (size_t)(rest.end - rest.at) - 1, event) ||
	    event->is_keyed != (key != NULL))
		return false;
	return key == NULL ||
	       (key_bytes == 5 &&
	           memcmp(key, rest.at + sizeof(KEYED_HEAD) - 1, 5) == 0);
}

static void
tell(struct text *to, const char *line, size_t bytes)
{
	reserve(to, SHOWN_MAX + 8);
	to->used += (size_t)sprintf(to->bytes + to->used, "X %.*s\n",
	    (int)(bytes < SHOWN_MAX ? bytes : SHOWN_MAX), line);
}

/* Each whole line; returns how many bytes they were. */
static size_t
see_lines(const char *bytes, size_t count, struct text *to)
{
	const char *line = bytes, *end = bytes + count, *stop;
	struct span span = { 0 }, at = { 0 };
	struct event event;

	for (;; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			break;
		if (know(line, (size_t)(stop - line), &at, &event)) {
			span_add(&span, &at, &event, to);
		} else {
			span_end(&span, to);
			tell(to, line, (size_t)(stop - line));
		}
	}
	span_end(&span, to);
	return (size_t)(line - bytes);
}

static void
begin_batch(struct text *to)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	reserve(to, 512);
	to->used = (size_t)snprintf(to->bytes, 512,
	    "\nB %lld%09ld %ld %s %s %s "
	    "%s\n",
	    (long long)now.tv_sec, now.tv_nsec, (long)getppid(),
	    said("STREAMLOG_TOPIC"), said("STREAMLOG_PARTITION"),
	    said("STREAMLOG_OFFSET"), said("STREAMLOG_COUNT"));
}

int
main(int argc, char **argv)
{
	bool is_batch = getenv("STREAMLOG_TOPIC") != NULL;
	struct text in = { 0 }, out = { 0 };
	size_t seen;
	ssize_t got;
	int to;

	if (argc != 2)
		die("usage: see FILE");
	to = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (to < 0)
		die(argv[1]);
	if (is_batch)
		begin_batch(&out);
	for (;;) {
		reserve(&in, BLOCK_BYTES);
		got = read(STDIN_FILENO, in.bytes + in.used, BLOCK_BYTES);
		if (got < 0)
			die("read");
		if (got == 0)
			break;
		in.used += (size_t)got;
		seen = see_lines(in.bytes, in.used, &out);
		in.used -= seen;
		memmove(in.bytes, in.bytes + seen, in.used);
		if (!is_batch)
			record(to, &out);
	}
	if (in.used > 0) {
		reserve(&out, 32);
		out.used +=
		    (size_t)sprintf(out.bytes + out.used, "T %zu\n", in.used);
	}
	if (is_batch) {
		reserve(&out, 2);
		memcpy(out.bytes + out.used, "E\n", 2);
		out.used += 2;
	}
	record(to, &out);
	return 0;
}
