/* place.c: one group's place in one partition; see place.h. */
#include "place.h"

#include "hash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- One slot ---- */

#define CRC_DIGITS 8
/* Text behind the checksummed part: the checksum and the end of the line. */
#define CRC_MEMBER ",\"crc\":\""

void
sl_place_print(const struct sl_place *place, char slot[SL_PLACE_SLOT_BYTES])
{
	char time[SL_TIME_TEXT_SIZE];
	int used, more;

	sl_format_time(place->time_ms, time);
	used = snprintf(slot, SL_PLACE_SLOT_BYTES,
	    "{\"seq\":%" PRIu64 ",\"topic_id\":\"%s\",\"offset\":%" PRIu64
	    ",\"generation\":%" PRIu64 ",\"member\":\"%s\",\"time\":\"%s\"",
	    place->seq, place->topic_id, place->offset, place->generation,
	    place->member, time);
	more = snprintf(slot + used, (size_t)(SL_PLACE_SLOT_BYTES - used),
	    CRC_MEMBER "%08" PRIx32 "\"}", sl_crc32c(0, slot, (size_t)used));
	used += more;
	assert(used < SL_PLACE_SLOT_BYTES);
	memset(slot + used, ' ', (size_t)(SL_PLACE_SLOT_BYTES - used));
	slot[SL_PLACE_SLOT_BYTES - 1] = '\n';
}

/* What is left of a slot's text, which ends with a NUL. */
static bool
take(const char **at, const char *text)
{
	size_t bytes = strlen(text);

	if (strncmp(*at, text, bytes) != 0)
		return false;
	*at += bytes;
	return true;
}

static bool
take_number(const char **at, uint64_t *value)
{
	const char *from = *at;
	unsigned digit;

	for (*value = 0; **at >= '0' && **at <= '9'; ++*at) {
		digit = (unsigned)(**at - '0');
		if (*value > (UINT64_MAX - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	return *at > from;
}

/* A string without escapes, its end quote too. */
static bool
take_text(const char **at, char *to, size_t size)
{
	size_t bytes = strcspn(*at, "\"\\");

	if (bytes >= size || (*at)[bytes] != '"')
		return false;
	memcpy(to, *at, bytes);
	to[bytes] = '\0';
	*at += bytes + 1;
	return true;
}

bool
sl_place_parse(const char slot[SL_PLACE_SLOT_BYTES], struct sl_place *place)
{
	char text[SL_PLACE_SLOT_BYTES + 1], time[SL_TIME_TEXT_SIZE];
	char crc[CRC_DIGITS + 1], again[CRC_DIGITS + 1];
	struct sl_error ignored;
	const char *at = text;
	const char *end;
	uint32_t sum;

	memcpy(text, slot, SL_PLACE_SLOT_BYTES);
	text[SL_PLACE_SLOT_BYTES] = '\0';
	if (!take(&at, "{\"seq\":") || !take_number(&at, &place->seq) ||
	    !take(&at, ",\"topic_id\":\"") ||
	    !take_text(&at, place->topic_id, sizeof(place->topic_id)) ||
	    !take(&at, ",\"offset\":") || !take_number(&at, &place->offset) ||
	    !take(&at, ",\"generation\":") ||
	    !take_number(&at, &place->generation) ||
	    !take(&at, ",\"member\":\"") ||
	    !take_text(&at, place->member, sizeof(place->member)) ||
	    !take(&at, ",\"time\":\"") || !take_text(&at, time, sizeof(time)))
		return false;
	end = at;
	sum = sl_crc32c(0, text, (size_t)(end - text));
	if (!take(&at, CRC_MEMBER) || !take_text(&at, crc, sizeof(crc)) ||
	    !take(&at, "}") ||
	    sl_parse_time(time, 0, &place->time_ms, &ignored) < 0)
		return false;
	snprintf(again, sizeof(again), "%08" PRIx32, sum);
	return strcmp(crc, again) == 0 && at[strspn(at, " ")] == '\n' &&
	       strspn(at, " ") == (size_t)(text + SL_PLACE_SLOT_BYTES - 1 - at);
}

/* ---- The file ---- */

void
sl_place_name(char name[SL_PLACE_NAME_SIZE], const char *topic, int partition)
{
	snprintf(name, SL_PLACE_NAME_SIZE, "%.*s-%d", SL_TOPIC_NAME_MAX, topic,
	    partition);
}

bool
sl_place_name_parse(const char *name, char topic[SL_TOPIC_NAME_MAX + 1],
    int *partition)
{
	const char *dash = strrchr(name, '-');
	struct sl_error ignored;
	char again[SL_PLACE_NAME_SIZE];
	uint64_t number;
	size_t bytes;

	if (dash == NULL)
		return false;
	bytes = (size_t)(dash - name);
	dash++;
	if (bytes > SL_TOPIC_NAME_MAX || strlen(dash) > 4 ||
	    !take_number(&dash, &number) || *dash != '\0')
		return false;
	memcpy(topic, name, bytes);
	topic[bytes] = '\0';
	*partition = (int)number;
	sl_place_name(again, topic, *partition);
	return strcmp(again, name) == 0 &&
	       sl_topic_name_check(topic, &ignored) == SL_OK;
}

void
sl_place_close(struct sl_place_file *file)
{
	sl_fs_close(&file->fd);
}

/* The best of the slots: its index, and what it holds. */
static int
choose_slot(const char slots[SL_PLACE_FILE_BYTES], const char *name, int *slot,
    struct sl_place *best, struct sl_error *err)
{
	struct sl_place place;
	int i;

	*slot = -1;
	for (i = 0; i < 2; i++) {
		if (!sl_place_parse(slots + i * SL_PLACE_SLOT_BYTES, &place) ||
		    (*slot >= 0 && place.seq <= best->seq))
			continue;
		*slot = i;
		*best = place;
	}
	if (*slot >= 0)
		return SL_OK;
	return sl_error_set(err, SL_ECORRUPT,
	    "'%s': damaged: neither of its two lines is a place", name);
}

int
sl_place_open(struct sl_place_file *file, int places, const char *name,
    struct sl_error *err)
{
	char slots[SL_PLACE_FILE_BYTES] = { 0 };
	size_t got;
	int rc;

	*file = SL_PLACE_CLOSED;
	rc = sl_fs_open_write(&file->fd, places, name, err);
	if (rc == SL_OK)
		rc =
		    sl_fs_read_at(file->fd, slots, sizeof(slots), 0, &got, err);
	if (rc == SL_OK)
		rc = choose_slot(slots, name, &file->slot, &file->place, err);
	/* Who wrote it may have been killed before his sync; the other slot,
	 * which is to be overwritten, must not be all that the disk has. */
	if (rc == SL_OK)
		rc = sl_fs_sync(file->fd, err);
	if (rc < 0)
		sl_place_close(file);
	return rc;
}

int
sl_place_read(struct sl_place *place, int places, const char *name,
    struct sl_error *err)
{
	char slots[SL_PLACE_FILE_BYTES] = { 0 };
	size_t got;
	int slot, rc;

	rc = sl_fs_load(places, name, slots, sizeof(slots), &got, err);
	return rc < 0 ? rc : choose_slot(slots, name, &slot, place, err);
}

/* A file with one place: the other slot is empty. */
static void
print_file(const struct sl_place *place, char slots[SL_PLACE_FILE_BYTES])
{
	memset(slots, ' ', SL_PLACE_FILE_BYTES);
	slots[SL_PLACE_FILE_BYTES - 1] = '\n';
	sl_place_print(place, slots);
}

int
sl_place_create(int places, const char *name, const struct sl_place *place,
    const struct sl_fs_like *like, struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE], slots[SL_PLACE_FILE_BYTES];
	struct sl_error ignored;
	size_t done;
	int fd = -1;
	int rc;

	print_file(place, slots);
	sl_fs_scratch_name(scratch);
	rc = sl_fs_create(&fd, places, scratch, like, SL_FS_READABLE, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_write_at(fd, slots, sizeof(slots), 0, &done, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(fd, err);
	sl_fs_close(&fd);
	if (rc == SL_OK)
		rc = sl_fs_rename_new(places, scratch, name, err);
	if (rc == SL_OK)
		return SL_OK;
	if (err->sys == EEXIST)
		rc = sl_error_set(err, SL_EEXISTS, "'%s': is there", name);
	if (sl_fs_remove_tree(places, scratch, &ignored) < 0)
		sl_error_wrap(err, "'%s' is left", scratch);
	return rc;
}

int
sl_place_replace(int places, const char *name, const struct sl_place *place,
    const struct sl_fs_like *like, struct sl_error *err)
{
	char slots[SL_PLACE_FILE_BYTES];

	print_file(place, slots);
	return sl_fs_replace(places, name, slots, sizeof(slots), like, err);
}

int
sl_place_write(struct sl_place_file *file, const struct sl_place *place,
    struct sl_error *err)
{
	struct sl_place next = *place;
	char slot[SL_PLACE_SLOT_BYTES];
	size_t done;
	int other = 1 - file->slot;
	int rc;

	next.seq = file->place.seq + 1;
	sl_place_print(&next, slot);
	rc = sl_fs_write_at(file->fd, slot, sizeof(slot),
	    (uint64_t)other * SL_PLACE_SLOT_BYTES, &done, err);
	if (rc < 0)
		return rc;
	file->slot = other;
	file->place = next;
	return SL_OK;
}
