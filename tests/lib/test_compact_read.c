/*
 * test_compact_read.c: readers while segments are replaced under them, and
 * damage in segments that were compacted (RULES 6 and 15).
 */
#include "bytes.h"
#include "check.h"
#include "keyed.h"
#include "read.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWAP_OPENS 1000000
#define FIRST_LOG "00000000000000000000.log"

static bool
is_fine(const char *wrong)
{
	if (wrong != NULL)
		printf("# %s\n", wrong);
	return wrong == NULL;
}

/* ---- A loop of swaps ---- */

/* Append and compact until killed; tombstones go at once. */
static _Noreturn void
swap_for_ever(struct keyed *keyed)
{
	struct sl_compact_report report;

	keyed->options.delete_retention_ms = 0;
	for (;;) {
		keyed_append(keyed, 200, 60, 3);
		keyed_roll(keyed);
		keyed->options.now_ms++;
		if (keyed_compact(keyed, &report) < 0)
			_exit(1);
	}
}

/* All names that were ever listed lead to a file, or to one that has all. */
static uint64_t
open_by_name(const struct keyed *keyed, uint64_t *opens)
{
	uint64_t misses = 0;
	struct sl_error err;
	int fd = -1;

	for (int i = 0; i < 200; i++) {
		if (sl_fs_open_read(&fd, keyed->dir.partition, FIRST_LOG,
		        &err) < 0)
			misses++;
		sl_fs_close(&fd);
	}
	*opens += 200;
	return misses;
}

struct follower {
	struct sl_cursor cursor;
	uint64_t next;
	uint64_t read;
	unsigned gones;
	unsigned faults;
};

static void
follower_open(struct follower *follower, const struct keyed *keyed,
    uint64_t start)
{
	struct sl_error err;

	*follower = (struct follower){ .next = start };
	if (sl_cursor_open(&follower->cursor, keyed->dir.at, "0", start,
	        SL_OFFSET_NONE, &err) < 0)
		follower->faults++;
}

/* Read `count` events or to the end; offsets only rise. */
static int
follower_read(struct follower *follower, unsigned count)
{
	struct sl_record record;
	struct sl_error err;
	uint64_t from;
	int rc = SL_OK;

	while (rc == SL_OK && count-- > 0) {
		rc = sl_cursor_next(&follower->cursor, &record, &from, &err);
		if (rc == SL_OK) {
			if (record.offset < follower->next)
				follower->faults++;
			follower->next = record.offset + 1;
			follower->read++;
		} else if (rc < 0) {
			printf("# %d: %s\n", rc, err.text);
			follower->faults++;
			follower->gones += rc == SL_EGONE;
		}
	}
	return rc;
}

/*
 * The child appends and swaps all the time. A follower at the end sees each
 * event, since none is passed before it is sealed; slow readers from the start
 * stay in files that were long replaced.
 */
static void
test_swaps(void)
{
	uint64_t opens = 0, misses = 0, reads = 0, lost = 0, before;
	struct follower follower, slow;
	struct keyed keyed;
	struct sl_range range;
	struct sl_error err;
	unsigned faults = 0;
	pid_t child;

	keyed_init(&keyed, 99, SL_COMPRESSION_NONE, 2048);
	keyed_append(&keyed, 2000, 60, 3);
	child = fork();
	if (child == 0)
		swap_for_ever(&keyed);
	follower_open(&follower, &keyed, keyed.count);
	follower_open(&slow, &keyed, 0);
	while (opens < SWAP_OPENS) {
		misses += open_by_name(&keyed, &opens);
		if (follower_read(&follower, 1u << 20) < 0)
			break;
		/* Slower than the swaps, and from the start each time. */
		if (follower_read(&slow, 7) != SL_OK) {
			faults += slow.faults;
			reads++;
			sl_cursor_close(&slow.cursor);
			follower_open(&slow, &keyed, reads * 31 % 1000);
		}
	}
	kill(child, SIGKILL);
	waitpid(child, &(int){ 0 }, 0);
	faults += slow.faults;
	before = follower.read;
	while (follower_read(&follower, 1u << 20) == SL_OK)
		;
	if (sl_lookup_range(keyed.dir.partition, &range, &err) == SL_OK)
		lost = range.next - follower.next;
	check(misses == 0, "%" PRIu64 " opens by name: none missed", opens);
	check(follower.faults == 0 && follower.gones == 0 && before > 0 &&
	          lost == 0,
	    "a follower goes on over swaps (%" PRIu64 " events)",
	    follower.read);
	check(faults == 0, "%" PRIu64 " slow readers go on over swaps", reads);
	sl_cursor_close(&follower.cursor);
	sl_cursor_close(&slow.cursor);
	keyed_release(&keyed);
}

/* Stand in the middle of each event in turn while all is replaced. */
static void
test_in_the_middle(void)
{
	struct sl_compact_report report;
	struct follower *followers;
	unsigned faults = 0, i, count;
	struct keyed keyed;
	uint64_t bound;

	keyed_init(&keyed, 5, SL_COMPRESSION_NONE, 2048);
	keyed_append(&keyed, 600, 20, 3);
	keyed_roll(&keyed);
	count = (unsigned)keyed.count / 3;
	followers = calloc(count, sizeof(*followers));
	bound = keyed_bound(&keyed);
	for (i = 0; i < count; i++) {
		follower_open(&followers[i], &keyed, 3 * i);
		follower_read(&followers[i], 1 + i % 5);
	}
	keyed.options.memory_bytes = 24 * 10;
	CHECK(keyed_compact(&keyed, &report) == SL_OK);
	keyed_append(&keyed, 100, 20, 3);
	keyed_expect(&keyed, bound, 0);
	for (i = 0; i < count; i++) {
		while (follower_read(&followers[i], 1000) == SL_OK)
			;
		if (followers[i].next != keyed.count)
			faults++;
		faults += followers[i].faults;
		sl_cursor_close(&followers[i].cursor);
	}
	check(faults == 0, "%u readers in the middle go on to the end", count);
	free(followers);
	keyed_release(&keyed);
}

/* ---- Damage ---- */

/* The events from `start` on, damage passed over: how many, and damages. */
static size_t
count_events(const struct keyed *keyed, unsigned *damages, unsigned *gones)
{
	struct logdir_read read;
	size_t count;

	logdir_read(&keyed->dir, 0, true, &read);
	count = read.count;
	*damages = read.damages;
	*gones = read.gones;
	logdir_read_release(&read);
	return count;
}

/* Each bit of each base offset is flipped: one batch is lost, and told. */
static void
test_base_offsets(void)
{
	struct sl_compact_report report;
	unsigned damages, gones, bad = 0, tried = 0;
	struct sl_batch_head head;
	struct keyed keyed;
	struct sl_error err;
	size_t bytes, at, all, count, before = 0;
	uint8_t *log;

	keyed_init(&keyed, 3, SL_COMPRESSION_NONE, 4096);
	keyed_append(&keyed, 400, 60, 3);
	keyed_roll(&keyed);
	keyed_append(&keyed, 10, 60, 3);
	CHECK(keyed_compact(&keyed, &report) == SL_OK);
	all = count_events(&keyed, &damages, &gones);
	log = logdir_load(&keyed.dir, FIRST_LOG, &bytes);
	for (at = 0; at < bytes; at += head.bytes) {
		if (sl_batch_head_decode(log + at, bytes - at, &head, &err) !=
		    SL_OK)
			break;
		for (unsigned bit = 0; bit < 64; bit++) {
			log[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
			logdir_store(&keyed.dir, FIRST_LOG, log, bytes);
			count = count_events(&keyed, &damages, &gones);
			log[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
			tried++;
			if (count + head.count == all && damages == 1)
				continue;
			/* Moved within a hole: nothing can tell. */
			if (count == all && damages + gones == 0 && bit >= 48)
				continue;
			/* Of two that overlap the wrong one may be blamed. */
			if (count + before == all && damages == 1)
				continue;
			if (bad++ < 5)
				printf("# batch of %" PRIu64 " to %" PRIu64
				       ", bit %u: %zu of %zu, %u, %u\n",
				    head.base,
				    head.base + head.last_offset_delta, bit,
				    count, all, damages, gones);
		}
		before = head.count;
	}
	check(bad == 0 && tried > 500,
	    "%u flipped bits of base offsets cost one batch", tried);
	logdir_store(&keyed.dir, FIRST_LOG, log, bytes);
	free(log);
	keyed_release(&keyed);
}

/* What is damaged is not cleaned, nor is what lies behind it. */
static void
test_damaged(void)
{
	struct sl_compact_report report;
	struct keyed keyed;
	unsigned damages, gones;
	size_t bytes, before;
	uint8_t *log;

	keyed_init(&keyed, 8, SL_COMPRESSION_NONE, 4096);
	keyed_append(&keyed, 400, 60, 3);
	keyed_roll(&keyed);
	log = logdir_load(&keyed.dir, FIRST_LOG, &bytes);
	log[bytes / 2] ^= 1;
	logdir_store(&keyed.dir, FIRST_LOG, log, bytes);
	free(log);
	before = count_events(&keyed, &damages, &gones);
	CHECK(keyed_compact(&keyed, &report) == SL_END);
	CHECK(report.blocked_at == 0);
	CHECK(strstr(report.blocked_why, "bad checksum") != NULL);
	CHECK(count_events(&keyed, &damages, &gones) == before);
	keyed_release(&keyed);
}

/* ---- A compacted segment is the last one ---- */

static void
test_archive(void)
{
	struct sl_compact_report report;
	char name[SL_SEGMENT_NAME_SIZE];
	struct keyed keyed;
	struct sl_error err;

	keyed_init(&keyed, 21, SL_COMPRESSION_NONE, 1 << 20);
	keyed_append(&keyed, 400, 60, 3);
	keyed_roll(&keyed);
	keyed_expect(&keyed, keyed.count, 0);
	CHECK(keyed_compact(&keyed, &report) == SL_OK);
	sl_segment_name(name, keyed.count, ".log");
	CHECK(sl_fs_unlink(keyed.dir.partition, name, &err) == SL_OK);
	check(is_fine(keyed_check(&keyed, 0, false)),
	    "an archive without its active segment is read");
	keyed_append(&keyed, 50, 60, 3);
	check(is_fine(keyed_check(&keyed, 0, false)), "and written to");
	keyed_release(&keyed);
}

int
main(void)
{
	test_in_the_middle();
	test_archive();
	test_damaged();
	test_base_offsets();
	test_swaps();
	return check_done();
}
