/* group_wait.c: until groups have read what there is; see group_wait.h. */
#include "group_wait.h"
#include "cli.h"
#include "number.h"
#include "progress.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

/* Between looks, longer and longer. */
#define NAP_MS_MIN 5
#define NAP_MS_MAX 250

struct left {
	uint64_t events;
	uint64_t bytes;
};

/* A group doesn't get on from such a place by itself. */
static int
trouble(const struct scan_row *row, struct sl_error *err)
{
	if (row->state == PLACE_NO_TOPIC)
		return sl_error_set(err, SL_ENOTFOUND,
		    "group '%s': topic '%s' isn't there; 'streamlog-group "
		    "delete %s %s' forgets its places",
		    row->group, row->place->topic, row->group,
		    row->place->topic);
	return sl_error_set(err, SL_ECORRUPT,
	    "group '%s': topic '%s': partition %d: the place is %s; "
	    "'streamlog-group reset' sets it",
	    row->group, row->place->topic, row->place->partition,
	    place_state_name(row->state));
}

/* What is left to read. What is told already is in *status. */
static int
look(const struct group_query *query, struct left *left, int *status,
    struct sl_error *err)
{
	struct group_scan scan;
	int rc;
	size_t i;

	*left = (struct left){ .events = 0 };
	rc = group_scan_read(&scan, query, false, err);
	if (rc != SL_OK)
		return rc;
	*status = scan.status;
	for (i = 0; rc == SL_OK && i < scan.row_count; i++) {
		left->events += scan.rows[i].lag.events;
		left->bytes = number_add(left->bytes, scan.rows[i].lag.bytes);
		if (scan_row_is_trouble(&scan.rows[i]) &&
		    *status == CLI_EXIT_OK)
			rc = trouble(&scan.rows[i], err);
	}
	group_scan_release(&scan);
	return rc;
}

static int
time_is_up(const struct group_query *query, const struct left *left,
    struct sl_error *err)
{
	char number[NUMBER_TEXT_SIZE], size[SL_SIZE_TEXT_SIZE];
	bool is_known = left->bytes != SL_UNKNOWN;

	number_format(left->events, number);
	sl_format_size(left->bytes, size);
	return sl_error_set(err, SL_EBUSY,
	    "group '%s': the time is up; it is %s %s%s%s%s behind",
	    query->group, number, left->events == 1 ? "event" : "events",
	    is_known ? " (" : "", is_known ? size : "", is_known ? ")" : "");
}

/* Sleep, no longer than until the time is up. */
static void
nap(int *nap_ms, int64_t until_ms)
{
	int64_t ms = *nap_ms, left_ms = until_ms - sl_monotonic_ms();

	if (until_ms >= 0 && left_ms < ms)
		ms = left_ms;
	if (ms > 0)
		(void)poll(NULL, 0, (int)ms);
	*nap_ms = *nap_ms * 2 < NAP_MS_MAX ? *nap_ms * 2 : NAP_MS_MAX;
}

int
group_wait(const struct group_query *query, uint64_t events, int64_t timeout_ms)
{
	int64_t until_ms = timeout_ms < 0 ? -1 : sl_monotonic_ms() + timeout_ms;
	int nap_ms = NAP_MS_MIN, status = CLI_EXIT_OK, rc;
	uint64_t bytes_max;
	struct sl_error err;
	struct left left;

	rc = look(query, &left, &status, &err);
	bytes_max = left.bytes;
	progress_start("reading", bytes_max == SL_UNKNOWN ? 0 : bytes_max);
	while (rc == SL_OK && status == CLI_EXIT_OK && left.events > events) {
		if (until_ms >= 0 && sl_monotonic_ms() >= until_ms) {
			rc = time_is_up(query, &left, &err);
			break;
		}
		/* What is left of the most there was; more may have come. */
		bytes_max = left.bytes > bytes_max ? left.bytes : bytes_max;
		progress_update(bytes_max - left.bytes);
		nap(&nap_ms, until_ms);
		rc = look(query, &left, &status, &err);
	}
	progress_end();
	return rc == SL_OK ? status : cli_fail(&err);
}
