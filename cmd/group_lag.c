/* group_lag.c: how far groups are behind; see group_lag.h. */
#include "group_lag.h"
#include "group_show.h"
#include "number.h"
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- For eyes ---- */

static void
add_sum(struct table *table, const struct scan_sum *sum)
{
	bool is_known = sum->trouble == NULL;

	table_add(table, sum->group);
	table_add(table, sum->topic);
	table_add_number(table, sum->partitions);
	if (is_known) {
		table_add_number(table, sum->events);
		table_add_size(table, sum->bytes);
	} else {
		table_add(table, place_state_name(sum->trouble->state));
		table_add(table, "-");
	}
	group_add_duration(table,
	    sum->events > 0 ? sum->behind_ms : SL_TIME_NONE);
	group_add_duration(table, sum->headroom_ms);
	table_add_number(table, sum->members);
}

int
group_lag_show(const struct group_scan *scan, struct sl_error *err)
{
	static const struct table_column columns[] = {
		{ "GROUP", false },
		{ "TOPIC", false },
		{ "PARTITIONS", true },
		{ "LAG", true },
		{ "BYTES", true },
		{ "BEHIND", true },
		{ "HEADROOM", true },
		{ "MEMBERS", true },
		{ NULL, false },
	};
	struct scan_sum sum;
	struct table table;
	size_t at = 0;
	int rc;

	table_init(&table, columns);
	while (scan_next_sum(scan, &at, &sum))
		add_sum(&table, &sum);
	rc = table_print(&table, err);
	table_release(&table);
	return rc;
}

/* ---- For programs ---- */

int
group_lag_json(const struct group_scan *scan, struct sl_error *err)
{
	struct scan_sum sum;
	struct sl_json *row;
	int rc = SL_OK;
	size_t at = 0;

	while (rc == SL_OK && scan_next_sum(scan, &at, &sum)) {
		row = sl_json_object();
		sl_json_add_text(row, "group", sum.group);
		sl_json_add_text(row, "topic", sum.topic);
		sl_json_add_int(row, "partitions", (int64_t)sum.partitions);
		if (sum.trouble == NULL) {
			sl_json_add_int(row, "lag_events", (int64_t)sum.events);
			row_add_number(row, "lag_bytes", sum.bytes);
		} else {
			sl_json_add_null(row, "lag_events");
			sl_json_add_null(row, "lag_bytes");
		}
		group_add_json_ms(row, "behind_ms", sum.behind_ms);
		group_add_json_ms(row, "headroom_ms", sum.headroom_ms);
		sl_json_add_int(row, "members", (int64_t)sum.members);
		rc = row_print(row, err);
	}
	return rc;
}

/* ---- For Prometheus ---- */

/* A metric of places, its value a number or milliseconds; false: not known. */
struct metric {
	const char *name;
	const char *help;
	bool (*value)(const struct scan_row *row, int64_t *value);
	bool is_ms; /* told in seconds */
};

static bool
lag_events(const struct scan_row *row, int64_t *value)
{
	*value = (int64_t)row->lag.events;
	return scan_row_is_measured(row);
}

static bool
lag_bytes(const struct scan_row *row, int64_t *value)
{
	*value = (int64_t)row->lag.bytes;
	return scan_row_is_measured(row) && row->lag.bytes != SL_UNKNOWN;
}

static bool
behind(const struct scan_row *row, int64_t *value)
{
	*value = row->behind_ms;
	return *value != SL_TIME_NONE;
}

static bool
headroom(const struct scan_row *row, int64_t *value)
{
	*value = row->headroom_ms;
	return *value != SL_TIME_NONE;
}

static bool
committed_offset(const struct scan_row *row, int64_t *value)
{
	*value = (int64_t)row->place->offset;
	return scan_row_has_offset(row);
}

static bool
end_offset(const struct scan_row *row, int64_t *value)
{
	*value = (int64_t)row->lag.range.next;
	return row->has_end;
}

static bool
place_ok(const struct scan_row *row, int64_t *value)
{
	*value = !scan_row_is_trouble(row);
	return true;
}

static const struct metric metrics[] = {
	{ "lag_events", "Events from the group's place to the end.", lag_events,
	    false },
	{ "lag_bytes", "Bytes, as stored, from the group's place to the end.",
	    lag_bytes, false },
	{ "behind_seconds", "Age of the first event that is not read.", behind,
	    true },
	{ "headroom_seconds", "Time until retention passes the group's place.",
	    headroom, true },
	{ "committed_offset", "Offset that the group reads next.",
	    committed_offset, false },
	{ "end_offset", "Offset that the partition's next event gets.",
	    end_offset, false },
	{ "place_ok", "Whether the group can read on from its place.", place_ok,
	    false },
};

#define METRIC_PREFIX "streamlog_group_"

static void
print_heading(const char *name, const char *help)
{
	printf("# HELP " METRIC_PREFIX "%s %s\n", name, help);
	printf("# TYPE " METRIC_PREFIX "%s gauge\n", name);
}

/* Of a label's value the format escapes these three. */
static void
print_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

static void
print_sample(const struct metric *metric, const struct scan_row *row,
    int64_t value)
{
	printf(METRIC_PREFIX "%s{", metric->name);
	print_label("group", row->group);
	putchar(',');
	print_label("topic", row->place->topic);
	printf(",partition=\"%d\"} ", row->place->partition);
	if (metric->is_ms)
		printf("%" PRId64 ".%03d\n", value / 1000, (int)(value % 1000));
	else
		printf("%" PRId64 "\n", value);
}

static void
print_metric(const struct group_scan *scan, const struct metric *metric)
{
	bool is_first = true;
	int64_t value;
	size_t i;

	for (i = 0; i < scan->row_count; i++) {
		if (!metric->value(&scan->rows[i], &value))
			continue;
		if (is_first)
			print_heading(metric->name, metric->help);
		is_first = false;
		print_sample(metric, &scan->rows[i], value);
	}
}

void
group_lag_prometheus(const struct group_scan *scan)
{
	size_t i;

	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		print_metric(scan, &metrics[i]);
	if (scan->group_count > 0)
		print_heading("members", "Members of the group that live.");
	for (i = 0; i < scan->group_count; i++) {
		fputs(METRIC_PREFIX "members{", stdout);
		print_label("group", scan->groups[i].name);
		printf("} %zu\n", scan->groups[i].live);
	}
}

/* ---- For Nagios ---- */

static enum nagios_status
judge(const struct scan_sum *sum, uint64_t warn, uint64_t crit)
{
	if (sum->trouble != NULL)
		return NAGIOS_UNKNOWN;
	if (sum->events > crit)
		return NAGIOS_CRITICAL;
	return sum->events > warn ? NAGIOS_WARNING : NAGIOS_OK;
}

/* The worst, and of equals the one with more lag. */
static bool
is_worse(enum nagios_status status, const struct scan_sum *sum,
    enum nagios_status worst_status, const struct scan_sum *worst)
{
	/* What is known to be critical is not outdone by what isn't known. */
	static const int ranks[] = { 0, 1, 3, 2 };

	if (status != worst_status)
		return ranks[status] > ranks[worst_status];
	return sum->events > worst->events;
}

static void
print_verdict(enum nagios_status status, const struct scan_sum *worst)
{
	static const char *const names[] = { "OK", "WARNING", "CRITICAL",
		"UNKNOWN" };
	char number[NUMBER_TEXT_SIZE];

	printf("STREAMLOG %s - ", names[status]);
	if (worst->group == NULL) {
		printf("no place to measure");
	} else if (worst->trouble != NULL) {
		printf("%s/%s: the place in partition %d: %s", worst->group,
		    worst->topic, worst->trouble->place->partition,
		    place_state_name(worst->trouble->state));
	} else {
		number_format(worst->events, number);
		printf("%s/%s is %s %s behind", worst->group, worst->topic,
		    number, worst->events == 1 ? "event" : "events");
	}
}

int
group_lag_nagios(const struct group_scan *scan, uint64_t warn, uint64_t crit)
{
	enum nagios_status status, worst_status = NAGIOS_UNKNOWN;
	struct scan_sum sum, worst = { .group = NULL };
	const char *before = "|";
	size_t at = 0;

	while (scan_next_sum(scan, &at, &sum)) {
		status = judge(&sum, warn, crit);
		if (worst.group != NULL &&
		    !is_worse(status, &sum, worst_status, &worst))
			continue;
		worst_status = status;
		worst = sum;
	}
	print_verdict(worst_status, &worst);
	for (at = 0; scan_next_sum(scan, &at, &sum);) {
		if (sum.trouble != NULL)
			continue;
		printf("%s'%s/%s'=%" PRIu64 ";%" PRIu64 ";%" PRIu64 ";0",
		    before, sum.group, sum.topic, sum.events, warn, crit);
		before = " ";
	}
	putchar('\n');
	return (int)worst_status;
}
