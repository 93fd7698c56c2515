/*
 * tree.c: a directory brought to a state; see tree.h.
 *
 * What was written here has a time of change that nobody else gives; so what a
 * program touched afterwards is seen, and written again.
 */
#include "tree.h"

#include "oracle.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUR_TIME 1000000000
/* Of `ends`, whose rows name the very file that they stand in. */
#define ENDS_ROW_AT 36
#define ENDS_INODE_AT (ENDS_ROW_AT + 7 + 3 * 21)
#define ENDS_BIRTH_AT (ENDS_INODE_AT + 21)
#define ENDS_SUM_AT (ENDS_BIRTH_AT + 21)

static void
must(int is_so, const char *what)
{
	if (is_so)
		return;
	perror(what);
	exit(2);
}

struct slot *
tree_slot(struct tree *tree, size_t number)
{
	assert(number <= tree->count);
	if (number == tree->count) {
		tree->slots =
		    realloc(tree->slots, (number + 1) * sizeof(*tree->slots));
		assert(tree->slots != NULL);
		tree->slots[tree->count++] = (struct slot){ .path = NULL };
	}
	return &tree->slots[number];
}

static void
remove_all(int at, const char *name)
{
	struct dirent *entry;
	DIR *stream;
	int dir;

	if (unlinkat(at, name, 0) == 0)
		return;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = dir < 0 ? NULL : fdopendir(dir);
	must(stream != NULL, name);
	for (;;) {
		entry = readdir(stream);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			remove_all(dir, entry->d_name);
	}
	closedir(stream);
	must(unlinkat(at, name, AT_REMOVEDIR) == 0, name);
}

static struct slot *
find(struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->count; i++) {
		if (tree->slots[i].path != NULL &&
		    tree->slots[i].kind != SLOT_GONE &&
		    strcmp(tree->slots[i].path, path) == 0)
			return &tree->slots[i];
	}
	return NULL;
}

/* Keep what is as it should be, remove the rest. */
static void
sift(struct tree *tree, int dir, const char *path)
{
	DIR *stream = fdopendir(dir);
	char below[PATH_MAX];
	struct dirent *entry;
	struct slot *slot;
	struct stat st;

	must(stream != NULL, path);
	for (;;) {
		entry = readdir(stream);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path,
		    *path == '\0' ? "" : "/", entry->d_name);
		slot = find(tree, below);
		must(fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0,
		    below);
		if (slot == NULL ||
		    (slot->kind == SLOT_DIR) != S_ISDIR(st.st_mode)) {
			remove_all(dir, entry->d_name);
			continue;
		}
		slot->is_met = 1;
		if (slot->kind == SLOT_DIR) {
			int fd = openat(dir, entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			must(fd >= 0, below);
			sift(tree, fd, below);
		} else if (st.st_ino != slot->inode ||
		           st.st_mtim.tv_sec != OUR_TIME || st.st_nlink != 1) {
			slot->inode = 0;
		}
	}
	closedir(stream);
}

/* The file keeps its inode and birth over a power cut, and so it does here. */
static void
adopt_ends(const struct slot *slot, int fd, uint8_t *bytes)
{
	char word[32];
	struct statx stx;

	if (slot->size < ENDS_SUM_AT + 9)
		return;
	snprintf(word, sizeof(word), "%08" PRIx32,
	    oracle_crc(bytes + ENDS_ROW_AT, ENDS_SUM_AT - ENDS_ROW_AT));
	if (memcmp(word, bytes + ENDS_SUM_AT, 8) != 0 ||
	    strtoull((char *)bytes + ENDS_INODE_AT, NULL, 10) != slot->recorded)
		return;
	must(statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) == 0,
	    slot->path);
	snprintf(word, sizeof(word), "%020" PRIu64, (uint64_t)stx.stx_ino);
	memcpy(bytes + ENDS_INODE_AT, word, 20);
	snprintf(word, sizeof(word), "%020" PRIu64,
	    (uint64_t)stx.stx_btime.tv_sec * 1000000000 +
	        stx.stx_btime.tv_nsec);
	memcpy(bytes + ENDS_BIRTH_AT, word, 20);
	snprintf(word, sizeof(word), "%08" PRIx32,
	    oracle_crc(bytes + ENDS_ROW_AT, ENDS_SUM_AT - ENDS_ROW_AT));
	memcpy(bytes + ENDS_SUM_AT, word, 8);
}

static const struct timespec times[2] = { { OUR_TIME, 0 }, { OUR_TIME, 0 } };

static void
write_file(struct slot *slot)
{
	const char *name = strrchr(slot->path, '/');
	struct stat st;
	int fd;

	fd = open(slot->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && fstat(fd, &st) == 0, slot->path);
	if (st.st_nlink != 1) {
		close(fd);
		must(unlink(slot->path) == 0, slot->path);
		write_file(slot);
		return;
	}
	if (name != NULL && strcmp(name, "/ends") == 0) {
		uint8_t bytes[512];

		must(slot->size <= sizeof(bytes), slot->path);
		memcpy(bytes, slot->bytes, slot->size);
		adopt_ends(slot, fd, bytes);
		must(write(fd, bytes, slot->size) == (ssize_t)slot->size,
		    slot->path);
	} else if (slot->size > 0) {
		must(write(fd, slot->bytes, slot->size) == (ssize_t)slot->size,
		    slot->path);
	}
	must(futimens(fd, times) == 0, slot->path);
	close(fd);
	slot->inode = st.st_ino;
}

void
tree_make(struct tree *tree)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct slot *slot;

	must(fd >= 0, ".");
	for (size_t i = 0; i < tree->count; i++)
		tree->slots[i].is_met = 0;
	sift(tree, fd, "");
	for (size_t i = 0; i < tree->count; i++) {
		slot = &tree->slots[i];
		if (slot->kind == SLOT_DIR && !slot->is_met)
			must(mkdir(slot->path, 0700) == 0, slot->path);
	}
	for (size_t i = 0; i < tree->count; i++) {
		slot = &tree->slots[i];
		if (slot->kind == SLOT_FILE &&
		    (!slot->is_met || slot->inode == 0))
			write_file(slot);
	}
	/* A directory that changed just now is listed again and again. */
	for (size_t i = 0; i < tree->count; i++) {
		slot = &tree->slots[i];
		if (slot->kind == SLOT_DIR)
			must(utimensat(AT_FDCWD, slot->path, times, 0) == 0,
			    slot->path);
	}
}
