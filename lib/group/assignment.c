/* assignment.c: who owns which partition: the file `lock`; see assignment.h. */
#include "assignment.h"

#include "hash.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY "-"
/* More than that nobody shares out: what is behind them is no assignment. */
#define ROWS_MAX ((size_t)1 << 20)
#define CRC_DIGITS 8
/* A line: text, blanks, the checksum of both, newline. */
#define TEXT_BYTES (SL_ROW_BYTES - CRC_DIGITS - 1)
#define PARTITION_DIGITS 4
#define HEAD "streamlog group 1 generation "

#define AT_PARTITION (4 + SL_TOPIC_NAME_MAX + 1)
#define AT_OWNER (AT_PARTITION + PARTITION_DIGITS + 1)
#define ID_WIDTH (SL_PEER_ID_SIZE - 1)
#define AT_NEXT (AT_OWNER + ID_WIDTH + 1)
static_assert(AT_NEXT + ID_WIDTH <= TEXT_BYTES, "a row has room");

void
sl_assignment_release(struct sl_assignment *assignment)
{
	free(assignment->rows);
	free(assignment->is_changed);
	*assignment = SL_ASSIGNMENT_EMPTY;
}

/* ---- One line ---- */

/* Fill a line up with blanks behind its text, and sum it. */
static void
line_finish(char line[SL_ROW_BYTES], size_t used)
{
	char crc[CRC_DIGITS + 1];

	memset(line + used, ' ', TEXT_BYTES - used);
	snprintf(crc, sizeof(crc), "%08" PRIx32,
	    sl_crc32c(0, line, TEXT_BYTES));
	memcpy(line + TEXT_BYTES, crc, CRC_DIGITS);
	line[SL_ROW_BYTES - 1] = '\n';
}

static bool
line_is_whole(const char line[SL_ROW_BYTES])
{
	char crc[CRC_DIGITS + 1];

	snprintf(crc, sizeof(crc), "%08" PRIx32,
	    sl_crc32c(0, line, TEXT_BYTES));
	return memcmp(line + TEXT_BYTES, crc, CRC_DIGITS) == 0 &&
	       line[SL_ROW_BYTES - 1] == '\n';
}

void
sl_row_print(const struct sl_row *row, char line[SL_ROW_BYTES])
{
	int used;

	used = snprintf(line, SL_ROW_BYTES, "row %-*s %*d %-*s %-*s",
	    SL_TOPIC_NAME_MAX, row->topic[0] != '\0' ? row->topic : NOBODY,
	    PARTITION_DIGITS, row->partition, ID_WIDTH,
	    row->owner[0] != '\0' ? row->owner : NOBODY, ID_WIDTH,
	    row->next[0] != '\0' ? row->next : NOBODY);
	assert(used > 0 && used <= (int)TEXT_BYTES);
	line_finish(line, (size_t)used);
}

/* A word of a line at a fixed place, blanks behind it; "-" is none. */
static void
take_word(const char *from, size_t width, char *to)
{
	while (width > 0 && from[width - 1] == ' ')
		width--;
	memcpy(to, from, width);
	to[width] = '\0';
	if (strcmp(to, NOBODY) == 0)
		to[0] = '\0';
}

bool
sl_row_parse(const char line[SL_ROW_BYTES], struct sl_row *row)
{
	char again[SL_ROW_BYTES], number[PARTITION_DIGITS + 1];
	struct sl_error ignored;

	*row = (struct sl_row){ .partition = 0 };
	if (!line_is_whole(line) || memcmp(line, "row ", 4) != 0)
		return false;
	take_word(line + 4, SL_TOPIC_NAME_MAX, row->topic);
	memcpy(number, line + AT_PARTITION, PARTITION_DIGITS);
	number[PARTITION_DIGITS] = '\0';
	row->partition = (int)strtol(number, NULL, 10);
	take_word(line + AT_OWNER, ID_WIDTH, row->owner);
	take_word(line + AT_NEXT, ID_WIDTH, row->next);
	sl_row_print(row, again);
	if (memcmp(line, again, sizeof(again)) == 0 && row->partition >= 0 &&
	    (row->topic[0] == '\0' ||
	        sl_topic_name_check(row->topic, &ignored) == SL_OK) &&
	    (row->owner[0] == '\0' || sl_peer_id_is(row->owner)) &&
	    (row->next[0] == '\0' || sl_peer_id_is(row->next)))
		return true;
	*row = (struct sl_row){ .partition = 0 };
	return false;
}

static void
head_print(uint64_t generation, char line[SL_ROW_BYTES])
{
	int used = snprintf(line, SL_ROW_BYTES, HEAD "%020" PRIu64, generation);

	line_finish(line, (size_t)used);
}

/* The generation; 0: it can't be read. */
static uint64_t
head_parse(const char line[SL_ROW_BYTES])
{
	char again[SL_ROW_BYTES];
	uint64_t generation;

	if (memcmp(line, HEAD, strlen(HEAD)) != 0)
		return 0;
	generation = strtoull(line + strlen(HEAD), NULL, 10);
	head_print(generation, again);
	return memcmp(line, again, sizeof(again)) == 0 ? generation : 0;
}

/* ---- The file ---- */

int
sl_assignment_create(int dir, const struct sl_fs_like *like,
    struct sl_error *err)
{
	char head[SL_ROW_BYTES];
	size_t done;
	int fd = -1;
	int rc;

	rc = sl_fs_create(&fd, dir, SL_GROUP_LOCK, like, SL_FS_WRITERS_ONLY,
	    err);
	if (rc < 0)
		return rc;
	head_print(1, head);
	rc = sl_fs_write_at(fd, head, sizeof(head), 0, &done, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(fd, err);
	sl_fs_close(&fd);
	return rc;
}

/* Room for one more row. */
static int
grow(struct sl_assignment *assignment, struct sl_error *err)
{
	size_t room = assignment->room == 0 ? 16 : assignment->room * 2;
	struct sl_row *rows;
	bool *is_changed;

	if (assignment->count < assignment->room)
		return SL_OK;
	rows = reallocarray(assignment->rows, room, sizeof(*rows));
	if (rows != NULL)
		assignment->rows = rows;
	is_changed =
	    reallocarray(assignment->is_changed, room, sizeof(*is_changed));
	if (is_changed != NULL)
		assignment->is_changed = is_changed;
	if (rows == NULL || is_changed == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	assignment->room = room;
	return SL_OK;
}

static int
append_row(struct sl_assignment *assignment, const struct sl_row *row,
    struct sl_error *err)
{
	int rc = grow(assignment, err);

	if (rc < 0)
		return rc;
	assignment->rows[assignment->count] = *row;
	assignment->is_changed[assignment->count++] = false;
	return SL_OK;
}

int
sl_assignment_read(struct sl_assignment *assignment, int lock,
    struct sl_error *err)
{
	char lines[16][SL_ROW_BYTES];
	uint64_t position = 0;
	struct sl_row row;
	size_t got, i;
	int rc;

	assignment->count = 0;
	assignment->generation = 0;
	do {
		rc = sl_fs_read_at(lock, lines, sizeof(lines), position, &got,
		    err);
		for (i = 0; rc == SL_OK && i < got / SL_ROW_BYTES; i++) {
			if (position == 0 && i == 0) {
				assignment->generation = head_parse(lines[0]);
				continue;
			}
			(void)sl_row_parse(lines[i], &row);
			rc = append_row(assignment, &row, err);
		}
		position += got;
	} while (rc == SL_OK && got == sizeof(lines) &&
	         assignment->count < ROWS_MAX);
	assignment->is_lost = assignment->generation == 0;
	return rc < 0 ? sl_error_wrap(err, "'%s'", SL_GROUP_LOCK) : SL_OK;
}

static uint64_t
row_position(size_t index)
{
	return (uint64_t)(index + 1) * SL_ROW_BYTES;
}

int
sl_assignment_read_row(int lock, size_t index, struct sl_row *row,
    struct sl_error *err)
{
	char line[SL_ROW_BYTES];
	size_t got;
	int rc;

	rc = sl_fs_read_at(lock, line, sizeof(line), row_position(index), &got,
	    err);
	if (rc < 0)
		return sl_error_wrap(err, "'%s'", SL_GROUP_LOCK);
	if (got < sizeof(line) || !sl_row_parse(line, row))
		*row = (struct sl_row){ .partition = 0 };
	return SL_OK;
}

static bool
is_row_of(const struct sl_assignment *assignment, size_t index,
    const char *topic, int partition)
{
	return assignment->rows[index].partition == partition &&
	       strcmp(assignment->rows[index].topic, topic) == 0;
}

long
sl_assignment_find(const struct sl_assignment *assignment, const char *topic,
    int partition, size_t hint)
{
	size_t i;

	if (hint < assignment->count &&
	    is_row_of(assignment, hint, topic, partition))
		return (long)hint;
	for (i = 0; i < assignment->count; i++)
		if (is_row_of(assignment, i, topic, partition))
			return (long)i;
	return -1;
}

int
sl_assignment_add(struct sl_assignment *assignment, const char *topic,
    int partition, size_t *index, struct sl_error *err)
{
	struct sl_row row = { .partition = partition };
	long free_one = sl_assignment_find(assignment, "", 0, 0);
	int rc;

	snprintf(row.topic, sizeof(row.topic), "%s", topic);
	if (free_one >= 0) {
		*index = (size_t)free_one;
		assignment->rows[*index] = row;
	} else {
		*index = assignment->count;
		rc = append_row(assignment, &row, err);
		if (rc < 0)
			return rc;
	}
	assignment->is_changed[*index] = true;
	return SL_OK;
}

static bool
set_id(char to[SL_PEER_ID_SIZE], const char *id)
{
	char text[SL_PEER_ID_SIZE];

	/* Through a copy: it may be the row's own other word. */
	snprintf(text, sizeof(text), "%s", id == NULL ? "" : id);
	if (strcmp(to, text) == 0)
		return false;
	memcpy(to, text, sizeof(text));
	return true;
}

void
sl_assignment_set(struct sl_assignment *assignment, size_t index,
    const char *owner, const char *next)
{
	struct sl_row *row = &assignment->rows[index];

	assignment->is_changed[index] |= set_id(row->owner, owner);
	assignment->is_changed[index] |= set_id(row->next, next);
}

void
sl_assignment_free(struct sl_assignment *assignment, size_t index)
{
	assignment->rows[index] = (struct sl_row){ .partition = 0 };
	assignment->is_changed[index] = true;
}

bool
sl_assignment_is_changed(const struct sl_assignment *assignment)
{
	size_t i;

	for (i = 0; i < assignment->count; i++)
		if (assignment->is_changed[i])
			return true;
	return assignment->is_lost;
}

int
sl_assignment_write(struct sl_assignment *assignment, int lock,
    struct sl_error *err)
{
	char line[SL_ROW_BYTES];
	size_t done, i;
	int rc;

	if (!sl_assignment_is_changed(assignment))
		return SL_OK;
	head_print(++assignment->generation, line);
	rc = sl_fs_write_at(lock, line, sizeof(line), 0, &done, err);
	for (i = 0; rc == SL_OK && i < assignment->count; i++) {
		if (!assignment->is_changed[i])
			continue;
		sl_row_print(&assignment->rows[i], line);
		rc = sl_fs_write_at(lock, line, sizeof(line), row_position(i),
		    &done, err);
		assignment->is_changed[i] = false;
	}
	assignment->is_lost = false;
	return rc < 0 ? sl_error_wrap(err, "'%s'", SL_GROUP_LOCK) : SL_OK;
}
