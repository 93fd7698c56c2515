/* read_sync.c: what was read is on disk, and beyond doubt; see read.h. */
#include "log.h"
#include "read.h"

#include <inttypes.h>

static int
in_doubt(uint64_t base, uint64_t position, struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];

	sl_segment_name(name, base, ".log");
	return sl_error_set(err, SL_EIO,
	    "'%s': a sync failed: what was written from byte %" PRIu64
	    " on is in doubt",
	    name, position);
}

int
sl_cursor_sync_to(struct sl_cursor *cursor, uint64_t end, struct sl_error *err)
{
	uint64_t read_to = cursor->window.position + cursor->window.size;
	uint64_t doubt;
	int rc;

	if (cursor->fd < 0 || end <= cursor->synced_to)
		return SL_OK;
	rc = sl_fs_sync(cursor->fd, err);
	if (rc < 0)
		return rc;
	rc = sl_suspect_find(cursor->dir, cursor->base, &doubt, err);
	if (rc == SL_OK && end > doubt)
		return in_doubt(cursor->base, doubt, err);
	/* In a doubtful segment each is asked for, up to where doubt begins. */
	if (rc == SL_END)
		cursor->synced_to = end > read_to ? end : read_to;
	return rc < 0 ? rc : SL_OK;
}

/*
 * Segments that were read to their ends since the last look are on disk (RULE
 * 7), but for what is in doubt there, which the writer rolled past (RULE 10).
 */
static int
trust_earlier(struct sl_cursor *cursor, struct sl_error *err)
{
	const struct sl_segments *segments = &cursor->segments;
	uint64_t doubt;
	size_t i;
	int rc;

	for (i = 0; i < segments->count; i++) {
		if (segments->bases[i] < cursor->trusted ||
		    segments->bases[i] >= cursor->base)
			continue;
		rc = sl_suspect_find(cursor->dir, segments->bases[i], &doubt,
		    err);
		if (rc == SL_OK)
			return in_doubt(segments->bases[i], doubt, err);
		if (rc < 0)
			return rc;
	}
	if (cursor->fd >= 0)
		cursor->trusted = cursor->base;
	return SL_OK;
}

int
sl_cursor_sync(struct sl_cursor *cursor, struct sl_error *err)
{
	int rc =
	    cursor->trusted < cursor->base ? trust_earlier(cursor, err) : SL_OK;

	if (rc < 0)
		return rc;
	return sl_cursor_sync_to(cursor, cursor->position, err);
}
