/*
 * judge.c: is what a power cut left good? Reads states of a directory from
 * stdin, brings ROOT to each, opens it with the library as a program of the
 * next boot would, and holds that against an oracle. Answers on stdout; what
 * was promised before the cut is for who asked to look after (tests/cuts/run).
 *
 *     judge ROOT     topic logs/t, group g of it, archive/t
 */
#include "oracle.h"
#include "streamlog.h"
#include "tree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOGS "logs"
#define TOPIC "t"
#define GROUP "g"
#define ARCHIVED 0x10000 /* added to a partition's number */
#define LOCK_TIMEOUT_MS 1000
#define DAMAGES_MOST 1000 /* that a reader may tell of before it ends */
#define PATIENCE_S 60     /* for a state; SIGALRM says that it hangs */

/* What is asked of a state. */
enum wish {
	LOOK = 1,     /* only tell what is there */
	CHECK = 2,    /* also by sl_topic_check() */
	MEND = 4,     /* and by sl_topic_mend() */
	BUILD = 8,    /* make it, and leave it */
	PARSE = 16,   /* no state: batches, to be told of */
	DYING = 32,   /* the topic's deletion was under way */
	BOUNDED = 64, /* an append may let the oldest go */
};

struct question {
	uint32_t wishes;
	uint32_t slots; /* that follow; or bytes */
};

struct slot_head {
	uint32_t number;
	uint32_t kind;
	uint32_t path_bytes; /* 0: as it was */
	uint32_t bytes;
	uint64_t inode;
};

struct receipt {
	uint32_t partition;
	uint32_t ignored;
	uint64_t offset;
};

struct place {
	uint32_t partition;
	uint32_t is_bad;
	uint64_t offset;
};

enum topic_state { TOPIC_ABSENT, TOPIC_THERE };

struct answer {
	uint32_t wrong_bytes; /* a text: nothing else is told then */
	uint32_t topic;
	uint32_t group;
	uint32_t events;
	uint32_t flaws;
	uint32_t parts;
	uint32_t receipts;
	uint32_t places;
};

static struct tree tree;
static struct view before, after, read_back;
static struct receipt receipts[PARTS_MAX];
static struct place places[PARTS_MAX];
static struct answer answer;
static char wrong[2048];

/* A reader's second look at a bad batch needs no nap: nobody writes. */
int
nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)time;
	(void)rest;
	return 0;
}

__attribute__((format(printf, 1, 2))) static int
blame(const char *format, ...)
{
	va_list rest;

	va_start(rest, format);
	vsnprintf(wrong, sizeof(wrong), format, rest);
	va_end(rest);
	return -1;
}

/* All that a reader gets who goes on behind damage. */
static int
read_all(struct sl_topic *topic, uint32_t parts, size_t *damages)
{
	struct sl_reader_options options = { .skip_damage = true };
	struct sl_reader *reader = NULL;
	struct sl_record record;
	struct sl_source source;
	struct sl_error err;
	int rc = SL_OK;

	*damages = 0;
	view_clear(&read_back);
	for (uint32_t i = 0; i < parts; i++) {
		rc = sl_reader_open(&reader, &options, &err);
		if (rc == SL_OK)
			rc = sl_reader_assign(reader, topic, (int)i, 0,
			    SL_OFFSET_NONE, &err);
		while ((rc == SL_OK || rc == SL_EGONE || rc == SL_ECORRUPT) &&
		       *damages < DAMAGES_MOST) {
			rc = sl_reader_next(reader, &record, &source, &err);
			*damages += rc == SL_ECORRUPT;
			if (rc != SL_OK)
				continue;
			view_add(&read_back,
			    &(struct event){
			        .partition = i,
			        .is_tombstone = record.value == NULL,
			        .offset = record.offset,
			        .value = record.value == NULL
			                     ? 0
			                     : oracle_hash(record.value,
			                           record.value_bytes),
			        .key = record.key == NULL
			                   ? 0
			                   : oracle_hash(record.key,
			                         record.key_bytes),
			    });
		}
		sl_reader_close(reader);
		if (rc != SL_END)
			return blame("partition %" PRIu32 ": reading: %s", i,
			    err.text);
	}
	return 0;
}

/* A reader gets what the oracle found, and is told of damage where that is. */
static int
compare(struct sl_topic *topic, const struct view *view, const char *when)
{
	size_t damages, told = 0, i;
	const struct event *a, *b;

	if (read_all(topic, view->parts, &damages) < 0)
		return -1;
	for (i = 0; i < view->flaw_count; i++)
		told += view->flaws[i].kind == 'd';
	if ((told > 0) != (damages > 0))
		return blame("%s: %zu places are damaged, the reader told of "
		             "%zu",
		    when, told, damages);
	for (i = 0; i < view->count || i < read_back.count; i++) {
		a = &view->events[i];
		b = &read_back.events[i];
		if (i < view->count && i < read_back.count &&
		    memcmp(a, b, sizeof(*a)) == 0)
			continue;
		if (i == view->count)
			return blame("%s: read, but not there: partition "
			             "%" PRIu32 " offset %" PRIu64,
			    when, b->partition, b->offset);
		return blame("%s: there, but not read as it is: partition "
		             "%" PRIu32 " offset %" PRIu64,
		    when, a->partition, a->offset);
	}
	return 0;
}

/* What sl_topic_check(), or sl_topic_mend(), says of it. */
static int
check(struct sl_topic *topic, const struct view *view, int is_mended,
    uint32_t wishes)
{
	const struct sl_check_options options = { .tell = NULL };
	struct sl_check_sums sums;
	struct sl_error err;
	uint64_t damages = 0;
	int rc;

	for (uint32_t i = 0; i < view->parts; i++) {
		rc = is_mended
		         ? sl_topic_mend(topic, (int)i, &options, &sums, &err)
		         : sl_topic_check(topic, (int)i, &options, &sums, &err);
		if (rc == SL_ENOTFOUND && (wishes & DYING) != 0)
			return 0;
		if (rc != SL_OK)
			return blame("%s: partition %" PRIu32 ": %s",
			    is_mended ? "mend" : "check", i, err.text);
		damages += sums.damages;
		if (is_mended && sums.bad_indexes > 0)
			return blame("mended, and %" PRIu64 " indexes are bad",
			    sums.bad_indexes);
	}
	if (is_mended && damages > 0)
		return blame("mended, and %" PRIu64 " damages are there",
		    damages);
	if (!is_mended && damages == 0) {
		for (size_t i = 0; i < view->flaw_count; i++) {
			if (view->flaws[i].kind == 'd')
				return blame("check sees no damage");
		}
	}
	return 0;
}

/* One event to each partition, synced: no step by hand may be needed. */
static int
append_to_each(struct sl_topic *topic, uint32_t parts, struct sl_error *err)
{
	struct sl_encoder_options options = { .batch_bytes = 1 << 16,
		.message_bytes_max = 1 << 20 };
	struct sl_encoder *encoder = NULL;
	struct sl_writer *writer = NULL;
	struct sl_record record = {
		.timestamp_ms = sl_now_ms(),
		.key = "judge",
		.key_bytes = 5,
		.value = "{\"judge\":true}",
		.value_bytes = 14,
	};
	struct sl_receipt receipt;
	int rc;

	rc = sl_encoder_new(&encoder, &options, err);
	for (uint32_t i = 0; rc == SL_OK && i < parts; i++)
		rc = sl_encoder_add(encoder, (int)i, &record, err);
	if (rc == SL_OK)
		rc = sl_encoder_finish(encoder, err);
	if (rc == SL_OK)
		rc = sl_writer_open(&writer, topic, err);
	for (uint32_t i = 0; rc == SL_OK && i < parts; i++) {
		rc = sl_writer_write(writer, encoder, i, LOCK_TIMEOUT_MS,
		    &receipt, err);
		if (rc == SL_OK)
			receipts[answer.receipts++] =
			    (struct receipt){ .partition =
				                  (uint32_t)receipt.partition,
				    .offset = receipt.first_offset };
	}
	if (rc == SL_OK)
		rc = sl_writer_sync(writer, err);
	sl_writer_close(writer);
	sl_encoder_free(encoder);
	return rc;
}

/*
 * After the append: what was there is, and the new ones behind it; what went
 * was the oldest, if any may.
 */
static int
compare_appended(struct sl_topic *topic, int may_go)
{
	uint64_t first[PARTS_MAX];
	size_t i = 0, k;

	view_clear(&after);
	oracle_topic(&after, LOGS "/" TOPIC);
	after.parts = before.parts;
	for (k = after.count; k-- > 0;)
		first[after.events[k].partition] = after.events[k].offset;
	for (k = 0; k < after.count; k++) {
		const struct event *event = &after.events[k];
		const struct receipt *receipt = &receipts[event->partition];

		while (
		    may_go && i < before.count &&
		    before.events[i].partition <= event->partition &&
		    before.events[i].offset < first[before.events[i].partition])
			i++;
		if (i < before.count &&
		    memcmp(event, &before.events[i], sizeof(*event)) == 0) {
			i++;
			continue;
		}
		if (event->offset != receipt->offset)
			return blame("appended to, and at partition %" PRIu32
			             " offset %" PRIu64 " is another",
			    event->partition, event->offset);
		if (event->offset < before.ends[event->partition])
			return blame("partition %" PRIu32 ": offset %" PRIu64
			             " is given again",
			    event->partition, event->offset);
	}
	if (i < before.count)
		return blame("appended to, and partition %" PRIu32
		             " offset %" PRIu64 " is gone",
		    before.events[i].partition, before.events[i].offset);
	for (uint32_t part = 0; part < before.parts; part++) {
		if (!oracle_indexes_hold(LOGS "/" TOPIC, part))
			return blame("partition %" PRIu32
			             ": appended to, and an index lies",
			    part);
	}
	return compare(topic, &after, "after an append");
}

static int
judge_group(struct sl_topic *topic)
{
	struct sl_group_place *found = NULL;
	struct sl_group *group = NULL;
	struct sl_error err;
	size_t count = 0;
	int rc;

	rc = sl_group_open(&group, LOGS, NULL, GROUP, &err);
	if (rc == SL_ENOTFOUND)
		return 0;
	answer.group = 1;
	if (rc == SL_OK)
		rc = sl_group_places(group, &found, &count, &err);
	sl_group_close(group);
	if (rc != SL_OK)
		return blame("group: %s", err.text);
	assert(count <= PARTS_MAX);
	for (size_t i = 0; i < count; i++)
		places[answer.places++] =
		    (struct place){ .partition = (uint32_t)found[i].partition,
			    .is_bad =
			        found[i].is_damaged ||
			        (topic != NULL && strcmp(found[i].topic_id,
			                              sl_topic_id(topic)) != 0),
			    .offset = found[i].offset };
	free(found);
	return 0;
}

/* Where it lacks it is made, as the next append would. */
static int
open_topic(struct sl_topic **topic, struct sl_error *err)
{
	int rc;

	rc = sl_topic_open(topic, LOGS, TOPIC, err);
	if (rc != SL_ENOTFOUND)
		return rc;
	rc = sl_topic_create(LOGS, TOPIC, NULL, 0, err);
	return rc == SL_OK ? sl_topic_open(topic, LOGS, TOPIC, err) : rc;
}

static int
judge_topic(uint32_t wishes)
{
	struct sl_topic *topic = NULL;
	struct sl_error err;
	uint32_t parts;
	int rc;

	rc = open_topic(&topic, &err);
	if (rc != SL_OK)
		return blame("open: %s", err.text);
	if (answer.topic == TOPIC_ABSENT)
		oracle_topic(&before, LOGS "/" TOPIC);
	parts = (uint32_t)sl_topic_settings(topic)->partitions;
	rc = before.parts >= parts
	         ? 0
	         : blame("%" PRIu32 " partitions of %" PRIu32 " are there",
	               before.parts, parts);
	before.parts = parts;
	if (rc == 0)
		rc = judge_group(answer.topic == TOPIC_ABSENT ? NULL : topic);
	if (rc == 0)
		rc = compare(topic, &before, "at first");
	if (rc == 0 && (wishes & CHECK) != 0)
		rc = check(topic, &before, 0, wishes);
	if (rc == 0 && (wishes & MEND) != 0) {
		rc = check(topic, &before, 1, wishes);
		if (rc == 0) {
			view_clear(&before);
			oracle_topic(&before, LOGS "/" TOPIC);
			before.parts = parts;
		}
	}
	if (rc == 0) {
		rc = append_to_each(topic, parts, &err);
		if (rc == SL_ENOTFOUND && (wishes & DYING) != 0)
			rc = 0;
		else if (rc != SL_OK)
			rc = blame("append: %s", err.text);
		else
			rc = compare_appended(topic, (wishes & BOUNDED) != 0);
	}
	sl_topic_close(topic);
	return rc;
}

static void
take(void *to, size_t bytes)
{
	if (bytes > 0 && fread(to, bytes, 1, stdin) != 1)
		exit(0);
}

static void
take_slot(void)
{
	struct slot_head head;
	struct slot *slot;

	take(&head, sizeof(head));
	slot = tree_slot(&tree, head.number);
	if (head.path_bytes > 0) {
		slot->path = calloc(1, head.path_bytes + 1);
		assert(slot->path != NULL);
		take(slot->path, head.path_bytes);
	}
	slot->kind = head.kind;
	slot->recorded = head.inode;
	slot->inode = 0;
	slot->size = head.bytes;
	slot->bytes = realloc(slot->bytes, head.bytes + 1);
	assert(slot->bytes != NULL);
	take(slot->bytes, head.bytes);
}

static void
give(const void *from, size_t count, size_t size)
{
	if (count > 0 && fwrite(from, size, count, stdout) != count)
		exit(2);
}

static void
give_answer(const struct view *view)
{
	answer.wrong_bytes = (uint32_t)strlen(wrong);
	answer.events = (uint32_t)view->count;
	answer.flaws = (uint32_t)view->flaw_count;
	answer.parts = view->parts;
	give(&answer, 1, sizeof(answer));
	give(wrong, answer.wrong_bytes, 1);
	give(view->events, view->count, sizeof(view->events[0]));
	give(view->flaws, view->flaw_count, sizeof(view->flaws[0]));
	give(view->ends, view->parts, sizeof(view->ends[0]));
	give(receipts, answer.receipts, sizeof(receipts[0]));
	give(places, answer.places, sizeof(places[0]));
	if (fflush(stdout) != 0)
		exit(2);
}

/* The archive's events stand behind the topic's. */
static void
add_archive(struct view *view)
{
	static struct view archive;

	view_clear(&archive);
	oracle_topic(&archive, "archive/" TOPIC);
	for (size_t i = 0; i < archive.count; i++) {
		archive.events[i].partition += ARCHIVED;
		view_add(view, &archive.events[i]);
	}
}

/* What is there, before anything else touches it. */
static void
look(struct view *told)
{
	struct stat st;

	answer.topic =
	    stat(LOGS "/" TOPIC, &st) == 0 ? TOPIC_THERE : TOPIC_ABSENT;
	answer.group = stat(LOGS "/@groups/" GROUP, &st) == 0;
	view_clear(&before);
	view_clear(told);
	oracle_topic(&before, LOGS "/" TOPIC);
	for (size_t i = 0; i < before.count; i++)
		view_add(told, &before.events[i]);
	memcpy(told->flaws, before.flaws, sizeof(told->flaws));
	memcpy(told->ends, before.ends, sizeof(told->ends));
	told->flaw_count = before.flaw_count;
	told->parts = before.parts;
	add_archive(told);
}

static void
parse(size_t count)
{
	uint8_t *bytes = malloc(count + 1);

	assert(bytes != NULL);
	take(bytes, count);
	view_clear(&before);
	oracle_batches(&before, bytes, count);
	give_answer(&before);
	free(bytes);
}

int
main(int argc, char **argv)
{
	static struct view told;
	struct question question;

	if (argc != 2 || chdir(argv[1]) != 0) {
		fprintf(stderr, "usage: %s ROOT\n", argv[0]);
		return 2;
	}
	for (;;) {
		alarm(0);
		take(&question, sizeof(question));
		alarm(PATIENCE_S);
		answer = (struct answer){ .wrong_bytes = 0 };
		wrong[0] = '\0';
		if ((question.wishes & PARSE) != 0) {
			parse(question.slots);
			continue;
		}
		for (uint32_t i = 0; i < question.slots; i++)
			take_slot();
		tree_make(&tree);
		look(&told);
		if ((question.wishes & (LOOK | BUILD)) == 0 &&
		    judge_topic(question.wishes) < 0)
			assert(wrong[0] != '\0');
		give_answer(&told);
	}
}
