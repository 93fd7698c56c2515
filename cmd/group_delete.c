/* group_delete.c: groups and places that go; see group_delete.h. */
#include "group_delete.h"
#include "cli.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

/* Is the row's topic another than that of the row before it? */
static bool
is_other_topic(const struct scan_row *rows, size_t at)
{
	return at == 0 ||
	       strcmp(rows[at].place->topic, rows[at - 1].place->topic) != 0;
}

/* Forget the places in the topics that are asked for. */
static int
forget_topics(const struct group_query *query, const struct group_scan *scan,
    const struct scan_group *entry, struct sl_error *err)
{
	const struct scan_row *rows = scan->rows + entry->row_first;
	struct sl_group *group;
	size_t i;
	int rc;

	rc = sl_group_open(&group, query->dir, query->state_dir, entry->name,
	    err);
	for (i = 0; rc == SL_OK && i < entry->row_count; i++)
		if (is_other_topic(rows, i))
			rc = sl_group_forget(group, rows[i].place->topic, err);
	sl_group_close(group);
	return rc;
}

static void
print_delete_plan(const struct group_scan *scan, const struct scan_group *entry)
{
	const struct scan_row *rows = scan->rows + entry->row_first;
	char places[NUMBER_TEXT_SIZE], topics[NUMBER_TEXT_SIZE];
	size_t topic_count = 0, i;

	for (i = 0; i < entry->row_count; i++)
		topic_count += is_other_topic(rows, i);
	number_format(entry->row_count, places);
	number_format(topic_count, topics);
	printf("%s: would delete %s %s in %s %s; --execute does it\n",
	    entry->name, places, entry->row_count == 1 ? "place" : "places",
	    topics, topic_count == 1 ? "topic" : "topics");
}

static int
delete_one(const struct group_query *query, const struct group_scan *scan,
    const struct scan_group *entry, bool execute, struct sl_error *err)
{
	if (query->topic_count > 0 && entry->row_count == 0)
		return SL_OK;
	if (!execute) {
		print_delete_plan(scan, entry);
		return SL_OK;
	}
	if (query->topic_count > 0)
		return forget_topics(query, scan, entry, err);
	return sl_group_delete(query->dir, query->state_dir, entry->name, err);
}

int
group_delete(const struct group_query *query, bool execute)
{
	struct group_scan scan;
	struct sl_error err;
	int status, one;
	size_t i;

	if (sl_may_change(query->dir, query->group, SL_CHANGE_GROUP_DELETE,
	        &err) != SL_OK ||
	    group_scan_list(&scan, query, &err) != SL_OK)
		return cli_fail(&err);
	status = scan.status;
	for (i = 0; i < scan.group_count; i++) {
		if (delete_one(query, &scan, &scan.groups[i], execute, &err) ==
		    SL_OK)
			continue;
		one = cli_fail(&err);
		status = status == CLI_EXIT_OK ? one : status;
	}
	group_scan_release(&scan);
	return status;
}
