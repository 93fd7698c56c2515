/* fs_names.c: names, and the files they lead to; see fs.h. */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int
sl_fs_leads_to(int at, const char *name, const struct stat *held,
    struct sl_error *err)
{
	struct stat named;

	if (fstatat(at, name, &named, AT_SYMLINK_NOFOLLOW) == 0)
		return named.st_ino == held->st_ino &&
		               named.st_dev == held->st_dev
		           ? SL_OK
		           : SL_END;
	if (errno == ENOENT || errno == ENOTDIR)
		return SL_END;
	return sl_error_sys(err, errno, "'%s'", name);
}

int
sl_fs_is_named(int fd, int at, const char *name, struct sl_error *err)
{
	struct stat held;

	if (fstat(fd, &held) != 0)
		return sl_error_sys(err, errno, "fstat of '%s'", name);
	return sl_fs_leads_to(at, name, &held, err);
}

void
sl_fs_birth_of(int fd, struct sl_fs_birth *birth)
{
	struct statx stx;

	*birth = (struct sl_fs_birth){ .inode = 0 };
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) != 0 ||
	    (stx.stx_mask & STATX_BTIME) == 0)
		return;
	birth->inode = stx.stx_ino;
	birth->time_ns =
	    (uint64_t)stx.stx_btime.tv_sec * 1000000000 + stx.stx_btime.tv_nsec;
}

bool
sl_fs_is_scratch(const char *name)
{
	return name[0] == '~' && strlen(name) == SL_FS_SCRATCH_SIZE - 1 &&
	       strspn(name + 1, "0123456789abcdef") == SL_FS_SCRATCH_SIZE - 2;
}

void
sl_fs_scratch_name(char name[SL_FS_SCRATCH_SIZE])
{
	uint64_t bits;

	sl_fs_random(&bits, sizeof(bits));
	snprintf(name, SL_FS_SCRATCH_SIZE, "~%016llx",
	    (unsigned long long)bits);
}
