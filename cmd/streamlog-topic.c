/*
 * streamlog-topic.c: make, show, change and delete topics; see
 * streamlog-topic(1). A command does all its topics, whatever becomes of one;
 * the exit status is that of the first that failed.
 */
#include "cli.h"
#include "topic_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_PARTITIONS = CLI_PRIVATE,
	OPT_SET,
	OPT_IF_NOT_EXISTS,
	OPT_EXECUTE,
	OPT_JSON,
};

static const struct cli_option topic_options[] = {
	{ OPT_PARTITIONS, "partitions", "N", false,
	    "create, alter: so many; they only grow", "Options" },
	{ OPT_SET, "set", "K=V", false,
	    "create, alter: a setting; may be repeated", NULL },
	{ OPT_IF_NOT_EXISTS, "if-not-exists", NULL, false,
	    "create: one that is there is fine", NULL },
	{ OPT_EXECUTE, "execute", NULL, false,
	    "delete: do it; without this only say what would go", NULL },
	{ OPT_JSON, "json", NULL, false,
	    "list, describe: a JSON object for each row", NULL },
	{ 0 },
};

static const char *const topic_synopses[] = {
	"create [--if-not-exists] [options] TOPIC...",
	"list [--json] [PATTERN]",
	"describe [--json] [TOPIC...]",
	"alter [options] TOPIC...",
	"delete [--execute] TOPIC...",
	NULL,
};

static const struct cli_program topic_program = {
	.name = "streamlog-topic",
	.synopses = topic_synopses,
	.summary = "Make, show, change and delete topics; but for create, a "
	           "TOPIC may be a glob.",
	.options = topic_options,
};

struct options {
	struct cli cli;
	const char *partitions;      /* as typed; NULL: not said */
	struct sl_setting *settings; /* owned; of --set, and create's number */
	char **names;                /* owned: what settings[].name is */
	size_t setting_count;
	bool if_not_exists;
	bool execute;
	bool json;
};

struct command {
	const char *name;
	int options[4]; /* those that it takes */
	int operands_min;
	int operands_max;
	int (*run)(const struct options *options, struct sl_error *err);
	/* For each topic, where `run` is NULL. */
	int (*run_topic)(const struct options *options, const char *name,
	    struct sl_error *err);
	bool takes_globs;
};

/* ---- The commands ---- */

static int
create_topic(const struct options *options, const char *name,
    struct sl_error *err)
{
	int rc;

	rc = sl_topic_create(options->cli.dir, name, options->settings,
	    options->setting_count, err);
	return rc == SL_EEXISTS && options->if_not_exists ? SL_OK : rc;
}

static int
describe_topic(const struct options *options, const char *name,
    struct sl_error *err)
{
	struct sl_topic *topic;
	int rc;

	rc = sl_topic_open(&topic, options->cli.dir, name, err);
	if (rc != SL_OK)
		return rc;
	rc = options->json ? topic_show_json(topic, err)
	                   : topic_show(topic, err);
	sl_topic_close(topic);
	return rc;
}

static int
alter_topic(const struct options *options, const char *name,
    struct sl_error *err)
{
	int partitions = 0;

	if (options->partitions != NULL)
		partitions = atoi(options->partitions); /* was checked */
	return sl_topic_alter(options->cli.dir, name, partitions,
	    options->settings, options->setting_count, err);
}

/* What delete would do. */
static int
plan_delete(const struct options *options, const char *name,
    struct sl_error *err)
{
	struct sl_partition_info *infos;
	char text[TOPIC_SUMS_TEXT_SIZE];
	struct topic_sums sums;
	struct sl_topic *topic;
	int rc;

	rc = sl_topic_open(&topic, options->cli.dir, name, err);
	if (rc != SL_OK)
		return rc;
	rc = topic_sums_read(topic, &sums, &infos, err);
	if (rc == SL_OK) {
		topic_sums_format(&sums, text);
		printf("%s: would delete %s; --execute does it\n",
		    sl_topic_name(topic), text);
		free(infos);
	}
	sl_topic_close(topic);
	return rc;
}

static int
delete_topic(const struct options *options, const char *name,
    struct sl_error *err)
{
	if (!options->execute)
		return plan_delete(options, name, err);
	return sl_topic_delete(options->cli.dir, name, err);
}

static int
print_name(const struct options *options, const char *name,
    struct sl_error *err)
{
	struct sl_json *row;
	char *text;

	if (!options->json) {
		puts(name);
		return SL_OK;
	}
	row = sl_json_object();
	sl_json_add_text(row, "topic", name);
	text = sl_json_print(row);
	sl_json_free(row);
	if (text == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	puts(text);
	free(text);
	return SL_OK;
}

static int
list_topics(const struct options *options, struct sl_error *err)
{
	const char *pattern = options->cli.operands[1];
	size_t count, i;
	char **names;
	int rc;

	rc = sl_topic_list(options->cli.dir, pattern, &names, &count, err);
	if (rc != SL_OK)
		return rc;
	for (i = 0; i < count && rc == SL_OK; i++)
		rc = print_name(options, names[i], err);
	sl_names_free(names, count);
	return rc;
}

#define ANY_COUNT INT32_MAX

static const struct command commands[] = {
	{ .name = "create",
	    .options = { OPT_PARTITIONS, OPT_SET, OPT_IF_NOT_EXISTS },
	    .operands_min = 1,
	    .operands_max = ANY_COUNT,
	    .run_topic = create_topic },
	{ .name = "list",
	    .options = { OPT_JSON },
	    .operands_max = 1,
	    .run = list_topics },
	{ .name = "describe",
	    .options = { OPT_JSON },
	    .operands_max = ANY_COUNT,
	    .run_topic = describe_topic,
	    .takes_globs = true },
	{ .name = "alter",
	    .options = { OPT_PARTITIONS, OPT_SET },
	    .operands_min = 1,
	    .operands_max = ANY_COUNT,
	    .run_topic = alter_topic,
	    .takes_globs = true },
	{ .name = "delete",
	    .options = { OPT_EXECUTE },
	    .operands_min = 1,
	    .operands_max = ANY_COUNT,
	    .run_topic = delete_topic,
	    .takes_globs = true },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

/* ---- Which command ---- */

/* How many letters must change to make one word the other (Levenshtein's). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[32], length = strlen(b), i, j, before, kept, best;

	if (length >= sizeof(row) / sizeof(row[0]))
		return SIZE_MAX;
	for (j = 0; j <= length; j++)
		row[j] = j;
	for (i = 0; a[i] != '\0'; i++) {
		before = row[0];
		row[0] = i + 1;
		for (j = 1; j <= length; j++) {
			kept = row[j];
			best = before + (a[i] != b[j - 1]);
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			row[j] = best;
			before = kept;
		}
	}
	return row[length];
}

static const struct command *
find_command(const char *name)
{
	const struct command *nearest = NULL;
	size_t i, least = 4, far;

	for (i = 0; i < COMMAND_COUNT; i++) {
		far = distance(name, commands[i].name);
		if (far == 0)
			return &commands[i];
		if (far < least) {
			least = far;
			nearest = &commands[i];
		}
	}
	if (nearest != NULL)
		cli_usage("unknown command '%s'; did you mean '%s'?", name,
		    nearest->name);
	cli_usage("unknown command '%s'; there are create, list, describe, "
	          "alter and delete",
	    name);
}

static void
check_option(const struct command *command, int code, bool is_said,
    const char *name)
{
	size_t i;

	if (!is_said)
		return;
	for (i = 0; i < sizeof(command->options) / sizeof(int); i++)
		if (command->options[i] == code)
			return;
	cli_usage("%s: takes no '%s'", command->name, name);
}

static void
check_options(const struct command *command, const struct options *options)
{
	int operands = options->cli.operand_count - 1;

	check_option(command, OPT_PARTITIONS, options->partitions != NULL,
	    "--partitions");
	check_option(command, OPT_SET, options->setting_count != 0, "--set");
	check_option(command, OPT_IF_NOT_EXISTS, options->if_not_exists,
	    "--if-not-exists");
	check_option(command, OPT_EXECUTE, options->execute, "--execute");
	check_option(command, OPT_JSON, options->json, "--json");
	if (operands < command->operands_min)
		cli_usage("%s: which topic?", command->name);
	if (operands > command->operands_max)
		cli_usage("%s: takes one pattern; quote it, so that the shell "
		          "leaves it alone",
		    command->name);
	if (command->run_topic == alter_topic && options->partitions == NULL &&
	    options->setting_count == 0)
		cli_usage("alter: what? --partitions or --set");
}

/* ---- Options ---- */

/* Add a setting, whose name is the first `bytes` of `name`. */
static void
add_setting(struct options *options, const char *name, size_t bytes,
    const char *value)
{
	size_t count = options->setting_count + 1;
	struct sl_setting *settings;
	char **names, *copy;

	settings = realloc(options->settings, count * sizeof(*settings));
	if (settings != NULL)
		options->settings = settings;
	names = realloc(options->names, count * sizeof(*names));
	if (names != NULL)
		options->names = names;
	copy = strndup(name, bytes);
	if (settings == NULL || names == NULL || copy == NULL)
		cli_usage("out of memory");
	names[count - 1] = copy;
	settings[count - 1] =
	    (struct sl_setting){ .name = copy, .value = value };
	options->setting_count = count;
}

static void
parse_setting(struct options *options, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		cli_usage("--set: '%s' is not NAME=VALUE", text);
	add_setting(options, text, (size_t)(equals - text), equals + 1);
}

static void
options_release(struct options *options)
{
	size_t i;

	for (i = 0; i < options->setting_count; i++)
		free(options->names[i]);
	free(options->names);
	free(options->settings);
}

static const struct command *
parse_options(struct options *options, int argc, char **argv)
{
	const struct command *command;
	const char *argument;
	int code;

	*options = (struct options){ .partitions = NULL };
	cli_begin(&options->cli, &topic_program, argc, argv);
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument)) {
		switch (code) {
		case OPT_PARTITIONS:
			cli_number("--partitions", argument, 1,
			    SL_PARTITIONS_MAX);
			options->partitions = argument;
			break;
		case OPT_SET:
			parse_setting(options, argument);
			break;
		case OPT_IF_NOT_EXISTS:
			options->if_not_exists = true;
			break;
		case OPT_EXECUTE:
			options->execute = true;
			break;
		case OPT_JSON:
			options->json = true;
			break;
		}
	}
	if (options->cli.operand_count == 0)
		cli_usage("which command? create, list, describe, alter or "
		          "delete");
	command = find_command(options->cli.operands[0]);
	check_options(command, options);
	if (command->run_topic == create_topic && options->partitions != NULL)
		add_setting(options, "partitions", strlen("partitions"),
		    options->partitions);
	return command;
}

/* ---- Running ---- */

/* Do a command to one topic; returns its exit status. */
static int
run_on_topic(const struct command *command, const struct options *options,
    const char *name)
{
	struct sl_error err;

	if (command->run_topic(options, name, &err) == SL_OK)
		return CLI_EXIT_OK;
	return cli_fail(&err);
}

/* Do a command to all topics that a pattern matches. */
static int
run_on_matches(const struct command *command, const struct options *options,
    const char *pattern)
{
	int status = CLI_EXIT_OK, one;
	struct sl_error err;
	size_t count, i;
	char **names;

	if (sl_topic_list(options->cli.dir, pattern, &names, &count, &err) !=
	    SL_OK)
		return cli_fail(&err);
	if (count == 0 && pattern != NULL) {
		cli_message("'%s': no topic matches; 'streamlog-topic list' "
		            "shows what is",
		    pattern);
		status = CLI_EXIT_NOTFOUND;
	}
	for (i = 0; i < count; i++) {
		one = run_on_topic(command, options, names[i]);
		status = status == CLI_EXIT_OK ? one : status;
	}
	sl_names_free(names, count);
	return status;
}

static int
run(const struct command *command, const struct options *options)
{
	int status = CLI_EXIT_OK, one, i;
	struct sl_error err;
	const char *name;

	if (command->run != NULL) {
		if (command->run(options, &err) != SL_OK)
			status = cli_fail(&err);
		return status;
	}
	if (options->cli.operand_count == 1)
		return run_on_matches(command, options, NULL);
	for (i = 1; i < options->cli.operand_count; i++) {
		name = options->cli.operands[i];
		if (command->takes_globs && strchr(name, '/') == NULL &&
		    sl_glob_is(name))
			one = run_on_matches(command, options, name);
		else
			one = run_on_topic(command, options, name);
		status = status == CLI_EXIT_OK ? one : status;
	}
	return status;
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	int status;

	command = parse_options(&options, argc, argv);
	status = cli_close_stdout(run(command, &options));
	options_release(&options);
	return status;
}
