/* clean_show.c: what cleaning a topic does or would do; see clean_show.h. */
#include "clean_show.h"
#include "cli.h"
#include "number.h"
#include "progress.h"
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

#define SEGMENT_TEXT_SIZE 32
#define PARTITION_TEXT_SIZE 16
#define BOUND_TEXT_SIZE 64

/* ---- Words ---- */

static void
segment_format(uint64_t base, char text[SEGMENT_TEXT_SIZE])
{
	snprintf(text, SEGMENT_TEXT_SIZE, "%020" PRIu64 ".log", base);
}

static void
partition_format(int partition, char text[PARTITION_TEXT_SIZE])
{
	if (partition == SL_PARTITION_REJECTED)
		snprintf(text, PARTITION_TEXT_SIZE, "rejected");
	else
		snprintf(text, PARTITION_TEXT_SIZE, "%d", partition);
}

/* In the largest unit that it is whole in, as one would type it: "7d". */
static void
units_format(int64_t number, const int64_t *sizes, const char *const *names,
    char text[BOUND_TEXT_SIZE])
{
	size_t i = 0;

	while (sizes[i] > 1 && (number == 0 || number % sizes[i] != 0))
		i++;
	snprintf(text, BOUND_TEXT_SIZE, "%" PRId64 "%s", number / sizes[i],
	    names[i]);
}

static void
typed_ms(int64_t ms, char text[BOUND_TEXT_SIZE])
{
	static const int64_t sizes[] = { 86400000, 3600000, 60000, 1000, 1 };
	static const char *const names[] = { "d", "h", "m", "s", "ms" };

	units_format(ms, sizes, names, text);
}

static void
typed_bytes(int64_t bytes, char text[BOUND_TEXT_SIZE])
{
	static const int64_t sizes[] = { INT64_C(1) << 40, INT64_C(1) << 30,
		INT64_C(1) << 20, INT64_C(1) << 10, 1 };
	static const char *const names[] = { "TiB", "GiB", "MiB", "KiB", "" };

	units_format(bytes, sizes, names, text);
}

/* The setting that a reason is, and its value as typed. */
static const char *
bound_format(const struct sl_topic *topic, const struct sl_clean_note *note,
    char text[BOUND_TEXT_SIZE])
{
	const struct sl_settings *settings = sl_topic_settings(topic);

	text[0] = '\0';
	switch (note->reason) {
	case SL_CLEAN_AGE:
		typed_ms(settings->retention_ms, text);
		return "retention.ms";
	case SL_CLEAN_COUNT:
		snprintf(text, BOUND_TEXT_SIZE, "%" PRId64,
		    settings->retention_count);
		return "retention.count";
	case SL_CLEAN_BYTES:
		if (note->partition == SL_PARTITION_REJECTED)
			return "rejected lines";
		typed_bytes(settings->retention_bytes, text);
		return "retention.bytes";
	case SL_CLEAN_TOTAL:
		typed_bytes(settings->retention_total_bytes, text);
		return "retention.total.bytes";
	case SL_CLEAN_FREE:
		typed_bytes(settings->min_free_bytes, text);
		return "min.free.bytes";
	case SL_CLEAN_FULL:
		return "the disk is full";
	case SL_CLEAN_NOT:
		break;
	}
	return "";
}

/* ---- Segments ---- */

/* "logs 0: would delete 0...0.log (64 MiB, 512,000 events, newest 8 d old:
 * retention.ms=7d)" */
static void
print_segment(const struct clean_show *show, const struct sl_clean_note *note,
    void (*say)(const char *line))
{
	char partition[PARTITION_TEXT_SIZE], segment[SEGMENT_TEXT_SIZE];
	char size[SL_SIZE_TEXT_SIZE], events[NUMBER_TEXT_SIZE];
	char age[NUMBER_TEXT_SIZE], bound[BOUND_TEXT_SIZE];
	int64_t old_ms = 0;
	const char *why = bound_format(show->topic, note, bound);
	bool is_aged = note->reason == SL_CLEAN_AGE;
	char line[512];

	if (note->newest_ms != SL_TIME_NONE)
		old_ms = sl_now_ms() - note->newest_ms;
	partition_format(note->partition, partition);
	segment_format(note->base, segment);
	sl_format_size(note->bytes, size);
	number_format(note->events, events);
	duration_format(old_ms > 0 ? old_ms : 0, age);
	snprintf(line, sizeof(line), "%s %s: %s %s (%s, %s %s%s%s%s: %s%s%s)",
	    sl_topic_name(show->topic), partition,
	    show->is_dry_run ? "would delete" : "deleted", segment, size,
	    events, note->events == 1 ? "event" : "events",
	    is_aged ? ", newest " : "", is_aged ? age : "",
	    is_aged ? " old" : "", why, bound[0] != '\0' ? "=" : "", bound);
	say(line);
}

static void
say_plan(const char *line)
{
	puts(line);
}

static void
say_detail(const char *line)
{
	cli_detail("%s", line);
}

static void
print_row(struct clean_show *show, const struct sl_clean_note *note)
{
	char segment[SEGMENT_TEXT_SIZE], bound[BOUND_TEXT_SIZE];
	struct sl_json *row = sl_json_object();

	segment_format(note->base, segment);
	row_add_partition(row, show->topic, note->partition);
	if (note->act == SL_CLEAN_ARCHIVE) {
		sl_json_add_text(row, "archive", segment);
	} else {
		sl_json_add_text(row, "delete", segment);
		sl_json_add_text(row, "reason",
		    bound_format(show->topic, note, bound));
	}
	sl_json_add_int(row, "first_offset", (int64_t)note->base);
	sl_json_add_int(row, "events", (int64_t)note->events);
	sl_json_add_int(row, "bytes", (int64_t)note->bytes);
	if (note->act == SL_CLEAN_DELETE)
		row_add_time(row, "newest_time", note->newest_ms);
	sl_json_add_bool(row, "dry_run", show->is_dry_run);
	row_print_on(row, &show->err);
}

/* "logs 0: archived 0...0.log (64 MiB, 512,000 events)" */
static void
print_archived(const struct clean_show *show, const struct sl_clean_note *note,
    void (*say)(const char *line))
{
	char segment[SEGMENT_TEXT_SIZE], size[SL_SIZE_TEXT_SIZE];
	char events[NUMBER_TEXT_SIZE], line[512];

	segment_format(note->base, segment);
	sl_format_size(note->bytes, size);
	number_format(note->events, events);
	snprintf(line, sizeof(line), "%s %d: %s %s (%s, %s %s)",
	    sl_topic_name(show->topic), note->partition,
	    show->is_dry_run ? "would archive" : "archived", segment, size,
	    events, note->events == 1 ? "event" : "events");
	say(line);
}

/* "profiles 0: would drop 90 of 100 events of 0...0.log, which later ones of
 * their keys passed"; of a partition: "... 90 events that ..." */
static void
print_passed(const struct clean_show *show, const struct sl_clean_note *note,
    void (*say)(const char *line))
{
	char passed[NUMBER_TEXT_SIZE], events[NUMBER_TEXT_SIZE];
	char segment[SEGMENT_TEXT_SIZE], what[128];
	char line[512];

	number_format(note->passed, passed);
	number_format(note->events, events);
	segment_format(note->base, segment);
	if (note->act == SL_CLEAN_PASSED)
		snprintf(what, sizeof(what), "%s of %s events of %s, which",
		    passed, events, segment);
	else
		snprintf(what, sizeof(what), "%s%s %s that",
		    note->is_least ? "at least " : "", passed,
		    note->passed == 1 ? "event" : "events");
	snprintf(line, sizeof(line),
	    "%s %d: %s %s later ones of their keys "
	    "passed",
	    sl_topic_name(show->topic), note->partition,
	    show->is_dry_run ? "would drop" : "dropped", what);
	say(line);
}

static void
print_passed_row(struct clean_show *show, const struct sl_clean_note *note)
{
	struct sl_json *row = sl_json_object();
	char segment[SEGMENT_TEXT_SIZE];

	row_add_partition(row, show->topic, note->partition);
	if (note->act == SL_CLEAN_PASSED) {
		segment_format(note->base, segment);
		sl_json_add_text(row, "compact", segment);
		sl_json_add_int(row, "first_offset", (int64_t)note->base);
		sl_json_add_int(row, "events", (int64_t)note->events);
	}
	sl_json_add_int(row, "passed_events", (int64_t)note->passed);
	if (note->act == SL_CLEAN_COMPACT && show->is_dry_run)
		sl_json_add_null(row, "bytes");
	else if (note->act == SL_CLEAN_COMPACT)
		sl_json_add_int(row, "bytes", (int64_t)note->bytes);
	sl_json_add_bool(row, "dry_run", show->is_dry_run);
	row_print_on(row, &show->err);
}

void
clean_show_note(void *arg, const struct sl_clean_note *note)
{
	struct clean_show *show = arg;
	char segment[SEGMENT_TEXT_SIZE], partition[PARTITION_TEXT_SIZE];

	switch (note->act) {
	case SL_CLEAN_GIVE:
		show->freed += note->bytes;
		progress_update(show->freed);
		break;
	case SL_CLEAN_FUTURE:
		progress_clear();
		segment_format(note->base, segment);
		partition_format(note->partition, partition);
		cli_notice("%s %s: %s is dated in the future: it counts as old "
		           "as what is before it",
		    sl_topic_name(show->topic), partition, segment);
		break;
	case SL_CLEAN_BLOCKED:
		progress_clear();
		partition_format(note->partition, partition);
		cli_notice("%s %s: not compacted from offset %" PRIu64
		           " on: %s",
		    sl_topic_name(show->topic), partition, note->base,
		    note->why);
		break;
	case SL_CLEAN_MISSED:
		progress_clear();
		cli_notice("%s %d: offsets %" PRIu64 " to %" PRIu64
		           " had gone before they were archived",
		    sl_topic_name(show->topic), note->partition, note->base,
		    note->base + note->events - 1);
		break;
	case SL_CLEAN_ARCHIVE:
		progress_clear();
		if (show->is_json)
			print_row(show, note);
		else
			print_archived(show, note,
			    show->is_dry_run ? say_plan : say_detail);
		break;
	case SL_CLEAN_PASSED:
	case SL_CLEAN_COMPACT:
		progress_clear();
		if (show->is_json)
			print_passed_row(show, note);
		else
			print_passed(show, note,
			    show->is_dry_run ? say_plan : say_detail);
		break;
	case SL_CLEAN_DELETE:
		progress_clear();
		if (show->is_json)
			print_row(show, note);
		else
			print_segment(show, note,
			    show->is_dry_run ? say_plan : say_detail);
		break;
	}
}

/* ---- Sums ---- */

static void
print_sums_row(struct clean_show *show, const struct sl_clean_sums *sums)
{
	struct sl_json *row = sl_json_object();

	sl_json_add_text(row, "topic", sl_topic_name(show->topic));
	sl_json_add_int(row, "segments", (int64_t)sums->segments);
	sl_json_add_int(row, "events", (int64_t)sums->events);
	sl_json_add_int(row, "bytes", (int64_t)sums->bytes);
	sl_json_add_int(row, "passed_events", (int64_t)sums->passed);
	sl_json_add_int(row, "freed_bytes", (int64_t)sums->freed);
	sl_json_add_int(row, "archived_segments",
	    (int64_t)sums->archived_segments);
	sl_json_add_int(row, "archived_events", (int64_t)sums->archived_events);
	sl_json_add_int(row, "archived_bytes", (int64_t)sums->archived_bytes);
	sl_json_add_bool(row, "dry_run", show->is_dry_run);
	row_print_on(row, &show->err);
}

/* "deleted 3 segments, 30 events, 1.2 KiB" */
static void
print_segments(const char *verb, uint64_t segments, uint64_t events,
    uint64_t bytes)
{
	char segments_text[NUMBER_TEXT_SIZE], events_text[NUMBER_TEXT_SIZE];
	char bytes_text[SL_SIZE_TEXT_SIZE];

	number_format(segments, segments_text);
	number_format(events, events_text);
	sl_format_size(bytes, bytes_text);
	printf("%s %s %s, %s %s, %s", verb, segments_text,
	    segments == 1 ? "segment" : "segments", events_text,
	    events == 1 ? "event" : "events", bytes_text);
}

void
clean_show_sums(struct clean_show *show, const struct sl_clean_sums *sums)
{
	bool is_dry = show->is_dry_run;
	bool has_gone =
	    sums->segments > 0 || sums->freed > 0 || sums->passed > 0;
	char passed[NUMBER_TEXT_SIZE], freed[SL_SIZE_TEXT_SIZE];

	if (!has_gone && sums->archived_segments == 0)
		return;
	progress_clear();
	if (show->is_json) {
		print_sums_row(show, sums);
		return;
	}
	if (cli_is_quiet())
		return;
	if (sums->archived_segments > 0) {
		printf("%s: ", sl_topic_name(show->topic));
		print_segments(is_dry ? "would archive" : "archived",
		    sums->archived_segments, sums->archived_events,
		    sums->archived_bytes);
		putchar('\n');
	}
	if (!has_gone)
		return;
	printf("%s: ", sl_topic_name(show->topic));
	if (sums->segments > 0) {
		print_segments(is_dry ? "would delete" : "deleted",
		    sums->segments, sums->events, sums->bytes);
		printf("%s", is_dry && sums->passed == 0 ? "" : "; ");
	}
	number_format(sums->passed, passed);
	if (sums->passed > 0)
		printf("%s %s %s that later ones of their keys passed%s",
		    is_dry ? "would drop" : "dropped", passed,
		    sums->passed == 1 ? "event" : "events", is_dry ? "" : "; ");
	sl_format_size(sums->freed, freed);
	if (!is_dry)
		printf("%s freed", freed);
	putchar('\n');
}
