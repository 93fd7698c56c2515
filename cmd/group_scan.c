/* group_scan.c: places, and how far they are behind; see group_scan.h. */
#include "group_scan.h"
#include "cli.h"
#include "group_measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many threads look at so many groups or more. */
#define THREADS_MAX 4
#define GROUPS_WORTH_THREADS 16

/* ---- What is asked for ---- */

bool
group_query_takes(const struct group_query *query, const char *topic)
{
	size_t i;

	for (i = 0; i < query->topic_count; i++)
		if (sl_glob_match(query->topics[i], topic))
			return true;
	return query->topic_count == 0;
}

bool
group_query_is_open(const struct group_query *query)
{
	return query->group == NULL || sl_glob_is(query->group);
}

int
group_query_names(const struct group_query *query, char ***names, size_t *count,
    struct sl_error *err)
{
	int rc;

	*count = 0;
	if (group_query_is_open(query)) {
		rc = sl_group_list(query->dir, query->state_dir, query->group,
		    names, count, err);
		if (rc == SL_OK && *count == 0 && query->group != NULL) {
			sl_names_free(*names, 0);
			return sl_error_set(err, SL_ENOTFOUND,
			    "'%s': no group matches; 'streamlog-group list' "
			    "shows what is",
			    query->group);
		}
		return rc;
	}
	*names = malloc(sizeof(**names));
	if (*names != NULL)
		**names = strdup(query->group);
	if (*names == NULL || **names == NULL) {
		free(*names);
		*names = NULL;
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	*count = 1;
	return SL_OK;
}

/* ---- Groups and their places ---- */

void
group_scan_note(struct group_scan *scan, const struct sl_error *err)
{
	int status = cli_fail(err);

	if (scan->status == CLI_EXIT_OK)
		scan->status = status;
}

/* What a look at one group came to. */
struct look {
	struct scan_group group;
	struct sl_error err;
	int rc;
};

/* Looks at many groups, which threads share: each takes the next. */
struct looks {
	const struct group_query *query;
	bool needs_live;
	char **names;
	size_t count;
	struct look *looks; /* owned, one a name */
	atomic_size_t next;
};

static int
look_at(const struct looks *looks, const char *name, struct look *look)
{
	const struct group_query *query = looks->query;
	struct scan_group *entry = &look->group;
	struct sl_group *group;
	int rc;

	rc = sl_group_open(&group, query->dir, query->state_dir, name,
	    &look->err);
	if (rc != SL_OK)
		return rc;
	rc = sl_group_places(group, &entry->places, &entry->place_count,
	    &look->err);
	if (rc == SL_OK && looks->needs_live)
		rc = sl_group_live(group, &entry->live, &look->err);
	sl_group_close(group);
	return rc;
}

static void *
look_on(void *arg)
{
	struct looks *looks = arg;
	size_t i;

	for (;;) {
		i = atomic_fetch_add(&looks->next, 1);
		if (i >= looks->count)
			return NULL;
		looks->looks[i].rc =
		    look_at(looks, looks->names[i], &looks->looks[i]);
	}
}

/* Reading places is the kernel's work, of which several CPUs do more. */
static void
look_at_all(struct looks *looks)
{
	pthread_t threads[THREADS_MAX - 1];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int count = 0;

	while (count < THREADS_MAX - 1 && count + 1 < cpus &&
	       looks->count >= GROUPS_WORTH_THREADS &&
	       pthread_create(&threads[count], NULL, look_on, looks) == 0)
		count++;
	look_on(looks);
	while (count > 0)
		pthread_join(threads[--count], NULL);
}

/* Take over what came of the looks, each group with its name. */
static int
take_looks(struct group_scan *scan, struct looks *looks, struct sl_error *err)
{
	bool is_list = group_query_is_open(scan->query);
	struct look *look;
	int rc = SL_OK;
	size_t i;

	for (i = 0; i < looks->count; i++) {
		look = &looks->looks[i];
		if (look->rc == SL_OK) {
			look->group.name = looks->names[i];
			looks->names[i] = NULL;
			scan->groups[scan->group_count++] = look->group;
			continue;
		}
		free(look->group.places);
		if (!is_list || look->rc == SL_ENOMEM) {
			*err = look->err;
			rc = look->rc;
		} else if (look->rc != SL_ENOTFOUND) { /* it went just now */
			group_scan_note(scan, &look->err);
		}
	}
	return rc;
}

/* Look at all groups. One of a list may fail; the only one may not. */
static int
read_groups(struct group_scan *scan, bool needs_live, struct sl_error *err)
{
	struct looks looks = { .query = scan->query, .needs_live = needs_live };
	int rc;

	rc = group_query_names(scan->query, &looks.names, &looks.count, err);
	if (rc != SL_OK)
		return rc;
	looks.looks = calloc(looks.count + 1, sizeof(*looks.looks));
	scan->groups = calloc(looks.count + 1, sizeof(*scan->groups));
	if (looks.looks == NULL || scan->groups == NULL) {
		rc = sl_error_set(err, SL_ENOMEM, "out of memory");
	} else {
		look_at_all(&looks);
		rc = take_looks(scan, &looks, err);
	}
	free(looks.looks);
	sl_names_free(looks.names, looks.count);
	return rc;
}

static int
make_rows(struct group_scan *scan, struct sl_error *err)
{
	struct scan_group *group;
	size_t count = 0, i, j;

	for (i = 0; i < scan->group_count; i++)
		count += scan->groups[i].place_count;
	scan->rows = calloc(count + 1, sizeof(*scan->rows));
	if (scan->rows == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	for (i = 0; i < scan->group_count; i++) {
		group = &scan->groups[i];
		group->row_first = scan->row_count;
		for (j = 0; j < group->place_count; j++) {
			if (!group_query_takes(scan->query,
			        group->places[j].topic))
				continue;
			scan->rows[scan->row_count++] =
			    (struct scan_row){ .group = group->name,
				    .place = &group->places[j],
				    .behind_ms = SL_TIME_NONE,
				    .headroom_ms = SL_TIME_NONE };
		}
		group->row_count = scan->row_count - group->row_first;
	}
	return SL_OK;
}

/* A topic that was named, and in which no place is, was hardly meant. */
static void
tell_unmatched(struct group_scan *scan)
{
	const struct group_query *query = scan->query;
	struct sl_error err;
	size_t i, j;

	for (i = 0; i < query->topic_count; i++) {
		for (j = 0; j < scan->row_count; j++)
			if (sl_glob_match(query->topics[i],
			        scan->rows[j].place->topic))
				break;
		if (j < scan->row_count)
			continue;
		sl_error_set(&err, SL_ENOTFOUND,
		    "topic '%s': no place of group '%s' is in it; "
		    "'streamlog-group describe' shows where they are",
		    query->topics[i], query->group);
		group_scan_note(scan, &err);
	}
}

static int
fill(struct group_scan *scan, const struct group_query *query, bool needs_live,
    bool measures, struct sl_error *err)
{
	int rc;

	*scan = GROUP_SCAN_EMPTY;
	scan->query = query;
	rc = read_groups(scan, needs_live, err);
	if (rc == SL_OK)
		rc = make_rows(scan, err);
	if (rc == SL_OK && measures)
		rc = group_measure(scan, err);
	if (rc == SL_OK)
		tell_unmatched(scan);
	else
		group_scan_release(scan);
	return rc;
}

int
group_scan_read(struct group_scan *scan, const struct group_query *query,
    bool needs_live, struct sl_error *err)
{
	return fill(scan, query, needs_live, true, err);
}

int
group_scan_list(struct group_scan *scan, const struct group_query *query,
    struct sl_error *err)
{
	return fill(scan, query, false, false, err);
}

void
group_scan_release(struct group_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->row_count; i++)
		free(scan->rows[i].made);
	for (i = 0; i < scan->group_count; i++) {
		free(scan->groups[i].name);
		free(scan->groups[i].places);
	}
	free(scan->groups);
	free(scan->rows);
	*scan = GROUP_SCAN_EMPTY;
}
