/*
 * fs.h: durable verbs over files and directories. Floor: base. The only door to
 * the disk, so that a test can own it.
 *
 * Every name is one component, opened beneath a directory descriptor without
 * following links; every descriptor is close-on-exec. What is written must be a
 * regular file with one link on a file system that keeps its word (RULE 11).
 * A file that isn't there is SL_EIO with err->sys == ENOENT.
 */
#ifndef SL_FS_H
#define SL_FS_H

#include "streamlog.h"

#include <sys/stat.h>
#include <sys/types.h>

/* Whose and how open new files are: as the topic's directory (RULE 11). */
struct sl_fs_like {
	mode_t mode; /* permission bits of that directory */
	uid_t uid;
	gid_t gid;
};

/* What a new file holds and who may read it. */
enum sl_fs_secrecy {
	SL_FS_READABLE,     /* by whoever may read the directory */
	SL_FS_WRITERS_ONLY, /* by whoever may write there: locks (RULE 1) */
};

/* Open a directory; `name` may be a path only with `at` == AT_FDCWD. */
SL_MUST_USE int sl_fs_open_dir(int *fd, int at, const char *name,
    struct sl_error *err);

/* Whose and how open the directory is. */
SL_MUST_USE int sl_fs_like_of(int dir, struct sl_fs_like *like,
    struct sl_error *err);

/* Open a regular file, for reading, or for reading and writing. */
SL_MUST_USE int sl_fs_open_read(int *fd, int at, const char *name,
    struct sl_error *err);
SL_MUST_USE int sl_fs_open_write(int *fd, int at, const char *name,
    struct sl_error *err);

/* Make a file that isn't there (else err->sys == EEXIST). */
SL_MUST_USE int sl_fs_create(int *fd, int at, const char *name,
    const struct sl_fs_like *like, enum sl_fs_secrecy secrecy,
    struct sl_error *err);

/* Make a directory that isn't there (else err->sys == EEXIST). */
SL_MUST_USE int sl_fs_create_dir(int at, const char *name,
    const struct sl_fs_like *like, struct sl_error *err);

/*
 * The same by the umask, as mkdir(1); below a directory that its group shares
 * (g+ws) the group shares it, too, and below root's hand it is the parent's
 * owner's. *like says how it came out.
 */
SL_MUST_USE int sl_fs_create_dir_by_umask(int at, const char *name,
    struct sl_fs_like *like, struct sl_error *err);

/*
 * Make a directory that appears whole: under a scratch name by the umask,
 * filled by `fill`, renamed without replacing (else err->sys == EEXIST),
 * synced. Where it must be removed again and can't, the error says what is
 * left. Messages name `at` by `path`.
 */
SL_MUST_USE int sl_fs_create_whole(int at, const char *path, const char *name,
    int (*fill)(void *arg, int fd, const struct sl_fs_like *like,
        struct sl_error *err),
    void *arg, struct sl_error *err);

/*
 * Make a directory and those above it, as mkdir -p, by the umask; their names
 * are on disk then.
 */
SL_MUST_USE int sl_fs_create_path(const char *path, struct sl_error *err);

/* Read until `bytes` or the end of the file; *got says how many. */
SL_MUST_USE int sl_fs_read_at(int fd, void *to, size_t bytes, uint64_t position,
    size_t *got, struct sl_error *err);

/* Write all; *done says how many bytes were before a failure. */
SL_MUST_USE int sl_fs_write_at(int fd, const void *from, size_t bytes,
    uint64_t position, size_t *done, struct sl_error *err);

/*
 * Copy what lies in `from` between two positions, or up to its end, to `to`
 * from position `at` on. Not synced; *bytes says how many there were.
 */
SL_MUST_USE int sl_fs_copy(int to, uint64_t at, int from, uint64_t position,
    uint64_t end, uint64_t *bytes, struct sl_error *err);

SL_MUST_USE int sl_fs_size(int fd, uint64_t *bytes, struct sl_error *err);
SL_MUST_USE int sl_fs_cut(int fd, uint64_t bytes, struct sl_error *err);

/* fdatasync(2), and fsync(2) of a directory. Never again after a failure. */
SL_MUST_USE int sl_fs_sync(int fd, struct sl_error *err);
SL_MUST_USE int sl_fs_sync_dir(int fd, struct sl_error *err);

/*
 * The names in `dir`, and those of it and of so many directories above, whose
 * makers may have been killed before their syncs. One above that may not be
 * read is passed over.
 */
SL_MUST_USE int sl_fs_sync_names(int dir, unsigned levels,
    struct sl_error *err);

/* Begin writing back these bytes, and don't wait. */
void sl_fs_begin_sync(int fd, uint64_t position, uint64_t bytes);
/*
 * The same, and wait. It takes an error of writing back away from sl_fs_sync(),
 * which then knows nothing of it: a failure here is that one's.
 */
SL_MUST_USE int sl_fs_await_sync(int fd, uint64_t position, uint64_t bytes,
    struct sl_error *err);

/*
 * Put a file in place of `name`: a temporary one is written, synced, renamed
 * over it, and the directory synced. A reader sees the old or the new one.
 */
SL_MUST_USE int sl_fs_replace(int at, const char *name, const void *text,
    size_t bytes, const struct sl_fs_like *like, struct sl_error *err);

/*
 * The same without the syncs, for what can be made anew: a crash of the system
 * may leave the old one, or an empty one.
 */
SL_MUST_USE int sl_fs_publish(int at, const char *name, const void *text,
    size_t bytes, const struct sl_fs_like *like, struct sl_error *err);

/*
 * Does the name lead to this file, or to the one that is open? SL_END: no; it
 * was removed or replaced. That can't be told where it can't be looked at.
 */
SL_MUST_USE int sl_fs_leads_to(int at, const char *name,
    const struct stat *held, struct sl_error *err);
SL_MUST_USE int sl_fs_is_named(int fd, int at, const char *name,
    struct sl_error *err);

/* Which file it is: no other, not even a copy of it, has both the same. */
struct sl_fs_birth {
	uint64_t inode;
	uint64_t time_ns; /* since 1970; 0: the file system doesn't say */
};
void sl_fs_birth_of(int fd, struct sl_fs_birth *birth);

/* It will be read from its beginning to its end: read ahead. */
void sl_fs_read_ahead(int fd);

/* Set a file's time to now; the best that can be done. */
void sl_fs_touch(int fd);

/* A whole small file; *text is the caller's, free(3), with a NUL behind it. */
SL_MUST_USE int sl_fs_read_file(int at, const char *name, size_t bytes_max,
    char **text, size_t *bytes, struct sl_error *err);

/*
 * The first `bytes` of a file, and no more looks at it than that: for many
 * small files. What is no file fails, too.
 */
SL_MUST_USE int sl_fs_load(int at, const char *name, void *to, size_t bytes,
    size_t *got, struct sl_error *err);

/* Rename within `at` without replacing (else err->sys == EEXIST). */
SL_MUST_USE int sl_fs_rename_new(int at, const char *from, const char *to,
    struct sl_error *err);

/* Rename within `at`, over what is there; and remove a file: absent is done. */
SL_MUST_USE int sl_fs_rename_over(int at, const char *from, const char *to,
    struct sl_error *err);
SL_MUST_USE int sl_fs_unlink(int at, const char *name, struct sl_error *err);

/* What users other than root may still write on the file system of `fd`. */
SL_MUST_USE int sl_fs_free_bytes(int fd, uint64_t *bytes, struct sl_error *err);

/* Remove a tree beneath `at`, never following links; absent is done. */
SL_MUST_USE int sl_fs_remove_tree(int at, const char *name,
    struct sl_error *err);

/* Call `each` for every name but `.` and `..`; it returns SL_OK to go on. */
SL_MUST_USE int sl_fs_list(int dir,
    int (*each)(void *arg, const char *name, struct sl_error *err), void *arg,
    struct sl_error *err);

/* RULE 11: may a log be written on this file system? */
SL_MUST_USE int sl_fs_check_kind(int fd, struct sl_error *err);
/* Does inotify see what other hosts do there? No: poll. */
bool sl_fs_is_local(int fd);

/* "~" and 16 random hex digits: a name for what is half made. */
#define SL_FS_SCRATCH_SIZE 18
void sl_fs_scratch_name(char name[SL_FS_SCRATCH_SIZE]);
bool sl_fs_is_scratch(const char *name);

/* Random bytes from the kernel. */
void sl_fs_random(void *to, size_t bytes);

/* Close, if it is open, and say so in the variable. */
void sl_fs_close(int *fd);

#endif
