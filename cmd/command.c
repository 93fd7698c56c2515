/* command.c: the commands of a program that has several; see command.h. */
#include "command.h"

#include <stdio.h>
#include <string.h>

/* A word so far from all commands is none of them mistyped. */
#define FAR 4

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

/* "create, list or delete": the names, `last` before the last of them. */
static void
join_names(const struct command *commands, const char *last, char *to,
    size_t room)
{
	const struct command *command;
	const char *between = "";
	size_t used = 0;

	to[0] = '\0';
	for (command = commands; command->name != NULL && used < room;
	     command++) {
		if (command > commands)
			between = command[1].name == NULL ? last : ", ";
		used += (size_t)snprintf(to + used, room - used, "%s%s",
		    between, command->name);
	}
}

const struct command *
command_find(const struct command *commands, const struct cli *cli)
{
	const struct command *nearest = NULL, *command;
	size_t least = FAR, far;
	const char *name;
	char names[160];

	if (cli->operand_count == 0) {
		join_names(commands, " or ", names, sizeof(names));
		cli_usage("which command? %s", names);
	}
	name = cli->operands[0];
	for (command = commands; command->name != NULL; command++) {
		far = distance(name, command->name);
		if (far == 0)
			return command;
		if (far < least) {
			least = far;
			nearest = command;
		}
	}
	if (nearest != NULL)
		cli_usage("unknown command '%s'; did you mean '%s'?", name,
		    nearest->name);
	join_names(commands, " and ", names, sizeof(names));
	cli_usage("unknown command '%s'; there are %s", name, names);
}

void
command_check(const struct command *command, const struct cli *cli,
    uint64_t said, const struct options *options)
{
	const struct cli_option *option;
	int operands = cli->operand_count - 1;

	for (option = cli->program->options; option->name != NULL; option++)
		if (option->code >= CLI_PRIVATE &&
		    (said & ~command->options & COMMAND_BIT(option->code)) != 0)
			cli_usage("%s: takes no '--%s'", command->name,
			    option->name);
	if (operands < command->operands_min)
		cli_usage("%s: %s", command->name, command->lack);
	if (operands > command->operands_max)
		cli_usage("%s: %s", command->name, command->excess);
	if (command->check != NULL)
		command->check(options);
}
