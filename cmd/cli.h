/*
 * cli.h: the manners that all programs share. Options from one table, messages
 * on stderr, exit statuses, and a safe start. Floor: cmd.
 *
 * A program's table is the only list of its options: it parses them and prints
 * --help. The common ones (-d, -q, -v, --help, --version) are added to each.
 * The functions that find a mistake of usage say so and exit 2; they are called
 * before anything is open.
 */
#ifndef CLI_H
#define CLI_H

#include "streamlog.h"

#include <stdint.h>

enum cli_status {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILED = 1,
	CLI_EXIT_USAGE = 2,
	CLI_EXIT_GONE = 3,      /* events were gone before they were read */
	CLI_EXIT_DATA = 65,     /* rejected input, or a damaged log */
	CLI_EXIT_NOTFOUND = 66, /* no such topic */
	CLI_EXIT_IO = 74,
	CLI_EXIT_AGAIN = 75, /* busy, full or timed out */
};

/* What cli_next() returns beside the codes of the table. */
enum cli_code {
	CLI_DONE = 0,      /* all options were seen */
	CLI_NUMBER = 256,  /* -N or +N, where the program takes such */
	CLI_COMMON = 257,  /* to 299: the common options' own */
	CLI_PRIVATE = 300, /* a program's options without a letter, from here */
};

/*
 * One option. The table ends with a NULL name. An entry with the same code as
 * the one before it and no help is another name for it.
 */
struct cli_option {
	int code; /* its letter, or CLI_PRIVATE and more */
	const char *name;
	const char *argument; /* what --help calls it; NULL: takes none */
	bool is_optional;     /* the argument: --name=ARG or --name */
	const char *help;
	const char *heading; /* of the options from here on; NULL: as before */
};

struct cli_program {
	const char *name;
	const char *const *synopses; /* "[options] TOPIC..."; NULL at the end */
	const char *summary;
	const struct cli_option *options;
	bool takes_numbers; /* words like -5 and +5 are CLI_NUMBER */
};

struct cli {
	const struct cli_program *program;
	char **operands; /* NULL at the end; all once cli_next() is done */
	int operand_count;
	int operands_before_dashes; /* -1: there was no "--" */
	const char *dir;            /* --dir; NULL: the default */

	int argc; /* the parser's own from here on */
	char **argv;
	int at;
	char *bundle; /* the letters left in the word in hand */
};

/*
 * Begin: no file of ours will become fd 0 to 2 (one that was closed is held by
 * /dev/null, opened the wrong way round: using it fails), SIGPIPE and SIGXFSZ
 * are errors of write(2) instead.
 */
void cli_begin(struct cli *cli, const struct cli_program *program, int argc,
    char **argv);

/*
 * The next option's code, with its argument (NULL: none), or CLI_DONE. Takes
 * the common options itself; --help and --version end the program.
 */
int cli_next(struct cli *cli, const char **argument);

/* Was this one of fd 0 to 2 closed when the program began? */
bool cli_is_closed(int fd);

/*
 * "PROGRAM: text" on stderr in one write(2); never fails. Control characters in
 * it become '?'. A notice is what -q silences, a detail what -v asks for.
 */
void cli_message(const char *format, ...) SL_PRINTF(1, 2);
void cli_notice(const char *format, ...) SL_PRINTF(1, 2);
void cli_detail(const char *format, ...) SL_PRINTF(1, 2);
bool cli_is_quiet(void);

/*
 * Speak otherwise, for a program that a monitor runs: what is said goes to `fd`
 * behind `prefix`, and a mistake of usage ends with `usage_status`.
 */
void cli_speak(int fd, const char *prefix, int usage_status);

/* A mistake of usage: say it and exit 2. */
_Noreturn void cli_usage(const char *format, ...) SL_PRINTF(1, 2);

/* There was none for what the command line says: say it and end. */
_Noreturn void cli_no_memory(void);

/* The exit status that an error's code asks for. */
int cli_exit_status(const struct sl_error *err);

/* Of two exit statuses of one run, the one that it ends with. */
int cli_graver(int a, int b);

/* Say the error; returns its exit status. */
int cli_fail(const struct sl_error *err);

/*
 * End a program that wrote with stdio: a failed stdout is told and 74 (a closed
 * pipe is a quiet end), else the status stays as it is.
 */
int cli_close_stdout(int status);

/* Arguments of options (named in the message); what is wrong is usage. */
uint64_t cli_number(const char *option, const char *text, uint64_t min,
    uint64_t max);
int64_t cli_duration(const char *option, const char *text, int64_t unit_ms);
int64_t cli_time(const char *option, const char *text, int64_t now_ms);

/* "K=V": a view into `text`. The key has at least one byte; both are UTF-8. */
struct sl_header cli_header(const char *option, const char *text);

#endif
