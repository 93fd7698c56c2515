/* tail_options.c: what streamlog-tail was asked; see tail_options.h. */
#include "tail_options.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES_DEFAULT 10
#define BATCH_DEFAULT 1000
#define BATCH_MAX 1000000
#define UNACKED_DEFAULT 10000
#define UNACKED_MAX 10000000
#define SESSION_TIMEOUT_MS 45000
/* Others look once a second. */
#define SESSION_TIMEOUT_MS_MIN 1000

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
	OPT_FIRST,
	OPT_ACK_FD,
	OPT_BATCH,
	OPT_MAX_UNACKED,
	OPT_NO_COMMIT,
	OPT_PRINT_PLACE,
	OPT_EXCLUSIVE,
	OPT_SESSION_TIMEOUT,
	OPT_ON_GAP,
	OPT_STATE_DIR,
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
	{ 'g', "group", "GROUP", false,
	    "share them with its members; go on from its place",
	    "As a member of a group" },
	{ OPT_FIRST, "first", "WHERE", false,
	    "a new group begins at beginning, end, s@TIME", NULL },
	{ OPT_BATCH, "batch", "N", false,
	    "events for one run of COMMAND, at most (1000)", NULL },
	{ OPT_ACK_FD, "ack-fd", "N", false,
	    "the reader acknowledges each event there", NULL },
	{ OPT_MAX_UNACKED, "max-unacked", "N", false,
	    "so many may wait for that (10000)", NULL },
	{ OPT_NO_COMMIT, "no-commit", NULL, false, "leave the places alone",
	    NULL },
	{ OPT_PRINT_PLACE, "print-place", "FILE", false,
	    "write there what streamlog-group commit takes", NULL },
	{ OPT_EXCLUSIVE, "exclusive", NULL, false,
	    "be the only member, or exit 75", NULL },
	{ OPT_ON_GAP, "on-gap", "go|fail", false,
	    "fail: stop where events were deleted unread", NULL },
	{ OPT_SESSION_TIMEOUT, "session-timeout", "T", false,
	    "silent for T: others take over (45s)", NULL },
	{ OPT_STATE_DIR, "state-dir", "DIR", false,
	    "keep the group there, not with the topics", NULL },
	{ 0 },
};

static const char *const tail_synopses[] = { "[options] TOPIC...",
	"-g GROUP [options] TOPIC... [-- COMMAND [ARG...]]", NULL };

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
		cli_no_memory();
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
parse_first(struct tail_group *group, const char *text, int64_t now_ms)
{
	if (strcmp(text, "beginning") == 0) {
		group->first = SL_GROUP_BEGINNING;
	} else if (strcmp(text, "end") == 0) {
		group->first = SL_GROUP_END;
	} else if (strncmp(text, "s@", 2) == 0) {
		group->first = SL_GROUP_TIME;
		group->first_ms = cli_time("--first", text + 2, now_ms);
	} else {
		cli_usage("--first: '%s' is none of beginning, end, s@TIME",
		    text);
	}
}

static void
parse_gap(struct tail_group *group, const char *text)
{
	group->fails_on_gap = strcmp(text, "fail") == 0;
	if (!group->fails_on_gap && strcmp(text, "go") != 0)
		cli_usage("--on-gap: '%s' is neither go nor fail", text);
}

static void
parse_ack_fd(struct tail_group *group, const char *text)
{
	int flags;

	group->ack_fd = (int)cli_number("--ack-fd", text, 0, INT_MAX);
	flags = fcntl(group->ack_fd, F_GETFL);
	if (group->ack_fd == STDOUT_FILENO || group->ack_fd == STDERR_FILENO ||
	    flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
		cli_usage("--ack-fd: nothing can be read from descriptor %s",
		    text);
}

/* The long name of an option of the table. */
static const char *
option_name(int code)
{
	const struct cli_option *option = tail_options;

	while (option->code != code)
		option++;
	return option->name;
}

/* Options of a member of a group. False: another kind. */
static bool
take_group(struct tail_options *options, int code, const char *argument,
    int64_t now_ms)
{
	struct tail_group *group = &options->group;

	switch (code) {
	case 'g':
		group->name = argument;
		return true;
	case OPT_FIRST:
		parse_first(group, argument, now_ms);
		break;
	case OPT_BATCH:
		group->batch = cli_number("--batch", argument, 1, BATCH_MAX);
		break;
	case OPT_ACK_FD:
		parse_ack_fd(group, argument);
		break;
	case OPT_MAX_UNACKED:
		group->unacked_max =
		    cli_number("--max-unacked", argument, 1, UNACKED_MAX);
		break;
	case OPT_NO_COMMIT:
		group->no_commit = true;
		break;
	case OPT_PRINT_PLACE:
		group->print_place = argument;
		break;
	case OPT_EXCLUSIVE:
		group->is_exclusive = true;
		break;
	case OPT_ON_GAP:
		parse_gap(group, argument);
		break;
	case OPT_SESSION_TIMEOUT:
		group->session_timeout_ms =
		    cli_duration("--session-timeout", argument, 1000);
		break;
	case OPT_STATE_DIR:
		group->state_dir = argument;
		break;
	default:
		return false;
	}
	options->group_option = option_name(code);
	return true;
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
		options->form = SHAPE_ENVELOPE;
		break;
	case OPT_FORMAT:
		options->form = SHAPE_FORMAT;
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

/* The operands behind "--" are a command's words. */
static void
settle_command(struct tail_options *options)
{
	int before = options->cli.operands_before_dashes;
	char **words = options->cli.operands;
	int i;

	if (before < 0)
		return;
	if (options->group.name == NULL)
		cli_usage("'--' begins a command, which only a group's events "
		          "go to (-g GROUP)");
	if (before == options->cli.operand_count)
		cli_usage("'--': which command?");
	/* Room for the NULL that ends the topics; argv has one more. */
	for (i = options->cli.operand_count; i >= before; i--)
		words[i + 1] = words[i];
	words[before] = NULL;
	options->group.command = words + before + 1;
	options->cli.operand_count = before;
}

static void
settle_group(struct tail_options *options)
{
	struct tail_group *group = &options->group;
	struct sl_error err;

	settle_command(options);
	if (group->name == NULL) {
		if (options->group_option != NULL)
			cli_usage("--%s is an option of a group's members: "
			          "-g GROUP lacks",
			    options->group_option);
		return;
	}
	if (sl_group_name_check(group->name, &err) != SL_OK)
		cli_usage("%s", err.text);
	if (options->starts > 0 || options->has_lines ||
	    options->partition_count > 0 ||
	    options->select.until_ms != SL_TIME_NONE)
		cli_usage("a group goes on from its place: no -a, -n, -o, -p, "
		          "--since or --until with -g; 'streamlog-group reset "
		          "%s' moves the place, --first says where a new one "
		          "is",
		    group->name);
	if (options->select.is_rejected)
		cli_usage("--rejected and -g contradict each other");
	if (group->command != NULL && group->ack_fd >= 0)
		cli_usage("COMMAND's exit status acknowledges: no --ack-fd");
	if (group->print_place != NULL && !group->no_commit)
		cli_usage("--print-place needs --no-commit");
	if (group->session_timeout_ms < SESSION_TIMEOUT_MS_MIN)
		cli_usage("--session-timeout: at least 1s");
}

/* What can't be together, and what follows from what was said. */
static void
settle_options(struct tail_options *options)
{
	settle_group(options);
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
	if (options->form == SHAPE_FORMAT && options->separator == '\0')
		cli_usage("--format says itself what ends an event: \\0, not "
		          "-0");
	if (options->follows && options->patience == ROSTER_BOUNDED)
		options->patience = ROSTER_FOLLOW;
	if (!options->has_lines && !options->has_start &&
	    options->group.name == NULL) {
		options->has_lines = true;
		options->lines = LINES_DEFAULT;
	}
	options->select.partitions = options->partitions;
	options->select.partition_count = options->partition_count;
	options->select.headers = options->headers;
	options->select.header_count = options->header_count;
	options->select.takes_tombstones = options->form != SHAPE_PLAIN;
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
		.select = { .until_ms = SL_TIME_NONE },
		.group = { .batch = BATCH_DEFAULT,
		    .unacked_max = UNACKED_DEFAULT,
		    .session_timeout_ms = SESSION_TIMEOUT_MS,
		    .ack_fd = -1 } };
	cli_begin(&options->cli, &tail_program, argc, argv);
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument))
		if (!take_selection(options, code, argument, now_ms) &&
		    !take_group(options, code, argument, now_ms))
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
