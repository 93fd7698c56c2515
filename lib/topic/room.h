/*
 * room.h: is there room in a topic that lets nothing go for a writer's sake
 * (on.full refuse or wait)? Floor: topic. Takes no lock: with other writers the
 * bound may be passed by what they append within a second, or a segment.
 */
#ifndef SL_ROOM_H
#define SL_ROOM_H

#include "log.h"
#include "topic.h"

/* What was measured of one partition, for one writer. */
struct sl_room {
	bool is_known;
	int64_t looked_ms;
	uint64_t base;        /* the active segment then, ... */
	uint64_t size;        /* ... and its bytes */
	uint64_t bytes;       /* of the partition */
	uint64_t total_bytes; /* of the topic, if it has a bound */
	bool has_closed;      /* there are segments that could go */
	bool is_disk_low;     /* less is free than min.free.bytes */
};

/* Must the topic be asked at all? */
bool sl_room_matters(const struct sl_topic *topic, int partition);

/*
 * Is there room for a batch of `bytes`? SL_EFULL says which bound it would
 * pass. A partition with no closed segment takes it whatever its size, for
 * nothing could ever make room.
 */
SL_MUST_USE int sl_room_check(struct sl_room *room,
    const struct sl_topic *topic, int partition, const struct sl_log *log,
    uint64_t bytes, struct sl_error *err);

#endif
