/*
 * segments.c: what a partition's segments hold, read without the product.
 *
 *     segments TOPIC PARTITION DIR
 *
 * Prints spans (event.h). Each batch must be whole: its length, magic and
 * CRC-32C, its offsets rising, its records filling it exactly; the last segment
 * too, for its writers are over. Where one isn't: "X what", and exit 1.
 * Records are streamlog-format(5)'s; there is no compression here.
 */
#include "event.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#define HEAD_BYTES 61
#define LENGTH_AT 8
#define MAGIC_AT 16
#define CRC_AT 17
#define COVERED_AT 21 /* what the checksum covers begins here */
#define ATTRIBUTES_AT 21
#define LAST_DELTA_AT 23
#define COUNT_AT 57
#define NAME_DIGITS 20

static const char *path;
static uint32_t table[256];

static void
broken(const char *name, size_t at, const char *what)
{
	printf("X %s/%s: byte %zu: %s\n", path, name, at, what);
	exit(1);
}

static uint32_t
take32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return be32toh(value);
}

static uint32_t
crc32c(const unsigned char *bytes, size_t count)
{
	uint32_t crc = 0xffffffff;

	while (count-- > 0)
		crc = table[(crc ^ *bytes++) & 255] ^ crc >> 8;
	return ~crc;
}

static void
make_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
		table[byte] = crc;
	}
}

struct bytes {
	const unsigned char *at;
	const unsigned char *end;
};

/* A zigzag varint; false: it has no end. */
static bool
take_varint(struct bytes *from, int64_t *value)
{
	uint64_t raw = 0;

	for (int shift = 0; from->at < from->end && shift < 64; shift += 7) {
		raw |= (uint64_t)(*from->at & 127) << shift;
		if (*from->at++ < 128) {
			*value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
			return true;
		}
	}
	return false;
}

/* One record: its offset delta and value. */
static bool
take_record(struct bytes *from, int64_t *delta, struct bytes *value)
{
	int64_t bytes, time, key, headers;
	struct bytes record;

	if (!take_varint(from, &bytes) || bytes < 1 ||
	    bytes > from->end - from->at)
		return false;
	record = (struct bytes){ from->at + 1, from->at + bytes };
	from->at += bytes;
	if (!take_varint(&record, &time) || !take_varint(&record, delta) ||
	    !take_varint(&record, &key) || key > record.end - record.at)
		return false;
	record.at += key > 0 ? key : 0;
	if (!take_varint(&record, &bytes) || bytes < 0 ||
	    bytes > record.end - record.at)
		return false;
	*value = (struct bytes){ record.at, record.at + bytes };
	record.at += bytes;
	return take_varint(&record, &headers) && headers == 0 &&
	       record.at == record.end;
}

/* The records of a batch; `at` says of which topic and partition. */
static const char *
see_records(const unsigned char *batch, size_t bytes, struct span *span,
    struct span at, struct text *to)
{
	struct bytes rest = { batch + HEAD_BYTES, batch + bytes }, value;
	uint64_t base = at.offset;
	int64_t delta, before = -1;
	struct event event;

	for (uint32_t left = take32(batch + COUNT_AT); left > 0; left--) {
		if (!take_record(&rest, &delta, &value))
			return "a record that is none";
		if (delta <= before ||
		    delta > (int64_t)take32(batch + LAST_DELTA_AT))
			return "offsets don't rise";
		before = delta;
		at.offset = base + (uint64_t)delta;
		if (!event_know((const char *)value.at,
		        (size_t)(value.end - value.at), &event))
			return "an event that nobody made";
		span_add(span, &at, &event, to);
	}
	return rest.at == rest.end ? NULL : "bytes behind the last record";
}

/* All batches of a segment, from offset *due on. */
static void
see_segment(const char *name, const unsigned char *data, size_t size,
    uint64_t *due, struct span where, struct text *to)
{
	struct span span = { 0 };
	const char *wrong;
	size_t at, bytes;
	uint32_t last;

	for (at = 0; at < size; at += bytes) {
		const unsigned char *batch = data + at;

		bytes = size - at < HEAD_BYTES
		            ? SIZE_MAX
		            : 12 + (size_t)take32(batch + LENGTH_AT);
		if (bytes > size - at)
			broken(name, at, "half a batch");
		if (batch[MAGIC_AT] != 2 ||
		    (batch[ATTRIBUTES_AT + 1] & 7) != 0 ||
		    crc32c(batch + COVERED_AT, bytes - COVERED_AT) !=
		        take32(batch + CRC_AT))
			broken(name, at, "damage");
		where.offset =
		    (uint64_t)take32(batch) << 32 | take32(batch + 4);
		last = take32(batch + LAST_DELTA_AT);
		if (where.offset < *due)
			broken(name, at, "an offset twice");
		wrong = see_records(batch, bytes, &span, where, to);
		if (wrong != NULL)
			broken(name, at, wrong);
		*due = where.offset + last + 1;
	}
	span_end(&span, to);
}

static int
is_segment(const struct dirent *entry)
{
	return strlen(entry->d_name) == NAME_DIGITS + 4 &&
	       strcmp(entry->d_name + NAME_DIGITS, ".log") == 0;
}

static unsigned char *
load(int dir, const char *name, size_t *size)
{
	int fd = openat(dir, name, O_RDONLY);
	unsigned char *data;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(name);
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	if (data == NULL || read(fd, data, *size) != st.st_size)
		die(name);
	close(fd);
	return data;
}

int
main(int argc, char **argv)
{
	struct span where = { 0 };
	struct dirent **names;
	struct text out = { 0 };
	unsigned char *data;
	uint64_t due = 0;
	size_t size;
	int count, dir;

	if (argc != 4)
		die("usage: segments TOPIC PARTITION DIR");
	where.topic = argv[1];
	where.topic_bytes = strlen(argv[1]);
	where.partition = (unsigned)atoi(argv[2]);
	path = argv[3];
	make_table();
	dir = open(path, O_RDONLY | O_DIRECTORY);
	count = scandir(path, &names, is_segment, alphasort);
	if (dir < 0 || count < 0)
		die(path);
	if (count == 0)
		broken("", 0, "no segment");
	for (int i = 0; i < count; i++) {
		if (strtoull(names[i]->d_name, NULL, 10) < due)
			broken(names[i]->d_name, 0, "an offset twice");
		data = load(dir, names[i]->d_name, &size);
		see_segment(names[i]->d_name, data, size, &due, where, &out);
		free(data);
		record(STDOUT_FILENO, &out);
	}
	printf("E %" PRIu64 "\n", due);
	return 0;
}
