/*
 * streamlog-group.c: look at consumer groups, and set their places; see
 * streamlog-group(1).
 */
#include "command.h"
#include "group_delete.h"
#include "group_lag.h"
#include "group_reset.h"
#include "group_show.h"
#include "group_wait.h"
#include "outfile.h"
#include "row.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_JSON = CLI_PRIVATE,
	OPT_PROMETHEUS,
	OPT_NAGIOS,
	OPT_WARN,
	OPT_CRIT,
	OPT_OUTPUT,
	OPT_UNTIL_EMPTY,
	OPT_MAX_LAG,
	OPT_TIMEOUT,
	OPT_TO_EARLIEST,
	OPT_TO_LATEST,
	OPT_TO_OFFSET,
	OPT_TO_DATETIME,
	OPT_FROM_FILE,
	OPT_EXECUTE,
	OPT_STATE_DIR,
};

static const struct cli_option group_options[] = {
	{ OPT_JSON, "json", NULL, false,
	    "list, describe, lag: a JSON object for each row", "Options" },
	{ OPT_PROMETHEUS, "prometheus", NULL, false,
	    "lag: for node_exporter's textfile collector", NULL },
	{ OPT_NAGIOS, "nagios", NULL, false,
	    "lag: one line and exit status for a monitor", NULL },
	{ OPT_WARN, "warn", "N", false, "with it: more events are a WARNING",
	    NULL },
	{ OPT_CRIT, "crit", "N", false, "with it: more events are CRITICAL",
	    NULL },
	{ OPT_OUTPUT, "output", "FILE", false,
	    "lag: into FILE, which is replaced whole", NULL },
	{ OPT_UNTIL_EMPTY, "until-empty", NULL, false,
	    "wait: until all is read", NULL },
	{ OPT_MAX_LAG, "max-lag", "N", false,
	    "wait: until N events are left, or fewer", NULL },
	{ OPT_TIMEOUT, "timeout", "T", false,
	    "wait: so long at most, then exit 75", NULL },
	{ OPT_TO_EARLIEST, "to-earliest", NULL, false,
	    "reset: to the first event there is", NULL },
	{ OPT_TO_LATEST, "to-latest", NULL, false, "reset: to the end", NULL },
	{ OPT_TO_OFFSET, "to-offset", "N", false, "reset: to an offset", NULL },
	{ OPT_TO_DATETIME, "to-datetime", "T", false,
	    "reset: to the first event at T or later", NULL },
	{ OPT_FROM_FILE, "from-file", "F", false,
	    "reset, commit: to what F says ('-': stdin)", NULL },
	{ OPT_EXECUTE, "execute", NULL, false,
	    "reset, delete: do it; without this only say what", NULL },
	{ OPT_STATE_DIR, "state-dir", "DIR", false,
	    "where the groups are, if not in the log directory", NULL },
	{ 0 },
};

static const char *const group_synopses[] = {
	"list [--json] [PATTERN]",
	"describe [--json] [GROUP [TOPIC...]]",
	"lag [options] [GROUP [TOPIC...]]",
	"wait --until-empty|--max-lag N [options] GROUP [TOPIC...]",
	"reset --to-...|--from-file F [--execute] GROUP [TOPIC...]",
	"commit --from-file F GROUP",
	"delete [--execute] GROUP [TOPIC...]",
	NULL,
};

static const struct cli_program group_program = {
	.name = "streamlog-group",
	.synopses = group_synopses,
	.summary = "Look at consumer groups, and set their places; GROUP and "
	           "TOPIC may be globs.",
	.options = group_options,
};

struct options {
	struct cli cli;
	struct group_query query;
	uint64_t said; /* a bit for each option */
	uint64_t warn;
	uint64_t crit;
	const char *output; /* NULL: stdout */
	uint64_t max_lag;   /* 0 with --until-empty */
	int64_t timeout_ms; /* -1: none */
	struct reset_goal goal;
};

static bool
is_said(const struct options *options, int code)
{
	return (options->said & COMMAND_BIT(code)) != 0;
}

/* ---- list, describe ---- */

static int
print_group(const struct options *options, const char *name,
    struct sl_error *err)
{
	const struct group_query *query = &options->query;
	struct sl_group *group;
	struct sl_json *row;
	size_t live;
	int rc;

	if (!is_said(options, OPT_JSON)) {
		puts(name);
		return SL_OK;
	}
	rc = sl_group_open(&group, query->dir, query->state_dir, name, err);
	if (rc == SL_OK)
		rc = sl_group_live(group, &live, err);
	sl_group_close(group);
	if (rc != SL_OK)
		return rc;
	row = sl_json_object();
	sl_json_add_text(row, "group", name);
	sl_json_add_int(row, "members", (int64_t)live);
	return row_print(row, err);
}

static int
run_list(const struct options *options)
{
	const struct group_query *query = &options->query;
	int status = CLI_EXIT_OK, one;
	struct sl_error err;
	size_t count, i;
	char **names;

	if (sl_group_list(query->dir, query->state_dir, query->group, &names,
	        &count, &err) != SL_OK)
		return cli_fail(&err);
	for (i = 0; i < count; i++) {
		if (print_group(options, names[i], &err) == SL_OK)
			continue;
		one = cli_fail(&err);
		status = status == CLI_EXIT_OK ? one : status;
	}
	sl_names_free(names, count);
	return status;
}

static int
run_describe(const struct options *options)
{
	struct group_scan scan;
	struct sl_error err;
	int status, rc;

	rc = group_scan_read(&scan, &options->query, false, &err);
	if (rc != SL_OK)
		return cli_fail(&err);
	status = scan.status;
	if (is_said(options, OPT_JSON))
		rc = group_show_json(&scan, &err);
	else if (scan.row_count > 0 || status == CLI_EXIT_OK)
		rc = group_show(&scan, group_query_is_open(&options->query),
		    &err);
	group_scan_release(&scan);
	return rc == SL_OK ? status : cli_fail(&err);
}

/* ---- lag ---- */

/* Print the form that was asked for; *status is the verdict's. */
static int
print_lag(const struct options *options, const struct group_scan *scan,
    int *status, struct sl_error *err)
{
	if (is_said(options, OPT_JSON))
		return group_lag_json(scan, err);
	if (is_said(options, OPT_PROMETHEUS))
		group_lag_prometheus(scan);
	else if (is_said(options, OPT_NAGIOS))
		*status = group_lag_nagios(scan, options->warn, options->crit);
	else
		return group_lag_show(scan, err);
	return SL_OK;
}

/* The same into a file, where one was named. */
static int
write_lag(const struct options *options, const struct group_scan *scan,
    int *status, struct sl_error *err)
{
	struct outfile outfile;
	int rc;

	if (options->output == NULL)
		return print_lag(options, scan, status, err);
	rc = outfile_open(&outfile, options->output, err);
	if (rc == SL_OK)
		rc = print_lag(options, scan, status, err);
	if (rc == SL_OK)
		rc = outfile_replace(&outfile, err);
	outfile_close(&outfile);
	return rc;
}

static int
run_lag(const struct options *options)
{
	bool for_monitor = is_said(options, OPT_NAGIOS);
	struct group_scan scan;
	struct sl_error err;
	int status, rc;

	rc = group_scan_read(&scan, &options->query,
	    is_said(options, OPT_PROMETHEUS), &err);
	if (rc != SL_OK) {
		status = cli_fail(&err);
		return for_monitor ? NAGIOS_UNKNOWN : status;
	}
	status = scan.status;
	/* Where all there is to tell is a failure, that was told. */
	if (status == CLI_EXIT_OK || (scan.row_count > 0 && !for_monitor))
		rc = write_lag(options, &scan, &status, &err);
	else if (for_monitor)
		status = NAGIOS_UNKNOWN;
	group_scan_release(&scan);
	if (rc != SL_OK)
		status = cli_fail(&err);
	return rc != SL_OK && for_monitor ? NAGIOS_UNKNOWN : status;
}

/* ---- wait, reset, commit, delete ---- */

static int
run_wait(const struct options *options)
{
	return group_wait(&options->query, options->max_lag,
	    options->timeout_ms);
}

static int
run_reset(const struct options *options)
{
	return group_reset(&options->query, &options->goal,
	    is_said(options, OPT_EXECUTE));
}

static int
run_commit(const struct options *options)
{
	return group_commit(&options->query, options->goal.file);
}

static int
run_delete(const struct options *options)
{
	return group_delete(&options->query, is_said(options, OPT_EXECUTE));
}

/* ---- Options ---- */

#define WHICH "which group?"
#define ONE_PATTERN                                                            \
	"takes one pattern; quote it, so that the shell leaves it alone"
#define TO_BITS                                                                \
	(COMMAND_BIT(OPT_TO_EARLIEST) | COMMAND_BIT(OPT_TO_LATEST) |           \
	    COMMAND_BIT(OPT_TO_OFFSET) | COMMAND_BIT(OPT_TO_DATETIME) |        \
	    COMMAND_BIT(OPT_FROM_FILE))
#define FORM_BITS                                                              \
	(COMMAND_BIT(OPT_JSON) | COMMAND_BIT(OPT_PROMETHEUS) |                 \
	    COMMAND_BIT(OPT_NAGIOS))
#define WAIT_BITS (COMMAND_BIT(OPT_UNTIL_EMPTY) | COMMAND_BIT(OPT_MAX_LAG))
#define STATE_BIT COMMAND_BIT(OPT_STATE_DIR)

/* How many of these were said? */
static int
count_said(const struct options *options, uint64_t bits)
{
	return __builtin_popcountll(options->said & bits);
}

static void
check_forms(const struct options *options)
{
	bool has_limits =
	    is_said(options, OPT_WARN) && is_said(options, OPT_CRIT);

	if (count_said(options, FORM_BITS) > 1)
		cli_usage("lag: one of --json, --prometheus and --nagios");
	if (is_said(options, OPT_NAGIOS) && !has_limits)
		cli_usage("lag: --nagios needs --warn and --crit");
	if (!is_said(options, OPT_NAGIOS) &&
	    (is_said(options, OPT_WARN) || is_said(options, OPT_CRIT)))
		cli_usage("lag: --warn and --crit are for --nagios");
	if (options->warn > options->crit)
		cli_usage("lag: --warn is more than --crit");
}

static void
check_wait(const struct options *options)
{
	if (count_said(options, WAIT_BITS) != 1)
		cli_usage("wait: until what? --until-empty or --max-lag");
}

/* Where a place is set the group may be new: its name is one. */
static void
check_name(const char *command, const struct options *options)
{
	if (sl_glob_is(options->query.group))
		cli_usage("%s: '%s' is a pattern; name one group", command,
		    options->query.group);
}

static void
check_reset(const struct options *options)
{
	check_name("reset", options);
	if (count_said(options, TO_BITS) == 0)
		cli_usage("reset: where to? --to-earliest, --to-latest, "
		          "--to-offset, --to-datetime or --from-file");
	if (count_said(options, TO_BITS) > 1)
		cli_usage("reset: one of --to-earliest, --to-latest, "
		          "--to-offset, --to-datetime and --from-file");
}

static void
check_commit(const struct options *options)
{
	check_name("commit", options);
	if (options->goal.file == NULL)
		cli_usage("commit: what? --from-file");
}

static const struct command commands[] = {
	{ "list", COMMAND_BIT(OPT_JSON) | STATE_BIT, 0, NULL, 1, ONE_PATTERN,
	    run_list, NULL },
	{ "describe", COMMAND_BIT(OPT_JSON) | STATE_BIT, 0, NULL,
	    COMMAND_OPERANDS_ANY, NULL, run_describe, NULL },
	{ "lag",
	    FORM_BITS | COMMAND_BIT(OPT_WARN) | COMMAND_BIT(OPT_CRIT) |
	        COMMAND_BIT(OPT_OUTPUT) | STATE_BIT,
	    0, NULL, COMMAND_OPERANDS_ANY, NULL, run_lag, check_forms },
	{ "wait", WAIT_BITS | COMMAND_BIT(OPT_TIMEOUT) | STATE_BIT, 1, WHICH,
	    COMMAND_OPERANDS_ANY, NULL, run_wait, check_wait },
	{ "reset", TO_BITS | COMMAND_BIT(OPT_EXECUTE) | STATE_BIT, 1, WHICH,
	    COMMAND_OPERANDS_ANY, NULL, run_reset, check_reset },
	{ "commit", COMMAND_BIT(OPT_FROM_FILE) | STATE_BIT, 1, WHICH, 1,
	    "takes one group; its topics stand in the file", run_commit,
	    check_commit },
	{ "delete", COMMAND_BIT(OPT_EXECUTE) | STATE_BIT, 1, WHICH,
	    COMMAND_OPERANDS_ANY, NULL, run_delete, NULL },
	{ 0 },
};

/* Topics are names and patterns; where they lie is said by options. */
static void
check_topics(const struct command *command, const struct group_query *query)
{
	size_t i;

	for (i = 0; i < query->topic_count; i++)
		if (strchr(query->topics[i], '/') != NULL)
			cli_usage("%s: topic '%s': its name alone; --dir says "
			          "where it lies",
			    command->name, query->topics[i]);
}

/* The options of reset and commit. */
static void
take_goal(struct reset_goal *goal, int code, const char *argument)
{
	switch (code) {
	case OPT_TO_EARLIEST:
		goal->kind = RESET_EARLIEST;
		break;
	case OPT_TO_LATEST:
		goal->kind = RESET_LATEST;
		break;
	case OPT_TO_OFFSET:
		goal->kind = RESET_OFFSET;
		goal->offset =
		    cli_number("--to-offset", argument, 0, INT64_MAX);
		break;
	case OPT_TO_DATETIME:
		goal->kind = RESET_TIME;
		goal->time_ms =
		    cli_time("--to-datetime", argument, sl_now_ms());
		break;
	case OPT_FROM_FILE:
		goal->kind = RESET_FILE;
		goal->file = argument;
		break;
	}
}

static void
take_option(struct options *options, int code, const char *argument)
{
	switch (code) {
	case OPT_WARN:
		options->warn = cli_number("--warn", argument, 0, INT64_MAX);
		break;
	case OPT_CRIT:
		options->crit = cli_number("--crit", argument, 0, INT64_MAX);
		break;
	case OPT_OUTPUT:
		options->output = argument;
		break;
	case OPT_MAX_LAG:
		options->max_lag =
		    cli_number("--max-lag", argument, 0, INT64_MAX);
		break;
	case OPT_TIMEOUT:
		options->timeout_ms = cli_duration("--timeout", argument, 1000);
		break;
	case OPT_STATE_DIR:
		options->query.state_dir = argument;
		break;
	default:
		take_goal(&options->goal, code, argument);
	}
}

static const struct command *
parse_options(struct options *options)
{
	struct group_query *query = &options->query;
	const struct command *command;
	const char *argument;
	int code;

	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument)) {
		options->said |= COMMAND_BIT(code);
		take_option(options, code, argument);
	}
	command = command_find(commands, &options->cli);
	query->dir = options->cli.dir;
	query->group = options->cli.operands[1];
	if (options->cli.operand_count > 2) {
		query->topics = options->cli.operands + 2;
		query->topic_count = (size_t)options->cli.operand_count - 2;
	}
	check_topics(command, query);
	command_check(command, &options->cli, options->said, options);
	return command;
}

/*
 * Will a monitor read this? It is asked before options are parsed, so that
 * their mistakes are told in its manner, too: any beginning of the word may
 * stand for it.
 */
static bool
is_for_monitor(int argc, char **argv)
{
	size_t bytes;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		bytes = strlen(argv[i]);
		if (bytes > 2 && strncmp(argv[i], "--nagios", bytes) == 0)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	bool for_monitor = is_for_monitor(argc, argv);
	const struct command *command;
	struct options options = { .timeout_ms = -1 };
	int status;

	cli_begin(&options.cli, &group_program, argc, argv);
	if (for_monitor)
		cli_speak(STDOUT_FILENO, NAGIOS_UNKNOWN_PREFIX, NAGIOS_UNKNOWN);
	command = parse_options(&options);
	status = cli_close_stdout(command->run(&options));
	/* That stdout failed is the one status that no monitor knows. */
	return for_monitor && status > NAGIOS_UNKNOWN ? NAGIOS_UNKNOWN : status;
}
