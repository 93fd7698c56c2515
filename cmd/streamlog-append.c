/*
 * streamlog-append.c: events to a topic; see streamlog-append(1).
 *
 * Exit 0 means: the input was read to its end, and every event of it is on disk
 * (but for --sync=none). SIGINT, SIGTERM and SIGHUP finish and sync the chunk
 * in hand, say how far it came, and then are died of.
 */
#include "append_options.h"
#include "ingest.h"
#include "number.h"
#include "progress.h"
#include "stop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often a topic that found no space is tried again. */
#define CREATE_RETRY_MS 100

/*
 * Can the files be read? Before a topic is made: who swaps the operands should
 * not find one named for a file.
 */
static int
check_files(const struct append_options *options, struct sl_error *err)
{
	char *const *file;

	for (file = options->files; *file != NULL; file++) {
		if (strcmp(*file, "-") == 0 || access(*file, R_OK) == 0)
			continue;
		return sl_error_sys(err, errno, "topic '%s': input '%s'",
		    options->topic, *file);
	}
	return SL_OK;
}

/* Make the topic, unless somebody was faster; wait for space, if asked. */
static int
create_topic(const struct append_options *options, struct sl_error *err)
{
	char partitions[16];
	struct sl_setting setting = { "partitions", partitions };
	struct pollfd stop = { stop_fd, POLLIN, 0 };
	int64_t since_ms = sl_monotonic_ms();
	bool was_told = false;
	int rc;

	snprintf(partitions, sizeof(partitions), "%d", options->partitions);
	for (;;) {
		rc = sl_topic_auto_create(options->cli.dir, options->topic,
		    &setting, options->partitions > 0 ? 1 : 0, err);
		if (rc != SL_EFULL || stop_signal != 0 ||
		    options->wait_ms == APPEND_WAIT_NONE ||
		    sl_monotonic_ms() - since_ms >= options->wait_ms)
			break;
		if (!was_told)
			cli_notice("%s; waiting", err->text);
		was_told = true;
		(void)poll(&stop, 1, CREATE_RETRY_MS);
	}
	if (rc == SL_OK)
		cli_detail("topic '%s': made", options->topic);
	return rc == SL_EEXISTS ? SL_OK : rc;
}

static int
open_topic(const struct append_options *options, struct sl_topic **topic,
    struct sl_error *err)
{
	const struct sl_settings *settings;
	int rc;

	rc = sl_topic_open(topic, options->cli.dir, options->topic, err);
	if (rc == SL_ENOTFOUND && !options->no_create) {
		rc = create_topic(options, err);
		if (rc == SL_OK)
			rc = sl_topic_open(topic, options->cli.dir,
			    options->topic, err);
	}
	if (rc < 0)
		return rc;
	settings = sl_topic_settings(*topic);
	if (options->partitions > 0 &&
	    options->partitions < settings->partitions)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s' has %d partitions, not %d; they can only grow",
		    sl_topic_name(*topic), settings->partitions,
		    options->partitions);
	if (options->partitions > settings->partitions)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s' has %d partition%s, not %d; 'streamlog-topic "
		    "alter --partitions %d %s' changes that",
		    sl_topic_name(*topic), settings->partitions,
		    settings->partitions == 1 ? "" : "s", options->partitions,
		    options->partitions, options->topic);
	if (options->partition >= settings->partitions)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s' has no partition %d, only 0 to %d",
		    sl_topic_name(*topic), options->partition,
		    settings->partitions - 1);
	return SL_OK;
}

/* A word as a shell reads it. */
static void
put_word(FILE *to, const char *word)
{
	if (word[0] != '\0' &&
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                 "0123456789-_./=:,@%+") == strlen(word)) {
		fprintf(to, " %s", word);
		return;
	}
	fputs(" '", to);
	for (; *word != '\0'; word++)
		fputs(*word == '\'' ? "'\\''" : (char[2]){ *word, '\0' }, to);
	fputc('\'', to);
}

/* The files that were not begun: all behind the one in hand. */
static char *const *
files_left(const struct ingest *ingest)
{
	char *const *file = ingest->options->files;

	while (*file != NULL && *file != ingest->source)
		file++;
	return *file == NULL ? file : file + 1;
}

/* The line that goes on where this run ended, as its caller gave it. */
static void
put_command(FILE *to, const struct ingest *ingest)
{
	const struct append_options *options = ingest->options;
	char *const *left = files_left(ingest);
	char *const *word;
	char *const *file;

	fprintf(to, "; go on with: tail %s-n +%" PRIu64,
	    options->end == '\0' ? "-z " : "", ingest->lines + 1);
	put_word(to, ingest->source);
	fputs(" | streamlog-append", to);
	for (word = options->words + 1; *word != NULL; word++) {
		for (file = options->files; *file != NULL; file++) {
			if (*file == *word)
				break;
		}
		if (*file == NULL)
			put_word(to, *word);
	}
	if (*left != NULL)
		fputs(" -", to);
	for (; *left != NULL; left++)
		put_word(to, *left);
}

/* How far it came, and how to go on, unless it didn't come to read at all. */
static void
tell_rest(const struct ingest *ingest, const char *text)
{
	char done[NUMBER_TEXT_SIZE];
	char *command = NULL;
	size_t bytes;
	FILE *to;

	if (ingest->frame.position == 0) {
		cli_message("%s", text);
		return;
	}
	number_format(ingest->lines, done);
	to = open_memstream(&command, &bytes);
	if (to != NULL && strcmp(ingest->source, "-") != 0)
		put_command(to, ingest);
	if (to != NULL)
		fclose(to);
	cli_message("%s; %s line%s %s done%s%s", text, done,
	    ingest->lines == 1 ? "" : "s", ingest->lines == 1 ? "is" : "are",
	    ingest->is_partial ? ", and some behind them" : "",
	    command == NULL ? "" : command);
	free(command);
}

/* What became of the lines, where some were rejected. */
static void
tell_rejects(const struct ingest *ingest)
{
	const char *topic = sl_topic_name(ingest->topic);
	char events[NUMBER_TEXT_SIZE], lines[NUMBER_TEXT_SIZE];
	char kept[SL_TOPIC_NAME_MAX + 64] = "";

	if (ingest->reject.encoder != NULL)
		snprintf(kept, sizeof(kept),
		    " ('streamlog-tail --rejected %s' shows %s)", topic,
		    ingest->reject.count == 1 ? "it" : "them");
	number_format(ingest->events, events);
	number_format(ingest->reject.count, lines);
	cli_message("topic '%s': %s event%s appended, %s line%s rejected%s",
	    topic, events, ingest->events == 1 ? "" : "s", lines,
	    ingest->reject.count == 1 ? "" : "s", kept);
	if (ingest->reject.is_hopeless)
		cli_message("stopped: the first %s lines are no events: %s",
		    lines, reject_advice(&ingest->reject));
	else if (ingest->events == 0 && ingest->reject.count > 1)
		cli_message("no line is an event: %s",
		    reject_advice(&ingest->reject));
}

/* Say how it ended; returns the exit status. */
static int
conclude(const struct ingest *ingest, int rc, const struct sl_error *err)
{
	const struct append_options *options = ingest->options;
	char text[SL_ERROR_TEXT_SIZE], events[NUMBER_TEXT_SIZE];
	int status = CLI_EXIT_OK;

	progress_end();
	if (ingest->reject.count > 0) {
		tell_rejects(ingest);
		status = CLI_EXIT_DATA;
	}
	if (rc < 0) {
		tell_rest(ingest, err->text);
		status = cli_exit_status(err);
		/* A signal ends --wait, too. */
		return stop_signal > 0 && status == CLI_EXIT_AGAIN ? stop_die()
		                                                   : status;
	}
	if (stop_signal > 0) {
		snprintf(text, sizeof(text), "topic '%s': stopped by SIG%s",
		    sl_topic_name(ingest->topic), sigabbrev_np(stop_signal));
		tell_rest(ingest, text);
		return stop_die();
	}
	if (options->key_field != NULL && ingest->events > 0 &&
	    ingest->keyed == 0)
		cli_notice("no event had a key at '%s'", options->key_field);
	number_format(ingest->events, events);
	cli_detail("topic '%s': %s event%s appended%s",
	    sl_topic_name(ingest->topic), events,
	    ingest->events == 1 ? "" : "s",
	    ingest->sync == SL_SYNC_NONE ? ", not synced" : ", on disk");
	return status;
}

/* Where a topic keeps no rejected lines they end the run, unless one asked. */
static int
choose_on_error(struct append_options *options, const struct sl_topic *topic,
    struct sl_error *err)
{
	if (sl_topic_keeps_rejected(topic) ||
	    options->on_error != APPEND_DIVERT)
		return SL_OK;
	if (options->has_on_error)
		return sl_error_set(err, SL_EUSAGE,
		    "topic '%s': Kafka has no place for rejected lines: "
		    "--on-error=fail or skip",
		    sl_topic_name(topic));
	options->on_error = APPEND_FAIL;
	return SL_OK;
}

static int
run(struct append_options *options)
{
	struct sl_topic *topic = NULL;
	struct sl_writer *writer = NULL;
	struct ingest ingest;
	struct sl_error err;
	int status, rc;

	rc = stop_catch(&err);
	if (rc == SL_OK)
		rc = check_files(options, &err);
	if (rc == SL_OK)
		rc = open_topic(options, &topic, &err);
	if (rc == SL_OK)
		rc = choose_on_error(options, topic, &err);
	if (rc == SL_OK)
		rc = sl_writer_open(&writer, topic, &err);
	if (rc == SL_OK)
		sl_writer_heed_groups(writer);
	if (rc < 0) {
		sl_topic_close(topic);
		status = cli_fail(&err);
		return stop_signal > 0 ? stop_die() : status;
	}
	rc = ingest_init(&ingest, options, topic, writer, stop_fd, &stop_signal,
	    &err);
	if (rc == SL_OK) {
		progress_start(sl_topic_name(topic),
		    frame_total(options->files));
		rc = ingest_run(&ingest, &err);
		status = conclude(&ingest, rc, &err);
	} else {
		status = cli_fail(&err);
	}
	ingest_release(&ingest);
	sl_writer_close(writer);
	sl_topic_close(topic);
	return status;
}

int
main(int argc, char **argv)
{
	struct append_options options;
	int status;

	append_options_parse(&options, argc, argv);
	status = run(&options);
	append_options_release(&options);
	return status;
}
