/*
 * streamlog-check.c: is a log whole? see streamlog-check(1). All topics are
 * done, whatever becomes of one; the exit status is that of the first that
 * failed.
 */
#include "check_show.h"
#include "cli.h"
#include "each_topic.h"
#include "progress.h"

enum {
	OPT_DUMP = CLI_PRIVATE,
	OPT_JSON,
	OPT_MEND,
};

static const struct cli_option check_options[] = {
	{ OPT_DUMP, "dump", NULL, false,
	    "print each batch, and of each record what it is", "Options" },
	{ OPT_JSON, "json", NULL, false,
	    "a JSON object for each fault and each partition", NULL },
	{ OPT_MEND, "mend", NULL, false,
	    "move damage to lost+found/, keep the rest, remake indexes", NULL },
	{ 0 },
};

static const char *const check_synopses[] = {
	"[options] [TOPIC...]",
	NULL,
};

static const struct cli_program check_program = {
	.name = "streamlog-check",
	.synopses = check_synopses,
	.summary = "Read every batch and index; all topics where none is "
	           "named. Exits 65 if one is\ndamaged. Nothing is ever "
	           "deleted.",
	.options = check_options,
};

struct run {
	struct cli cli;
	bool is_dumping;
	bool is_damaged; /* one was, and is */
	struct check_show show;
};

static int
check_partition(struct run *run, struct sl_topic *topic, int partition,
    struct sl_error *err)
{
	struct sl_check_options how = { .tell = check_show_note,
		.progress = check_show_progress,
		.arg = &run->show };
	struct sl_check_sums sums;
	int rc;

	if (run->is_dumping) {
		how.show_batch = check_show_batch;
		how.show_record = check_show_record;
	}
	rc = run->show.is_mending
	         ? sl_topic_mend(topic, partition, &how, &sums, err)
	         : sl_topic_check(topic, partition, &how, &sums, err);
	if (rc != SL_OK)
		return rc == SL_END ? SL_OK : rc;
	check_show_sums(&run->show, partition, &sums);
	run->is_damaged |= sums.damages > 0 || sums.bad_indexes > 0;
	run->show.bytes_done += sums.bytes;
	if (run->show.err.code == SL_OK)
		return SL_OK;
	*err = run->show.err;
	return err->code;
}

/* An each_topic_act; `arg` is the struct run. */
static int
check_topic(void *arg, const char *name, struct sl_error *err)
{
	struct run *run = arg;
	struct sl_topic *topic;
	struct sl_error failure;
	int i, one, rc;

	rc = sl_topic_open(&topic, run->cli.dir, name, err);
	if (rc < 0)
		return rc;
	run->show.topic = topic;
	/* One that fails doesn't keep us from the others. */
	for (i = 0; i <= sl_topic_settings(topic)->partitions; i++) {
		one = check_partition(run, topic,
		    i < sl_topic_settings(topic)->partitions
		        ? i
		        : SL_PARTITION_REJECTED,
		    &failure);
		if (one < 0 && rc == SL_OK) {
			rc = one;
			*err = failure;
		}
	}
	sl_topic_close(topic);
	progress_clear();
	return rc;
}

static void
parse_options(struct run *run, int argc, char **argv)
{
	const char *argument;
	int code;

	*run = (struct run){ .is_damaged = false };
	cli_begin(&run->cli, &check_program, argc, argv);
	for (code = cli_next(&run->cli, &argument); code != CLI_DONE;
	     code = cli_next(&run->cli, &argument)) {
		if (code == OPT_DUMP)
			run->is_dumping = true;
		else if (code == OPT_JSON)
			run->show.is_json = true;
		else if (code == OPT_MEND)
			run->show.is_mending = true;
	}
	if (run->is_dumping && run->show.is_mending)
		cli_usage("--dump: not with --mend");
}

int
main(int argc, char **argv)
{
	struct run run;
	int status;

	parse_options(&run, argc, argv);
	progress_start("checking", 0);
	status =
	    each_topic(run.cli.dir, run.cli.operands, true, check_topic, &run);
	progress_end();
	if (status == CLI_EXIT_OK && run.is_damaged)
		status = CLI_EXIT_DATA;
	return cli_close_stdout(status);
}
