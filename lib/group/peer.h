/*
 * peer.h: the members of a group that live. Floor: group.
 *
 * members/ID is a file for each, locked by its member (byte 0, exclusive) while
 * it lives: the kernel lets go when it dies, and tells who watches the
 * directory (IN_CLOSE_WRITE). ID is HOST:PID-INCARNATION, 64 random bits in
 * hex, for pids come again. Written once, before it has its name, by its
 * member; its time is the heartbeat, set by the member each third of its
 * session time-out.
 *
 * A file that nobody locks is a dead member's, or of before a reboot. It is
 * removed, as is that of one silent for its session time-out, under the group's
 * exclusive lock after a second look (RULES 18 to 20): who finds its own file
 * removed has been put out, and joins again under another id.
 */
#ifndef SL_PEER_H
#define SL_PEER_H

#include "fs.h"

#define SL_PEER_ID_SIZE 81 /* SL_MEMBER_NAME_SIZE + "-" and 16 digits */

/* This process as a member: a new id; and the name in one, HOST:PID. */
void sl_peer_id(char id[SL_PEER_ID_SIZE]);
bool sl_peer_id_is(const char *id);
void sl_peer_name(const char *id, char name[SL_MEMBER_NAME_SIZE]);

/* What a member says of itself in its file. */
struct sl_peer_card {
	int64_t session_timeout_ms;
	bool is_exclusive;
	char **words; /* owned: its topics, names and globs */
	size_t word_count;
};

struct sl_peer {
	char id[SL_PEER_ID_SIZE];
	struct sl_peer_card card;
	struct timespec beat; /* its heartbeat, as seen last */
	int64_t silent_ms;    /* for how long it was seen not to change */
	bool is_live;         /* its file is locked, and it is not silent */
	bool is_seen;         /* in the look under way */
};

struct sl_peers {
	struct sl_peer *list; /* owned; in the order of ids */
	size_t count;
	int64_t looked_ms; /* when the last look ended */
	bool has_dead;     /* files of dead ones are left, or half made ones */
};
#define SL_PEERS_EMPTY ((struct sl_peers){ .list = NULL })
void sl_peers_release(struct sl_peers *peers);

/* The live member of that id; NULL: there is none. And how many live. */
const struct sl_peer *sl_peers_find(const struct sl_peers *peers,
    const char *id);
size_t sl_peers_live(const struct sl_peers *peers);

/* Does one of a member's words stand for this topic? */
bool sl_peer_wants(const struct sl_peer *peer, const char *topic);

/*
 * See who lives in the directory `members`. *has_changed says whether it is
 * others than before. `sweep`: remove the files of those that don't; the
 * group's exclusive lock is held.
 */
SL_MUST_USE int sl_peers_look(struct sl_peers *peers, int members, bool sweep,
    bool *has_changed, struct sl_error *err);

/*
 * Make this member's file; the group's exclusive lock is held. *fd holds its
 * lock as long as it is open, and its directory's mode and owner are `like`.
 */
SL_MUST_USE int sl_peer_enter(int *fd, int members, const char *id,
    const struct sl_peer_card *card, const struct sl_fs_like *like,
    struct sl_error *err);

/* Is this member's file still there? If not, it was put out. */
bool sl_peer_is_in(int fd);

/* The heartbeat. */
void sl_peer_beat(int fd);

#endif
