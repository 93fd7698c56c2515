/* append_options.c: what streamlog-append was asked; see append_options.h. */
#include "append_options.h"

#include <stdlib.h>
#include <string.h>

enum {
	OPT_KEY = CLI_PRIVATE,
	OPT_HEADER,
	OPT_TIME_FIELD,
	OPT_ANY,
	OPT_RAW,
	OPT_SYNC,
	OPT_RECEIPT,
	OPT_ON_ERROR,
	OPT_WAIT,
	OPT_PARTITIONS,
	OPT_NO_CREATE,
};

static const struct cli_option append_options[] = {
	{ OPT_ANY, "any", NULL, false, "any JSON value, not objects only",
	    "Input: one JSON object a line, from FILEs or stdin" },
	{ OPT_RAW, "raw", NULL, false, "any bytes; nothing is checked", NULL },
	{ '0', "null", NULL, false, "events end in NUL, not newline", NULL },
	{ 'J', "envelope", NULL, false, "what streamlog-tail -J prints", NULL },
	{ 'J', "json", NULL, false, NULL, NULL },
	{ 'k', "key-field", "PTR", false,
	    "the key: a JSON Pointer or a top-level name", "Each event" },
	{ 'K', "key-delim", "S", false, "lines are KEY S EVENT", NULL },
	{ OPT_KEY, "key", "STR", false, "this key", NULL },
	{ OPT_HEADER, "header", "NAME=VALUE", false,
	    "and this header; may be repeated", NULL },
	{ OPT_TIME_FIELD, "time-field", "PTR", false,
	    "its time: ISO 8601, or s or ms since 1970", NULL },
	{ 'p', "partition", "N", false, "there (by key; without one in turn)",
	    NULL },
	{ 'z', "compression", "C", false, "none, lz4 or zstd", NULL },
	{ OPT_SYNC, "sync", "none|exit|batch|each", false,
	    "on disk at the end and each second (exit)", "Safety" },
	{ OPT_RECEIPT, "receipt", NULL, false,
	    "print where each batch is, once it is on disk", NULL },
	{ OPT_ON_ERROR, "on-error", "divert|skip|fail", false,
	    "a bad line: keep it aside (divert)", NULL },
	{ OPT_WAIT, "wait", "T", true,
	    "disk full or topic busy: keep trying (for T)", NULL },
	{ OPT_PARTITIONS, "partitions", "N", false,
	    "of the topic, if it is made now", NULL },
	{ OPT_NO_CREATE, "no-create", NULL, false, "make no topic", NULL },
	{ 0 },
};

static const char *const append_synopses[] = { "[options] TOPIC [FILE...]",
	NULL };

static const struct cli_program append_program = {
	.name = "streamlog-append",
	.synopses = append_synopses,
	.summary = "Append events to a topic, which is made if it isn't there.",
	.options = append_options,
};

static void
add_header(struct append_options *options, const char *text)
{
	struct sl_header header = cli_header("--header", text);
	char *grown;

	grown = realloc(options->headers,
	    options->headers_bytes + SL_HEADER_SIZE(&header));
	if (grown == NULL)
		cli_no_memory();
	options->headers = grown;
	options->headers_bytes +=
	    sl_header_encode(&header, grown + options->headers_bytes);
	options->header_count++;
}

static void
parse_on_error(struct append_options *options, const char *text)
{
	static const char *const words[] = { "divert", "skip", "fail" };
	int i;

	for (i = 0; i < 3; i++) {
		if (strcmp(text, words[i]) == 0) {
			options->on_error = (enum append_on_error)i;
			options->has_on_error = true;
			return;
		}
	}
	cli_usage("--on-error: '%s' is none of divert, skip, fail", text);
}

static void
parse_sync(struct append_options *options, const char *text)
{
	struct sl_error err;

	if (sl_parse_sync_level(text, &options->sync, &err) < 0)
		cli_usage("--sync: %s", err.text);
	options->has_sync = true;
}

static void
parse_compression(struct append_options *options, const char *text)
{
	struct sl_error err;

	if (sl_parse_compression(text, &options->compression, &err) < 0)
		cli_usage("-z: %s", err.text);
	options->has_compression = true;
}

static void
parse_wait(struct append_options *options, const char *text)
{
	options->wait_ms = APPEND_WAIT_EVER;
	if (text != NULL)
		options->wait_ms = cli_duration("--wait", text, 1000);
}

/* Options of what an event is. False: another kind. */
static bool
take_event(struct append_options *options, int code, const char *argument)
{
	switch (code) {
	case OPT_ANY:
		options->form = APPEND_ANY;
		options->forms++;
		return true;
	case OPT_RAW:
		options->form = APPEND_RAW;
		options->forms++;
		return true;
	case 'J':
		options->form = APPEND_ENVELOPE;
		options->forms++;
		return true;
	case '0':
		options->end = '\0';
		return true;
	case 'k':
		options->key_field = argument;
		return true;
	case 'K':
		options->key_delim = argument;
		return true;
	case OPT_KEY:
		options->key = argument;
		return true;
	case OPT_HEADER:
		add_header(options, argument);
		return true;
	case OPT_TIME_FIELD:
		options->time_field = argument;
		return true;
	default:
		return false;
	}
}

static void
take_manner(struct append_options *options, int code, const char *argument)
{
	switch (code) {
	case 'p':
		options->partition =
		    (int)cli_number("-p", argument, 0, SL_PARTITIONS_MAX - 1);
		break;
	case 'z':
		parse_compression(options, argument);
		break;
	case OPT_SYNC:
		parse_sync(options, argument);
		break;
	case OPT_RECEIPT:
		options->receipt = true;
		break;
	case OPT_ON_ERROR:
		parse_on_error(options, argument);
		break;
	case OPT_WAIT:
		parse_wait(options, argument);
		break;
	case OPT_PARTITIONS:
		options->partitions = (int)cli_number("--partitions", argument,
		    1, SL_PARTITIONS_MAX);
		break;
	case OPT_NO_CREATE:
		options->no_create = true;
		break;
	}
}

/* A pointer that is none is told before a topic is made for it. */
static void
check_pointer(const char *option, const char *pointer)
{
	struct sl_scan *scan;
	int rc;
	struct sl_error err;

	if (pointer == NULL)
		return;
	rc = sl_scan_new(&scan, pointer, &err);
	if (rc == SL_ENOMEM)
		cli_no_memory();
	if (rc < 0)
		cli_usage("%s: %s", option, err.text);
	sl_scan_free(scan);
}

/* What can't be together. */
static void
settle_options(const struct append_options *options)
{
	bool is_json =
	    options->form == APPEND_OBJECTS || options->form == APPEND_ANY;
	int keys = (options->key_field != NULL) + (options->key_delim != NULL) +
	           (options->key != NULL);

	check_pointer("-k", options->key_field);
	check_pointer("--time-field", options->time_field);
	if (options->cli.operand_count == 0)
		cli_usage("which topic?");
	if (options->forms > 1)
		cli_usage("--any, --raw and -J contradict each other");
	if (keys > 1)
		cli_usage("-k, -K and --key contradict each other");
	if (options->key_field != NULL && !is_json)
		cli_usage("-k needs JSON events");
	if (options->time_field != NULL && !is_json)
		cli_usage("--time-field needs JSON events");
	if (options->key_delim != NULL && options->key_delim[0] == '\0')
		cli_usage("-K: the delimiter can't be empty");
	if (options->key_delim != NULL && options->form == APPEND_ENVELOPE)
		cli_usage("-K and -J contradict each other");
}

void
append_options_parse(struct append_options *options, int argc, char **argv)
{
	const char *argument;
	int code;

	*options = (struct append_options){ .end = '\n',
		.partition = -1,
		.wait_ms = APPEND_WAIT_NONE };
	cli_begin(&options->cli, &append_program, argc, argv);
	options->words = calloc((size_t)argc + 1, sizeof(*options->words));
	if (options->words == NULL)
		cli_no_memory();
	memcpy(options->words, argv, (size_t)argc * sizeof(*argv));
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument)) {
		if (!take_event(options, code, argument))
			take_manner(options, code, argument);
	}
	settle_options(options);
	options->topic = options->cli.operands[0];
	options->files = options->cli.operands + 1;
}

void
append_options_release(struct append_options *options)
{
	free(options->headers);
	options->headers = NULL;
	free(options->words);
	options->words = NULL;
}
