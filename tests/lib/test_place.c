/* test_place.c: a group's place: its slots, damaged in every way. */
#include "check.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/test_place.XXXXXX";
static int dir = -1;
static const struct sl_fs_like like = { .mode = 0700 };

static struct sl_place
make(uint64_t offset)
{
	struct sl_place place = { .offset = offset,
		.generation = 7,
		.member = "atlas:4711",
		.topic_id = "AAECAwQFBgcICQoLDA0ODw",
		.time_ms = INT64_C(1795357200123) };

	return place;
}

/* ---- One slot ---- */

static void
test_slot(void)
{
	static const char text[] =
	    "{\"seq\":8,\"topic_id\":\"AAECAwQFBgcICQoLDA0ODw\","
	    "\"offset\":1500,\"generation\":7,\"member\":\"atlas:4711\","
	    "\"time\":\"2026-11-22T14:20:00.123Z\",\"crc\":\"";
	char slot[SL_PLACE_SLOT_BYTES], damaged[SL_PLACE_SLOT_BYTES];
	struct sl_place place = make(1500), read;
	size_t i, bit, taken = 0;

	place.seq = 8;
	sl_place_print(&place, slot);
	check(strncmp(slot, text, strlen(text)) == 0,
	    "a slot is a line of JSON: %.*s", (int)strlen(text), slot);
	CHECK(slot[SL_PLACE_SLOT_BYTES - 1] == '\n');
	CHECK(
	    memchr(slot, '\n', sizeof(slot)) == slot + SL_PLACE_SLOT_BYTES - 1);
	CHECK(sl_place_parse(slot, &read));
	CHECK(read.seq == 8 && read.offset == 1500 && read.generation == 7 &&
	      read.time_ms == place.time_ms);
	CHECK(strcmp(read.member, "atlas:4711") == 0 &&
	      strcmp(read.topic_id, place.topic_id) == 0);
	for (i = 0; i < sizeof(slot); i++)
		for (bit = 0; bit < 8; bit++) {
			memcpy(damaged, slot, sizeof(slot));
			damaged[i] = (char)(damaged[i] ^ (1 << bit));
			taken += sl_place_parse(damaged, &read);
		}
	check(taken == 0, "no slot with one bit flipped is taken: %zu of %zu",
	    taken, 8 * sizeof(slot));
	for (i = taken = 0; i < sizeof(slot); i++) {
		memcpy(damaged, slot, i);
		memset(damaged + i, 0, sizeof(slot) - i);
		taken += sl_place_parse(damaged, &read);
	}
	check(taken == 0, "no slot that was torn is taken: %zu", taken);
	place.offset = place.seq = place.generation = UINT64_MAX;
	sl_place_print(&place, slot);
	CHECK(sl_place_parse(slot, &read) && read.offset == UINT64_MAX &&
	      read.seq == UINT64_MAX);
}

static void
test_names(void)
{
	static const char *const bad[] = { "orders", "orders-", "-0",
		"orders-x", "orders-01", "orders-00", "orders-12345", ".a-0",
		"a/b-0", "", "~0123456789abcdef-0" };
	char name[SL_PLACE_NAME_SIZE], topic[SL_TOPIC_NAME_MAX + 1];
	int partition;
	size_t i;

	sl_place_name(name, "orders", 12);
	CHECK(strcmp(name, "orders-12") == 0);
	CHECK(sl_place_name_parse("orders-2-0", topic, &partition) &&
	      strcmp(topic, "orders-2") == 0 && partition == 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(!sl_place_name_parse(bad[i], topic, &partition),
		    "'%s' names no place", bad[i]);
}

/* ---- The file ---- */

static void
store(const void *bytes, size_t count)
{
	int fd = openat(dir, "t-0", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
		check(false, "store: %s", strerror(errno));
	close(fd);
}

static size_t
load(char bytes[SL_PLACE_FILE_BYTES])
{
	int fd = openat(dir, "t-0", O_RDONLY);
	ssize_t got = read(fd, bytes, SL_PLACE_FILE_BYTES);

	close(fd);
	return got < 0 ? 0 : (size_t)got;
}

/* The offset that is read; UINT64_MAX: SL_ECORRUPT. */
static uint64_t
read_offset(void)
{
	struct sl_error err = { 0 };
	struct sl_place place = { 0 };
	int rc = sl_place_read(&place, dir, "t-0", &err);

	if (rc != SL_OK && (rc != SL_ECORRUPT || err.text[0] == '\0'))
		check(false, "read: %d %s", rc, err.text);
	return rc == SL_OK ? place.offset : UINT64_MAX;
}

static void
commit(uint64_t offset)
{
	struct sl_place place = make(offset);
	struct sl_place_file file;
	struct sl_error err;

	CHECK(sl_place_open(&file, dir, "t-0", &err) == SL_OK);
	CHECK(sl_place_write(&file, &place, &err) == SL_OK);
	sl_place_close(&file);
}

static void
test_file(void)
{
	struct sl_place place = make(10);
	struct sl_error err;

	CHECK(sl_place_read(&place, dir, "t-0", &err) == SL_EIO &&
	      err.sys == ENOENT);
	CHECK(sl_place_create(dir, "t-0", &place, &like, &err) == SL_OK);
	CHECK(sl_place_create(dir, "t-0", &place, &like, &err) == SL_EEXISTS);
	CHECK(read_offset() == 10);
	commit(20);
	CHECK(read_offset() == 20);
	commit(30);
	CHECK(read_offset() == 30);
}

/* Whatever is done to one slot, the other is read; the next write mends it. */
static void
test_damage(void)
{
	char good[SL_PLACE_FILE_BYTES], bad[SL_PLACE_FILE_BYTES];
	uint64_t wrong = 0, offset;
	size_t cut, at;

	commit(40);
	load(good);
	offset = read_offset();
	CHECK(offset == 40);
	for (cut = 0; cut < sizeof(good); cut++) {
		store(good, cut);
		offset = read_offset();
		/* 40 is in one of the slots, 30 in the other. */
		wrong += cut < SL_PLACE_SLOT_BYTES
		             ? offset != UINT64_MAX
		             : offset != 30 && offset != 40;
	}
	check(wrong == 0, "a file cut anywhere is damaged or has a place: %d",
	    (int)wrong);
	for (at = 0; at < sizeof(good); at += 7) {
		memcpy(bad, good, sizeof(good));
		bad[at] ^= 0x10;
		store(bad, sizeof(bad));
		offset = read_offset();
		wrong += offset != 30 && offset != 40;
		commit(50);
		wrong += read_offset() != 50;
		load(bad);
		/* The good slot was left alone, but for the best one's. */
		store(good, sizeof(good));
	}
	check(wrong == 0, "one slot damaged: the other counts: %d", (int)wrong);
	memset(bad, 'x', sizeof(bad));
	store(bad, sizeof(bad));
	CHECK(read_offset() == UINT64_MAX);
	store(bad, 0);
	CHECK(read_offset() == UINT64_MAX);
}

/* The next write goes over the bad slot, so that a good one always stays. */
static void
test_write_over_bad(void)
{
	char bytes[SL_PLACE_FILE_BYTES];
	struct sl_place place = make(1);
	struct sl_error err;
	int slot;

	for (slot = 0; slot < 2; slot++) {
		CHECK(
		    sl_place_replace(dir, "t-0", &place, &like, &err) == SL_OK);
		commit(2);
		load(bytes);
		memset(bytes + slot * SL_PLACE_SLOT_BYTES, '#',
		    SL_PLACE_SLOT_BYTES);
		store(bytes, sizeof(bytes));
		CHECK(read_offset() == (slot == 0 ? 2 : 1));
		commit(3);
		load(bytes);
		CHECK(memchr(bytes, '#', sizeof(bytes)) == NULL);
		CHECK(read_offset() == 3);
	}
}

int
main(void)
{
	struct sl_error err;

	if (mkdtemp(path) == NULL ||
	    sl_fs_open_dir(&dir, AT_FDCWD, path, &err) != SL_OK)
		return 1;
	test_slot();
	test_names();
	test_file();
	test_damage();
	test_write_over_bad();
	close(dir);
	CHECK(sl_fs_remove_tree(AT_FDCWD, path, &err) == SL_OK);
	return check_done();
}
