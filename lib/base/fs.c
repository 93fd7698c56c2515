/* fs.c: durable verbs; see fs.h. */
#include "fs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define F2FS_MAGIC 0xF2F52010
#define XFS_MAGIC 0x58465342
#define ZFS_MAGIC 0x2FC12FC1

#define REMOVE_TRIES 100

/*
 * The one way to a file. Beneath a directory a name is one component, not the
 * way up, and no link: what openat2(2) has RESOLVE_BENEATH and
 * RESOLVE_NO_SYMLINKS for, on every kernel.
 */
static int
open_name(int at, const char *name, int flags, mode_t mode)
{
	if (at == AT_FDCWD)
		return open(name, flags | O_CLOEXEC, mode);
	if (strchr(name, '/') == NULL && strcmp(name, "..") != 0)
		return openat(at, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	errno = EINVAL;
	return -1;
}

int
sl_fs_open_dir(int *fd, int at, const char *name, struct sl_error *err)
{
	*fd = open_name(at, name, O_RDONLY | O_DIRECTORY, 0);
	if (*fd < 0)
		return sl_error_sys(err, errno, "'%s'", name);
	return SL_OK;
}

int
sl_fs_like_of(int dir, struct sl_fs_like *like, struct sl_error *err)
{
	struct stat st;

	if (fstat(dir, &st) != 0)
		return sl_error_sys(err, errno, "fstat");
	like->mode = st.st_mode & 07777;
	like->uid = st.st_uid;
	like->gid = st.st_gid;
	return SL_OK;
}

/* O_NONBLOCK: a FIFO in the file's place must not hang us. */
static int
open_regular(int *fd, int at, const char *name, int flags, struct sl_error *err)
{
	struct stat st;

	*fd = open_name(at, name, flags | O_NONBLOCK | O_NOCTTY, 0);
	if (*fd < 0 && (errno == EISDIR || errno == ENXIO))
		return sl_error_set(err, SL_ECORRUPT,
		    "'%s': not a regular file", name);
	if (*fd < 0)
		return sl_error_sys(err, errno, "'%s'", name);
	if (fstat(*fd, &st) != 0) {
		sl_error_sys(err, errno, "'%s'", name);
	} else if (!S_ISREG(st.st_mode)) {
		sl_error_set(err, SL_ECORRUPT, "'%s': not a regular file",
		    name);
	} else if ((flags & O_ACCMODE) == O_RDWR && st.st_nlink > 1) {
		sl_error_set(err, SL_ECORRUPT,
		    "'%s': has a second hard link, so it is not written", name);
	} else {
		return SL_OK;
	}
	sl_fs_close(fd);
	return err->code;
}

int
sl_fs_open_read(int *fd, int at, const char *name, struct sl_error *err)
{
	return open_regular(fd, at, name, O_RDONLY, err);
}

int
sl_fs_open_write(int *fd, int at, const char *name, struct sl_error *err)
{
	return open_regular(fd, at, name, O_RDWR, err);
}

/* Root acts as the owner; the others may lack the right to give away. */
static void
take_after(int fd, const struct sl_fs_like *like, mode_t mode)
{
	if (geteuid() == 0 && fchown(fd, like->uid, like->gid) != 0)
		return;
	(void)fchmod(fd, mode);
}

int
sl_fs_create(int *fd, int at, const char *name, const struct sl_fs_like *like,
    enum sl_fs_secrecy secrecy, struct sl_error *err)
{
	mode_t mode = like->mode & 0666;

	if (secrecy == SL_FS_WRITERS_ONLY)
		mode = (like->mode & 0222) | (like->mode & 0222) << 1;
	*fd = open_name(at, name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (*fd < 0)
		return sl_error_sys(err, errno, "'%s'", name);
	take_after(*fd, like, mode | 0600);
	return SL_OK;
}

int
sl_fs_create_dir(int at, const char *name, const struct sl_fs_like *like,
    struct sl_error *err)
{
	int fd, rc;

	if (mkdirat(at, name, 0700) != 0)
		return sl_error_sys(err, errno, "'%s'", name);
	rc = sl_fs_open_dir(&fd, at, name, err);
	if (rc < 0)
		return rc;
	take_after(fd, like, like->mode);
	sl_fs_close(&fd);
	return SL_OK;
}

int
sl_fs_create_dir_by_umask(int at, const char *name, struct sl_fs_like *like,
    struct sl_error *err)
{
	const mode_t shared = S_ISGID | S_IWGRP;
	struct sl_fs_like parent;
	int fd, rc;

	rc = sl_fs_like_of(at, &parent, err);
	if (rc < 0)
		return rc;
	if (mkdirat(at, name, 0777) != 0)
		return sl_error_sys(err, errno, "'%s'", name);
	rc = sl_fs_open_dir(&fd, at, name, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_like_of(fd, like, err);
	if ((parent.mode & shared) == shared)
		like->mode |= S_ISGID | S_IRWXG;
	like->uid = geteuid() == 0 ? parent.uid : like->uid;
	like->gid = geteuid() == 0 ? parent.gid : like->gid;
	take_after(fd, like, like->mode);
	sl_fs_close(&fd);
	return rc;
}

int
sl_fs_read_at(int fd, void *to, size_t bytes, uint64_t position, size_t *got,
    struct sl_error *err)
{
	ssize_t n;

	for (*got = 0; *got < bytes; *got += (size_t)n) {
		n = pread(fd, (char *)to + *got, bytes - *got,
		    (off_t)(position + *got));
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return sl_error_sys(err, errno, "read");
	}
	return SL_OK;
}

int
sl_fs_write_at(int fd, const void *from, size_t bytes, uint64_t position,
    size_t *done, struct sl_error *err)
{
	ssize_t n;

	for (*done = 0; *done < bytes; *done += (size_t)n) {
		n = pwrite(fd, (const char *)from + *done, bytes - *done,
		    (off_t)(position + *done));
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return sl_error_sys(err, errno, "write");
	}
	return SL_OK;
}

int
sl_fs_size(int fd, uint64_t *bytes, struct sl_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return sl_error_sys(err, errno, "fstat");
	*bytes = (uint64_t)st.st_size;
	return SL_OK;
}

int
sl_fs_cut(int fd, uint64_t bytes, struct sl_error *err)
{
	while (ftruncate(fd, (off_t)bytes) != 0) {
		if (errno != EINTR)
			return sl_error_sys(err, errno, "ftruncate");
	}
	return SL_OK;
}

int
sl_fs_sync(int fd, struct sl_error *err)
{
	if (fdatasync(fd) != 0)
		return sl_error_sys(err, errno, "fdatasync");
	return SL_OK;
}

int
sl_fs_sync_dir(int fd, struct sl_error *err)
{
	if (fsync(fd) != 0)
		return sl_error_sys(err, errno, "fsync of the directory");
	return SL_OK;
}

int
sl_fs_sync_names(int dir, unsigned levels, struct sl_error *err)
{
	int above = -1;
	int rc;

	rc = sl_fs_sync_dir(dir, err);
	if (rc < 0 || levels == 0)
		return rc;
	above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return errno == EACCES ? SL_OK
		                       : sl_error_sys(err, errno, "'..'");
	rc = sl_fs_sync_names(above, levels - 1, err);
	sl_fs_close(&above);
	return rc;
}

void
sl_fs_begin_sync(int fd, uint64_t position, uint64_t bytes)
{
	(void)sync_file_range(fd, (off_t)position, (off_t)bytes,
	    SYNC_FILE_RANGE_WRITE);
}

int
sl_fs_await_sync(int fd, uint64_t position, uint64_t bytes,
    struct sl_error *err)
{
	if (sync_file_range(fd, (off_t)position, (off_t)bytes,
	        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
	            SYNC_FILE_RANGE_WAIT_AFTER) == 0 ||
	    errno == ENOSYS) /* then sl_fs_sync() has it all to do */
		return SL_OK;
	return sl_error_sys(err, errno, "sync_file_range");
}

static int
replace(int at, const char *name, const void *text, size_t bytes,
    const struct sl_fs_like *like, bool is_durable, struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	size_t done;
	int fd = -1;
	int rc;

	sl_fs_scratch_name(scratch);
	rc = sl_fs_create(&fd, at, scratch, like, SL_FS_READABLE, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_write_at(fd, text, bytes, 0, &done, err);
	if (rc == SL_OK && is_durable)
		rc = sl_fs_sync(fd, err);
	sl_fs_close(&fd);
	if (rc == SL_OK && renameat(at, scratch, at, name) != 0)
		rc = sl_error_sys(err, errno, "rename to '%s'", name);
	if (rc == SL_OK)
		return is_durable ? sl_fs_sync_dir(at, err) : SL_OK;
	(void)unlinkat(at, scratch, 0);
	return rc;
}

int
sl_fs_replace(int at, const char *name, const void *text, size_t bytes,
    const struct sl_fs_like *like, struct sl_error *err)
{
	return replace(at, name, text, bytes, like, true, err);
}

int
sl_fs_publish(int at, const char *name, const void *text, size_t bytes,
    const struct sl_fs_like *like, struct sl_error *err)
{
	return replace(at, name, text, bytes, like, false, err);
}

void
sl_fs_read_ahead(int fd)
{
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void
sl_fs_touch(int fd)
{
	(void)futimens(fd, NULL);
}

int
sl_fs_read_file(int at, const char *name, size_t bytes_max, char **text,
    size_t *bytes, struct sl_error *err)
{
	uint64_t size = 0;
	int fd = -1;
	int rc;

	*text = NULL;
	*bytes = 0;
	rc = sl_fs_open_read(&fd, at, name, err);
	if (rc < 0)
		return rc;
	rc = sl_fs_size(fd, &size, err);
	if (rc == SL_OK && size > bytes_max)
		rc = sl_error_set(err, SL_ECORRUPT,
		    "'%s': larger than %zu bytes", name, bytes_max);
	if (rc == SL_OK) {
		*text = malloc(size + 1);
		if (*text == NULL)
			rc = sl_error_set(err, SL_ENOMEM, "no memory");
		else
			rc = sl_fs_read_at(fd, *text, size, 0, bytes, err);
	}
	sl_fs_close(&fd);
	if (rc < 0) {
		free(*text);
		*text = NULL;
		return rc;
	}
	(*text)[*bytes] = '\0';
	return SL_OK;
}

int
sl_fs_load(int at, const char *name, void *to, size_t bytes, size_t *got,
    struct sl_error *err)
{
	int fd = open_name(at, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	int rc;

	*got = 0;
	if (fd < 0)
		return sl_error_sys(err, errno, "'%s'", name);
	rc = sl_fs_read_at(fd, to, bytes, 0, got, err);
	sl_fs_close(&fd);
	return rc < 0 ? sl_error_wrap(err, "'%s'", name) : SL_OK;
}

int
sl_fs_rename_new(int at, const char *from, const char *to, struct sl_error *err)
{
	struct stat st;

	if (renameat2(at, from, at, to, RENAME_NOREPLACE) == 0)
		return SL_OK;
	if (errno != EINVAL && errno != ENOSYS)
		return sl_error_sys(err, errno, "rename to '%s'", to);
	/* An old file system: a directory never replaces a full one. */
	if (fstatat(at, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return sl_error_sys(err, EEXIST, "rename to '%s'", to);
	if (renameat(at, from, at, to) != 0)
		return sl_error_sys(err, errno == ENOTEMPTY ? EEXIST : errno,
		    "rename to '%s'", to);
	return SL_OK;
}

int
sl_fs_rename_over(int at, const char *from, const char *to,
    struct sl_error *err)
{
	if (renameat(at, from, at, to) != 0)
		return sl_error_sys(err, errno, "rename to '%s'", to);
	return SL_OK;
}

int
sl_fs_unlink(int at, const char *name, struct sl_error *err)
{
	if (unlinkat(at, name, 0) != 0 && errno != ENOENT)
		return sl_error_sys(err, errno, "remove '%s'", name);
	return SL_OK;
}

static int
remove_below(void *arg, const char *name, struct sl_error *err)
{
	return sl_fs_remove_tree(*(int *)arg, name, err);
}

int
sl_fs_remove_tree(int at, const char *name, struct sl_error *err)
{
	int dir = -1, tries = 0;
	int rc;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return SL_OK;
	if (errno != EISDIR && errno != EPERM)
		return sl_error_sys(err, errno, "'%s'", name);
	rc = sl_fs_open_dir(&dir, at, name, err);
	while (rc == SL_OK) {
		rc = sl_fs_list(dir, remove_below, &dir, err);
		if (rc < 0 || unlinkat(at, name, AT_REMOVEDIR) == 0 ||
		    errno == ENOENT)
			break;
		/* Who has it open may have made a file there just now. */
		if (errno != ENOTEMPTY || ++tries == REMOVE_TRIES)
			rc = sl_error_sys(err, errno, "'%s'", name);
	}
	sl_fs_close(&dir);
	return rc;
}

int
sl_fs_create_whole(int at, const char *path, const char *name,
    int (*fill)(void *arg, int fd, const struct sl_fs_like *like,
        struct sl_error *err),
    void *arg, struct sl_error *err)
{
	char scratch[SL_FS_SCRATCH_SIZE];
	struct sl_error ignored;
	struct sl_fs_like like;
	int fd = -1;
	int rc;

	sl_fs_scratch_name(scratch);
	rc = sl_fs_create_dir_by_umask(at, scratch, &like, err);
	if (rc < 0)
		return sl_error_sys(err, err->sys, "make it in '%s'", path);
	rc = sl_fs_open_dir(&fd, at, scratch, err);
	if (rc == SL_OK)
		rc = sl_fs_check_kind(fd, err);
	if (rc == SL_OK)
		rc = fill(arg, fd, &like, err);
	sl_fs_close(&fd);
	if (rc == SL_OK)
		rc = sl_fs_rename_new(at, scratch, name, err);
	if (rc == SL_OK)
		return sl_fs_sync_dir(at, err);
	if (sl_fs_remove_tree(at, scratch, &ignored) < 0)
		sl_error_wrap(err, "'%s' is left half made", scratch);
	return rc;
}

int
sl_fs_list(int dir, int (*each)(void *, const char *, struct sl_error *),
    void *arg, struct sl_error *err)
{
	struct dirent *entry;
	int fd, rc = SL_OK;
	DIR *stream;

	/* A descriptor of its own: a shared one would share the place. */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return sl_error_sys(err, errno, "open the directory");
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return sl_error_set(err, SL_ENOMEM, "no memory");
	}
	for (;;) {
		errno = 0;
		entry = readdir(stream);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		rc = each(arg, entry->d_name, err);
		if (rc != SL_OK)
			break;
	}
	if (entry == NULL && errno != 0)
		rc = sl_error_sys(err, errno, "list the directory");
	closedir(stream);
	return rc;
}

/* File systems of this host alone whose syncs and locks are known (RULE 11). */
static bool
kind_is_known(long kind)
{
	switch ((unsigned long)kind) {
	case EXT4_SUPER_MAGIC: /* ext2 and ext3, too */
	case XFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_MAGIC:
	case ZFS_MAGIC:
	case TMPFS_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

int
sl_fs_free_bytes(int fd, uint64_t *bytes, struct sl_error *err)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) != 0)
		return sl_error_sys(err, errno, "statvfs");
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return SL_OK;
}

bool
sl_fs_is_local(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && kind_is_known((long)fs.f_type);
}

int
sl_fs_check_kind(int fd, struct sl_error *err)
{
	const char *remote = getenv("STREAMLOG_REMOTE");
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return sl_error_sys(err, errno, "statfs");
	if (kind_is_known((long)fs.f_type) ||
	    (remote != NULL && strcmp(remote, "one-host") == 0))
		return SL_OK;
	sl_error_set(err, SL_EIO,
	    "a file system of kind 0x%lx is not written: its locks or syncs "
	    "may not hold; STREAMLOG_REMOTE=one-host says that one host alone "
	    "uses it",
	    (unsigned long)fs.f_type);
	err->sys = EOPNOTSUPP;
	return SL_EIO;
}

void
sl_fs_random(void *to, size_t bytes)
{
	ssize_t n;

	assert(bytes <= 256); /* so that getrandom never gives less */
	do {
		n = getrandom(to, bytes, 0);
	} while (n < 0 && errno == EINTR);
	assert(n == (ssize_t)bytes);
}

void
sl_fs_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
