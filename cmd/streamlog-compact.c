/*
 * streamlog-compact.c: keep topics within their bounds; see
 * streamlog-compact(1). All topics are done, whatever becomes of one; the exit
 * status is that of the first that failed.
 */
#include "clean_show.h"
#include "cli.h"
#include "each_topic.h"
#include "progress.h"

/* Who cleans after a roll is soon done. */
#define NAMED_TIMEOUT_MS 1000

enum {
	OPT_ALL = CLI_PRIVATE,
	OPT_ARCHIVE,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_MEMORY,
};

/* Fewer would hold a few keys only, and take a pass for each few. */
#define MEMORY_BYTES_MIN (64 << 10)

static const struct cli_option compact_options[] = {
	{ OPT_ALL, "all", NULL, false,
	    "all topics, as their settings say; skip those in work",
	    "Options" },
	{ OPT_ARCHIVE, "archive", "DIR", false,
	    "copy closed segments there before anything goes", NULL },
	{ OPT_DRY_RUN, "dry-run", NULL, false,
	    "say what would go and why, and change nothing", NULL },
	{ OPT_JSON, "json", NULL, false,
	    "a JSON object for each segment and each topic", NULL },
	{ OPT_MEMORY, "memory", "SIZE", false,
	    "for keys (64MiB); where they are more, several passes", NULL },
	{ 0 },
};

static const char *const compact_synopses[] = {
	"[options] TOPIC...",
	"[options] --all",
	NULL,
};

static const struct cli_program compact_program = {
	.name = "streamlog-compact",
	.synopses = compact_synopses,
	.summary = "Keep topics within their bounds; a TOPIC may be a glob.",
	.options = compact_options,
};

struct options {
	struct cli cli;
	bool is_all;
	bool is_dry_run;
	bool is_json;
	int64_t memory_bytes; /* 0: not said */
	const char *archive;  /* NULL: not said */
};

struct run {
	const struct options *options;
	uint64_t freed; /* of all topics so far, for the progress */
	bool is_told;   /* that a cluster cleans itself */
};

static int
clean_open(struct run *run, struct sl_topic *topic, struct sl_error *err)
{
	const struct options *options = run->options;
	struct clean_show show = { .topic = topic,
		.is_dry_run = options->is_dry_run,
		.is_json = options->is_json,
		.freed = run->freed };
	struct sl_clean_options how = { .is_named = !options->is_all,
		.is_dry_run = options->is_dry_run,
		.lock_timeout_ms = options->is_all ? 0 : NAMED_TIMEOUT_MS,
		.memory_bytes = (size_t)options->memory_bytes,
		.archive_dir = options->archive,
		.tell = clean_show_note,
		.arg = &show };
	struct sl_clean_sums sums = { .segments = 0 };
	int rc;

	rc = sl_topic_clean(topic, &how, &sums, err);
	if (rc == SL_END) {
		if (!run->is_told)
			cli_notice("%s", err->text);
		run->is_told = true;
		return SL_OK;
	}
	clean_show_sums(&show, &sums);
	run->freed = show.freed;
	if (rc == SL_EBUSY && options->is_all) {
		cli_detail("%s; skipped", err->text);
		rc = SL_OK;
	}
	if (rc == SL_OK && show.err.code != SL_OK) {
		*err = show.err;
		rc = err->code;
	}
	return rc;
}

/* An each_topic_act; `arg` is the struct run. */
static int
clean_topic(void *arg, const char *name, struct sl_error *err)
{
	struct run *run = arg;
	struct sl_topic *topic;
	int rc;

	rc = sl_topic_open(&topic, run->options->cli.dir, name, err);
	if (rc == SL_OK) {
		rc = clean_open(run, topic, err);
		sl_topic_close(topic);
	}
	progress_clear();
	/* Deleted since it was listed: nothing is left to do. */
	return rc == SL_ENOTFOUND && run->options->is_all ? SL_OK : rc;
}

static void
parse_options(struct options *options, int argc, char **argv)
{
	const char *argument;
	struct sl_error err;
	int code;

	*options = (struct options){ .is_all = false };
	cli_begin(&options->cli, &compact_program, argc, argv);
	for (code = cli_next(&options->cli, &argument); code != CLI_DONE;
	     code = cli_next(&options->cli, &argument)) {
		switch (code) {
		case OPT_ALL:
			options->is_all = true;
			break;
		case OPT_ARCHIVE:
			options->archive = argument;
			break;
		case OPT_DRY_RUN:
			options->is_dry_run = true;
			break;
		case OPT_JSON:
			options->is_json = true;
			break;
		case OPT_MEMORY:
			if (sl_parse_size(argument, &options->memory_bytes,
			        &err) != SL_OK)
				cli_usage("--memory: %s", err.text);
			if (options->memory_bytes < MEMORY_BYTES_MIN)
				cli_usage("--memory: at least 64KiB");
			break;
		}
	}
	if (options->is_all && options->cli.operand_count > 0)
		cli_usage("--all: takes no topics beside it");
	if (!options->is_all && options->cli.operand_count == 0)
		cli_usage("which topic? or --all");
}

int
main(int argc, char **argv)
{
	struct options options;
	struct run run = { .options = &options };
	int status;

	parse_options(&options, argc, argv);
	progress_start("cleaning", 0);
	status = each_topic(options.cli.dir, options.cli.operands, true,
	    clean_topic, &run);
	progress_end();
	return cli_close_stdout(status);
}
