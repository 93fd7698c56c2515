/* group_reset.c: where a group's places are to be; see group_reset.h. */
#include "group_reset.h"
#include "cli.h"
#include "group_plan.h"
#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What is said of it ---- */

static void
format_events(uint64_t events, const char *what, char *text, size_t room)
{
	char number[NUMBER_TEXT_SIZE];

	number_format(events, number);
	snprintf(text, room, " (%s %s %s)", number,
	    events == 1 ? "event" : "events", what);
}

/* In brackets, why it goes where it goes, or what that means. */
static void
format_note(const struct plan_row *row, char *text, size_t room)
{
	uint64_t from = row->from;

	text[0] = '\0';
	if (row->wanted > row->to)
		snprintf(text, room, " (the end; %" PRIu64 " is beyond it)",
		    row->wanted);
	else if (row->wanted < row->to)
		snprintf(text, room,
		    " (the beginning; %" PRIu64 " is before it)", row->wanted);
	else if (row->was != NULL)
		return;
	else if (from > row->end && row->to == row->end)
		snprintf(text, room, " (the end)");
	else if (from > row->to)
		format_events((from > row->end ? row->end : from) - row->to,
		    "again", text, room);
	else
		format_events(row->to - from, "skipped", text, room);
}

static void
print_row(const struct plan_row *row)
{
	char note[64];

	printf("%s %d: ", row->topic->name, row->partition);
	if (!plan_row_moves(row)) {
		printf("%" PRIu64 " (stays", row->from);
		if (row->wanted != row->to)
			printf("; %" PRIu64 " is %s", row->wanted,
			    row->wanted > row->to ? "beyond the end"
			                          : "before the beginning");
		puts(")");
		return;
	}
	if (row->was != NULL)
		fputs(row->was, stdout);
	else
		printf("%" PRIu64, row->from);
	format_note(row, note, sizeof(note));
	printf(" -> %" PRIu64 "%s\n", row->to, note);
}

static void
print_plan(const struct plan *plan, const char *group, bool is_done)
{
	char number[NUMBER_TEXT_SIZE];
	size_t moves = 0, i;

	for (i = 0; i < plan->row_count; i++) {
		print_row(&plan->rows[i]);
		moves += plan_row_moves(&plan->rows[i]);
	}
	number_format(moves, number);
	if (moves == 0)
		printf("%s: nothing to set\n", group);
	else if (is_done)
		printf("%s: %s %s set\n", group, number,
		    moves == 1 ? "place" : "places");
	else
		printf("%s: would set %s %s; --execute does it\n", group,
		    number, moves == 1 ? "place" : "places");
}

/* ---- Doing it ---- */

/* A reset stays within the log; a commit is taken as it is, or refused. */
static size_t
list_moves(const struct plan *plan, bool is_commit, struct sl_group_move *moves)
{
	const struct plan_row *row;
	size_t count = 0, i;
	uint64_t to;

	for (i = 0; i < plan->row_count; i++) {
		row = &plan->rows[i];
		to = is_commit ? row->wanted : row->to;
		if (row->was != NULL || row->from != to)
			moves[count++] = (struct sl_group_move){
				.topic = row->topic->name,
				.topic_id = row->topic->id,
				.partition = row->partition,
				.offset = to,
			};
	}
	return count;
}

/* Put on disk what the places are to point to (RULE 17). */
static int
sync_logs(const struct plan *plan, const struct group_query *query,
    struct sl_error *err)
{
	const struct plan_topic *opened = NULL;
	struct sl_topic *topic = NULL;
	const struct plan_row *row;
	size_t i;
	int rc = SL_OK;

	for (i = 0; rc == SL_OK && i < plan->row_count; i++) {
		row = &plan->rows[i];
		if (row->topic != opened) {
			sl_topic_close(topic);
			opened = row->topic;
			rc = sl_topic_open(&topic, query->dir, opened->name,
			    err);
		}
		if (rc == SL_OK)
			rc = sl_topic_sync(topic, row->partition, err);
	}
	sl_topic_close(topic);
	return rc;
}

/* Set what moves; the group is made first where it is new. */
static int
set_places(const struct plan *plan, const struct group_query *query,
    bool is_commit, struct sl_error *err)
{
	struct sl_group_move *moves;
	struct sl_group *group;
	size_t count;
	int rc;

	rc = sync_logs(plan, query, err);
	if (rc != SL_OK)
		return rc;
	moves = calloc(plan->row_count + 1, sizeof(*moves));
	if (moves == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	count = list_moves(plan, is_commit, moves);
	if (plan->is_new)
		rc = sl_group_create(query->dir, query->state_dir, query->group,
		    err);
	if (rc == SL_OK || rc == SL_EEXISTS)
		rc = sl_group_open(&group, query->dir, query->state_dir,
		    query->group, err);
	if (rc == SL_OK) {
		rc = sl_group_set(group, moves, count, is_commit, err);
		sl_group_close(group);
	}
	free(moves);
	return rc;
}

int
group_reset(const struct group_query *query, const struct reset_goal *goal,
    bool execute)
{
	struct sl_error err;
	struct plan plan;
	int status, rc;

	rc = plan_make(&plan, query, goal, &err);
	if (rc == SL_OK && execute)
		rc = set_places(&plan, query, false, &err);
	if (rc == SL_OK && (plan.row_count > 0 || plan.status == CLI_EXIT_OK))
		print_plan(&plan, query->group, execute);
	status = rc == SL_OK ? plan.status : cli_fail(&err);
	plan_release(&plan);
	return status;
}

int
group_commit(const struct group_query *query, const char *file)
{
	struct reset_goal goal = { .kind = RESET_FILE, .file = file };
	struct sl_error err;
	struct plan plan;
	int status, rc;

	rc = plan_make(&plan, query, &goal, &err);
	if (rc == SL_OK && plan.is_new)
		rc = sl_error_set(&err, SL_ENOTFOUND,
		    "group '%s': it isn't there; 'streamlog-group reset "
		    "--from-file' makes it",
		    query->group);
	if (rc == SL_OK)
		rc = plan_check_commit(&plan, &err);
	if (rc == SL_OK)
		rc = set_places(&plan, query, true, &err);
	status = rc == SL_OK ? plan.status : cli_fail(&err);
	plan_release(&plan);
	return status;
}
