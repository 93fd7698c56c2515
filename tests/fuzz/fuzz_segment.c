/*
 * fuzz_segment.c: any bytes as a segment file. Walking it from batch to batch,
 * searching behind damage and passing it end, and never go back.
 */
#include "segment.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/*
 * Behind damage, as a writer does: the next offset never falls. `end`: of a
 * compacted segment, in which offsets may be missing; 0: of none.
 */
static void
pass(int fd, uint64_t position, uint64_t next, uint64_t end)
{
	struct sl_holes holes = { .dir = -1,
		.fd = fd,
		.end = end,
		.end_before = end,
		.is_asked = true };
	struct sl_error err;
	uint64_t was = next;

	expect(sl_segment_pass(&holes, position, &next, &err) == SL_OK);
	expect(next > was);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	uint64_t position = 0, next = 0, at;
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	struct sl_error err;
	int fd, rc;

	fd = memfd_create("segment", MFD_CLOEXEC);
	expect(fd >= 0);
	expect(write(fd, data, bytes) == (ssize_t)bytes);
	for (;;) {
		rc = sl_segment_look(fd, &window, position, &head, &batch,
		    &found, &err);
		expect(rc == SL_OK);
		if (found == SL_FOUND_BATCH) {
			expect(head.bytes <= bytes - position);
			next = head.base + head.last_offset_delta + 1;
			position += head.bytes;
			continue;
		}
		if (found != SL_FOUND_DAMAGE)
			break;
		pass(fd, position, next, 0);
		pass(fd, position, next, SL_HOLES_END_UNKNOWN);
		rc = sl_segment_search(fd, position + 1, next, UINT64_MAX, &at,
		    &err);
		expect(rc == SL_OK || rc == SL_END);
		if (rc == SL_END)
			break;
		expect(at > position && at < bytes);
		position = at;
	}
	sl_window_release(&window);
	close(fd);
	return 0;
}
