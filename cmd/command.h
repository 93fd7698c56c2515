/*
 * command.h: the commands of a program that has several, such as "create" of
 * streamlog-topic: which of them the first operand means, and what each takes.
 * Floor: cmd. A mistake is one of usage: it is said, and the program ends.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "cli.h"

/* A bit for each option of the program's own, in sets of them. */
#define COMMAND_BIT(code) (UINT64_C(1) << ((code)-CLI_PRIVATE))

/* What was said; each program has its own. */
struct options;

struct command {
	const char *name;
	uint64_t options; /* those that it takes, a bit each */
	int operands_min; /* without the command's own name */
	const char *lack; /* what is said of fewer: "which topic?" */
	int operands_max;
	const char *excess;                           /* what is said of more */
	int (*run)(const struct options *options);    /* the exit status */
	void (*check)(const struct options *options); /* NULL: no more */
};

#define COMMAND_OPERANDS_ANY INT32_MAX

/* The command that the first operand names. The table's last has no name. */
const struct command *command_find(const struct command *commands,
    const struct cli *cli);

/*
 * Were the operands, and the options in the set `said`, its own? What else it
 * needs is for its own check to see, which comes last.
 */
void command_check(const struct command *command, const struct cli *cli,
    uint64_t said, const struct options *options);

#endif
