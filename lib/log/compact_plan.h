/*
 * compact_plan.h: what of a partition may be cleaned, and whether that is worth
 * it. Floor: log. Under the clean lock; changes nothing.
 */
#ifndef SL_COMPACT_PLAN_H
#define SL_COMPACT_PLAN_H

#include "cleaned.h"
#include "compact.h"
#include "segment.h"

struct sl_compact_plan {
	struct sl_segments segments; /* owned */
	uint64_t bound;              /* segments below may be cleaned */
	uint64_t clean;              /* the dirty part begins here */
};

SL_MUST_USE int sl_compact_plan_make(struct sl_compact_plan *plan, int dir,
    const struct sl_compact_options *options, const struct sl_cleaned *cleaned,
    struct sl_compact_report *report, struct sl_error *err);

/* Is there enough to do? Counts the bytes in the report. */
bool sl_compact_is_due(const struct sl_compact_plan *plan, int dir,
    const struct sl_compact_options *options, const struct sl_cleaned *cleaned,
    struct sl_compact_report *report);

/* Nothing is cleaned from offset `at` on; the lowest counts. */
void sl_compact_block(struct sl_compact_report *report, uint64_t at,
    const char *why);

/* The bytes of one segment's log; of what isn't there none. */
uint64_t sl_compact_bytes_of(int dir, uint64_t base);
void sl_compact_measure(int dir, const struct sl_segments *segments,
    uint64_t *bytes, uint64_t *count);

#endif
