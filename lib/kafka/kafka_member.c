/*
 * kafka_member.c: a member of a cluster's consumer group; see kafka.h.
 *
 * The broker's coordinator says who has which partition; its words come as
 * events and go on as the changes of streamlog_group.h. A partition that is to
 * go is given back when its last place is committed, so that nobody reads it
 * twice; until then the coordinator waits. A new group's places are committed
 * before anything is read, so that they stand.
 */
#include "kafka_member.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a look is due; events wake the reader before. */
#define LOOK_MS 1000
/* So long a commit is waited for at a time, and a goodbye in all. */
#define COMMIT_MS 5000
#define GOODBYE_MS 5000
/* At least, between two heartbeats. */
#define HEARTBEAT_MS_MAX 3000

static int
wrap(const struct sl_member *member, struct sl_error *err)
{
	return sl_error_wrap(err, "group '%s'", member->group);
}

static int
no_memory(struct sl_error *err)
{
	return sl_error_set(err, SL_ENOMEM, "no memory");
}

/* ---- Joining ---- */

/* A glob as the regular expression that a subscription takes. */
static void
regex_of(const char *glob, char *to)
{
	*to++ = '^';
	for (; *glob != '\0'; glob++) {
		if (*glob == '*' || *glob == '.')
			*to++ = *glob == '*' ? '.' : '\\';
		*to++ = *glob == '?' ? '.' : *glob;
		if (*glob == '[' && glob[1] == '!') {
			*to++ = '^';
			glob++;
		}
	}
	*to++ = '$';
	*to = '\0';
}

static int
subscribe(struct sl_member *member, const struct sl_member_options *options,
    struct sl_error *err)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)options->word_count);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	const char *word;
	char *regex;
	size_t i;

	for (i = 0; i < options->word_count; i++) {
		word = options->words[i];
		if (!sl_glob_is(word)) {
			rd_kafka_topic_partition_list_add(list, word,
			    RD_KAFKA_PARTITION_UA);
			continue;
		}
		regex = malloc(2 * strlen(word) + 3);
		if (regex == NULL) {
			code = RD_KAFKA_RESP_ERR__FAIL;
			break;
		}
		regex_of(word, regex);
		rd_kafka_topic_partition_list_add(list, regex,
		    RD_KAFKA_PARTITION_UA);
		free(regex);
	}
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = rd_kafka_subscribe(member->kafka.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return SL_OK;
	return sl_kafka_error(err, code, "group '%s'", member->group);
}

static int
open_client(struct sl_member *member, const char *dir,
    const struct sl_member_options *options, struct sl_error *err)
{
	int64_t session_ms = options->session_timeout_ms;
	int64_t beat_ms = session_ms / 3;
	char session[24], beat[24];
	const struct sl_setting usual[] = {
		{ "partition.assignment.strategy", "cooperative-sticky" },
		/* As with files: who is alive may take its time. */
		{ "max.poll.interval.ms", "86400000" },
		/* Partitions and topics that come are seen as by a follower. */
		{ "topic.metadata.refresh.interval.ms", "1000" },
		{ "session.timeout.ms", session },
		{ "heartbeat.interval.ms", beat },
		{ NULL, NULL },
	};
	const struct sl_setting fixed[] = {
		{ "group.id", member->group },
		{ NULL, NULL },
	};
	const struct sl_kafka_make make = { .type = RD_KAFKA_CONSUMER,
		.dir = dir,
		.usual = { sl_kafka_reading, usual },
		.fixed = { sl_kafka_reading_fixed, fixed },
		.events = RD_KAFKA_EVENT_REBALANCE };

	if (beat_ms > HEARTBEAT_MS_MAX)
		beat_ms = HEARTBEAT_MS_MAX;
	snprintf(session, sizeof(session), "%lld", (long long)session_ms);
	snprintf(beat, sizeof(beat), "%lld", (long long)beat_ms);
	return sl_kafka_open(&member->kafka, &make, err);
}

static int
check_options(const struct sl_member_options *options,
    const struct sl_reader *reader, struct sl_error *err)
{
	if (options->state_dir != NULL)
		return sl_error_set(err, SL_EUSAGE,
		    "--state-dir: a cluster keeps the places of its groups "
		    "itself");
	if (options->is_exclusive)
		return sl_error_set(err, SL_EUSAGE,
		    "--exclusive: a cluster lets every member in");
	if (reader->kafka != NULL)
		return sl_error_set(err, SL_EUSAGE,
		    "a member's reader has read something else before");
	return SL_OK;
}

int
sl_kafka_member_join(struct sl_member **out, const char *group,
    const struct sl_member_options *options, struct sl_reader *reader,
    struct sl_topic *const *topics, size_t topic_count, struct sl_error *err)
{
	char dir[PATH_MAX];
	struct sl_member *member;
	int rc;

	*out = NULL;
	rc = check_options(options, reader, err);
	if (rc == SL_OK && options->dir == NULL && topic_count == 0)
		rc = sl_default_dir(dir, err);
	else
		snprintf(dir, sizeof(dir), "%s",
		    topic_count > 0 ? topics[0]->kafka->dir : options->dir);
	if (rc < 0)
		return rc;
	member = calloc(1, sizeof(*member));
	if (member == NULL || (member->group = strdup(group)) == NULL) {
		free(member);
		return no_memory(err);
	}
	member->reader = reader;
	member->session_ms = options->session_timeout_ms;
	member->first = options->first;
	member->first_ms = options->first_ms;
	rc = open_client(member, dir, options, err);
	if (rc == SL_OK) {
		member->events = rd_kafka_queue_get_consumer(member->kafka.rk);
		member->commits = rd_kafka_queue_new(member->kafka.rk);
		sl_kafka_reader_heed(reader, member->events);
		reader->kafka = &member->kafka;
		reader->is_member = true;
		rc = subscribe(member, options, err);
	}
	if (rc < 0)
		sl_kafka_member_close(member);
	else
		*out = member;
	return rc;
}

void
sl_kafka_member_close(struct sl_member *member)
{
	if (member->revoked != NULL)
		rd_kafka_topic_partition_list_destroy(member->revoked);
	sl_kafka_reader_part(member->reader);
	if (member->given != NULL)
		rd_kafka_topic_partition_list_destroy(member->given);
	if (member->others != NULL)
		rd_kafka_topic_partition_list_destroy(member->others);
	if (member->events != NULL) {
		/* Its client may stay, and the reader's descriptor doesn't. */
		rd_kafka_queue_io_event_enable(member->events, -1, NULL, 0);
		rd_kafka_queue_destroy(member->events);
	}
	if (member->commits != NULL)
		rd_kafka_queue_destroy(member->commits);
	/*
	 * librdkafka 2.0.2 aborts when one goes between its joining and its
	 * first assignment (the sticky assignor has no state yet): such a
	 * client stays until the process ends.
	 */
	if (member->was_assigned)
		sl_kafka_close(&member->kafka);
	free(member->held);
	free(member->changes);
	free(member->group);
	free(member);
}

/* ---- Looking ---- */

/* Hand out what is new, to who has its topic open. */
static int
hand_out(struct sl_member *member, struct sl_topic *const *topics, size_t count,
    struct sl_error *err)
{
	struct sl_kafka_held *held;
	size_t i, t;
	int rc = SL_OK;

	for (i = 0; rc == SL_OK && i < member->held_count; i++) {
		held = &member->held[i];
		if (held->topic != NULL)
			continue;
		for (t = 0; t < count; t++)
			if (strcmp(topics[t]->name, held->name) == 0 &&
			    held->partition < topics[t]->settings.partitions)
				held->topic = topics[t];
		rc = sl_kafka_member_tell(member,
		    held->topic != NULL ? SL_MEMBER_ASSIGNED
		                        : SL_MEMBER_UNKNOWN,
		    held, err);
	}
	return rc;
}

int
sl_kafka_member_look(struct sl_member *member, struct sl_topic *const *topics,
    size_t topic_count, int *again_ms, struct sl_error *err)
{
	rd_kafka_event_t *event;
	int rc = SL_OK;
	size_t t;

	*again_ms = LOOK_MS;
	member->change_count = member->changes_taken = 0;
	member->partitions = 0;
	for (t = 0; t < topic_count; t++)
		member->partitions += (size_t)topics[t]->settings.partitions;
	sl_kafka_poll(&member->kafka, 0);
	if (sl_monotonic_ms() >= member->seal_ms) {
		sl_kafka_seal_fds();
		member->seal_ms = sl_monotonic_ms() + LOOK_MS;
	}
	while (rc == SL_OK &&
	       (event = rd_kafka_queue_poll(member->events, 0)) != NULL) {
		rc = sl_kafka_member_hear(member, event, err);
		rd_kafka_event_destroy(event);
	}
	if (rc == SL_OK && member->given != NULL)
		rc = sl_kafka_member_take(member, err);
	if (rc == SL_OK)
		rc = hand_out(member, topics, topic_count, err);
	if (rc == SL_OK)
		rc = sl_kafka_others_look(member, topics, topic_count, err);
	if (rc == SL_OK && member->kafka.is_refused)
		rc = sl_kafka_unreachable(&member->kafka, err);
	if (rc < 0)
		return wrap(member, err);
	return member->change_count > 0 ? SL_OK : SL_END;
}

int
sl_kafka_member_next_change(struct sl_member *member,
    struct sl_member_change *change, struct sl_error *err)
{
	(void)err;
	if (member->changes_taken == member->change_count)
		return SL_END;
	*change = member->changes[member->changes_taken++];
	return SL_OK;
}

void
sl_kafka_member_info(const struct sl_member *member,
    struct sl_member_info *info)
{
	*info = (struct sl_member_info){ .name = member->group,
		.members = 1,
		.partitions = member->partitions,
		.mine = member->held_count,
		.coming = !member->is_settled || member->is_others_turn };
}

/* ---- Committing ---- */

/* Is an answer that to the commit of these places? */
static bool
is_answer(const rd_kafka_topic_partition_list_t *answer,
    const rd_kafka_topic_partition_list_t *list)
{
	const rd_kafka_topic_partition_t *asked, *one;
	int i;

	if (answer == NULL || answer->cnt != list->cnt)
		return false;
	for (i = 0; i < list->cnt; i++) {
		asked = &list->elems[i];
		one = &answer->elems[i];
		if (one->offset != asked->offset ||
		    one->partition != asked->partition ||
		    strcmp(one->topic, asked->topic) != 0)
			return false;
	}
	return true;
}

int
sl_kafka_commit(struct sl_member *member,
    const rd_kafka_topic_partition_list_t *list, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(COMMIT_MS);
	const rd_kafka_topic_partition_list_t *answer;
	rd_kafka_resp_err_t code;
	rd_kafka_event_t *event;
	bool is_it;
	int i;

	code = rd_kafka_commit_queue(member->kafka.rk, list, member->commits,
	    NULL, NULL);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return sl_kafka_error(err, code, "commit");
	do {
		event = rd_kafka_queue_poll(member->commits, SL_KAFKA_SLICE_MS);
		sl_kafka_poll(&member->kafka, 0);
		if (event == NULL)
			continue;
		answer = rd_kafka_event_topic_partition_list(event);
		is_it = is_answer(answer, list);
		code = rd_kafka_event_error(event);
		for (i = 0; is_it && i < list->cnt &&
		            code == RD_KAFKA_RESP_ERR_NO_ERROR;
		     i++)
			code = answer->elems[i].err;
		rd_kafka_event_destroy(event);
		/* Else it is of one that was given up before. */
		if (is_it && code == RD_KAFKA_RESP_ERR_NO_ERROR)
			return SL_OK;
		if (is_it)
			return sl_kafka_error(err, code, "commit");
	} while (!sl_kafka_is_over(&member->kafka, &wait));
	/* Who was stopped is not to try again. */
	return sl_error_set(err, member->kafka.is_silent ? SL_EIO : SL_EBUSY,
	    "%s has not answered", member->kafka.dir);
}

int
sl_kafka_member_commit(struct sl_member *member, const struct sl_topic *topic,
    int partition, uint64_t offset, struct sl_error *err)
{
	struct sl_kafka_held *held =
	    sl_kafka_held_find(member, topic->name, partition);
	rd_kafka_topic_partition_list_t *list;
	int rc;

	if (held == NULL)
		return sl_error_set(err, SL_EFENCED,
		    "group '%s': topic '%s': partition %d: another member has "
		    "it",
		    member->group, topic->name, partition);
	if (offset <= held->offset)
		return SL_OK;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic->name, partition)
	    ->offset = (int64_t)offset;
	rc = sl_kafka_commit(member, list, err);
	rd_kafka_topic_partition_list_destroy(list);
	if (rc < 0) {
		sl_error_wrap(err, "topic '%s': partition %d", topic->name,
		    partition);
		return wrap(member, err);
	}
	held->offset = offset;
	return SL_OK;
}

/* ---- Letting go ---- */

int
sl_kafka_member_release(struct sl_member *member, const struct sl_topic *topic,
    int partition, struct sl_error *err)
{
	struct sl_kafka_held *held =
	    sl_kafka_held_find(member, topic->name, partition);

	if (held == NULL)
		return SL_OK;
	sl_kafka_held_forget(member, held);
	if (member->revoked != NULL && !sl_kafka_member_is_busy(member))
		return sl_kafka_member_give_back(member, err);
	return SL_OK;
}

/* Before the first assignment; see sl_kafka_member_close(). */
static void
leave_early(struct sl_member *member)
{
	rd_kafka_event_t *event;

	(void)rd_kafka_unsubscribe(member->kafka.rk);
	event = rd_kafka_queue_poll(member->events, SL_KAFKA_SLICE_MS);
	if (event != NULL)
		rd_kafka_event_destroy(event);
}

int
sl_kafka_member_leave(struct sl_member *member, struct sl_error *err)
{
	struct sl_kafka_wait wait = sl_kafka_wait_for(GOODBYE_MS);
	rd_kafka_event_t *event;
	int rc = SL_OK;

	if (!member->was_assigned) {
		leave_early(member);
		return SL_OK;
	}
	/* What is to go is waited for by the others. */
	if (member->revoked != NULL)
		rc = sl_kafka_member_give_back(member, err);
	if (rc == SL_OK)
		rc = sl_kafka_member_error(member,
		    rd_kafka_consumer_close_queue(member->kafka.rk,
		        member->events),
		    err);
	while (rc == SL_OK && !rd_kafka_consumer_closed(member->kafka.rk)) {
		event = rd_kafka_queue_poll(member->events, SL_KAFKA_SLICE_MS);
		if (event != NULL &&
		    rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			(void)rd_kafka_assign(member->kafka.rk, NULL);
		if (event != NULL)
			rd_kafka_event_destroy(event);
		if (sl_kafka_is_over(&member->kafka, &wait))
			rc = sl_error_set(err, SL_EBUSY,
			    "group '%s': no goodbye, the coordinator does not "
			    "answer",
			    member->group);
	}
	return rc;
}
