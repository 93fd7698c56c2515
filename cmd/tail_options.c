/* tail_options.c: what streamlog-tail was asked; see tail_options.h. */
#include "tail_options.h"

#include <limits.h>
#include <stdlib.h>

#define LINES_DEFAULT 10

enum {
	OPT_SINCE = CLI_PRIVATE,
	OPT_UNTIL,
	OPT_KEY,
	OPT_HEADER,
	OPT_REJECTED,
	OPT_SYNCED,
	OPT_IDLE_TIMEOUT,
	OPT_PID,
	OPT_FORMAT,
	OPT_EXIT_STATUS,
	OPT_ON_DAMAGE,
};

static const struct cli_option tail_options[] = {
	{ 'n', "lines", "N", false,
	    "the last N (10); +N: from the Nth; also -N, +N",
	    "Where to begin" },
	{ 'a', "all", NULL, false, "at the beginning", NULL },
	{ 'o', "offset", "WHERE", false,
	    "beginning, end, N, -N, s@TIME; e@TIME ends", NULL },
	{ OPT_SINCE, "since", "TIME", false,
	    "2026-11-22T10:00, -2h, today, @EPOCH", NULL },
	{ 'p', "partition", "N", false, "this one alone; may be repeated",
	    NULL },
	{ 'c', "count", "N", false, "print N events at most", "Where to end" },
	{ OPT_UNTIL, "until", "TIME", false, "before TIME", NULL },
	{ 'e', "end", NULL, false,
	    "at the end as it stood at the start (default)", NULL },
	{ 'f', "follow", NULL, false, "never: wait for more", NULL },
	{ 'F', "retry", NULL, false, "and for topics that aren't there (again)",
	    NULL },
	{ OPT_IDLE_TIMEOUT, "idle-timeout", "T", false,
	    "with -f: after T without an event", NULL },
	{ OPT_PID, "pid", "PID", false, "with -f: when process PID has died",
	    NULL },
	{ OPT_KEY, "key", "STR", false, "events with this key",
	    "Which events" },
	{ OPT_HEADER, "header", "K=V", false,
	    "and with this header; may be repeated", NULL },
	{ OPT_SYNCED, "synced", NULL, false, "once they are safe on disk",
	    NULL },
	{ OPT_REJECTED, "rejected", NULL, false,
	    "the topic's rejected lines instead", NULL },
	{ OPT_ON_DAMAGE, "on-damage", "stop|skip", false,
	    "skip: go on behind damage, exit 65 at the end", NULL },
	{ 'J', "envelope", NULL, false,
	    "with topic, offset, time, key, headers, as JSON", "Output" },
	{ 'J', "json", NULL, false, NULL, NULL },
	{ OPT_FORMAT, "format", "FMT", false,
	    "%s %S %R %k %K %T %h %t %p %o, \\n \\t \\xNN", NULL },
	{ '0', "null", NULL, false, "NUL after each event, not newline", NULL },
	{ OPT_EXIT_STATUS, "exit-status", NULL, false,
	    "exit 1 when nothing was printed", NULL },
	{ 0 },
};

static const char *const tail_synopses[] = { "[options] TOPIC...", NULL };

static const struct cli_program tail_program = {
	.name = "streamlog-tail",
	.synopses = tail_synopses,
	.summary = "Print the events of topics; a TOPIC is a name, a quoted "
	           "glob or a path.",
	.options = tail_options,
	.takes_numbers = true,
};

/* The last N, or from the Nth on: "N", "-N" or "+N". */
static void
parse_lines(struct tail_options *options, const char *text)
{
	options->is_from_line = text[0] == '+';
	if (text[0] == '+' || text[0] == '-')
		text++;
	options->lines = cli_number("-n", text, 0, INT64_MAX);
	options->has_lines = true;
}

static void
set_start(struct tail_options *options, enum select_where where)
{
	if (options->starts++ > 0)
		cli_usage("-a, -o and --since: one of them says where to "
		          "begin");
	options->select.where = where;
	options->has_start = true;
}

static void
parse_since(struct tail_options *options, const char *option, const char *text,
    int64_t now_ms)
{
	options->select.since_ms = cli_time(option, text, now_ms);
	set_start(options, SELECT_TIME);
}

static void
parse_until(struct tail_options *options, const char *option, const char *text,
    int64_t now_ms)
{
	options->select.until_ms = cli_time(option, text, now_ms);
	options->has_start = true;
}

/* kcat's -o. Only a start and an end in time go together. */
static void
parse_offset(struct tail_options *options, const char *text, int64_t now_ms)
{
	bool is_time =
	    strncmp(text, "s@", 2) == 0 || strncmp(text, "e@", 2) == 0;

	if (options->has_offset &&
	    (!is_time || options->select.where == SELECT_OFFSET ||
	        options->select.where == SELECT_BACK ||
	        options->select.where == SELECT_END))
		cli_usage("-o '%s': only s@TIME and e@TIME go together", text);
	options->has_offset = true;
	if (strncmp(text, "s@", 2) == 0) {
		parse_since(options, "-o", text + 2, now_ms);
	} else if (strncmp(text, "e@", 2) == 0) {
		parse_until(options, "-o", text + 2, now_ms);
	} else if (strcmp(text, "beginning") == 0) {
		set_start(options, SELECT_BEGINNING);
	} else if (strcmp(text, "end") == 0) {
		set_start(options, SELECT_END);
	} else if (text[0] == '-') {
		set_start(options, SELECT_BACK);
		options->select.number =
		    cli_number("-o", text + 1, 0, INT64_MAX);
	} else if (text[0] >= '0' && text[0] <= '9') {
		set_start(options, SELECT_OFFSET);
		options->select.number = cli_number("-o", text, 0, INT64_MAX);
	} else {
		cli_usage("-o '%s' is none of beginning, end, N, -N, s@TIME, "
		          "e@TIME",
		    text);
	}
}

/* One more element for an array of argv's; ends the program without memory. */
static void *
one_more(void *array, size_t count, size_t size)
{
	void *grown;

	grown = realloc(array, (count + 1) * size);
	if (grown == NULL)
		cli_usage("out of memory");
	return grown;
}

static void
add_partition(struct tail_options *options, const char *text)
{
	options->partitions = one_more(options->partitions,
	    options->partition_count, sizeof(*options->partitions));
	options->partitions[options->partition_count++] =
	    (int)cli_number("-p", text, 0, SL_PARTITIONS_MAX - 1);
}

static void
add_header(struct tail_options *options, const char *text)
{
	options->headers = one_more(options->headers, options->header_count,
	    sizeof(*options->headers));
	options->headers[options->header_count++] =
	    cli_header("--header", text);
	options->has_start = true;
}

static void
parse_damage(struct tail_options *options, const char *text)
{
	options->reader.skip_damage = strcmp(text, "skip") == 0;
	if (!options->reader.skip_damage && strcmp(text, "stop") != 0)
		cli_usage("--on-damage: '%s' is neither stop nor skip", text);
}

/* Options of where to begin and which events. False: another kind. */
static bool
take_selection(struct tail_options *options, int code, const char *argument,
    int64_t now_ms)
{
	switch (code) {
	case CLI_NUMBER:
	case 'n':
		parse_lines(options, argument);
		return true;
	case 'a':
		set_start(options, SELECT_BEGINNING);
		return true;
	case 'o':
		parse_offset(options, argument, now_ms);
		return true;
	case OPT_SINCE:
		parse_since(options, "--since", argument, now_ms);
		return true;
	case OPT_UNTIL:
		parse_until(options, "--until", argument, now_ms);
		return true;
	case 'p':
		add_partition(options, argument);
		return true;
	case OPT_KEY:
		options->select.key = argument;
		options->select.key_bytes = strlen(argument);
		options->has_start = true;
		return true;
	case OPT_HEADER:
		add_header(options, argument);
		return true;
	case OPT_REJECTED:
		options->select.is_rejected = true;
		return true;
	default:
		return false;
	}
}

static void
take_manner(struct tail_options *options, int code, const char *argument)
{
	switch (code) {
	case 'c':
		options->limit = cli_number("-c", argument, 0, INT64_MAX);
		options->has_start = true;
		break;
	case 'e':
		options->ends = true;
		break;
	case 'F':
		options->patience = ROSTER_RETRY;
		options->follows = true;
		break;
	case 'f':
		options->follows = true;
		break;
	case OPT_IDLE_TIMEOUT:
		options->idle_ms =
		    cli_duration("--idle-timeout", argument, 1000);
		break;
	case OPT_PID:
		options->pid = (pid_t)cli_number("--pid", argument, 1, INT_MAX);
		break;
	case OPT_SYNCED:
		options->reader.synced = true;
		break;
	case OPT_ON_DAMAGE:
		parse_damage(options, argument);
		break;
	case 'J':
		options->form = PRINTER_ENVELOPE;
		break;
	case OPT_FORMAT:
		options->form = PRINTER_FORMAT;
		options->format = argument;
		break;
	case '0':
		options->separator = '\0';
		break;
	case OPT_EXIT_STATUS:
		options->exit_status = true;
		break;
	}
}

/* What can't be together, and what follows from what was said. */
static void
settle_options(struct tail_options *options)
{
	if (options->cli.operands_before_dashes >= 0)
		cli_usage("'--' begins a command, which only a group's events "
		          "go to");
	if (options->cli.operand_count == 0)
		cli_usage("which topic? 'streamlog-topic list' shows what is");
	if (options->follows && options->ends)
		cli_usage("-e and -f contradict each other");
	if (options->follows && options->select.until_ms != SL_TIME_NONE)
		cli_usage("--until and -f contradict each other");
	if (!options->follows && options->idle_ms >= 0)
		cli_usage("--idle-timeout needs -f");
	if (!options->follows && options->pid != 0)
		cli_usage("--pid needs -f");
	if (options->select.is_rejected && options->partition_count != 0)
		cli_usage("--rejected and -p contradict each other");
	if (options->form == PRINTER_FORMAT && options->separator == '\0')
		cli_usage("--format says itself what ends an event: \\0, not "
		          "-0");
	if (options->follows && options->patience == ROSTER_BOUNDED)
		options->patience = ROSTER_FOLLOW;
	if (!options->has_lines && !options->has_start) {
		options->has_lines = true;
		options->lines = LINES_DEFAULT;
	}
	options->select.partitions = options->partitions;
	options->select.partition_count = options->partition_count;
	options->select.headers = options->headers;
	options->select.header_count = options->header_count;
	options->select.takes_tombstones = options->form != PRINTER_PLAIN;
}

void
tail_options_parse(struct tail_options *options, int argc, char **argv)
{
	int64_t now_ms = sl_now_ms();
	const char *argument;
	int code;

	*options = (struct tail_options){ .limit = UINT64_MAX,
		.idle_ms = -1,
		.separator = '\n',
		.select = { .until_ms = SL_TIME_NONE } };
	cli_begin(&options->cli, &tail_program, argc, argv);
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument))
		if (!take_selection(options, code, argument, now_ms))
			take_manner(options, code, argument);
	settle_options(options);
}

void
tail_options_release(struct tail_options *options)
{
	free(options->partitions);
	free(options->headers);
	options->partitions = NULL;
	options->headers = NULL;
}
