/* segment.c: looks and searches; see segment.h. */
#include "segment.h"

#include "fs.h"

#include <inttypes.h>
#include <stdlib.h>

#define WINDOW_SIZE (256u << 10)
/* How far damage is searched for what stands behind it. */
#define SEARCH_BYTES_MAX (64u << 20)
/* An uncompressed record: six varints and its attributes. */
#define RECORD_BYTES_MIN 7

void
sl_window_release(struct sl_window *window)
{
	free(window->bytes);
	*window = SL_WINDOW_EMPTY;
}

/* Read anew from `position`, at least `bytes` where the file has them. */
static int
window_fill(int fd, struct sl_window *window, uint64_t position, size_t bytes,
    struct sl_error *err)
{
	size_t room = bytes < WINDOW_SIZE ? WINDOW_SIZE : bytes;
	uint8_t *grown;

	window->size = 0;
	if (room > window->room) {
		grown = realloc(window->bytes, room);
		if (grown == NULL)
			return sl_error_set(err, SL_ENOMEM,
			    "no memory for a batch of %zu bytes", bytes);
		window->bytes = grown;
		window->room = room;
	}
	window->position = position;
	window->is_last = false;
	/* A short read alone is no end: an error may lie behind it. */
	if (sl_fs_read_at(fd, window->bytes, window->room, position,
	        &window->size, err) < 0)
		return err->code;
	window->is_last = window->size < window->room;
	return SL_OK;
}

static size_t
window_have(const struct sl_window *window, uint64_t position)
{
	uint64_t skip;

	if (position < window->position)
		return 0;
	skip = position - window->position;
	return skip < window->size ? (size_t)(window->size - skip) : 0;
}

/* The file ends within the batch: torn, or a damaged length (H6)? */
static void
judge_prefix(const uint8_t *from, size_t have, struct sl_batch_head *head,
    enum sl_found *found, struct sl_error *err)
{
	struct sl_batch_head shorter = *head;

	*found = SL_FOUND_TORN;
	if (have < SL_BATCH_HEAD_SIZE || have >= head->bytes)
		return;
	shorter.bytes = (uint32_t)have;
	if (!sl_batch_crc_ok(from, &shorter))
		return;
	*found = SL_FOUND_DAMAGE;
	sl_error_set(err, SL_ECORRUPT,
	    "a length of %" PRIu32 " bytes where %zu are", head->bytes, have);
}

int
sl_segment_look(int fd, struct sl_window *window, uint64_t position,
    struct sl_batch_head *head, const uint8_t **batch, enum sl_found *found,
    struct sl_error *err)
{
	bool is_fresh = false;
	const uint8_t *from;
	size_t have, need = SL_BATCH_HEAD_SIZE;
	int rc;

	*batch = NULL;
	if (window->size > 0 && window->is_last &&
	    position == window->position + window->size) {
		*head = (struct sl_batch_head){ .base = 0 };
		*found = SL_FOUND_END;
		return SL_OK;
	}
	for (;;) {
		have = window_have(window, position);
		if (have < need && !is_fresh) {
			rc = window_fill(fd, window, position, need, err);
			if (rc < 0)
				return rc;
			is_fresh = true;
			have = window->size;
		}
		*head = (struct sl_batch_head){ .base = 0 };
		if (have == 0) {
			*found = SL_FOUND_END;
			return SL_OK;
		}
		from = window->bytes + (position - window->position);
		rc = sl_batch_head_decode(from, have, head, err);
		if (rc == SL_END) {
			*found = SL_FOUND_TORN;
			return SL_OK;
		}
		if (rc < 0) {
			*found = SL_FOUND_DAMAGE;
			return SL_OK;
		}
		if (head->bytes <= have)
			break;
		if (is_fresh && need >= head->bytes) {
			judge_prefix(from, have, head, found, err);
			return SL_OK;
		}
		is_fresh = false;
		need = head->bytes;
	}
	*found = SL_FOUND_BATCH;
	*batch = from;
	if (!sl_batch_crc_ok(from, head)) {
		*found = SL_FOUND_DAMAGE;
		sl_error_set(err, SL_ECORRUPT, "bad checksum");
	}
	return SL_OK;
}

int
sl_segment_heads(int dir, uint64_t base, sl_head_fn *each, void *arg,
    struct sl_error *err)
{
	char name[SL_SEGMENT_NAME_SIZE];
	struct sl_batch_head head;
	uint64_t position = 0, size;
	enum sl_found found;
	int fd = -1, rc;

	sl_segment_name(name, base, ".log");
	rc = sl_fs_open_read(&fd, dir, name, err);
	if (rc == SL_OK)
		rc = sl_fs_size(fd, &size, err);
	while (rc == SL_OK && position < size) {
		rc = sl_segment_peek(fd, position, size, &head, &found, err);
		if (rc == SL_OK && found != SL_FOUND_BATCH)
			rc = SL_END;
		if (rc == SL_OK)
			rc = each(arg, &head, position, err);
		position += head.bytes;
	}
	sl_fs_close(&fd);
	return rc;
}

/* Of the batch behind: its head. SL_END: the file ends before that. */
static int
look_behind(int fd, const struct sl_window *window, uint64_t position,
    struct sl_batch_head *head, enum sl_found *found, struct sl_error *err)
{
	struct sl_error ignored;

	if (window_have(window, position) < SL_BATCH_HEAD_SIZE)
		return sl_segment_peek(fd, position, INT64_MAX, head, found,
		    err);
	*found = SL_FOUND_DAMAGE;
	if (sl_batch_head_decode(window->bytes + (position - window->position),
	        SL_BATCH_HEAD_SIZE, head, &ignored) == SL_OK)
		*found = SL_FOUND_BATCH;
	return SL_OK;
}

/* Is what stands at `position` a batch, checksum and all? */
static int
is_batch(int fd, uint64_t position, bool *is_so, struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_batch_head head;
	struct sl_error ignored;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	rc = sl_segment_look(fd, &window, position, &head, &batch, &found,
	    &ignored);
	*is_so = rc == SL_OK && found == SL_FOUND_BATCH;
	sl_window_release(&window);
	return rc < 0 ? sl_error_set(err, rc, "%s", ignored.text) : SL_OK;
}

/*
 * A valid batch at `position` begins past `expected`: behind a hole, or is its
 * base offset damaged, which its checksum doesn't cover (H7)?
 */
static int
judge_jump(struct sl_holes *holes, const struct sl_window *window,
    uint64_t position, uint64_t expected, const struct sl_batch_head *head,
    bool *is_hole, struct sl_error *err)
{
	uint64_t end = head->base + head->last_offset_delta + 1;
	struct sl_batch_head behind;
	enum sl_found found;
	bool is_so = false;
	int rc;

	*is_hole = false;
	rc = sl_holes_ask(holes, err);
	if (rc < 0 || holes->end == 0 || head->base < expected)
		return rc;
	if (holes->end == SL_HOLES_END_UNKNOWN
	        ? end - holes->base > SL_SEGMENT_OFFSETS_LIMIT
	        : end > holes->end)
		return SL_OK;
	position += head->bytes;
	rc = look_behind(holes->fd, window, position, &behind, &found, err);
	if (rc < 0)
		return rc;
	if (found == SL_FOUND_END) {
		*is_hole = holes->end == SL_HOLES_END_UNKNOWN ||
		           holes->end == end || holes->end_before == end;
		return SL_OK;
	}
	if (found == SL_FOUND_BATCH && behind.base >= expected &&
	    behind.base < end)
		rc = is_batch(holes->fd, position, &is_so, err);
	*is_hole = !is_so;
	return rc;
}

/* It looks torn: is a valid batch behind it? */
static int
judge_torn(struct sl_holes *holes, uint64_t position, uint64_t expected,
    const struct sl_batch_head *head, enum sl_found *found,
    struct sl_error *err)
{
	uint64_t at;
	int rc;

	if (expected == SL_OFFSET_NONE)
		rc = sl_segment_search(holes->fd, position, 0, INT64_MAX, &at,
		    err);
	else
		rc = sl_segment_search_behind(holes, position, expected, &at,
		    err);
	if (rc != SL_OK)
		return rc < 0 ? rc : SL_OK;
	*found = SL_FOUND_DAMAGE;
	sl_error_set(err, SL_ECORRUPT,
	    "a length of %" PRIu32 " bytes where %" PRIu64 " are", head->bytes,
	    at - position);
	return SL_OK;
}

int
sl_segment_judge(struct sl_holes *holes, struct sl_window *window,
    uint64_t position, uint64_t expected, struct sl_batch_head *head,
    const uint8_t **batch, enum sl_found *found, struct sl_error *err)
{
	bool is_hole;
	int rc;

	rc = sl_segment_look(holes->fd, window, position, head, batch, found,
	    err);
	if (rc < 0)
		return rc;
	if (*found == SL_FOUND_TORN)
		return judge_torn(holes, position, expected, head, found, err);
	if (*found != SL_FOUND_BATCH || expected == SL_OFFSET_NONE ||
	    head->base == expected)
		return SL_OK;
	rc = judge_jump(holes, window, position, expected, head, &is_hole, err);
	if (rc < 0 || is_hole)
		return rc;
	*found = SL_FOUND_DAMAGE;
	sl_error_set(err, SL_ECORRUPT,
	    "a batch begins at offset %" PRIu64 ", expected %" PRIu64,
	    head->base, expected);
	return SL_OK;
}

/* Of the `got` bytes at a position, behind which the file has `left` in all. */
static void
judge_head(const uint8_t *bytes, size_t got, uint64_t left,
    struct sl_batch_head *head, enum sl_found *found, struct sl_error *err)
{
	int rc;

	*found = SL_FOUND_END;
	if (got == 0)
		return;
	rc = sl_batch_head_decode(bytes, got, head, err);
	if (rc == SL_END)
		*found = SL_FOUND_TORN;
	else if (rc < 0)
		*found = SL_FOUND_DAMAGE;
	else
		*found = head->bytes > left ? SL_FOUND_TORN : SL_FOUND_BATCH;
}

int
sl_segment_peek(int fd, uint64_t position, uint64_t size,
    struct sl_batch_head *head, enum sl_found *found, struct sl_error *err)
{
	uint8_t bytes[SL_BATCH_HEAD_SIZE];
	size_t got;
	int rc;

	rc = sl_fs_read_at(fd, bytes, sizeof(bytes), position, &got, err);
	if (rc == SL_OK)
		judge_head(bytes, got, size - position, head, found, err);
	return rc;
}

int
sl_segment_peek_on(int fd, struct sl_heads *heads, uint64_t position,
    uint64_t size, struct sl_batch_head *head, enum sl_found *found,
    struct sl_error *err)
{
	size_t skip = SIZE_MAX;
	int rc = SL_OK;

	if (position >= heads->position)
		skip = (size_t)(position - heads->position);
	if (skip > heads->size || heads->size - skip < SL_BATCH_HEAD_SIZE) {
		rc = sl_fs_read_at(fd, heads->bytes, sizeof(heads->bytes),
		    position, &heads->size, err);
		heads->position = position;
		skip = 0;
	}
	if (rc == SL_OK)
		judge_head(heads->bytes + skip, heads->size - skip,
		    size - position, head, found, err);
	return rc;
}

/* Could a batch begin here? Cheap tests first: most bytes fail the first. */
static bool
may_begin(const uint8_t *from, size_t have, uint64_t lowest, uint64_t highest,
    struct sl_batch_head *head)
{
	struct sl_error ignored;

	if (have < SL_BATCH_HEAD_SIZE || from[16] != 2 || from[0] != 0)
		return false;
	if (sl_batch_head_decode(from, have, head, &ignored) != SL_OK)
		return false;
	return head->base >= lowest && head->base <= highest;
}

/*
 * The first offset that a batch behind damage may have. A base is not in its
 * batch's checksum, so one that is too low must not pass for an earlier batch.
 */
static int
lowest_behind(int fd, uint64_t position, uint64_t expected, uint64_t *lowest,
    struct sl_error *err)
{
	struct sl_batch_head head = { .base = 0 };
	enum sl_found found;
	int rc;

	rc = sl_segment_peek(fd, position, UINT64_MAX, &head, &found, err);
	if (rc < 0)
		return rc;
	*lowest = expected + 1;
	if (sl_batch_is_dense(&head) && head.count <= SL_SEGMENT_JUMP_MAX)
		*lowest = expected + head.count;
	return SL_OK;
}

int
sl_segment_search(int fd, uint64_t position, uint64_t expected,
    uint64_t expected_max, uint64_t *at, struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	struct sl_window whole = SL_WINDOW_EMPTY;
	uint64_t stop = position + SEARCH_BYTES_MAX;
	uint64_t summed_max = SEARCH_BYTES_MAX;
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	uint64_t lowest;
	size_t i;
	int rc;

	rc = lowest_behind(fd, position, expected, &lowest, err);
	if (rc < 0)
		return rc;
	rc = SL_END;
	position++;
	while (rc == SL_END && position < stop) {
		rc = window_fill(fd, &window, position, WINDOW_SIZE, err);
		if (rc < 0 || window.size < SL_BATCH_HEAD_SIZE) {
			rc = rc < 0 ? rc : SL_END;
			break;
		}
		rc = SL_END;
		for (i = 0; i + SL_BATCH_HEAD_SIZE <= window.size; i++) {
			if (!may_begin(window.bytes + i, window.size - i,
			        lowest, expected_max, &head))
				continue;
			/* Forged heads must not make this quadratic. */
			if (head.bytes > summed_max) {
				position = stop;
				break;
			}
			summed_max -= head.bytes;
			whole.size = 0;
			rc = sl_segment_look(fd, &whole, position + i, &head,
			    &batch, &found, err);
			if (rc < 0)
				break;
			if (found == SL_FOUND_BATCH) {
				*at = position + i;
				break;
			}
			rc = SL_END;
		}
		position += window.size - (SL_BATCH_HEAD_SIZE - 1);
	}
	sl_window_release(&window);
	sl_window_release(&whole);
	return rc;
}

static int
highest_behind(struct sl_holes *holes, uint64_t position, uint64_t expected,
    uint64_t *highest, struct sl_error *err)
{
	uint64_t jump = SL_SEGMENT_JUMP_MAX, size;
	int rc;

	rc = sl_fs_size(holes->fd, &size, err);
	if (rc == SL_OK)
		rc = sl_holes_ask(holes, err);
	if (rc < 0)
		return rc;
	if (size > position && (size - position) / RECORD_BYTES_MIN > jump)
		jump = (size - position) / RECORD_BYTES_MIN;
	*highest = expected > INT64_MAX - jump ? INT64_MAX : expected + jump;
	if (holes->end == SL_HOLES_END_UNKNOWN)
		*highest = holes->base + SL_SEGMENT_OFFSETS_LIMIT;
	else if (holes->end != 0 && holes->end - 1 > *highest)
		*highest = holes->end - 1;
	return SL_OK;
}

int
sl_segment_search_behind(struct sl_holes *holes, uint64_t position,
    uint64_t expected, uint64_t *at, struct sl_error *err)
{
	uint64_t highest;
	int rc;

	rc = highest_behind(holes, position, expected, &highest, err);
	if (rc < 0)
		return rc;
	return sl_segment_search(holes->fd, position, expected, highest, at,
	    err);
}

/* How many records may have been in damage at a file's end? */
static int
guess_count(int fd, uint64_t position, const struct sl_batch_head *head,
    uint64_t *count, struct sl_error *err)
{
	uint64_t size;
	int rc;

	rc = sl_fs_size(fd, &size, err);
	if (rc < 0)
		return rc;
	*count = 0;
	if (sl_batch_is_dense(head) && head->count <= SL_SEGMENT_JUMP_MAX) {
		*count = head->count;
		position += head->bytes;
	}
	if (size > position)
		*count += (size - position) / RECORD_BYTES_MIN;
	if (*count == 0)
		*count = 1;
	return SL_OK;
}

int
sl_segment_pass(struct sl_holes *holes, uint64_t position, uint64_t *next,
    struct sl_error *err)
{
	struct sl_window window = SL_WINDOW_EMPTY;
	uint64_t expected = *next, count;
	struct sl_batch_head head;
	const uint8_t *batch;
	enum sl_found found;
	int rc;

	for (;;) {
		rc = sl_segment_judge(holes, &window, position, expected, &head,
		    &batch, &found, err);
		if (rc < 0 || found == SL_FOUND_END)
			break;
		if (found == SL_FOUND_BATCH) {
			*next = head.base + head.last_offset_delta + 1;
			expected = *next;
			position += head.bytes;
			continue;
		}
		expected = SL_OFFSET_NONE; /* what stands behind tells */
		rc = sl_segment_search_behind(holes, position, *next, &position,
		    err);
		if (rc == SL_OK)
			continue;
		if (rc == SL_END)
			rc = guess_count(holes->fd, position, &head, &count,
			    err);
		if (rc == SL_OK)
			*next += count;
		break;
	}
	sl_window_release(&window);
	return rc;
}
