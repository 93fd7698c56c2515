/*
 * place.h: one group's place in one partition. Floor: group.
 *
 * A file of two slots of fixed width, each a line of JSON with a checksum of
 * its own. A commit overwrites the one that is not the best, so that a torn
 * write leaves the other: 80 us a commit, where a rename costs 1.5 ms. The best
 * is the valid one with the highest seq.
 *
 * Only the partition's owner writes, under the group's shared lock, after it
 * saw there that it is the owner (RULE 17); or who changes places while no
 * member lives, under the exclusive one. A crash leaves one slot torn at most.
 * Readers take no lock: they may see a slot half written, and take the other.
 * streamlog-format(5) draws it.
 */
#ifndef SL_PLACE_H
#define SL_PLACE_H

#include "config.h"
#include "fs.h"

#define SL_PLACE_SLOT_BYTES 512
#define SL_PLACE_FILE_BYTES (2 * SL_PLACE_SLOT_BYTES)
/* "TOPIC-4095" */
#define SL_PLACE_NAME_SIZE (SL_TOPIC_NAME_MAX + 1 + 5)

struct sl_place {
	uint64_t seq;
	char topic_id[SL_TOPIC_ID_SIZE];
	uint64_t offset; /* the next to read */
	uint64_t generation;
	char member[SL_MEMBER_NAME_SIZE]; /* who committed, for people */
	int64_t time_ms;                  /* when, for people */
};

/* ---- One slot; pure ---- */

/* A slot's text, newline at its end. The member's name is one (see id.h). */
void sl_place_print(const struct sl_place *place,
    char slot[SL_PLACE_SLOT_BYTES]);

/*
 * A slot is valid if and only if (1) it has the members that sl_place_print()
 * makes, in their order, and blanks behind them, and (2) its checksum holds.
 */
bool sl_place_parse(const char slot[SL_PLACE_SLOT_BYTES],
    struct sl_place *place);

/* ---- The file ---- */

struct sl_place_file {
	int fd;                /* owned; -1: closed */
	int slot;              /* the best one's */
	struct sl_place place; /* as it is there */
};
#define SL_PLACE_CLOSED ((struct sl_place_file){ .fd = -1 })

void sl_place_name(char name[SL_PLACE_NAME_SIZE], const char *topic,
    int partition);
/* The other way round; false: no place is called that. */
bool sl_place_name_parse(const char *name, char topic[SL_TOPIC_NAME_MAX + 1],
    int *partition);

/*
 * Open a place in the directory `places` for writing, and read it; what was
 * read is on disk. SL_EIO with ENOENT: there is none. SL_ECORRUPT: neither slot
 * is valid.
 */
SL_MUST_USE int sl_place_open(struct sl_place_file *file, int places,
    const char *name, struct sl_error *err);
void sl_place_close(struct sl_place_file *file);

/* Read one; fails as that does. */
SL_MUST_USE int sl_place_read(struct sl_place *place, int places,
    const char *name, struct sl_error *err);

/*
 * Make a place, whole and synced but for its name in the directory. SL_EEXISTS:
 * there is one.
 */
SL_MUST_USE int sl_place_create(int places, const char *name,
    const struct sl_place *place, const struct sl_fs_like *like,
    struct sl_error *err);

/* Put one in place of what stands there, damaged or none; durable. */
SL_MUST_USE int sl_place_replace(int places, const char *name,
    const struct sl_place *place, const struct sl_fs_like *like,
    struct sl_error *err);

/*
 * Write what is to be the best from now on; `seq` is set here. Not synced: that
 * comes after the group's lock was let go of, by sl_fs_sync(file->fd).
 */
SL_MUST_USE int sl_place_write(struct sl_place_file *file,
    const struct sl_place *place, struct sl_error *err);

#endif
