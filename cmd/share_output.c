/* share_output.c: batches go to a command or onto stdout; see share.h. */
#include "share.h"

#include "number.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Sleep no longer than this while a command runs. */
#define WAIT_MS_MAX 1000
/* Messages about partitions whose events were left unread. */
#define MESSAGES_MAX 10

bool
share_has_room(const struct share *share)
{
	return share->left > 0 &&
	       outlet_waiting(&share->outlet) < OUTLET_PENDING_MAX &&
	       (share->group->ack_fd < 0 ||
	           share->ledger.open < share->group->unacked_max);
}

/* ---- To a command ---- */

/* "NAME=VALUE" for the command; NULL: out of memory. */
static char *
word(const char *name, const char *value)
{
	char *text;

	return asprintf(&text, "STREAMLOG_%s=%s", name, value) < 0 ? NULL
	                                                           : text;
}

static char *
number_word(const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return word(name, text);
}

static int
start_command(struct share *share, int *status, struct sl_error *err)
{
	const struct batch *batch = &share->batch;
	char *words[CHILD_WORDS_MAX] = { NULL };
	int i, rc;

	words[0] = word("GROUP", share->group->name);
	words[1] = word("TOPIC", sl_topic_name(batch->source.topic));
	words[2] = number_word("PARTITION", (uint64_t)batch->source.partition);
	words[3] = number_word("OFFSET", batch->events[0].offset);
	words[4] = number_word("COUNT", batch->count);
	share->child.argv = share->group->command;
	rc = sl_error_set(err, SL_ENOMEM, "out of memory");
	*status = CLI_EXIT_FAILED;
	if (words[0] != NULL && words[1] != NULL && words[2] != NULL &&
	    words[3] != NULL && words[4] != NULL)
		rc = child_start(&share->child, batch->text.bytes,
		    batch->text.used, words, status, err);
	for (i = 0; i < 5; i++)
		free(words[i]);
	return rc;
}

/* Until it has ended; meanwhile the group sees that this member lives. */
static void
await_command(struct share *share)
{
	struct pollfd end = { share->child.pid_fd, POLLIN, 0 };
	struct sl_error err;
	int64_t wait_ms;

	while (share->child.pid_fd >= 0 && end.revents == 0) {
		wait_ms = share->member_ms - sl_monotonic_ms();
		if (wait_ms > WAIT_MS_MAX)
			wait_ms = WAIT_MS_MAX;
		if (wait_ms > 0 && sl_reader_wait(share->reader, &end, 1,
		                       (int)wait_ms, &err) < 0)
			share_fail(share, &err);
		if (end.revents == 0)
			share_look(share);
		if (share->is_over)
			break;
	}
}

/* It did not take its batch: it ends this run, too, with its status. */
static void
tell_refused(struct share *share, const char *how)
{
	const struct batch *batch = &share->batch;
	char events[NUMBER_TEXT_SIZE], which[128];

	number_format(batch->count, events);
	if (batch->count == 1)
		snprintf(which, sizeof(which),
		    "offset %" PRIu64 " (1 event) is not committed and comes",
		    batch->events[0].offset);
	else
		snprintf(which, sizeof(which),
		    "offsets %" PRIu64 " to %" PRIu64
		    " (%s events) are not committed and come",
		    batch->events[0].offset,
		    batch->events[batch->count - 1].offset, events);
	cli_message("group '%s': topic '%s': partition %d: '%s' %s; %s again",
	    share->group->name, sl_topic_name(batch->source.topic),
	    batch->source.partition, share->group->command[0], how, which);
}

static void
run_command(struct share *share)
{
	struct sl_error err;
	char how[64];
	int status;

	if (start_command(share, &status, &err) != SL_OK) {
		cli_message("%s", err.text);
		share->status = status;
		share->is_over = true;
		return;
	}
	await_command(share);
	status = child_reap(&share->child, how);
	if (status == 0) {
		ledger_take(&share->ledger, share->ledger.handed);
		return;
	}
	tell_refused(share, how);
	share->status = status;
	share->is_over = true;
}

/* ---- Onto stdout ---- */

static void
put_out(struct share *share)
{
	struct sl_error err;
	int rc;

	rc = outlet_put(&share->outlet, share->batch.text.bytes,
	    share->batch.text.used, &err);
	if (rc < 0)
		share_fail(share, &err);
}

void
share_hand_on(struct share *share)
{
	struct sl_error err;

	if (ledger_add(&share->ledger, &share->batch, &err) != SL_OK) {
		share_fail(share, &err);
		return;
	}
	if (share->batch.count == 0)
		return;
	if (share_is_command(share))
		run_command(share);
	else
		put_out(share);
	share->handed += share->batch.count;
	share->left -= share->batch.count;
}

/* Take down all acknowledgements that are there. */
static void
hear(struct share *share)
{
	struct pollfd in = { share->acks.fd, POLLIN, 0 };
	struct sl_error err;
	int rc;

	while (share->acks.fd >= 0 && poll(&in, 1, 0) > 0 && in.revents != 0) {
		rc = acks_read(&share->acks, &share->ledger, &err);
		if (rc < 0)
			share_fail(share, &err);
		if (rc != SL_OK)
			return;
	}
}

void
share_settle(struct share *share)
{
	struct sl_error err;
	int rc;

	if (share_is_command(share))
		return;
	rc = outlet_write(&share->outlet, &err);
	if (rc < 0) {
		share_fail(share, &err);
		return;
	}
	if (rc == SL_END)
		share_lose_reader(share);
	else if (share->group->ack_fd < 0)
		ledger_take(&share->ledger, outlet_taken(&share->outlet));
	else
		hear(share);
	if (share->group->ack_fd >= 0 && share->acks.fd < 0)
		share_lose_reader(share);
}

/* How many events of a partition were handed on and not taken. */
static uint64_t
count_open(const struct ledger_part *part)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < part->count; i++)
		count += !part->events[part->head + i].is_taken;
	return count;
}

static void
tell_unread(const struct share *share)
{
	const struct ledger_part *part;
	char events[NUMBER_TEXT_SIZE];
	uint64_t open;
	int told = 0;
	size_t i;

	for (i = 0; i < share->ledger.part_count; i++) {
		part = &share->ledger.parts[i];
		open = count_open(part);
		if (open == 0 || told++ >= MESSAGES_MAX)
			continue;
		number_format(open, events);
		cli_message("group '%s': topic '%s': partition %d: %s; %s "
		            "event%s %s; the place is %" PRIu64,
		    share->group->name, sl_topic_name(part->topic),
		    part->partition,
		    share->group->ack_fd >= 0 ? "who acknowledges is gone"
		                              : "the reader of stdout is gone",
		    events, open == 1 ? "" : "s",
		    share->group->ack_fd >= 0 ? "not acknowledged"
		                              : "not taken by it",
		    ledger_place(part));
	}
}

void
share_lose_reader(struct share *share)
{
	if (share->is_reader_gone)
		return;
	share->is_reader_gone = share->is_over = true;
	if (share->group->ack_fd >= 0)
		hear(share);
	else
		ledger_take(&share->ledger, outlet_taken(&share->outlet));
	if (share->ledger.open == 0)
		return; /* a quiet end, as of any pipe */
	tell_unread(share);
	share_raise(share, CLI_EXIT_FAILED);
}
