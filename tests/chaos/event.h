/*
 * event.h: the events of the chaos: made, known again, and told as spans. It
 * shares nothing with the product.
 *
 * An event is a function of who sent it: writer, run of that writer, sequence
 * in that run, and whether it has a key.
 *
 *     {"e":"WW.RRRRRR.SSSSSS.CCCCCCCC","p":"xxx"}
 *     {"k":"WW.KK","e":"WW.RRRRRR.SSSSSS.CCCCCCCC","p":"xxx"}
 *
 * all numbers hexadecimal; C mixes the others, and its last digit is how many x
 * there are. So an event is whole if and only if it is, byte for byte, what is
 * made of the numbers in it.
 *
 * A span is a row of events of one run at consecutive offsets, in order:
 * "TOPIC PARTITION OFFSET WRITER RUN SEQUENCE COUNT", decimal, a line.
 */
#ifndef CHAOS_EVENT_H
#define CHAOS_EVENT_H

#include "../groups/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_MAX 80
#define EVENT_KEYS 64 /* of a writer */
#define KEYED_HEAD "{\"k\":\""
#define HEAD "{\"e\":\""

struct event {
	unsigned writer;
	unsigned run;
	unsigned sequence;
	bool is_keyed;
};

/* ---- One event ---- */

static inline uint32_t
event_mix(const struct event *event)
{
	uint64_t mixed = (uint64_t)event->writer << 56 |
	                 (uint64_t)event->run << 32 | event->sequence;

	mixed += event->is_keyed ? 0xd1b54a32d192ed03u : 0x9e3779b97f4a7c15u;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(mixed ^ mixed >> 31);
}

static inline char *
put_hex(char *to, uint32_t value, int digits)
{
	for (int at = digits - 1; at >= 0; at--, value >>= 4)
		to[at] = "0123456789abcdef"[value & 15];
	return to + digits;
}

static inline char *
put_word(char *to, const char *word)
{
	size_t bytes = strlen(word);

	memcpy(to, word, bytes);
	return to + bytes;
}

/* The event's text, without an end; its length. */
static inline size_t
event_make(const struct event *event, char text[EVENT_MAX])
{
	uint32_t mixed = event_mix(event);
	char *to = text;

	if (event->is_keyed) {
		to = put_hex(put_word(to, KEYED_HEAD), event->writer, 2);
		*to++ = '.';
		to = put_hex(to, event->sequence % EVENT_KEYS, 2);
		to = put_word(to, "\",\"e\":\"");
	} else {
		to = put_word(to, HEAD);
	}
	to = put_hex(to, event->writer, 2);
	*to++ = '.';
	to = put_hex(to, event->run, 6);
	*to++ = '.';
	to = put_hex(to, event->sequence, 6);
	*to++ = '.';
	to = put_hex(to, mixed, 8);
	to = put_word(to, "\",\"p\":\"");
	memset(to, 'x', mixed & 15);
	to = put_word(to + (mixed & 15), "\"}");
	return (size_t)(to - text);
}

/* A number of so many digits; what is none makes no event. */
static inline unsigned
take_hex(const char *from, int digits)
{
	unsigned value = 0;

	for (; digits > 0; digits--, from++)
		value =
		    value << 4 |
		    (unsigned)(*from <= '9' ? *from - '0' : *from - 'a' + 10);
	return value;
}

/* Which event these bytes are; false: none, or not a whole one. */
static inline bool
event_know(const char *text, size_t bytes, struct event *event)
{
	char made[EVENT_MAX];
	size_t at = sizeof(HEAD) - 1;

	event->is_keyed = bytes > sizeof(KEYED_HEAD) &&
	                  memcmp(text, KEYED_HEAD, sizeof(KEYED_HEAD) - 1) == 0;
	if (event->is_keyed)
		at += sizeof(KEYED_HEAD) - 1 + 6;
	if (bytes < at + 25 || bytes > EVENT_MAX)
		return false;
	event->writer = take_hex(text + at, 2) & 0xff;
	event->run = take_hex(text + at + 3, 6) & 0xffffff;
	event->sequence = take_hex(text + at + 10, 6) & 0xffffff;
	return event_make(event, made) == bytes &&
	       memcmp(made, text, bytes) == 0;
}

/* ---- Spans ---- */

struct span {
	const char *topic; /* borrowed; so many bytes */
	size_t topic_bytes;
	unsigned partition;
	uint64_t offset;
	struct event first;
	uint64_t count; /* 0: nothing yet */
};

/* Tell it, and begin anew. */
static inline void
span_end(struct span *span, struct text *to)
{
	if (span->count == 0)
		return;
	reserve(to, span->topic_bytes + 128);
	to->used += (size_t)sprintf(to->bytes + to->used,
	    "%.*s %u %" PRIu64 " %u %u %u %" PRIu64 "\n",
	    (int)span->topic_bytes, span->topic, span->partition, span->offset,
	    span->first.writer, span->first.run, span->first.sequence,
	    span->count);
	span->count = 0;
}

/* One more event; `at` says where it is. */
static inline void
span_add(struct span *span, const struct span *at, const struct event *event,
    struct text *to)
{
	if (span->count == 0 || span->offset + span->count != at->offset ||
	    span->partition != at->partition ||
	    span->first.writer != event->writer ||
	    span->first.run != event->run ||
	    span->first.sequence + span->count != event->sequence ||
	    span->topic_bytes != at->topic_bytes ||
	    memcmp(span->topic, at->topic, at->topic_bytes) != 0) {
		span_end(span, to);
		*span = *at;
		span->first = *event;
	}
	span->count++;
}

#endif
