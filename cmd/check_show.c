/* check_show.c: what is wrong with a topic; see check_show.h. */
#include "check_show.h"
#include "cli.h"
#include "number.h"
#include "progress.h"
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

#define COST_TEXT_SIZE 80
#define PLACE_TEXT_SIZE 320
#define CRC_TEXT_SIZE 9

static const char *const act_names[] = {
	[SL_CHECK_DAMAGE] = "damage",
	[SL_CHECK_INDEX] = "index",
	[SL_CHECK_GONE] = "gone",
	[SL_CHECK_TORN] = "torn",
	[SL_CHECK_DOUBT] = "doubt",
	[SL_CHECK_MENDED] = "mended",
	[SL_CHECK_REBUILT] = "rebuilt",
};

static void
print_row(struct check_show *show, const struct sl_check_note *note)
{
	struct sl_json *row = sl_json_object();

	row_add_partition(row, show->topic, note->partition);
	sl_json_add_text(row, "found", act_names[note->act]);
	sl_json_add_text(row, "file", note->file);
	sl_json_add_int(row, "byte", (int64_t)note->byte);
	sl_json_add_int(row, "bytes", (int64_t)note->bytes);
	sl_json_add_int(row, "first_offset", (int64_t)note->first);
	sl_json_add_int(row, "lost_offsets",
	    (int64_t)(note->next - note->first));
	sl_json_add_text(row, "reason", note->why);
	row_print_on(row, &show->err);
}

/* "offsets 640 to 767"; "no offset". */
static void
cost_format(const struct sl_check_note *note, char text[COST_TEXT_SIZE])
{
	if (note->next <= note->first)
		snprintf(text, COST_TEXT_SIZE, "no offset");
	else if (note->next == note->first + 1)
		snprintf(text, COST_TEXT_SIZE, "offset %" PRIu64, note->first);
	else
		snprintf(text, COST_TEXT_SIZE,
		    "offsets %" PRIu64 " to %" PRIu64, note->first,
		    note->next - 1);
}

/* "topic 'orders': partition 0"; "...: rejected lines". */
static void
place_format(const struct check_show *show, int partition,
    char text[PLACE_TEXT_SIZE])
{
	const char *name = sl_topic_name(show->topic);

	if (partition == SL_PARTITION_REJECTED)
		snprintf(text, PLACE_TEXT_SIZE, "topic '%s': rejected lines",
		    name);
	else
		snprintf(text, PLACE_TEXT_SIZE, "topic '%s': partition %d",
		    name, partition);
}

static void
say(const struct check_show *show, const struct sl_check_note *note)
{
	char place[PLACE_TEXT_SIZE], cost[COST_TEXT_SIZE];

	place_format(show, note->partition, place);
	cost_format(note, cost);
	switch (note->act) {
	case SL_CHECK_DAMAGE:
		cli_message("%s: '%s': byte %" PRIu64 ": %s; %s can't be read",
		    place, note->file, note->byte, note->why, cost);
		break;
	case SL_CHECK_INDEX:
		cli_message("%s: '%s': byte %" PRIu64
		            ": %s; reading is slower, and loses nothing",
		    place, note->file, note->byte, note->why);
		break;
	case SL_CHECK_GONE:
		cli_notice("%s: %s: no segment has them; nothing is to be done",
		    place, cost);
		break;
	case SL_CHECK_TORN:
		cli_notice("%s: '%s': byte %" PRIu64 ": %" PRIu64
		           " bytes of a batch that was not finished; the next "
		           "append cuts them",
		    place, note->file, note->byte, note->bytes);
		break;
	case SL_CHECK_DOUBT:
		cli_notice("%s: '%s': byte %" PRIu64
		           ": a sync failed: what follows may not be on disk",
		    place, note->file, note->byte);
		break;
	case SL_CHECK_MENDED:
		printf("%s: byte %" PRIu64 ": %" PRIu64
		       " bytes (%s) moved to lost+found/%s\n",
		    place, note->byte, note->bytes, cost, note->file);
		break;
	case SL_CHECK_REBUILT:
		printf("%s: '%s': made anew\n", place, note->file);
		break;
	}
}

void
check_show_note(void *arg, const struct sl_check_note *note)
{
	struct check_show *show = arg;
	bool is_done =
	    note->act == SL_CHECK_MENDED || note->act == SL_CHECK_REBUILT;

	progress_clear();
	if (show->is_json)
		print_row(show, note);
	else if (!is_done || !cli_is_quiet())
		say(show, note);
}

/* ---- Dumping ---- */

void
check_show_batch(void *arg, const struct sl_check_batch *batch)
{
	struct check_show *show = arg;
	const char *codec = sl_compression_name(batch->compression);
	char first[SL_TIME_TEXT_SIZE], largest[SL_TIME_TEXT_SIZE];
	char crc[CRC_TEXT_SIZE];
	struct sl_json *row;

	progress_clear();
	snprintf(crc, sizeof(crc), "%08" PRIx32, batch->crc);
	if (!show->is_json) {
		sl_format_time(batch->first_ms, first);
		sl_format_time(batch->largest_ms, largest);
		printf("%s: byte %" PRIu64 ": offsets %" PRIu64 " to %" PRIu64
		       ", %" PRIu64 " %s, %" PRIu64 " bytes, %s, crc %s, "
		       "%s to %s\n",
		    batch->file, batch->byte, batch->first, batch->last,
		    batch->records, batch->records == 1 ? "record" : "records",
		    batch->bytes, codec, crc, first, largest);
		return;
	}
	row = sl_json_object();
	row_add_partition(row, show->topic, batch->partition);
	sl_json_add_text(row, "batch", batch->file);
	sl_json_add_int(row, "byte", (int64_t)batch->byte);
	sl_json_add_int(row, "bytes", (int64_t)batch->bytes);
	sl_json_add_int(row, "first_offset", (int64_t)batch->first);
	sl_json_add_int(row, "last_offset", (int64_t)batch->last);
	sl_json_add_int(row, "records", (int64_t)batch->records);
	sl_json_add_text(row, "compression", codec);
	sl_json_add_text(row, "crc", crc);
	row_add_time(row, "first_time", batch->first_ms);
	row_add_time(row, "largest_time", batch->largest_ms);
	row_print_on(row, &show->err);
}

void
check_show_record(void *arg, const struct sl_check_batch *batch,
    const struct sl_record *record)
{
	struct check_show *show = arg;
	char time[SL_TIME_TEXT_SIZE];
	struct sl_json *row;

	if (!show->is_json) {
		sl_format_time(record->timestamp_ms, time);
		printf("  offset %" PRIu64 ": %s, ", record->offset, time);
		if (record->key == NULL)
			printf("no key, ");
		else
			printf("key of %zu bytes, ", record->key_bytes);
		if (record->header_count > 0)
			printf("%" PRIu32 " headers, ", record->header_count);
		if (record->value == NULL)
			printf("tombstone\n");
		else
			printf("%zu bytes\n", record->value_bytes);
		return;
	}
	row = sl_json_object();
	row_add_partition(row, show->topic, batch->partition);
	sl_json_add_int(row, "offset", (int64_t)record->offset);
	row_add_time(row, "time", record->timestamp_ms);
	if (record->key == NULL)
		sl_json_add_null(row, "key_bytes");
	else
		sl_json_add_int(row, "key_bytes", (int64_t)record->key_bytes);
	sl_json_add_int(row, "headers", record->header_count);
	if (record->value == NULL)
		sl_json_add_null(row, "value_bytes");
	else
		sl_json_add_int(row, "value_bytes",
		    (int64_t)record->value_bytes);
	row_print_on(row, &show->err);
}

/* ---- Sums ---- */

void
check_show_progress(void *arg, uint64_t bytes)
{
	const struct check_show *show = arg;

	progress_update(show->bytes_done + bytes);
}

static void
print_sums_row(struct check_show *show, int partition,
    const struct sl_check_sums *sums)
{
	struct sl_json *row = sl_json_object();

	row_add_partition(row, show->topic, partition);
	sl_json_add_int(row, "segments", (int64_t)sums->segments);
	sl_json_add_int(row, "batches", (int64_t)sums->batches);
	sl_json_add_int(row, "events", (int64_t)sums->events);
	sl_json_add_int(row, "bytes", (int64_t)sums->bytes);
	sl_json_add_int(row, "damages", (int64_t)sums->damages);
	sl_json_add_int(row, "lost_offsets", (int64_t)sums->lost);
	sl_json_add_int(row, "bad_indexes", (int64_t)sums->bad_indexes);
	row_print_on(row, &show->err);
}

void
check_show_sums(struct check_show *show, int partition,
    const struct sl_check_sums *sums)
{
	const char *name = sl_topic_name(show->topic);
	char segments[NUMBER_TEXT_SIZE], events[NUMBER_TEXT_SIZE];
	char damages[NUMBER_TEXT_SIZE], lost[NUMBER_TEXT_SIZE];
	char indexes[NUMBER_TEXT_SIZE];
	bool is_whole = sums->damages == 0 && sums->bad_indexes == 0;

	progress_clear();
	if (show->is_json) {
		print_sums_row(show, partition, sums);
		return;
	}
	if (cli_is_quiet())
		return;
	number_format(sums->segments, segments);
	number_format(sums->events, events);
	number_format(sums->damages, damages);
	number_format(sums->lost, lost);
	number_format(sums->bad_indexes, indexes);
	if (partition == SL_PARTITION_REJECTED)
		printf("%s rejected: ", name);
	else
		printf("%s %d: ", name, partition);
	printf("%s %s, %s %s", segments,
	    sums->segments == 1 ? "segment" : "segments", events,
	    sums->events == 1 ? "event" : "events");
	if (sums->damages > 0)
		printf(", %s %s damaged (%s %s)", damages,
		    sums->damages == 1 ? "batch" : "batches", lost,
		    sums->lost == 1 ? "event" : "events");
	if (sums->bad_indexes > 0)
		printf(", %s bad %s", indexes,
		    sums->bad_indexes == 1 ? "index" : "indexes");
	if (is_whole)
		printf(", all whole");
	else if (!show->is_mending)
		printf("; 'streamlog-check --mend %s' moves it aside and keeps "
		       "the rest",
		    name);
	putchar('\n');
}
