/*
 * commit.c: durable commits a second.
 *
 *     commit GROUP TOPIC COUNT
 *
 * Joins a group as its only member, reads COUNT events of a topic that is in
 * the default log directory, and commits after each. Prints {"count","seconds"}
 * of reading and committing; exit 1 where fewer were there.
 */
#include "streamlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct run {
	struct sl_topic *topic;
	struct sl_reader *reader;
	struct sl_member *member;
	long count;
	long done;
};

static void
die(const struct sl_error *err)
{
	fprintf(stderr, "commit: %s\n", err->text);
	exit(1);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A sign of life, and what is new: partitions to read. */
static void
look(struct run *run)
{
	struct sl_member_change change;
	struct sl_error err;
	int again_ms;

	if (sl_member_look(run->member, &run->topic, 1, &again_ms, &err) < 0)
		die(&err);
	while (sl_member_next_change(run->member, &change, &err) == SL_OK)
		if (change.kind == SL_MEMBER_ASSIGNED &&
		    sl_reader_assign(run->reader, run->topic, change.partition,
		        change.offset, SL_OFFSET_NONE, &err) < 0)
			die(&err);
}

static void
commit_each(struct run *run)
{
	struct sl_source source;
	struct sl_record record;
	struct sl_error err;

	while (run->done < run->count) {
		if (run->done % 100 == 0)
			look(run);
		if (sl_reader_next(run->reader, &record, &source, &err) !=
		        SL_OK ||
		    sl_member_commit(run->member, run->topic, source.partition,
		        record.offset + 1, &err) != SL_OK)
			die(&err);
		run->done++;
	}
}

int
main(int argc, char **argv)
{
	struct sl_reader_options reader_options = { 0 };
	struct sl_member_options options = { .session_timeout_ms = 45000 };
	struct run run = { 0 };
	struct sl_error err = { .text = "usage: commit GROUP TOPIC COUNT" };
	double begun;

	if (argc != 4)
		die(&err);
	run.count = atol(argv[3]);
	options.words = (const char *const *)&argv[2];
	options.word_count = 1;
	if (sl_topic_open(&run.topic, NULL, argv[2], &err) < 0 ||
	    sl_reader_open(&run.reader, &reader_options, &err) < 0 ||
	    sl_reader_follow(run.reader, &err) < 0 ||
	    sl_member_join(&run.member, argv[1], &options, run.reader,
	        &run.topic, 1, &err) < 0)
		die(&err);
	look(&run);
	begun = now();
	commit_each(&run);
	printf("{\"count\":%ld,\"seconds\":%.6f}\n", run.done, now() - begun);
	if (sl_member_leave(run.member, &err) < 0)
		die(&err);
	sl_member_close(run.member);
	sl_reader_close(run.reader);
	sl_topic_close(run.topic);
	return 0;
}
