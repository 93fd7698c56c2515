/*
 * tail_group.c: streamlog-tail as a member of a group; see tail_group.h and
 * share.h.
 *
 * One loop, which never waits for one thing only: it shows the others a sign of
 * life, takes up and lets go of partitions, hands batches on, commits what was
 * taken, and sleeps when there is nothing to do.
 */
#include "tail_group.h"

#include "outfile.h"
#include "share.h"
#include "stop.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How often names and settings of topics are looked at. */
#define LOOK_MS 900
#define LOOK_AGAIN_MS 50
#define WAIT_MS_MAX 1000
/* Onto stdout places are committed no more often than this. */
#define COMMIT_MS 100
/* After a signal, who reads stdout has so long to take what it was given; so,
 * while following, where reading failed. */
#define GRACE_MS 10000
/* How often a pipe is asked whether its reader took something. */
#define PIPE_NAP_MS 2
#define PIPE_NAP_MS_MAX 50
/* Events of one batch onto stdout. */
#define STREAM_BATCH 1000

/* ---- Topics ---- */

/* The roster's topics, for the member to look at. */
static void
list_topics(struct share *share)
{
	struct sl_topic **grown;
	size_t i;

	grown = reallocarray(share->topics, share->roster.topic_count + 1,
	    sizeof(*grown));
	if (grown == NULL) {
		cli_message("out of memory");
		share_raise(share, CLI_EXIT_FAILED);
		share->is_over = true;
		return;
	}
	share->topics = grown;
	share->topic_count = share->roster.topic_count;
	for (i = 0; i < share->topic_count; i++)
		grown[i] = share->roster.topics[i].topic;
}

/* Topics that were deleted go once what is left of them was handed on. */
static void
drop_leaving(struct share *share)
{
	bool has_any = false;
	size_t i;

	for (i = 0; i < share->roster.topic_count; i++) {
		if (!share->roster.topics[i].is_leaving)
			continue;
		has_any = true;
		if (!share_drop_topic(share, share->roster.topics[i].topic))
			return;
	}
	if (!has_any)
		return;
	roster_drop_leaving(&share->roster);
	list_topics(share);
	share->names_ms = share->member_ms = 0;
	if (roster_is_over(&share->roster))
		share->is_over = true;
}

/*
 * Behind the last event that was read there may be places without one: what was
 * compacted away, aborted transactions. They count as read, too, but where
 * --on-gap=fail stops before them. Whatever was read is handed on.
 */
static void
pass_holes(struct share *share)
{
	struct ledger_part *part;
	uint64_t place;
	size_t i;

	if (share->has_failed)
		return;
	for (i = 0; i < share->ledger.part_count; i++) {
		part = &share->ledger.parts[i];
		place = sl_reader_place(share->reader, part->topic,
		    part->partition);
		if (part->count == 0 && place != SL_OFFSET_NONE &&
		    place > part->next)
			part->next = place;
	}
}

/* Look for new partitions and topics, and for what was deleted. */
static void
look_at_names(struct share *share, int64_t now_ms)
{
	struct sl_error err;

	/* A bounded run looks only where others know more (see share_look). */
	share->names_ms =
	    share->options->follows ? now_ms + LOOK_MS : INT64_MAX;
	ending_look(&share->ending);
	pass_holes(share);
	if (roster_look(&share->roster, &err) != SL_OK)
		share_fail(share, &err);
	list_topics(share);
	share->member_ms = 0;
}

/* ---- Reading ---- */

/* Reading said something else than a record. What was handed on before that is
 * seen through, even where no more is. */
static void
take_trouble(struct share *share, int rc, const struct sl_source *source,
    struct sl_error *err)
{
	if (rc == SL_ENOTFOUND && share->options->follows) {
		/* Said again until the next look: it is leaving then. */
		roster_lose(&share->roster, source->topic);
		return;
	}
	sl_error_wrap(err, "group '%s'", share->group->name);
	if (rc == SL_EGONE && !share->group->fails_on_gap) {
		share_raise(share, cli_fail(err));
	} else if (rc == SL_ECORRUPT && share->options->reader.skip_damage) {
		share_raise(share, cli_fail(err));
	} else {
		share_raise(share, cli_fail(err));
		share->has_failed = true;
		if (share->options->follows)
			share->stop_ms = sl_monotonic_ms() + GRACE_MS;
	}
}

/* Read a batch and hand it on. False: there is nothing to hand on now. */
static bool
advance(struct share *share)
{
	struct sl_source source = { .topic = NULL };
	uint64_t count_max =
	    share_is_command(share) ? share->group->batch : STREAM_BATCH;
	struct sl_error err;
	int rc;

	if (share->stop_ms != 0 || share->has_failed || !share_has_room(share))
		return false;
	if (count_max > share->left)
		count_max = share->left;
	if (share->group->ack_fd >= 0 &&
	    count_max > share->group->unacked_max - share->ledger.open)
		count_max = share->group->unacked_max - share->ledger.open;
	rc = batch_fill(&share->batch, share->reader, &share->options->select,
	    &share->shape, count_max, &source, &err);
	if (share->batch.source.topic != NULL)
		share_hand_on(share);
	if (rc < 0 && !share->is_over)
		take_trouble(share, rc, &source, &err);
	if (share->batch.count > 0)
		share->ending.active_ms = sl_monotonic_ms();
	return rc != SL_END;
}

/* ---- The end ---- */

/* Are partitions on their way to this member? */
static bool
is_coming(const struct share *share)
{
	struct sl_member_info info;

	sl_member_info(share->member, &info);
	return info.coming > 0 || info.mine != share->ledger.part_count;
}

/* Is a bounded run at the end of all that is its own, or is to be? */
static bool
is_at_end(const struct share *share)
{
	const struct ledger_part *part;
	uint64_t place;
	size_t i;

	if (is_coming(share))
		return false;
	for (i = 0; i < share->ledger.part_count; i++) {
		part = &share->ledger.parts[i];
		place = sl_reader_place(share->reader, part->topic,
		    part->partition);
		if (place <
		    sl_reader_end(share->reader, part->topic, part->partition))
			return false;
	}
	return true;
}

/* At the end of what there is: may this be the end of all? */
static bool
is_done(const struct share *share, bool was_pid_dead, int64_t now_ms)
{
	bool is_settled =
	    share->ledger.open == 0 && outlet_waiting(&share->outlet) == 0;

	if (share->stop_ms != 0)
		return is_settled || now_ms >= share->stop_ms;
	if (share->left == 0 || share->has_failed)
		return is_settled;
	if (share->options->follows && (!is_settled || is_coming(share)))
		return false;
	if (share->options->follows)
		return ending_is_idle(&share->ending, now_ms) ||
		       (was_pid_dead && roster_is_read(&share->roster));
	return is_settled && is_at_end(share);
}

/* ---- The loop ---- */

static void
note_stop(struct share *share)
{
	if (stop_signal != 0 && share->stop_ms == 0)
		share->stop_ms = sl_monotonic_ms() + GRACE_MS;
}

/* How long may be slept. */
static int
sleep_ms(const struct share *share, int64_t now_ms, int pipe_nap_ms)
{
	int64_t until_ms = share->member_ms, left_ms;

	if (share->names_ms < until_ms)
		until_ms = share->names_ms;
	if (share_is_due(share) && share->commit_ms < until_ms)
		until_ms = share->commit_ms;
	if (share->stop_ms != 0 && share->stop_ms < until_ms)
		until_ms = share->stop_ms;
	left_ms = until_ms - now_ms;
	if (left_ms > WAIT_MS_MAX)
		left_ms = WAIT_MS_MAX;
	if (pipe_nap_ms > 0 && pipe_nap_ms < left_ms)
		left_ms = pipe_nap_ms;
	return (int)ending_wait_ms(&share->ending, now_ms, left_ms);
}

/* Sleep until there may be something to do. */
static void
rest(struct share *share, int64_t now_ms, int pipe_nap_ms)
{
	bool has_output =
	    !share_is_command(share) && share->outlet.kind != OUTLET_FILE;
	bool is_waiting = outlet_waiting(&share->outlet) > 0;
	struct pollfd fds[] = {
		{ .fd = has_output ? STDOUT_FILENO : -1,
		    .events = is_waiting ? POLLOUT : 0 },
		{ .fd = share->stop_ms == 0 ? stop_fd : -1, .events = POLLIN },
		{ .fd = share->acks.fd, .events = POLLIN },
		{ .fd = share->ending.pid_fd, .events = POLLIN },
	};
	struct sl_error err;
	int rc;

	rc = sl_reader_wait(share->reader, fds, 4,
	    sleep_ms(share, now_ms, pipe_nap_ms), &err);
	if (rc < 0)
		share_fail(share, &err);
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		share_lose_reader(share);
	if (fds[3].revents != 0)
		share->ending.is_pid_dead = true;
	share->member_ms = 0; /* it is cheap where nothing is to be done */
	if (rc == SL_OK && share->options->follows &&
	    roster_awaits_names(&share->roster) &&
	    share->names_ms > now_ms + LOOK_AGAIN_MS)
		share->names_ms = now_ms + LOOK_AGAIN_MS;
}

/* Is it time to commit? To a command or a file, each batch; else now and then.
 */
static void
commit_in_time(struct share *share, int64_t now_ms)
{
	if (!share_is_command(share) && share->outlet.kind != OUTLET_FILE &&
	    now_ms < share->commit_ms)
		return;
	share->commit_ms = now_ms + COMMIT_MS;
	(void)share_commit(share);
}

static void
loop(struct share *share)
{
	bool was_pid_dead, has_more;
	int nap_ms = PIPE_NAP_MS;
	uint64_t open;
	int64_t now_ms;

	while (!share->is_over) {
		note_stop(share);
		was_pid_dead = share->ending.is_pid_dead;
		now_ms = sl_monotonic_ms();
		if (now_ms >= share->names_ms)
			look_at_names(share, now_ms);
		if (!share->is_over && now_ms >= share->member_ms)
			share_look(share);
		/* Who waits for partitions is not idle. */
		if (share->ending.idle_ms >= 0 && is_coming(share))
			share->ending.active_ms = now_ms;
		has_more = !share->is_over && advance(share);
		open = share->ledger.open;
		if (!share->is_over)
			share_settle(share);
		nap_ms = share->ledger.open < open ? PIPE_NAP_MS : nap_ms * 2;
		if (nap_ms > PIPE_NAP_MS_MAX)
			nap_ms = PIPE_NAP_MS_MAX;
		if (!share->is_over)
			commit_in_time(share, now_ms);
		if (!share->is_over)
			share_let_go(share);
		if (share->is_over || has_more)
			continue;
		drop_leaving(share);
		now_ms = sl_monotonic_ms();
		if (is_done(share, was_pid_dead, now_ms)) {
			pass_holes(share);
			share->is_over = true;
		}
		if (!share->is_over)
			rest(share, now_ms,
			    share->ledger.open > 0 ? nap_ms : 0);
	}
}

/* ---- Beginning and ending ---- */

/* A bounded run ends where all partitions end now. */
static int
note_bounds(struct share *share, struct sl_error *err)
{
	struct share_bound *grown;
	struct sl_range range;
	struct sl_topic *topic;
	int partitions, p, rc;
	size_t t;

	for (t = 0; !share->options->follows && t < share->topic_count; t++) {
		topic = share->topics[t];
		partitions = sl_topic_settings(topic)->partitions;
		grown = reallocarray(share->bounds,
		    share->bound_count + (size_t)partitions, sizeof(*grown));
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM, "out of memory");
		share->bounds = grown;
		for (p = 0; p < partitions; p++) {
			rc = sl_topic_range(topic, p, &range, err);
			if (rc != SL_OK)
				return rc;
			grown[share->bound_count++] =
			    (struct share_bound){ topic, p, range.next };
		}
	}
	return SL_OK;
}

/*
 * The words of this member's topics, for the others: names and globs. A bounded
 * run takes no topic that comes later, though a glob matches it.
 */
static const char **
list_words(const struct share *share, size_t *count)
{
	bool follows = share->options->follows;
	const char **words;
	size_t i;

	*count = follows ? share->roster.operand_count : share->topic_count;
	words = calloc(*count + 1, sizeof(*words));
	for (i = 0; words != NULL && i < *count; i++)
		words[i] = follows ? share->roster.operands[i].name
		                   : sl_topic_name(share->topics[i]);
	return words;
}

static int
join(struct share *share, struct sl_error *err)
{
	const struct tail_group *group = share->group;
	const struct roster *roster = &share->roster;
	size_t word_count;
	const char **words = list_words(share, &word_count);
	struct sl_member_options options = {
		.dir = share->options->cli.dir,
		.state_dir = group->state_dir,
		.words = words,
		.word_count = word_count,
		.is_exclusive = group->is_exclusive,
		.session_timeout_ms = group->session_timeout_ms,
		.first = group->first,
		.first_ms = group->first_ms,
	};
	int rc;

	if (words == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	/* The group lies where its topics do, whichever way they were named. */
	if (share->topic_count > 0)
		options.dir = sl_topic_dir(share->topics[0]);
	else if (roster->operands[0].dir != NULL)
		options.dir = roster->operands[0].dir;
	rc = sl_member_join(&share->member, group->name, &options,
	    share->reader, share->topics, share->topic_count, err);
	free(words);
	return rc;
}

static int
open_share(struct share *share, struct sl_error *err)
{
	const struct tail_options *options = share->options;
	struct sl_reader_options reader = options->reader;
	int separator = options->form == SHAPE_FORMAT
	                    ? -1
	                    : (unsigned char)options->separator;
	int rc;

	rc = shape_init(&share->shape, options->form, options->separator,
	    options->format, err);
	if (rc == SL_OK && !share_is_command(share))
		rc = outlet_init(&share->outlet, separator, err);
	if (rc != SL_OK)
		return rc;
	share->roster.dir = options->cli.dir;
	share->roster.patience = options->patience;
	share->roster.select = &options->select;
	share->roster.is_shared = true;
	rc = roster_open(&share->roster, options->cli.operands,
	    (size_t)options->cli.operand_count, err);
	if (rc == SL_OK) {
		reader.dir = roster_dir(&share->roster);
		rc = sl_reader_open(&share->reader, &reader, err);
	}
	if (rc == SL_OK)
		rc = sl_reader_follow(share->reader, err);
	if (rc != SL_OK)
		return rc;
	roster_begin_follow(&share->roster, share->reader);
	list_topics(share);
	rc = note_bounds(share, err);
	return rc == SL_OK ? join(share, err) : rc;
}

static void
close_share(struct share *share)
{
	sl_member_close(share->member);
	sl_reader_close(share->reader);
	roster_release(&share->roster);
	ending_close(&share->ending);
	acks_release(&share->acks);
	outlet_release(&share->outlet);
	ledger_release(&share->ledger);
	batch_release(&share->batch);
	shape_release(&share->shape);
	free(share->places);
	free(share->bounds);
	free(share->topics);
}

/* --print-place: the places that were not committed, an object a line. */
static int
print_places(const struct share *share, struct sl_error *err)
{
	const struct share_place *place;
	struct outfile file;
	size_t i;
	int rc;

	rc = outfile_open(&file, share->group->print_place, err);
	if (rc != SL_OK)
		return rc;
	for (i = 0; i < share->place_count; i++) {
		place = &share->places[i];
		printf("{\"topic\":\"%s\",\"topic_id\":\"%s\",\"partition\":%d,"
		       "\"offset\":%" PRIu64 "}\n",
		    place->topic, place->topic_id, place->partition,
		    place->offset);
	}
	rc = outfile_replace(&file, err);
	outfile_close(&file);
	return rc;
}

/* Commit what was taken, hand over to the others, and say how it went. */
static void
conclude(struct share *share)
{
	struct sl_error err;

	/* Who went had perhaps taken all before the end was seen. */
	if (share->is_reader_gone)
		pass_holes(share);
	share_commit_last(share);
	if (sl_member_leave(share->member, &err) != SL_OK)
		cli_detail("%s", err.text); /* they see that it ends */
	if (share->group->print_place != NULL &&
	    print_places(share, &err) != SL_OK)
		share_fail(share, &err);
	if (share->roster.is_missing)
		share_raise(share, CLI_EXIT_NOTFOUND);
	if (share->acks.is_bad)
		share_raise(share, CLI_EXIT_DATA);
}

int
tail_group_run(const struct tail_options *options)
{
	static struct share share;
	struct sl_error err;

	share.options = options;
	share.group = &options->group;
	share.left = options->limit;
	share.acks.fd = options->group.ack_fd;
	share.ending = ENDING_NEVER;
	child_raise_files(&share.child);
	if (stop_catch(&err) != SL_OK || open_share(&share, &err) != SL_OK) {
		share_fail(&share, &err);
	} else {
		ending_begin(&share.ending, options->idle_ms, options->pid);
		share.names_ms =
		    options->follows ? sl_monotonic_ms() + LOOK_MS : INT64_MAX;
		loop(&share);
		conclude(&share);
	}
	close_share(&share);
	if (stop_signal != 0)
		return stop_die();
	if (share.status == CLI_EXIT_OK && share.handed == 0 &&
	    options->exit_status)
		return CLI_EXIT_FAILED;
	return share.status;
}
