/* actors_group.c: threads that share a group's work; see actors.h. */
#include "actors.h"

#include <string.h>

#define SESSION_MS 45000

struct part {
	bool is_mine;
	bool is_asked; /* to let go */
	uint64_t at;
};

struct share {
	struct sl_topic *topic;
	struct sl_reader *reader;
	struct sl_member *member;
	struct part parts[PARTITIONS];
};

static int
take_change(struct share *share, const struct sl_member_change *change,
    struct sl_error *err)
{
	struct part *part = &share->parts[change->partition];

	if (change->kind == SL_MEMBER_ASSIGNED) {
		*part = (struct part){ .is_mine = true, .at = change->offset };
		return sl_reader_assign(share->reader, share->topic,
		    change->partition, change->offset, SL_OFFSET_NONE, err);
	}
	part->is_asked = part->is_asked || change->kind == SL_MEMBER_REVOKED;
	if (change->kind == SL_MEMBER_LOST) {
		part->is_mine = false;
		sl_reader_drop_partition(share->reader, share->topic,
		    change->partition);
	}
	return SL_OK;
}

static int
look(struct share *share, struct sl_error *err)
{
	struct sl_member_change change;
	int again_ms, rc;

	rc = sl_reader_wait(share->reader, NULL, 0, 5, err);
	if (rc >= 0)
		rc = sl_member_look(share->member, &share->topic, 1, &again_ms,
		    err);
	while (rc == SL_OK) {
		rc = sl_member_next_change(share->member, &change, err);
		if (rc == SL_OK)
			rc = take_change(share, &change, err);
	}
	return rc < 0 ? rc : SL_OK;
}

/* Handle what is there, up to a batch; *count of them. */
static int
handle(struct share *share, uint64_t *count, struct sl_error *err)
{
	struct sl_record record;
	struct sl_source source;
	unsigned writer;
	uint64_t n, last = *count + 100 * BATCH;
	int rc = SL_OK;

	while (rc == SL_OK && *count < last) {
		rc = sl_reader_next(share->reader, &record, &source, err);
		if (rc != SL_OK)
			break;
		if (!actors_parse(&record, &writer, &n))
			return sl_error_set(err, SL_ECORRUPT, "not an event");
		actors_handled[writer][n] = true;
		share->parts[source.partition].at = record.offset + 1;
		++*count;
	}
	return rc < 0 ? rc : SL_OK;
}

/* A lock that is busy is tried again, and what is another's is let go. */
static int
commit(struct share *share, struct sl_error *err)
{
	struct part *part;
	int p, rc = SL_OK;

	for (p = 0; p < PARTITIONS; p++) {
		part = &share->parts[p];
		if (!part->is_mine)
			continue;
		rc = sl_member_commit(share->member, share->topic, p, part->at,
		    err);
		if (rc == SL_OK && part->is_asked) {
			rc = sl_member_release(share->member, share->topic, p,
			    err);
			if (rc == SL_OK) {
				sl_reader_drop_partition(share->reader,
				    share->topic, p);
				*part = (struct part){ .is_mine = false };
			}
		}
		if (rc < 0 && rc != SL_EBUSY && rc != SL_EFENCED)
			return rc;
	}
	return SL_OK;
}

static int
join(struct share *share, struct sl_error *err)
{
	static const struct sl_reader_options reading;
	static const char *const words[] = { "log" };
	const struct sl_member_options options = { .dir = actors_path,
		.words = words,
		.word_count = 1,
		.session_timeout_ms = SESSION_MS };
	int rc;

	memset(share, 0, sizeof(*share));
	rc = sl_topic_open(&share->topic, actors_path, "log", err);
	if (rc == SL_OK)
		rc = sl_reader_open(&share->reader, &reading, err);
	if (rc == SL_OK)
		rc = sl_reader_follow(share->reader, err);
	if (rc == SL_OK)
		rc = sl_member_join(&share->member, "g", &options,
		    share->reader, &share->topic, 1, err);
	return rc;
}

static void
part_ways(struct share *share)
{
	sl_member_close(share->member);
	sl_reader_close(share->reader);
	sl_topic_close(share->topic);
}

/* One life of a member: it leaves, or dies, every second time each. */
static int
live(struct actor *actor, unsigned life)
{
	struct share share;
	unsigned look_count = 10 + (life * 7 + actor->id * 3) % 20;
	int rc;

	rc = join(&share, &actor->err);
	for (; rc == SL_OK && look_count > 0 && !actors_over; look_count--) {
		rc = look(&share, &actor->err);
		if (rc == SL_OK)
			rc = handle(&share, &actor->count, &actor->err);
		if (rc == SL_OK)
			rc = commit(&share, &actor->err);
	}
	if (rc == SL_OK && life % 2 == 0)
		rc = sl_member_leave(share.member, &actor->err);
	part_ways(&share);
	return rc == SL_EBUSY ? SL_OK : rc;
}

void *
actors_join(void *arg)
{
	struct actor *actor = arg;
	unsigned life;

	for (life = 0; actor->rc == SL_OK && !actors_over; life++)
		actor->rc = live(actor, life);
	return NULL;
}

/* Once all is written, a last one handles what the others left. */
int
actors_drain(struct sl_error *err)
{
	struct share share;
	struct sl_range range;
	uint64_t count = 0;
	bool is_drained = false;
	int p, rc;

	rc = join(&share, err);
	while (rc == SL_OK && !is_drained) {
		rc = look(&share, err);
		if (rc == SL_OK)
			rc = handle(&share, &count, err);
		if (rc == SL_OK)
			rc = commit(&share, err);
		is_drained = true;
		for (p = 0; rc == SL_OK && p < PARTITIONS; p++) {
			rc = sl_topic_range(share.topic, p, &range, err);
			is_drained = is_drained && share.parts[p].is_mine &&
			             share.parts[p].at == range.next;
		}
	}
	if (rc == SL_OK)
		rc = sl_member_leave(share.member, err);
	part_ways(&share);
	return rc;
}
