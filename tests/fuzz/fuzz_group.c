/*
 * fuzz_group.c: any bytes as the files of a group: a place's slot, a row of the
 * assignment, its copy, a member's card, names of places. What is taken is
 * printed as it was.
 */
#include "assignment.h"
#include "peer.h"
#include "place.h"
#include "place_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* What is taken as a slot or a row is just what they print. */
static void
lines(const uint8_t *data, size_t bytes)
{
	char line[SL_PLACE_SLOT_BYTES], again[SL_PLACE_SLOT_BYTES];
	struct sl_place place;
	struct sl_row row;

	memset(line, ' ', sizeof(line));
	memcpy(line, data, bytes < sizeof(line) ? bytes : sizeof(line));
	if (sl_place_parse(line, &place)) {
		sl_place_print(&place, again);
		expect(memcmp(line, again, sizeof(line)) == 0);
	}
	if (sl_row_parse(line, &row)) {
		sl_row_print(&row, again);
		expect(memcmp(line, again, sizeof(line)) == 0);
	} else {
		expect(row.topic[0] == '\0' && row.owner[0] == '\0');
	}
}

static void
names(const uint8_t *data, size_t bytes)
{
	char text[512], topic[SL_TOPIC_NAME_MAX + 1];
	char name[SL_PLACE_NAME_SIZE], member[SL_MEMBER_NAME_SIZE];
	struct place_line line;
	struct sl_error err;
	int partition;

	bytes = bytes < sizeof(text) ? bytes : sizeof(text) - 1;
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	if (sl_place_name_parse(text, topic, &partition)) {
		sl_place_name(name, topic, partition);
		expect(strcmp(name, text) == 0);
	}
	if (sl_peer_id_is(text))
		sl_peer_name(text, member);
	if (place_line_parse(text, bytes, &line, &err) == SL_OK)
		expect(line.topic[0] != '\0' && line.partition >= 0);
	else
		expect(err.text[0] != '\0');
}

/* The same bytes as a file by each name that a group's directory has. */
static void
files(const uint8_t *data, size_t bytes)
{
	static int dir = -1, members = -1;
	static const char member[] = "atlas:4711-0123456789abcdef";
	struct sl_assignment assignment = SL_ASSIGNMENT_EMPTY;
	struct sl_peers peers = SL_PEERS_EMPTY;
	char path[256];
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };
	struct sl_error err;
	bool has_changed;
	int fd, rc;

	if (dir < 0) {
		snprintf(path, sizeof(path), "%s/fuzz_group.XXXXXX",
		    getenv("TMPDIR"));
		expect(mkdtemp(path) != NULL);
		dir = open(path, O_RDONLY | O_DIRECTORY);
		expect(mkdirat(dir, "members", 0700) == 0);
		members = openat(dir, "members", O_RDONLY | O_DIRECTORY);
	}
	fd = openat(dir, SL_ASSIGNMENT_JSON, O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(write(fd, data, bytes) == (ssize_t)bytes);
	rc = sl_assignment_read_copy(&assignment, dir, &err);
	expect(rc == SL_OK || rc == SL_END);
	expect(sl_assignment_read(&assignment, fd, &err) == SL_OK);
	close(fd);
	sl_assignment_release(&assignment);
	fd = openat(members, member, O_RDWR | O_CREAT | O_TRUNC, 0600);
	expect(write(fd, data, bytes) == (ssize_t)bytes);
	expect(fcntl(fd, F_OFD_SETLK, &lock) == 0);
	expect(
	    sl_peers_look(&peers, members, false, &has_changed, &err) == SL_OK);
	if (sl_peers_live(&peers) > 0)
		(void)sl_peer_wants(&peers.list[0], "orders");
	sl_peers_release(&peers);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	lines(data, bytes);
	names(data, bytes);
	files(data, bytes);
	return 0;
}
