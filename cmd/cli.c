/* cli.c: options, messages and exit statuses; see cli.h. */
#include "cli.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CODE_HELP = CLI_COMMON,
	CODE_VERSION,
};

static const struct cli_option common_options[] = {
	{ 'd', "dir", "DIR", false, "the log directory ($STREAMLOG_DIR)",
	    "Common" },
	{ 'X', "property", "K=V", false,
	    "a setting of Kafka's client, for kafka://", NULL },
	{ 'q', "quiet", NULL, false, "errors only", NULL },
	{ 'v', "verbose", NULL, false, "say more", NULL },
	{ CODE_HELP, "help", NULL, false, "this", NULL },
	{ CODE_VERSION, "version", NULL, false, "this program's and libraries'",
	    NULL },
	{ 0 },
};

/* How this process talks; set once, by its options. */
static const char *program_name = "streamlog";
static const char *spoken_prefix; /* NULL: the name and a colon */
static int spoken_fd = STDERR_FILENO;
static int usage_status = CLI_EXIT_USAGE;
static bool is_quiet;
static bool is_verbose;

/* ---- Messages ---- */

static void SL_PRINTF(1, 0) say(const char *format, va_list args)
{
	char text[SL_ERROR_TEXT_SIZE + 256];
	size_t used, i;

	if (spoken_prefix != NULL)
		snprintf(text, sizeof(text) - 1, "%s", spoken_prefix);
	else
		snprintf(text, sizeof(text) - 1, "%s: ", program_name);
	used = strlen(text);
	vsnprintf(text + used, sizeof(text) - 1 - used, format, args);
	used = strlen(text);
	for (i = 0; i < used; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	text[used++] = '\n';
	/* Where nobody can be told there is nobody to tell that. */
	while (write(spoken_fd, text, used) < 0 && errno == EINTR)
		continue;
}

void
cli_message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void
cli_notice(const char *format, ...)
{
	va_list args;

	if (is_quiet)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}

void
cli_detail(const char *format, ...)
{
	va_list args;

	if (!is_verbose)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}

bool
cli_is_quiet(void)
{
	return is_quiet;
}

void
cli_speak(int fd, const char *prefix, int status)
{
	spoken_fd = fd;
	spoken_prefix = prefix;
	usage_status = status;
}

void
cli_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(usage_status);
}

void
cli_no_memory(void)
{
	cli_message("out of memory");
	exit(usage_status == CLI_EXIT_USAGE ? CLI_EXIT_FAILED : usage_status);
}

int
cli_exit_status(const struct sl_error *err)
{
	switch (err->code) {
	case SL_EUSAGE:
		return CLI_EXIT_USAGE;
	case SL_ENOTFOUND:
		return CLI_EXIT_NOTFOUND;
	case SL_EREJECTED:
	case SL_ECORRUPT:
		return CLI_EXIT_DATA;
	case SL_EGONE:
		return CLI_EXIT_GONE;
	case SL_EIO:
		return CLI_EXIT_IO;
	case SL_EFULL:
	case SL_EBUSY:
		return CLI_EXIT_AGAIN;
	default:
		return CLI_EXIT_FAILED;
	}
}

/* How grave a status is: the later, the less. */
static int
rank(int status)
{
	static const int gravest_first[] = { CLI_EXIT_IO, CLI_EXIT_FAILED,
		CLI_EXIT_AGAIN, CLI_EXIT_DATA, CLI_EXIT_GONE, CLI_EXIT_NOTFOUND,
		CLI_EXIT_USAGE, CLI_EXIT_OK };
	int i = 0;

	while (gravest_first[i] != status && gravest_first[i] != CLI_EXIT_OK)
		i++;
	return i;
}

int
cli_graver(int a, int b)
{
	return rank(b) < rank(a) ? b : a;
}

int
cli_fail(const struct sl_error *err)
{
	cli_message("%s", err->text);
	return cli_exit_status(err);
}

int
cli_close_stdout(int status)
{
	struct sl_error err;
	int sys;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	sys = errno;
	if (sys == EPIPE)
		return status;
	if (sys == EBADF && cli_is_closed(STDOUT_FILENO))
		sl_error_set(&err, SL_EIO, "stdout is closed");
	else
		sl_error_sys(&err, sys, "stdout");
	cli_message("%s", err.text);
	return CLI_EXIT_IO;
}

/* ---- Beginning ---- */

static void
note(const char *text)
{
	cli_notice("%s", text);
}

bool
cli_is_closed(int fd)
{
	int flags, wrong_way;

	wrong_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
	flags = fcntl(fd, F_GETFL);
	return flags < 0 || (flags & O_ACCMODE) == wrong_way;
}

static void
hold_closed_fds(void)
{
	int fd, flags;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
		/* The lowest that is free is this one. */
		if (open("/dev/null", flags) != fd)
			_exit(CLI_EXIT_IO);
	}
}

void
cli_begin(struct cli *cli, const struct cli_program *program, int argc,
    char **argv)
{
	hold_closed_fds();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	program_name = program->name;
	sl_on_notice(note);
	*cli = (struct cli){ .program = program,
		.operands_before_dashes = -1,
		.argc = argc,
		.argv = argv,
		.at = 1 };
	/* Operands gather at the front of argv, which the parser has passed. */
	cli->operands = argv;
	if (argc == 0)
		cli_usage("no arguments at all, not even a name");
}

/* ---- Help ---- */

/* The left column of --help: "  -n, --lines N". Returns its width. */
static int
print_names(char *to, size_t room, const struct cli_option *option)
{
	const struct cli_option *alias;
	int used;

	if (option->code < CLI_NUMBER)
		used = snprintf(to, room, "  -%c, --%s", option->code,
		    option->name);
	else
		used = snprintf(to, room, "      --%s", option->name);
	for (alias = option + 1;
	     alias->name != NULL && alias->code == option->code; alias++)
		used += snprintf(to + used, room - (size_t)used, ", --%s",
		    alias->name);
	if (option->argument != NULL)
		used += snprintf(to + used, room - (size_t)used,
		    option->is_optional ? "[=%s]" : " %s", option->argument);
	return used;
}

static int
names_width(const struct cli_option *option, int width)
{
	char names[128];
	int own;

	for (; option->name != NULL; option++) {
		own = print_names(names, sizeof(names), option);
		width = own > width ? own : width;
	}
	return width;
}

static void
print_options(const struct cli_option *option, int width)
{
	char names[128];

	for (; option->name != NULL; option++) {
		if (option->heading != NULL)
			printf("%s:\n", option->heading);
		if (option->help == NULL)
			continue;
		print_names(names, sizeof(names), option);
		printf("%-*s  %s\n", width, names, option->help);
	}
}

static _Noreturn void
print_help(const struct cli_program *program)
{
	const char *const *synopsis;
	int width;

	for (synopsis = program->synopses; *synopsis != NULL; synopsis++)
		printf("%s %s %s\n",
		    synopsis == program->synopses ? "usage:" : "      ",
		    program->name, *synopsis);
	printf("%s\n", program->summary);
	width = names_width(common_options, names_width(program->options, 0));
	print_options(program->options, width);
	print_options(common_options, width);
	exit(cli_close_stdout(CLI_EXIT_OK));
}

static _Noreturn void
print_version(const struct cli_program *program)
{
	printf("%s %s\n%s\n", program->name, SL_VERSION, sl_libraries());
	exit(cli_close_stdout(CLI_EXIT_OK));
}

/* ---- Parsing ---- */

static const struct cli_option *
find_letter(const struct cli *cli, char letter)
{
	const struct cli_option *option;

	for (option = cli->program->options; option->name != NULL; option++)
		if (option->code == letter)
			return option;
	for (option = common_options; option->name != NULL; option++)
		if (option->code == letter)
			return option;
	return NULL;
}

/*
 * Look in one table for a long name or its beginning. Returns true where it is
 * named in full; *other is set where a second one begins like it.
 */
static bool
find_name_in(const struct cli_option *table, const char *name, size_t bytes,
    const struct cli_option **found, const struct cli_option **other)
{
	const struct cli_option *option;

	for (option = table; option->name != NULL; option++) {
		if (strncmp(option->name, name, bytes) != 0)
			continue;
		if (option->name[bytes] == '\0') {
			*found = option;
			return true;
		}
		if (*found == NULL)
			*found = option;
		else if ((*found)->code != option->code && *other == NULL)
			*other = option;
	}
	return false;
}

static const struct cli_option *
find_name(const struct cli *cli, const char *name, size_t bytes)
{
	const struct cli_option *found = NULL, *other = NULL;

	if (find_name_in(cli->program->options, name, bytes, &found, &other) ||
	    find_name_in(common_options, name, bytes, &found, &other))
		return found;
	if (other != NULL)
		cli_usage("option '--%.*s' is ambiguous: '--%s', '--%s'",
		    (int)bytes, name, found->name, other->name);
	if (found == NULL)
		cli_usage("unknown option '--%.*s'; '%s --help' lists them",
		    (int)bytes, name, program_name);
	return found;
}

/* The word after the option in hand, as its argument. */
static char *
take_word(struct cli *cli, const struct cli_option *option, bool is_long)
{
	if (cli->at < cli->argc)
		return cli->argv[cli->at++];
	if (is_long)
		cli_usage("option '--%s' needs an argument: %s", option->name,
		    option->argument);
	cli_usage("option '-%c' needs an argument: %s", option->code,
	    option->argument);
}

static int
next_long(struct cli *cli, char *word, char **argument)
{
	const struct cli_option *option;
	size_t bytes;

	bytes = strcspn(word, "=");
	option = find_name(cli, word, bytes);
	if (option->argument == NULL && word[bytes] == '=')
		cli_usage("option '--%s' takes no argument", option->name);
	if (word[bytes] == '=')
		*argument = word + bytes + 1;
	else if (option->argument != NULL && !option->is_optional)
		*argument = take_word(cli, option, true);
	return option->code;
}

static int
next_letter(struct cli *cli, char **argument)
{
	const struct cli_option *option;
	char letter;

	letter = *cli->bundle++;
	option = find_letter(cli, letter);
	if (option == NULL)
		cli_usage("unknown option '-%c'; '%s --help' lists them",
		    letter, program_name);
	if (option->argument != NULL && *cli->bundle != '\0') {
		*argument = cli->bundle;
		cli->bundle = NULL;
	} else if (option->argument != NULL && !option->is_optional) {
		*argument = take_word(cli, option, false);
		cli->bundle = NULL;
	} else if (*cli->bundle == '\0') {
		cli->bundle = NULL;
	}
	return option->code;
}

/* -N or +N; -0 is an option, and the last none of anything is no wish. */
static bool
is_number_word(const char *word)
{
	return strcmp(word, "-0") != 0 && (word[0] == '-' || word[0] == '+') &&
	       word[1] != '\0' &&
	       strspn(word + 1, "0123456789") == strlen(word + 1);
}

/* The next option in argv, common ones as well; operands step aside. */
static int
next_option(struct cli *cli, char **argument)
{
	char *word;

	if (cli->bundle != NULL)
		return next_letter(cli, argument);
	while (cli->at < cli->argc) {
		word = cli->argv[cli->at++];
		if (cli->program->takes_numbers && is_number_word(word)) {
			*argument = word;
			return CLI_NUMBER;
		}
		if (strcmp(word, "--") == 0) {
			cli->operands_before_dashes = cli->operand_count;
			while (cli->at < cli->argc)
				cli->operands[cli->operand_count++] =
				    cli->argv[cli->at++];
		} else if (word[0] != '-' || word[1] == '\0') {
			cli->operands[cli->operand_count++] = word;
		} else if (word[1] == '-') {
			return next_long(cli, word + 2, argument);
		} else {
			cli->bundle = word + 1;
			return next_letter(cli, argument);
		}
	}
	cli->operands[cli->operand_count] = NULL;
	return CLI_DONE;
}

/* It may be a secret: once taken it is in no message and no list of processes.
 */
static void
set_kafka(char *text)
{
	char *equals = strchr(text, '=');
	struct sl_error err;

	if (equals == NULL)
		cli_usage("-X: not NAME=VALUE"); /* it may hold a secret */
	*equals = '\0';
	if (sl_kafka_set(text, equals + 1, &err) < 0)
		cli_usage("-X: %s", err.text);
	*equals = '=';
	memset(equals + 1, '*', strlen(equals + 1));
}

int
cli_next(struct cli *cli, const char **argument)
{
	char *text;
	int code;

	for (;;) {
		text = NULL;
		code = next_option(cli, &text);
		*argument = text;
		switch (code) {
		case 'd':
			cli->dir = text;
			break;
		case 'X':
			set_kafka(text);
			break;
		case 'q':
			is_quiet = true;
			break;
		case 'v':
			is_verbose = true;
			break;
		case CODE_HELP:
			print_help(cli->program);
		case CODE_VERSION:
			print_version(cli->program);
		default:
			return code;
		}
	}
}

/* ---- Arguments ---- */

uint64_t
cli_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0')
		cli_usage("%s: '%s' is not a whole number", option, text);
	if (errno != 0 || value < min || value > max)
		cli_usage("%s: '%s' is not from %" PRIu64 " to %" PRIu64,
		    option, text, min, max);
	return value;
}

int64_t
cli_duration(const char *option, const char *text, int64_t unit_ms)
{
	struct sl_error err;
	int64_t ms;

	if (sl_parse_duration(text, unit_ms, &ms, &err) < 0)
		cli_usage("%s: %s", option, err.text);
	return ms;
}

int64_t
cli_time(const char *option, const char *text, int64_t now_ms)
{
	struct sl_error err;
	int64_t ms;

	if (sl_parse_time(text, now_ms, &ms, &err) < 0)
		cli_usage("%s: %s", option, err.text);
	return ms;
}

struct sl_header
cli_header(const char *option, const char *text)
{
	struct sl_header header;
	const char *equals;

	equals = strchr(text, '=');
	if (equals == NULL || equals == text)
		cli_usage("%s: '%s' is not NAME=VALUE", option, text);
	if (!sl_utf8_valid(text, strlen(text)))
		cli_usage("%s: '%s' is not UTF-8", option, text);
	header.key = text;
	header.key_bytes = (size_t)(equals - text);
	header.value = equals + 1;
	header.value_bytes = strlen(equals + 1);
	return header;
}
