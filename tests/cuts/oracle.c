/* oracle.c: batches, segments and partitions by their bytes; see oracle.h. */
#include "oracle.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 61
#define SEGMENTS_MAX 4096
#define ANY UINT64_MAX

uint32_t
oracle_crc(const void *bytes, size_t count)
{
	static uint32_t table[8][256];
	const uint8_t *from = bytes;
	uint32_t crc = 0xFFFFFFFF;
	uint64_t word;

	if (table[0][1] == 0) {
		for (uint32_t i = 0; i < 256; i++) {
			table[0][i] = i;
			for (int bit = 0; bit < 8; bit++)
				table[0][i] =
				    (table[0][i] >> 1) ^
				    (0x82F63B78 & (0 - (table[0][i] & 1)));
		}
		for (int k = 1; k < 8; k++)
			for (int i = 0; i < 256; i++)
				table[k][i] = (table[k - 1][i] >> 8) ^
				              table[0][table[k - 1][i] & 255];
	}
	for (; count >= 8; count -= 8, from += 8) {
		memcpy(&word, from, 8);
		word ^= crc;
		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= table[7 - k][word >> (8 * k) & 255];
	}
	for (; count > 0; count--, from++)
		crc = (crc >> 8) ^ table[0][(crc ^ *from) & 255];
	return ~crc;
}

/* FNV-1a, never 0. */
uint64_t
oracle_hash(const void *bytes, size_t count)
{
	const uint8_t *from = bytes;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ from[i]) * 0x100000001b3;
	return hash | 1;
}

void
view_clear(struct view *view)
{
	view->count = view->flaw_count = 0;
	view->parts = 0;
}

void
view_add(struct view *view, const struct event *event)
{
	if (view->count == view->room) {
		view->room = view->room * 2 + 256;
		view->events =
		    realloc(view->events, view->room * sizeof(*view->events));
		assert(view->events != NULL);
	}
	view->events[view->count++] = *event;
}

static void
add_flaw(struct view *view, uint32_t partition, uint32_t kind, uint64_t from,
    uint64_t to)
{
	assert(view->flaw_count < FLAWS_MAX);
	view->flaws[view->flaw_count++] =
	    (struct flaw){ partition, kind, from, to };
}

static uint64_t
number(const uint8_t *from, int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *from++;
	return value;
}

struct batch {
	uint64_t base;
	uint64_t next; /* one past the last offset */
	size_t bytes;
	uint32_t count;
};

/* Is a whole batch here whose checksum holds? */
static bool
is_batch(const uint8_t *from, size_t have, struct batch *batch)
{
	if (have < HEAD_BYTES || from[16] != 2 || number(from + 8, 4) > have)
		return false;
	batch->bytes = 12 + number(from + 8, 4);
	batch->base = number(from, 8);
	batch->next = batch->base + number(from + 23, 4) + 1;
	batch->count = (uint32_t)number(from + 57, 4);
	return batch->bytes >= HEAD_BYTES && batch->bytes <= have &&
	       batch->base < INT64_MAX && batch->next > batch->base &&
	       oracle_crc(from + 21, batch->bytes - 21) == number(from + 17, 4);
}

static int64_t
varint(const uint8_t **at)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		value |= (uint64_t)(**at & 127) << shift;
		if (*(*at)++ < 128)
			break;
	}
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* The events of a valid batch from offset `due` on; none is compressed here. */
static void
add_events(struct view *view, uint32_t partition, const uint8_t *from,
    const struct batch *batch, uint64_t due)
{
	const uint8_t *at = from + HEAD_BYTES;
	const uint8_t *end;
	int64_t bytes;

	assert((from[22] & 7) == 0);
	for (uint32_t i = 0; i < batch->count; i++) {
		struct event event = { .partition = partition };

		bytes = varint(&at);
		end = at + bytes;
		at++;
		varint(&at);
		event.offset = batch->base + (uint64_t)varint(&at);
		bytes = varint(&at);
		event.key = bytes < 0 ? 0 : oracle_hash(at, (size_t)bytes);
		at += bytes < 0 ? 0 : bytes;
		bytes = varint(&at);
		event.is_tombstone = bytes < 0;
		event.value = bytes < 0 ? 0 : oracle_hash(at, (size_t)bytes);
		if (event.offset >= due)
			view_add(view, &event);
		at = end;
	}
}

void
oracle_batches(struct view *view, const uint8_t *bytes, size_t count)
{
	struct batch batch;

	for (size_t at = 0; is_batch(bytes + at, count - at, &batch);
	     at += batch.bytes)
		add_events(view, 0, bytes + at, &batch, 0);
}

struct part {
	uint32_t number;
	uint64_t bases[SEGMENTS_MAX];
	size_t count;
	uint64_t holes;     /* in segments named below this offsets may lack */
	uint64_t merge;     /* a merge is under way under this name ... */
	uint64_t merge_end; /* ... up to this offset */
	uint64_t due;       /* the next that is expected */
};

static uint8_t *
load(int dir, const char *name, size_t *bytes)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *text;

	*bytes = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		abort();
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL ||
	    read(fd, text, (size_t)st.st_size) != (ssize_t)st.st_size)
		abort();
	text[st.st_size] = '\0';
	close(fd);
	*bytes = (size_t)st.st_size;
	return text;
}

/* Behind what is no batch: where is the next, with offsets that can be? */
static size_t
search(const uint8_t *bytes, size_t size, size_t at, uint64_t due, uint64_t top)
{
	struct batch batch;

	for (; at + HEAD_BYTES <= size; at++) {
		if (is_batch(bytes + at, size - at, &batch) &&
		    batch.base >= due && batch.next <= top)
			return at;
	}
	return size;
}

/* One segment; `top`: the next one's name, or ANY. */
static void
read_segment(struct view *view, struct part *part, const uint8_t *bytes,
    size_t size, uint64_t base, uint64_t top)
{
	bool may_jump = base < part->holes;
	uint64_t end = may_jump && base == part->merge && top < part->merge_end
	                   ? part->merge_end
	                   : top;
	uint64_t here = base; /* what this file should go on with */
	struct batch batch;
	size_t at = 0, behind;
	bool is_good;

	while (at < size) {
		is_good =
		    is_batch(bytes + at, size - at, &batch) &&
		    (batch.base == here ||
		        (may_jump && batch.base > here && batch.next <= end));
		if (!is_good) {
			behind = search(bytes, size, at + 1, here, end);
			/* Torn: the last of all, by its own length. */
			if (behind == size && top == ANY &&
			    (size - at < HEAD_BYTES ||
			        (bytes[at + 16] == 2 &&
			            12 + number(bytes + at + 8, 4) >
			                size - at)))
				return;
			add_flaw(view, part->number, 'd', here,
			    top == ANY ? 0 : top);
			if (behind == size)
				break;
			at = behind;
			here = number(bytes + at, 8);
			continue;
		}
		add_events(view, part->number, bytes + at, &batch, part->due);
		here = batch.next;
		if (here > part->due)
			part->due = here;
		at += batch.bytes;
	}
	if (top != ANY && here < top && at == size && !may_jump)
		add_flaw(view, part->number, 'g', here, top);
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void
list_segments(struct part *part, int dir)
{
	DIR *stream = fdopendir(dup(dir));
	struct dirent *entry;

	assert(stream != NULL);
	rewinddir(stream);
	for (;;) {
		entry = readdir(stream);
		if (entry == NULL)
			break;
		if (strlen(entry->d_name) != 24 ||
		    strcmp(entry->d_name + 20, ".log") != 0)
			continue;
		assert(part->count < SEGMENTS_MAX);
		part->bases[part->count++] = strtoull(entry->d_name, NULL, 10);
	}
	closedir(stream);
	qsort(part->bases, part->count, sizeof(part->bases[0]), by_number);
}

/* Segments that a merge took in, and has yet to remove, are passed by. */
static void
read_part(struct view *view, struct part *part, int dir)
{
	const uint64_t *bases = part->bases;
	char name[32];
	uint8_t *bytes;
	size_t i = 0, next, size;

	part->due = part->count > 0 ? bases[0] : 0;
	while (i < part->count) {
		snprintf(name, sizeof(name), "%020" PRIu64 ".log", bases[i]);
		bytes = load(dir, name, &size);
		assert(bytes != NULL);
		next = i + 1;
		read_segment(view, part, bytes, size, bases[i],
		    next == part->count ? ANY : bases[next]);
		free(bytes);
		while (next + 1 < part->count && bases[next + 1] <= part->due)
			next++;
		i = next;
	}
	if (part->count > 0 && bases[part->count - 1] > part->due)
		part->due = bases[part->count - 1];
}

static void
read_cleaned(struct part *part, int dir)
{
	size_t bytes;
	uint8_t *text = load(dir, "cleaned", &bytes);

	if (text != NULL &&
	    sscanf((char *)text,
	        "streamlog cleaned 1\nholes %" SCNu64
	        "\nclean %*u\ndue %*u\nmerge %" SCNu64 " %" SCNu64,
	        &part->holes, &part->merge, &part->merge_end) != 3)
		part->holes = ANY;
	free(text);
}

void
oracle_topic(struct view *view, const char *path)
{
	char name[PATH_MAX];
	static struct part part;
	int dir;

	for (uint32_t i = 0; i < PARTS_MAX; i++) {
		snprintf(name, sizeof(name), "%s/%" PRIu32, path, i);
		dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return;
		part = (struct part){ .number = i };
		read_cleaned(&part, dir);
		list_segments(&part, dir);
		if (part.count == 0)
			add_flaw(view, i, 'd', 0, 0);
		read_part(view, &part, dir);
		close(dir);
		view->ends[i] = part.due;
		view->parts = i + 1;
	}
}

/* Is there a batch that ends with this offset: here, or with this time? */
static int
has_batch(const uint8_t *bytes, size_t size, uint64_t last, uint64_t position,
    uint64_t max_ms)
{
	struct batch batch;

	for (size_t at = 0; is_batch(bytes + at, size - at, &batch);
	     at += batch.bytes) {
		if (batch.next - 1 == last)
			return position == ANY
			           ? number(bytes + at + 35, 8) == max_ms
			           : at == position;
	}
	return 0;
}

static int
index_holds(int dir, uint64_t base, const char *suffix, size_t entry_bytes,
    const uint8_t *log, size_t log_bytes)
{
	char name[48];
	uint8_t *index;
	size_t size, at;
	int holds = 1;

	snprintf(name, sizeof(name), "%020" PRIu64 "%s", base, suffix);
	index = load(dir, name, &size);
	for (at = 0; holds && at + entry_bytes <= size; at += entry_bytes)
		holds = entry_bytes == 8 ? has_batch(log, log_bytes,
		                               base + number(index + at, 4),
		                               number(index + at + 4, 4), 0)
		                         : has_batch(log, log_bytes,
		                               base + number(index + at + 8, 4),
		                               ANY, number(index + at, 8));
	free(index);
	return holds;
}

int
oracle_indexes_hold(const char *path, uint32_t partition)
{
	static struct part part;
	char name[PATH_MAX];
	uint8_t *log;
	uint64_t base;
	size_t size;
	int dir, holds;

	snprintf(name, sizeof(name), "%s/%" PRIu32, path, partition);
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(dir >= 0);
	part = (struct part){ .number = partition };
	list_segments(&part, dir);
	base = part.bases[part.count - 1];
	snprintf(name, sizeof(name), "%020" PRIu64 ".log", base);
	log = load(dir, name, &size);
	holds = index_holds(dir, base, ".index", 8, log, size) &&
	        index_holds(dir, base, ".timeindex", 12, log, size);
	free(log);
	close(dir);
	return holds;
}
