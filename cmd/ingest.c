/* ingest.c: workers and turns; see ingest.h. */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

/* While input flows, what was written is synced at least so often. */
#define SYNC_MS 1000
/* While none flows, the topic is looked at so often. */
#define PAUSE_MS 1000
/* A read so large is worth a second worker. */
#define LARGE_READ_BYTES ((size_t)128 << 10)
/* Receipts that wait for a sync; then it is made. */
#define QUEUED_MAX 4096
/* How long to wait for a lock at a time, and between tries of --wait. */
#define LOCK_TIMEOUT_MS 10000
#define RETRY_MS 100
/* An envelope's line may be longer than its event: base64, and the members. */
#define ENVELOPE_FACTOR 2
#define ENVELOPE_EXTRA ((size_t)64 << 10)

/* Is a setting said by topic.yaml? What is may only be strengthened. */
static bool
topic_says(const struct sl_topic *topic, const char *name)
{
	struct sl_setting_row row;
	size_t i;

	for (i = 0; sl_topic_setting(topic, i, &row); i++) {
		if (strcmp(row.name, name) == 0)
			return !row.is_default;
	}
	return false;
}

int
ingest_init(struct ingest *ingest, const struct append_options *options,
    struct sl_topic *topic, struct sl_writer *writer, int stop_fd,
    atomic_int *stop, struct sl_error *err)
{
	const struct sl_settings *settings = sl_topic_settings(topic);
	int rc;

	*ingest = (struct ingest){ .options = options,
		.topic = topic,
		.writer = writer,
		.sync = settings->sync,
		.stop_fd = stop_fd,
		.stop = stop,
		.source = "-",
		.output = OUTPUT_CLOSED,
		.settings = *settings };
	if (options->has_sync &&
	    (options->sync > ingest->sync || !topic_says(topic, "sync")))
		ingest->sync = options->sync;
	ingest->first_turn = (uint64_t)sl_monotonic_ms() + (uint64_t)getpid();
	pthread_mutex_init(&ingest->input, NULL);
	pthread_mutex_init(&ingest->turn_lock, NULL);
	pthread_cond_init(&ingest->turn_came, NULL);
	frame_init(&ingest->frame, options->files, options->end, stop_fd, stop);
	rc = reject_init(&ingest->reject, options->on_error, err);
	if (rc == SL_OK && options->receipt) {
		rc = output_init(&ingest->output, STDOUT_FILENO, err);
		ingest->queued = calloc(QUEUED_MAX, sizeof(*ingest->queued));
		if (rc == SL_OK && ingest->queued == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	return rc;
}

void
ingest_release(struct ingest *ingest)
{
	frame_release(&ingest->frame);
	reject_release(&ingest->reject);
	output_release(&ingest->output);
	free(ingest->queued);
	ingest->queued = NULL;
	pthread_cond_destroy(&ingest->turn_came);
	pthread_mutex_destroy(&ingest->turn_lock);
	pthread_mutex_destroy(&ingest->input);
}

/* ---- In a turn ---- */

/* The run is over: whoever waits for input wakes. */
static void
halt(struct ingest *ingest, int rc, const struct sl_error *err)
{
	const uint64_t one = 1;

	if (ingest->rc == SL_OK) {
		ingest->rc = rc;
		if (rc < 0)
			ingest->err = *err;
	}
	if (*ingest->stop == 0)
		*ingest->stop = INGEST_HALT;
	if (write(ingest->stop_fd, &one, sizeof(one)) < 0)
		return; /* full: it is readable, which is all that is asked */
}

/* Print the receipts of what is on disk (or, without sync, written). */
static int
give_receipts(struct ingest *ingest, bool is_synced, struct sl_error *err)
{
	const struct sl_receipt *receipt;
	char line[SL_TOPIC_NAME_MAX + 256];
	size_t i;
	int n, rc = SL_OK;

	for (i = 0; rc == SL_OK && i < ingest->queued_count; i++) {
		receipt = &ingest->queued[i];
		n = snprintf(line, sizeof(line),
		    "{\"topic\":\"%s\",\"partition\":%d,\"first_offset\":"
		    "%" PRIu64 ",\"count\":%" PRIu32 ",\"bytes\":%" PRIu64
		    ",\"synced\":%s}",
		    sl_topic_name(ingest->topic), receipt->partition,
		    receipt->first_offset, receipt->count, receipt->bytes,
		    is_synced ? "true" : "false");
		rc = output_event(&ingest->output, line, (size_t)n, "\n", 1,
		    err);
	}
	ingest->queued_count = 0;
	if (rc == SL_OK && ingest->queued != NULL)
		rc = output_flush(&ingest->output, err);
	if (rc == SL_END)
		rc = sl_error_set(err, SL_EIO,
		    "stdout: whoever read the receipts is gone");
	return rc;
}

static int
sync_now(struct ingest *ingest, struct sl_error *err)
{
	int rc;

	rc = sl_writer_sync(ingest->writer, err);
	if (rc < 0)
		return rc;
	ingest->dirty_since_ms = 0;
	ingest->synced_lines = ingest->lines;
	return give_receipts(ingest, true, err);
}

/* May the write be tried again? Naps, unless the time is up or a signal came.
 */
static bool
may_retry(struct ingest *ingest, int64_t since_ms, const struct sl_error *err)
{
	struct pollfd stop = { ingest->stop_fd, POLLIN, 0 };
	int64_t wait_ms = ingest->options->wait_ms;

	/* On its way: the call waits itself. */
	if (err->sys == EINPROGRESS)
		return *ingest->stop == 0;
	/* A topic's bound, not the disk, and it says that one waits for it. */
	if (wait_ms == APPEND_WAIT_NONE && err->code == SL_EFULL &&
	    err->sys == 0 &&
	    sl_topic_settings(ingest->topic)->on_full == SL_FULL_WAIT)
		wait_ms = APPEND_WAIT_EVER;
	if ((err->code != SL_EFULL && err->code != SL_EBUSY) ||
	    wait_ms == APPEND_WAIT_NONE || *ingest->stop != 0)
		return false;
	if (wait_ms != APPEND_WAIT_EVER &&
	    sl_monotonic_ms() - since_ms >= wait_ms)
		return false;
	if (!ingest->has_said_wait) {
		progress_clear();
		cli_notice("%s; waiting", err->text);
	}
	ingest->has_said_wait = true;
	(void)poll(&stop, 1, RETRY_MS);
	return true;
}

/* Write one batch, as long as --wait says; from then on a sync is due. */
static int
write_batch(struct ingest *ingest, const struct sl_encoder *encoder,
    size_t index, struct sl_receipt *receipt, struct sl_error *err)
{
	int64_t since_ms = sl_monotonic_ms();
	int timeout_ms = LOCK_TIMEOUT_MS;
	int rc;

	if (ingest->options->wait_ms != APPEND_WAIT_NONE)
		timeout_ms = RETRY_MS;
	do {
		rc = sl_writer_write(ingest->writer, encoder, index, timeout_ms,
		    receipt, err);
	} while (rc < 0 && may_retry(ingest, since_ms, err));
	if (rc == SL_OK && ingest->dirty_since_ms == 0 &&
	    ingest->sync != SL_SYNC_NONE)
		ingest->dirty_since_ms = since_ms;
	return rc;
}

/* A batch of events, and what --receipt and --sync=each ask. */
static int
write_event_batch(struct ingest *ingest, const struct event_maker *maker,
    size_t index, struct sl_error *err)
{
	struct sl_receipt receipt;
	int rc;

	rc = write_batch(ingest, maker->encoder, index, &receipt, err);
	ingest->events += receipt.count;
	if (rc < 0)
		ingest->is_partial = receipt.count > 0;
	if (rc < 0)
		return rc;
	if (ingest->queued != NULL)
		ingest->queued[ingest->queued_count++] = receipt;
	if (ingest->sync == SL_SYNC_NONE)
		return give_receipts(ingest, false, err);
	if (ingest->sync == SL_SYNC_EACH || ingest->queued_count == QUEUED_MAX)
		return sync_now(ingest, err);
	return SL_OK;
}

/* The lines of a chunk that are no events are told, and kept. */
static int
write_rejects(struct ingest *ingest, const struct event_maker *maker,
    const struct frame_chunk *chunk, size_t *taken, struct sl_error *err)
{
	const struct sl_encoder *encoder = ingest->reject.encoder;
	struct sl_receipt ignored;
	size_t i;
	int rc;

	*taken = 0;
	if (maker->reject_count == 0)
		return SL_OK;
	rc = reject_take(&ingest->reject, maker, chunk, ingest->lines + 1,
	    ingest->events > 0, taken, err);
	if (encoder == NULL)
		return rc;
	for (i = 0; rc == SL_OK && i < sl_encoder_count(encoder); i++)
		rc = write_batch(ingest, encoder, i, &ignored, err);
	return rc;
}

/* How many of the chunk's lines are done when batch `from` could not be. */
static uint64_t
lines_before(const struct event_maker *maker, size_t from)
{
	uint64_t first = maker->line_count;
	size_t i;

	for (i = from; i < maker->batch_count; i++) {
		if (maker->batches[i].line < first)
			first = maker->batches[i].line;
	}
	return first;
}

static int
write_events(struct ingest *ingest, const struct event_maker *maker,
    struct sl_error *err)
{
	size_t count = sl_encoder_count(maker->encoder);
	size_t i;
	int rc = SL_OK;

	sl_writer_begin(ingest->writer, maker->encoder);
	for (i = 0; rc == SL_OK && i < count; i++)
		rc = write_event_batch(ingest, maker, i, err);
	if (rc < 0) {
		/* The batch that failed is the one before i. */
		ingest->lines += lines_before(maker, i - 1);
		if (i > 1 && ingest->settings.partitions > 1)
			ingest->is_partial = true;
		return rc;
	}
	if (count > 0)
		sl_writer_begin_sync(ingest->writer);
	return SL_OK;
}

/* The topic's settings by now, for the chunks to come. */
static void
take_settings(struct ingest *ingest)
{
	pthread_mutex_lock(&ingest->turn_lock);
	ingest->settings = *sl_topic_settings(ingest->topic);
	pthread_mutex_unlock(&ingest->turn_lock);
}

/* No input for a while: sync what is due, and look at the topic (RULE 12). */
static int
take_pause(struct ingest *ingest, struct sl_error *err)
{
	int rc = SL_OK;

	if (ingest->dirty_since_ms != 0 &&
	    sl_monotonic_ms() - ingest->dirty_since_ms >= SYNC_MS)
		rc = sync_now(ingest, err);
	if (rc == SL_OK)
		rc = sl_topic_refresh(ingest->topic, err);
	if (rc == SL_OK)
		take_settings(ingest);
	return rc < 0 ? rc : SL_OK;
}

/* Batches, then rejects, then what --sync asks. */
static int
take_chunk(struct ingest *ingest, const struct event_maker *maker,
    const struct frame_chunk *chunk, struct sl_error *err)
{
	size_t taken;
	int rc;

	/* What a failed sync puts in doubt is of one source, which is named. */
	if (chunk->is_first && ingest->dirty_since_ms != 0) {
		rc = sync_now(ingest, err);
		if (rc < 0)
			return rc;
	}
	if (chunk->is_first)
		ingest->lines = ingest->synced_lines = 0;
	ingest->source = chunk->source;
	rc = write_events(ingest, maker, err);
	if (rc < 0)
		return rc;
	ingest->keyed += maker->keyed_count;
	rc = write_rejects(ingest, maker, chunk, &taken, err);
	if (rc < 0) {
		ingest->lines += maker->rejects[0].line;
		ingest->is_partial = true;
		return rc;
	}
	if (maker->is_failed || ingest->reject.is_hopeless) {
		ingest->lines += maker->rejects[taken - 1].line;
		return SL_END;
	}
	ingest->lines += maker->line_count;
	take_settings(ingest);
	progress_update(chunk->position);
	if (ingest->dirty_since_ms != 0 &&
	    (ingest->sync >= SL_SYNC_BATCH ||
	        sl_monotonic_ms() - ingest->dirty_since_ms >= SYNC_MS))
		return sync_now(ingest, err);
	return SL_OK;
}

/* What a worker's ticket came to, in its turn. */
static void
take_turn(struct ingest *ingest, const struct event_maker *maker,
    const struct frame_chunk *chunk, int rc, struct sl_error *err)
{
	if (ingest->rc != SL_OK)
		return; /* what comes behind a failure isn't done */
	if (rc == SL_OK)
		rc = take_chunk(ingest, maker, chunk, err);
	else if (rc == FRAME_IDLE)
		rc = take_pause(ingest, err);
	if (rc != SL_OK)
		halt(ingest, rc, err);
}

/* ---- Workers ---- */

struct worker {
	struct ingest *ingest;
	/* Of the topic, when the chunk was taken. */
	struct sl_settings settings;
	bool is_large; /* the read that brought the chunk */
	struct event_maker maker;
	struct frame_chunk chunk;
};

/* How long may we wait for input before something is due? */
static int
idle_ms(struct ingest *ingest)
{
	int64_t dirty_since_ms = ingest->dirty_since_ms;
	int64_t left = PAUSE_MS;

	if (dirty_since_ms != 0)
		left = dirty_since_ms + SYNC_MS - sl_monotonic_ms();
	return left < 0 ? 0 : (int)left;
}

/* How long a line may be: as an event, and an envelope's has more to it. */
static size_t
line_max(const struct ingest *ingest, const struct sl_settings *settings)
{
	size_t bytes = (size_t)settings->max_message_bytes;

	if (ingest->options->form == APPEND_ENVELOPE)
		return bytes * ENVELOPE_FACTOR + ENVELOPE_EXTRA;
	return bytes;
}

/* Take a chunk and a ticket. */
static int
take_input(struct worker *worker, uint64_t *ticket, struct sl_error *err)
{
	struct ingest *ingest = worker->ingest;
	int rc;

	if (ingest->is_over)
		return SL_END;
	pthread_mutex_lock(&ingest->turn_lock);
	worker->settings = ingest->settings;
	pthread_mutex_unlock(&ingest->turn_lock);
	ingest->frame.line_max = line_max(ingest, &worker->settings);
	rc = frame_next(&ingest->frame, &worker->chunk, idle_ms(ingest), err);
	pthread_mutex_lock(&ingest->turn_lock);
	*ticket = ingest->tickets++;
	pthread_mutex_unlock(&ingest->turn_lock);
	if (rc != SL_OK && rc != FRAME_IDLE)
		ingest->is_over = true;
	worker->is_large = ingest->frame.last_read >= LARGE_READ_BYTES;
	return rc == SL_END ? FRAME_STOPPED : rc;
}

static void
await_turn(struct ingest *ingest, uint64_t ticket)
{
	pthread_mutex_lock(&ingest->turn_lock);
	while (ingest->turn != ticket)
		pthread_cond_wait(&ingest->turn_came, &ingest->turn_lock);
	pthread_mutex_unlock(&ingest->turn_lock);
}

static void
end_turn(struct ingest *ingest)
{
	pthread_mutex_lock(&ingest->turn_lock);
	ingest->turn++;
	pthread_cond_broadcast(&ingest->turn_came);
	pthread_mutex_unlock(&ingest->turn_lock);
}

static void *work_second(void *arg);

/* A second worker, once, if there is a processor for it. */
static void
begin_second(struct ingest *ingest)
{
	cpu_set_t cpus;

	if (ingest->has_second || ingest->sync >= SL_SYNC_BATCH)
		return;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 ||
	    CPU_COUNT(&cpus) < 2)
		return;
	ingest->has_second =
	    pthread_create(&ingest->second, NULL, work_second, ingest) == 0;
}

static int
worker_init(struct worker *worker, struct ingest *ingest, struct sl_error *err)
{
	*worker = (struct worker){ .ingest = ingest };
	return event_maker_init(&worker->maker, ingest->options,
	    ingest->sync == SL_SYNC_EACH, err);
}

static void
work(struct worker *worker, bool is_main)
{
	struct ingest *ingest = worker->ingest;
	struct sl_error err;
	uint64_t ticket;
	uint64_t place;
	int rc;

	for (;;) {
		pthread_mutex_lock(&ingest->input);
		rc = take_input(worker, &ticket, &err);
		pthread_mutex_unlock(&ingest->input);
		if (rc == SL_END)
			return;
		if (is_main && worker->is_large)
			begin_second(ingest);
		place = (ticket + ingest->first_turn) %
		        (uint64_t)worker->settings.partitions;
		if (rc == SL_OK)
			rc = event_make(&worker->maker, &worker->chunk,
			    (int)place, &worker->settings, &err);
		await_turn(ingest, ticket);
		take_turn(ingest, &worker->maker, &worker->chunk,
		    rc == FRAME_STOPPED ? SL_END : rc, &err);
		end_turn(ingest);
	}
}

/* Signals are the main thread's. */
static void *
work_second(void *arg)
{
	struct ingest *ingest = arg;
	struct sl_error err;
	struct worker worker;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	if (worker_init(&worker, ingest, &err) == SL_OK)
		work(&worker, false);
	event_maker_release(&worker.maker);
	frame_chunk_release(&worker.chunk);
	return NULL;
}

int
ingest_run(struct ingest *ingest, struct sl_error *err)
{
	struct worker worker;
	struct sl_error sync_err;
	int rc;

	rc = worker_init(&worker, ingest, err);
	if (rc == SL_OK)
		work(&worker, true);
	if (ingest->has_second)
		pthread_join(ingest->second, NULL);
	event_maker_release(&worker.maker);
	frame_chunk_release(&worker.chunk);
	if (rc < 0)
		return rc;
	/* Whatever ended it: what was written before is put on disk. */
	if (ingest->sync != SL_SYNC_NONE)
		rc = sync_now(ingest, &sync_err);
	if (rc < 0)
		ingest->lines = ingest->synced_lines;
	if (rc < 0 && ingest->rc >= 0) {
		*err = sync_err;
		return rc;
	}
	*err = ingest->err;
	return ingest->rc == SL_OK ? SL_END : ingest->rc;
}
