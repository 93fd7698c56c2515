/* ledger.c: events not yet known to be taken; see ledger.h. */
#include "ledger.h"

#include <stdlib.h>

void
ledger_release(struct ledger *ledger)
{
	while (ledger->part_count > 0)
		ledger_drop(ledger, &ledger->parts[0]);
	free(ledger->parts);
	*ledger = (struct ledger){ .parts = NULL };
}

struct ledger_part *
ledger_find(const struct ledger *ledger, const struct sl_topic *topic,
    int partition)
{
	struct ledger_part *part;
	size_t i;

	for (i = 0; i < ledger->part_count; i++) {
		part = &ledger->parts[i];
		if (part->topic == topic && part->partition == partition)
			return part;
	}
	return NULL;
}

struct ledger_part *
ledger_begin(struct ledger *ledger, struct sl_topic *topic, int partition,
    uint64_t place)
{
	struct ledger_part *grown, *part;

	grown =
	    reallocarray(ledger->parts, ledger->part_count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	ledger->parts = grown;
	part = &grown[ledger->part_count++];
	*part = (struct ledger_part){ .topic = topic,
		.partition = partition,
		.next = place,
		.committed = place };
	return part;
}

void
ledger_drop(struct ledger *ledger, struct ledger_part *part)
{
	size_t i;

	for (i = 0; i < part->count; i++)
		ledger->open -= !part->events[part->head + i].is_taken;
	free(part->events);
	*part = ledger->parts[--ledger->part_count];
}

/* Room for `more` events behind those that are there. */
static int
reserve(struct ledger_part *part, size_t more, struct sl_error *err)
{
	struct ledger_event *grown;
	size_t room;

	if (part->head > 0 && part->head + part->count + more > part->room) {
		memmove(part->events, part->events + part->head,
		    part->count * sizeof(*part->events));
		part->head = 0;
	}
	if (part->count + more <= part->room)
		return SL_OK;
	room = 2 * (part->count + more);
	grown = reallocarray(part->events, room, sizeof(*grown));
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	part->events = grown;
	part->room = room;
	return SL_OK;
}

int
ledger_add(struct ledger *ledger, const struct batch *batch,
    struct sl_error *err)
{
	struct ledger_part *part =
	    ledger_find(ledger, batch->source.topic, batch->source.partition);
	struct ledger_event *to;
	size_t i;
	int rc;

	if (part == NULL) /* lost since it was read */
		return SL_OK;
	rc = reserve(part, batch->count, err);
	if (rc != SL_OK)
		return rc;
	to = part->events + part->head + part->count;
	for (i = 0; i < batch->count; i++)
		to[i] =
		    (struct ledger_event){ .offset = batch->events[i].offset,
			    .end = ledger->handed + batch->events[i].end };
	part->count += batch->count;
	part->next = batch->next;
	ledger->open += batch->count;
	ledger->handed += batch->text.used;
	return SL_OK;
}

/* Let go of what was taken, up to the first that wasn't. */
static void
pass_taken(struct ledger_part *part)
{
	while (part->count > 0 && part->events[part->head].is_taken) {
		part->head++;
		part->count--;
	}
}

void
ledger_take(struct ledger *ledger, uint64_t taken)
{
	struct ledger_event *event;
	struct ledger_part *part;
	size_t i, k;

	for (i = 0; i < ledger->part_count; i++) {
		part = &ledger->parts[i];
		for (k = 0; k < part->count; k++) {
			event = &part->events[part->head + k];
			if (event->end > taken)
				break;
			event->is_taken = true;
			ledger->open--;
		}
		pass_taken(part);
	}
}

static int
compare_offsets(const void *key, const void *element)
{
	const uint64_t *offset = key;
	const struct ledger_event *event = element;

	if (*offset == event->offset)
		return 0;
	return *offset < event->offset ? -1 : 1;
}

static bool
acknowledge_in(struct ledger *ledger, struct ledger_part *part, uint64_t offset)
{
	struct ledger_event *event = NULL;

	if (part->count > 0)
		event = bsearch(&offset, part->events + part->head, part->count,
		    sizeof(*event), compare_offsets);
	if (event == NULL)
		return offset < ledger_place(part);
	if (!event->is_taken)
		ledger->open--;
	event->is_taken = true;
	pass_taken(part);
	return true;
}

bool
ledger_acknowledge(struct ledger *ledger, const char *topic, int partition,
    uint64_t offset)
{
	struct ledger_part *part;
	size_t i;

	for (i = 0; i < ledger->part_count; i++) {
		part = &ledger->parts[i];
		if (part->partition == partition &&
		    strcmp(sl_topic_name(part->topic), topic) == 0)
			return acknowledge_in(ledger, part, offset);
	}
	return false;
}

uint64_t
ledger_place(const struct ledger_part *part)
{
	return part->count > 0 ? part->events[part->head].offset : part->next;
}
