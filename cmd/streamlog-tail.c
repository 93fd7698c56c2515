/*
 * streamlog-tail.c: topics to stdout; see streamlog-tail(1).
 *
 * First what is there, up to its end as it stood at the start, in the order of
 * time; then, with -f, what comes; or, with -g, as a member of a group, which
 * tail_group.c does. The exit status is the gravest of what happened.
 */
#include "cli.h"
#include "ending.h"
#include "printer.h"
#include "roster.h"
#include "select.h"
#include "tail_group.h"
#include "tail_options.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * While following: how often names and settings are looked at again. A little
 * less than a second, so that it is done when the reader's own look wakes us.
 */
#define LOOK_MS 900
#define WAIT_MS_MAX 1000
/* Names are looked at no more often than this, however often we are woken. */
#define LOOK_AGAIN_MS 50
/* Records between two looks at the clock where input never pauses. */
#define RECORDS_PER_LOOK 4096

struct tail {
	struct tail_options options;
	struct roster roster;
	struct printer printer;
	struct sl_reader *reader;
	uint64_t skip; /* matches to come that aren't printed */
	uint64_t left; /* events that may still be printed */
	uint64_t printed;
	int status;
	bool is_over;
	bool is_following;
	struct ending ending;
	bool has_heard;    /* an event came in this turn */
	int64_t looked_ms; /* when names were looked at */
	int64_t look_ms;   /* when they are due again */
};

/* ---- What went wrong ---- */

static void
raise_status(struct tail *tail, int status)
{
	tail->status = cli_graver(tail->status, status);
}

/* Over for a failure, which is told here. */
static void
fail(struct tail *tail, const struct sl_error *err)
{
	raise_status(tail, cli_fail(err));
	tail->is_over = true;
}

/* Over where stdout's reader is gone, quietly, or writing failed. */
static void
end_output(struct tail *tail, int rc, const struct sl_error *err)
{
	if (rc == SL_END)
		tail->is_over = true;
	else if (rc != SL_OK)
		fail(tail, err);
}

static void
flush(struct tail *tail)
{
	struct sl_error err;

	end_output(tail, output_flush(&tail->printer.output, &err), &err);
}

/*
 * Reading said something else than a record; what is good goes out first.
 * Returns whether to read on.
 */
static bool
take_trouble(struct tail *tail, int rc, const struct sl_source *source,
    const struct sl_error *err)
{
	flush(tail);
	if (tail->is_over)
		return false;
	switch (rc) {
	case SL_EGONE:
		raise_status(tail, cli_fail(err));
		break;
	case SL_ECORRUPT:
		raise_status(tail, cli_fail(err));
		tail->is_over = !tail->options.reader.skip_damage;
		break;
	case SL_ENOTFOUND:
		/* The rest of it is read; said again, there is no more. */
		if (tail->is_following)
			return roster_lose(&tail->roster, source->topic);
		fail(tail, err);
		break;
	default:
		fail(tail, err);
	}
	return !tail->is_over;
}

/* ---- Reading ---- */

static void
print_event(struct tail *tail, const struct sl_record *record,
    const struct sl_source *source)
{
	struct sl_error err;
	int rc;

	if (!select_takes(&tail->options.select, record))
		return;
	if (tail->skip > 0) {
		tail->skip--;
		return;
	}
	rc = printer_event(&tail->printer, record, source, &err);
	if (rc != SL_OK) {
		end_output(tail, rc, &err);
		return;
	}
	tail->printed++;
	tail->left--;
	tail->is_over = tail->left == 0;
}

/* Is every event printed as it stands? */
static bool
takes_all(const struct tail *tail)
{
	const struct select *select = &tail->options.select;

	return tail->options.form == SHAPE_PLAIN && select->key == NULL &&
	       select->header_count == 0 && tail->skip == 0 &&
	       !tail->is_following;
}

/* As many as possible at once. False: none, see what the reader says. */
static bool
copy_events(struct tail *tail)
{
	struct sl_source source = { .topic = NULL };
	struct sl_error err;
	uint64_t count;
	int rc;

	rc = printer_copy(&tail->printer, tail->reader, tail->left, &count,
	    &source, &err);
	tail->printed += count;
	tail->left -= count;
	if (rc != SL_OK) {
		take_trouble(tail, rc, &source, &err);
		return true;
	}
	if (count == 0)
		return false;
	rc = output_pass_on(&tail->printer.output, &err);
	if (rc != SL_OK)
		end_output(tail, rc, &err);
	tail->is_over = tail->is_over || tail->left == 0;
	return true;
}

/*
 * Print what there is. Returns whether the end was reached: while following
 * only a piece is read at a time.
 */
static bool
read_on(struct tail *tail)
{
	struct sl_source source = { .topic = NULL };
	struct sl_record record;
	struct sl_error err;
	unsigned records = 0;
	int rc;

	while (!tail->is_over) {
		if (takes_all(tail) && copy_events(tail))
			continue;
		rc = sl_reader_next(tail->reader, &record, &source, &err);
		if (rc == SL_END)
			return true;
		if (rc != SL_OK) {
			if (!take_trouble(tail, rc, &source, &err))
				return true;
			continue;
		}
		print_event(tail, &record, &source);
		if (tail->is_following) {
			tail->has_heard = true;
			if (++records == RECORDS_PER_LOOK)
				return false;
		}
	}
	return true;
}

/* Each -p must be a partition of one topic at least. */
static int
check_partitions(struct tail *tail, const struct select_window *windows,
    size_t count, struct sl_error *err)
{
	const struct tail_options *options = &tail->options;
	const struct sl_topic *topic;
	size_t i, at;

	for (i = 0; i < options->partition_count; i++) {
		for (at = 0; at < count; at++)
			if (windows[at].partition == options->partitions[i])
				break;
		if (at < count || tail->roster.topic_count == 0)
			continue;
		topic = tail->roster.topics[0].topic;
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': no partition %d: it has %d (0 to %d)",
		    sl_topic_name(topic), options->partitions[i],
		    sl_topic_settings(topic)->partitions,
		    sl_topic_settings(topic)->partitions - 1);
	}
	return SL_OK;
}

/* Cut the windows to the last N of all, and see how many to skip. */
static int
choose_lines(struct tail *tail, struct select_window *windows, size_t count,
    struct sl_error *err)
{
	const struct tail_options *options = &tail->options;
	uint64_t matches = 0;
	size_t i;
	int rc;

	if (!options->has_lines)
		return SL_OK;
	if (options->is_from_line) {
		tail->skip = options->lines > 0 ? options->lines - 1 : 0;
		return SL_OK;
	}
	for (i = 0; i < count; i++) {
		rc = select_last(&options->select, options->lines, &windows[i],
		    err);
		if (rc != SL_OK)
			return rc;
		matches += windows[i].matches;
	}
	if (matches > options->lines)
		tail->skip = matches - options->lines;
	return SL_OK;
}

/* Give the reader all that is asked for, as it stands now. */
static int
assign_windows(struct tail *tail, struct sl_error *err)
{
	struct select_window *windows = NULL;
	size_t count = 0, i;
	int rc;

	rc = roster_windows(&tail->roster, &windows, &count, err);
	if (rc == SL_OK)
		rc = check_partitions(tail, windows, count, err);
	if (rc == SL_OK)
		rc = choose_lines(tail, windows, count, err);
	for (i = 0; i < count && rc == SL_OK; i++) {
		cli_detail("topic '%s': partition %d: from %" PRIu64
		           " to %" PRIu64,
		    sl_topic_name(windows[i].topic), windows[i].partition,
		    windows[i].start, windows[i].end);
		rc = sl_reader_assign(tail->reader, windows[i].topic,
		    windows[i].partition, windows[i].start, windows[i].end,
		    err);
	}
	free(windows);
	return rc;
}

/* ---- Following ---- */

/* Look for new partitions and topics, and for what was deleted. */
static void
look(struct tail *tail, int64_t now_ms)
{
	struct sl_error err;

	if (roster_look(&tail->roster, &err) != SL_OK)
		fail(tail, &err);
	tail->looked_ms = now_ms;
	tail->look_ms = now_ms + LOOK_MS;
	ending_look(&tail->ending);
}

/* Sleep until there may be something to do. */
static void
wait_for_more(struct tail *tail, int64_t now_ms)
{
	struct pollfd fds[2] = { { .fd = STDOUT_FILENO },
		{ .fd = tail->ending.pid_fd, .events = POLLIN } };
	int64_t timeout_ms = WAIT_MS_MAX;
	struct sl_error err;
	int rc;

	if (tail->look_ms < tail->looked_ms + LOOK_MS)
		timeout_ms = tail->look_ms - now_ms;
	timeout_ms = ending_wait_ms(&tail->ending, now_ms, timeout_ms);
	rc = sl_reader_wait(tail->reader, fds, 2, (int)timeout_ms, &err);
	if (rc < 0)
		fail(tail, &err);
	if (fds[0].revents != 0)
		tail->is_over = true; /* nobody reads stdout any more */
	if (fds[1].revents != 0)
		tail->ending.is_pid_dead = true;
	if (rc == SL_OK && roster_awaits_names(&tail->roster))
		tail->look_ms = tail->looked_ms + LOOK_AGAIN_MS;
}

/* At the end of what there is: may this be the end of all? */
static void
rest(struct tail *tail, bool was_last_look, int64_t now_ms)
{
	bool has_dropped;

	flush(tail);
	has_dropped = roster_drop_leaving(&tail->roster);
	if (roster_is_over(&tail->roster) ||
	    (was_last_look && roster_is_read(&tail->roster)))
		tail->is_over = true;
	if (ending_is_idle(&tail->ending, now_ms))
		tail->is_over = true;
	if (has_dropped)
		tail->look_ms = now_ms;
	else if (!tail->is_over)
		wait_for_more(tail, now_ms);
}

static void
follow(struct tail *tail)
{
	bool was_last_look, is_at_end;
	struct sl_error err;
	int64_t now_ms;

	if (sl_reader_follow(tail->reader, &err) != SL_OK) {
		fail(tail, &err);
		return;
	}
	roster_begin_follow(&tail->roster, tail->reader);
	tail->is_following = true;
	ending_begin(&tail->ending, tail->options.idle_ms, tail->options.pid);
	while (!tail->is_over) {
		was_last_look = tail->ending.is_pid_dead;
		tail->has_heard = false;
		is_at_end = read_on(tail);
		now_ms = sl_monotonic_ms();
		if (tail->has_heard)
			tail->ending.active_ms = now_ms;
		if (now_ms >= tail->look_ms && !tail->is_over)
			look(tail, now_ms);
		else if (is_at_end && !tail->is_over)
			rest(tail, was_last_look, now_ms);
	}
	if (tail->roster.is_missing)
		raise_status(tail, CLI_EXIT_NOTFOUND);
	ending_close(&tail->ending);
}

/* ---- Main ---- */

static int
open_tail(struct tail *tail, struct sl_error *err)
{
	struct tail_options *options = &tail->options;
	int rc;

	rc = printer_init(&tail->printer, options->form, options->separator,
	    options->format, err);
	if (rc != SL_OK)
		return rc;
	tail->roster.dir = options->cli.dir;
	tail->roster.patience = options->patience;
	tail->roster.select = &options->select;
	rc = roster_open(&tail->roster, options->cli.operands,
	    (size_t)options->cli.operand_count, err);
	raise_status(tail, tail->roster.trouble_status);
	if (rc == SL_OK) {
		options->reader.dir = roster_dir(&tail->roster);
		rc = sl_reader_open(&tail->reader, &options->reader, err);
	}
	if (rc == SL_OK)
		rc = assign_windows(tail, err);
	return rc;
}

static void
close_tail(struct tail *tail)
{
	sl_reader_close(tail->reader);
	roster_release(&tail->roster);
	printer_release(&tail->printer);
	tail_options_release(&tail->options);
}

static void
run(struct tail *tail)
{
	struct sl_error err;

	tail->is_over = tail->left == 0;
	read_on(tail);
	if (!tail->is_over && tail->options.follows) {
		flush(tail);
		if (!tail->is_over)
			follow(tail);
	}
	/* Also after a failure: what was read whole is good. */
	if (output_flush(&tail->printer.output, &err) < 0)
		fail(tail, &err);
}

int
main(int argc, char **argv)
{
	static struct tail tail = { .roster = { .topics = NULL },
		.status = CLI_EXIT_OK };
	struct sl_error err;

	tail_options_parse(&tail.options, argc, argv);
	if (tail.options.group.name != NULL) {
		tail.status = tail_group_run(&tail.options);
		tail_options_release(&tail.options);
		return tail.status;
	}
	tail.left = tail.options.limit;
	if (open_tail(&tail, &err) != SL_OK)
		fail(&tail, &err);
	else
		run(&tail);
	close_tail(&tail);
	if (tail.status == CLI_EXIT_OK && tail.printed == 0 &&
	    tail.options.exit_status)
		return CLI_EXIT_FAILED;
	return tail.status;
}
