/*
 * streamlog-topic.c: make, show, change and delete topics; see
 * streamlog-topic(1). A command does all its topics, whatever becomes of one;
 * the exit status is that of the first that failed.
 */
#include "command.h"
#include "each_topic.h"
#include "row.h"
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

	rc = sl_may_change(options->cli.dir, name, SL_CHANGE_TOPIC_DELETE, err);
	if (rc == SL_OK)
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

	if (!options->json) {
		puts(name);
		return SL_OK;
	}
	row = sl_json_object();
	sl_json_add_text(row, "topic", name);
	return row_print(row, err);
}

/* ---- Which topics ---- */

/* What a command does to one topic. */
typedef int topic_act(const struct options *options, const char *name,
    struct sl_error *err);

struct action {
	topic_act *act;
	const struct options *options;
};

static int
act_on(void *arg, const char *name, struct sl_error *err)
{
	const struct action *action = arg;

	return action->act(action->options, name, err);
}

/* Do it to all topics that the operands behind the command name. */
static int
act_on_operands(topic_act *act, const struct options *options, bool takes_globs)
{
	struct action action = { .act = act, .options = options };

	return each_topic(options->cli.dir, options->cli.operands + 1,
	    takes_globs, act_on, &action);
}

static int
run_create(const struct options *options)
{
	return act_on_operands(create_topic, options, false);
}

static int
run_list(const struct options *options)
{
	struct sl_error err;
	size_t count, i;
	char **names;
	int rc;

	rc = sl_topic_list(options->cli.dir, options->cli.operands[1], &names,
	    &count, &err);
	for (i = 0; rc >= 0 && i < count; i++)
		rc = print_name(options, names[i], &err);
	sl_names_free(names, count);
	return rc >= 0 ? CLI_EXIT_OK : cli_fail(&err);
}

static int
run_describe(const struct options *options)
{
	return act_on_operands(describe_topic, options, true);
}

static int
run_alter(const struct options *options)
{
	return act_on_operands(alter_topic, options, true);
}

static int
run_delete(const struct options *options)
{
	return act_on_operands(delete_topic, options, true);
}

static void
check_alter(const struct options *options)
{
	if (options->partitions == NULL && options->setting_count == 0)
		cli_usage("alter: what? --partitions or --set");
}

#define WHICH "which topic?"

static const struct command commands[] = {
	{ "create",
	    COMMAND_BIT(OPT_PARTITIONS) | COMMAND_BIT(OPT_SET) |
	        COMMAND_BIT(OPT_IF_NOT_EXISTS),
	    1, WHICH, COMMAND_OPERANDS_ANY, NULL, run_create, NULL },
	{ "list", COMMAND_BIT(OPT_JSON), 0, NULL, 1,
	    "takes one pattern; quote it, so that the shell leaves it alone",
	    run_list, NULL },
	{ "describe", COMMAND_BIT(OPT_JSON), 0, NULL, COMMAND_OPERANDS_ANY,
	    NULL, run_describe, NULL },
	{ "alter", COMMAND_BIT(OPT_PARTITIONS) | COMMAND_BIT(OPT_SET), 1, WHICH,
	    COMMAND_OPERANDS_ANY, NULL, run_alter, check_alter },
	{ "delete", COMMAND_BIT(OPT_EXECUTE), 1, WHICH, COMMAND_OPERANDS_ANY,
	    NULL, run_delete, NULL },
	{ 0 },
};

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
		cli_no_memory();
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
	uint64_t said = 0;
	int code;

	*options = (struct options){ .partitions = NULL };
	cli_begin(&options->cli, &topic_program, argc, argv);
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument)) {
		said |= COMMAND_BIT(code);
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
	command = command_find(commands, &options->cli);
	command_check(command, &options->cli, said, options);
	if (command->run == run_create && options->partitions != NULL)
		add_setting(options, "partitions", strlen("partitions"),
		    options->partitions);
	return command;
}

int
main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	int status;

	command = parse_options(&options, argc, argv);
	status = cli_close_stdout(command->run(&options));
	options_release(&options);
	return status;
}
