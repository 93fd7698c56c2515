/*
 * reader.h: records of many partitions, as reader.c and reader_follow.c share
 * them, and what groups need of a reader. Floor: topic.
 *
 * Each partition has a cursor. Bounded: a heap by (time, topic, partition)
 * hands out the earliest (RULE 23). Following: whichever has something, found
 * by watches on the active segments; a watch is added first, then the partition
 * is read to its end, then we sleep, so that nothing is missed between.
 */
#ifndef SL_READER_H
#define SL_READER_H

#include "read.h"
#include "topic.h"
#include "watch.h"

struct sl_part {
	struct sl_topic *topic;
	int number;
	struct sl_cursor cursor;
	struct sl_record record; /* the next, while in the heap */
	int64_t order_ms;        /* what it is ordered by */
	bool is_ready;           /* following: may have something */
	int file_watch;          /* -1: none */
	int dir_watch;
	uint64_t watched_base;
};

struct sl_reader {
	const struct sl_engine *engine; /* the door's; see files.h */
	struct sl_reader_options options;
	struct sl_part **parts;
	size_t count;
	struct sl_part **heap; /* parts whose record is read, earliest first */
	size_t heap_count;
	struct sl_part **needy; /* parts whose next record is to be read */
	size_t needy_count;
	bool is_following;
	size_t turn; /* following: the part in hand */
	size_t turn_records;
	bool has_found; /* something, since the last wait */
	struct sl_watch watch;
	bool has_watch;
	int64_t looked_ms;
	/* Who else watches with this reader; NULL: nobody. */
	void (*listener)(void *arg, int number);
	void *listener_arg;
};

/* Wrap an error of a part's cursor, and say where it is; returns `rc`. */
int sl_part_fail(struct sl_part *part, int rc, struct sl_record *record,
    struct sl_source *source, struct sl_error *err);

/* ---- reader_follow.c ---- */

/* While following: the part in hand until its turn is over, then the next. */
SL_MUST_USE int sl_reader_next_as_it_comes(struct sl_reader *reader,
    struct sl_record *record, struct sl_source *source, struct sl_error *err);

/*
 * The reader's watch, opened, so that one process needs no second instance.
 * Events of watches that aren't the reader's own come to `listener`, as
 * sl_watch_wait() has them.
 */
struct sl_watch *sl_reader_share_watch(struct sl_reader *reader,
    void (*listener)(void *arg, int number), void *arg);

#endif
