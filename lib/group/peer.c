/* peer.c: the members of a group that live; see peer.h. */
#include "peer.h"

#include "lock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CARD_BYTES_MAX ((size_t)1 << 20)
#define INCARNATION_DIGITS 16
/*
 * A look counts no more than this as silence of the others: where more time has
 * passed it was this process that was stopped, or the machine that slept.
 */
#define SILENCE_STEP_MS 1500

/* ---- Ids ---- */

#define NAME_LETTERS                                                           \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"

void
sl_peer_id(char id[SL_PEER_ID_SIZE])
{
	char host[49] = "";
	uint64_t incarnation;
	size_t i;

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		strcpy(host, "localhost");
	for (i = 0; host[i] != '\0'; i++)
		if (strchr(NAME_LETTERS, host[i]) == NULL)
			host[i] = '_';
	sl_fs_random(&incarnation, sizeof(incarnation));
	snprintf(id, SL_PEER_ID_SIZE, "%s:%ld-%016" PRIx64, host,
	    (long)getpid(), incarnation);
}

bool
sl_peer_id_is(const char *id)
{
	size_t bytes = strlen(id);
	const char *dash = strrchr(id, '-');

	return bytes < SL_PEER_ID_SIZE && dash != NULL && dash > id &&
	       dash - id < SL_MEMBER_NAME_SIZE &&
	       strspn(id, NAME_LETTERS) == bytes && id[0] != '.' &&
	       strlen(dash + 1) == INCARNATION_DIGITS &&
	       strspn(dash + 1, "0123456789abcdef") == INCARNATION_DIGITS;
}

void
sl_peer_name(const char *id, char name[SL_MEMBER_NAME_SIZE])
{
	const char *dash = strrchr(id, '-');
	size_t bytes = dash == NULL ? strlen(id) : (size_t)(dash - id);

	snprintf(name, SL_MEMBER_NAME_SIZE, "%.*s", (int)bytes, id);
}

/* ---- Cards ---- */

static void
card_release(struct sl_peer_card *card)
{
	while (card->word_count > 0)
		free(card->words[--card->word_count]);
	free(card->words);
	card->words = NULL;
}

/* The text of a card, a line of JSON; free(3) it. NULL: no memory. */
static char *
card_print(const char *id, const struct sl_peer_card *card, size_t *bytes)
{
	char name[SL_MEMBER_NAME_SIZE];
	size_t room = 256, at, i;
	char *text;

	for (i = 0; i < card->word_count; i++)
		room += 6 * strlen(card->words[i]) + 3;
	text = malloc(room);
	if (text == NULL)
		return NULL;
	sl_peer_name(id, name);
	at = (size_t)snprintf(text, room,
	    "{\"member\":\"%s\",\"session_timeout_ms\":%" PRId64
	    ",\"exclusive\":%s,\"topics\":[",
	    name, card->session_timeout_ms,
	    card->is_exclusive ? "true" : "false");
	for (i = 0; i < card->word_count; i++) {
		if (i > 0)
			text[at++] = ',';
		at += sl_json_quote(card->words[i], strlen(card->words[i]),
		    text + at);
	}
	memcpy(text + at, "]}\n", 3);
	*bytes = at + 3;
	return text;
}

static bool
add_word(struct sl_peer_card *card, const struct sl_json_member *value)
{
	char **grown, *word;
	long bytes;

	grown = reallocarray(card->words, card->word_count + 1, sizeof(*grown));
	if (grown == NULL)
		return false;
	card->words = grown;
	word = malloc(value->value_bytes + 1);
	if (word == NULL)
		return false;
	bytes = value->value[0] == '"'
	            ? sl_json_unescape(value->value, value->value_bytes, word)
	            : -1;
	word[bytes < 0 ? 0 : bytes] = '\0';
	card->words[card->word_count++] = word;
	return bytes >= 0;
}

/* False: it is no card, or memory lacks. */
static bool
card_parse(const char *text, size_t bytes, struct sl_peer_card *card)
{
	struct sl_json_member word;
	const char *value;
	size_t size, at = 0;

	*card = (struct sl_peer_card){ .words = NULL };
	if (bytes > 0 && text[bytes - 1] == '\n')
		bytes--;
	if (sl_scan_explain(text, bytes, &size) != NULL || text[0] != '{')
		return false;
	value = sl_json_find(text, bytes, "session_timeout_ms", &size);
	if (value == NULL)
		return false;
	card->session_timeout_ms = strtoll(value, NULL, 10);
	value = sl_json_find(text, bytes, "exclusive", &size);
	card->is_exclusive = value != NULL && value[0] == 't';
	value = sl_json_find(text, bytes, "topics", &size);
	if (value == NULL || value[0] != '[')
		return false;
	while (sl_json_next(value, size, &at, &word))
		if (!add_word(card, &word))
			return false;
	return card->session_timeout_ms > 0;
}

const struct sl_peer *
sl_peers_find(const struct sl_peers *peers, const char *id)
{
	size_t i;

	for (i = 0; i < peers->count; i++)
		if (peers->list[i].is_live &&
		    strcmp(peers->list[i].id, id) == 0)
			return &peers->list[i];
	return NULL;
}

size_t
sl_peers_live(const struct sl_peers *peers)
{
	size_t i, count = 0;

	for (i = 0; i < peers->count; i++)
		count += peers->list[i].is_live;
	return count;
}

bool
sl_peer_wants(const struct sl_peer *peer, const char *topic)
{
	size_t i;

	for (i = 0; i < peer->card.word_count; i++)
		if (sl_glob_match(peer->card.words[i], topic))
			return true;
	return false;
}

/* ---- Who lives ---- */

void
sl_peers_release(struct sl_peers *peers)
{
	while (peers->count > 0)
		card_release(&peers->list[--peers->count].card);
	free(peers->list);
	peers->list = NULL;
}

static struct sl_peer *
find_peer(const struct sl_peers *peers, const char *id)
{
	size_t i;

	for (i = 0; i < peers->count; i++)
		if (strcmp(peers->list[i].id, id) == 0)
			return &peers->list[i];
	return NULL;
}

static int
add_peer(struct sl_peers *peers, const char *id, struct sl_peer_card *card,
    struct sl_peer **peer, struct sl_error *err)
{
	struct sl_peer *grown;
	size_t at = peers->count;

	grown = reallocarray(peers->list, at + 1, sizeof(*grown));
	if (grown == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	peers->list = grown;
	while (at > 0 && strcmp(grown[at - 1].id, id) > 0) {
		grown[at] = grown[at - 1];
		at--;
	}
	grown[at] = (struct sl_peer){ .card = *card };
	snprintf(grown[at].id, sizeof(grown[at].id), "%s", id);
	peers->count++;
	*peer = &grown[at];
	return SL_OK;
}

/* One look at all files; `step_ms` is what an unchanged heartbeat adds. */
struct look {
	struct sl_peers *peers;
	int members;
	bool sweep;
	bool has_changed;
	int64_t step_ms;
};

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Take up one that is new. SL_END: its file is no card, so it is no member. */
static int
meet_peer(struct look *look, const char *id, struct sl_peer **peer,
    struct sl_error *err)
{
	struct sl_peer_card card;
	char *text;
	size_t bytes;
	int rc;

	rc = sl_fs_read_file(look->members, id, CARD_BYTES_MAX, &text, &bytes,
	    err);
	if (rc < 0)
		return err->sys == ENOENT || rc == SL_ECORRUPT ? SL_END : rc;
	rc = SL_END;
	if (card_parse(text, bytes, &card))
		rc = add_peer(look->peers, id, &card, peer, err);
	free(text);
	if (rc != SL_OK)
		card_release(&card);
	return rc;
}

/* Does it live, as far as its file can tell? */
static int
look_at_peer(struct look *look, const char *id, int fd, struct sl_error *err)
{
	struct sl_peer *peer = find_peer(look->peers, id);
	struct stat st;
	bool is_live;
	int rc;

	if (fstat(fd, &st) != 0)
		return sl_error_sys(err, errno, "'%s'", id);
	if (peer == NULL) {
		rc = meet_peer(look, id, &peer, err);
		if (rc != SL_OK)
			return rc;
	} else if (is_same_time(&peer->beat, &st.st_mtim)) {
		peer->silent_ms += look->step_ms;
	} else {
		peer->silent_ms = 0;
	}
	peer->beat = st.st_mtim;
	is_live = peer->silent_ms < peer->card.session_timeout_ms;
	look->has_changed |= is_live != peer->is_live;
	peer->is_live = is_live;
	/* Who is silent stays in mind until it is put out. */
	peer->is_seen = is_live || !look->sweep;
	return peer->is_seen ? SL_OK : SL_END;
}

static int
look_at_file(void *arg, const char *name, struct sl_error *err)
{
	struct look *look = arg;
	int fd = -1, rc;

	if (!sl_peer_id_is(name) && name[0] != '~')
		return SL_OK; /* not ours */
	rc = sl_fs_open_read(&fd, look->members, name, err);
	if (rc < 0 && rc != SL_ECORRUPT && err->sys != ELOOP)
		return err->sys == ENOENT ? SL_OK : rc;
	rc = SL_END;
	if (fd >= 0 && name[0] != '~' && sl_lock_is_held(fd, 0))
		rc = look_at_peer(look, name, fd, err);
	sl_fs_close(&fd);
	look->peers->has_dead |= rc == SL_END && !look->sweep;
	if (rc == SL_END && look->sweep)
		rc = sl_fs_remove_tree(look->members, name, err);
	return rc < 0 ? rc : SL_OK;
}

int
sl_peers_look(struct sl_peers *peers, int members, bool sweep,
    bool *has_changed, struct sl_error *err)
{
	struct look look = { .peers = peers,
		.members = members,
		.sweep = sweep };
	size_t i, kept = 0;
	int rc;

	look.step_ms = sl_monotonic_ms() - peers->looked_ms;
	if (look.step_ms > SILENCE_STEP_MS)
		look.step_ms = SILENCE_STEP_MS;
	peers->has_dead = false;
	for (i = 0; i < peers->count; i++)
		peers->list[i].is_seen = false;
	rc = sl_fs_list(members, look_at_file, &look, err);
	/* Only now: one stopped in a look would take the others for silent. */
	peers->looked_ms = sl_monotonic_ms();
	*has_changed = look.has_changed;
	if (rc < 0)
		return sl_error_wrap(err, "members");
	for (i = 0; i < peers->count; i++) {
		if (peers->list[i].is_seen) {
			peers->list[kept++] = peers->list[i];
			continue;
		}
		*has_changed |= peers->list[i].is_live;
		card_release(&peers->list[i].card);
	}
	peers->count = kept;
	return SL_OK;
}

/* ---- Being one ---- */

int
sl_peer_enter(int *fd, int members, const char *id,
    const struct sl_peer_card *card, const struct sl_fs_like *like,
    struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct sl_error ignored;
	size_t bytes = 0, done;
	char *text;
	int rc;

	text = card_print(id, card, &bytes);
	if (text == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	sl_fs_scratch_name(scratch);
	rc = sl_fs_create(fd, members, scratch, like, SL_FS_READABLE, err);
	if (rc == SL_OK)
		rc = sl_lock_take(*fd, 0, true, 0, err);
	if (rc == SL_OK)
		rc = sl_fs_write_at(*fd, text, bytes, 0, &done, err);
	if (rc == SL_OK)
		rc = sl_fs_rename_new(members, scratch, id, err);
	free(text);
	if (rc == SL_OK)
		return SL_OK;
	sl_fs_close(fd);
	if (sl_fs_remove_tree(members, scratch, &ignored) < 0)
		sl_error_wrap(err, "'%s' is left", scratch);
	return sl_error_wrap(err, "members");
}

bool
sl_peer_is_in(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

void
sl_peer_beat(int fd)
{
	/* Where it can't be set it is missed, and this member put out. */
	sl_fs_touch(fd);
}
