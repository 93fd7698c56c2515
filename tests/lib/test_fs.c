/* test_fs.c: beneath a directory nothing is opened but its own entries. */
#include "check.h"
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Each way to open, and what it says of a name: the errno, or 0. */
static void
check_all(int dir, const char *name, int sys)
{
	const struct sl_fs_like like = { 0700, geteuid(), getegid() };
	struct sl_error err;
	size_t got;
	char byte;
	int fd = -1;

	err.sys = 0;
	CHECK(sl_fs_open_read(&fd, dir, name, &err) < 0 && err.sys == sys);
	err.sys = 0;
	CHECK(sl_fs_open_write(&fd, dir, name, &err) < 0 && err.sys == sys);
	err.sys = 0;
	CHECK(
	    sl_fs_load(dir, name, &byte, 1, &got, &err) < 0 && err.sys == sys);
	err.sys = 0;
	CHECK(sl_fs_open_dir(&fd, dir, name, &err) < 0 &&
	      (err.sys == sys || err.sys == ENOTDIR));
	err.sys = 0;
	CHECK(sl_fs_create(&fd, dir, name, &like, SL_FS_READABLE, &err) < 0 &&
	      (err.sys == sys || err.sys == EEXIST));
	CHECK(fd < 0);
}

int
main(void)
{
	char path[] = "/tmp/streamlog-test-XXXXXX";
	const struct sl_fs_like like = { 0700, geteuid(), getegid() };
	struct sl_error err;
	int dir = -1, below = -1, fd = -1;

	if (mkdtemp(path) == NULL ||
	    sl_fs_open_dir(&dir, AT_FDCWD, path, &err) < 0 ||
	    sl_fs_create_dir(dir, "below", &like, &err) < 0 ||
	    sl_fs_open_dir(&below, dir, "below", &err) < 0 ||
	    sl_fs_create(&fd, dir, "above", &like, SL_FS_READABLE, &err) < 0 ||
	    symlinkat("../above", below, "link") != 0 ||
	    symlinkat("..", below, "up") != 0)
		return 1;
	check_all(below, "../above", EINVAL);
	check_all(below, "..", EINVAL);
	check_all(below, path, EINVAL); /* an absolute one */
	check_all(below, "up/above", EINVAL);
	check_all(below, "link", ELOOP);
	check_all(below, "up", ELOOP);
	sl_fs_close(&fd);
	sl_fs_close(&below);
	sl_fs_close(&dir);
	return sl_fs_remove_tree(AT_FDCWD, path, &err) < 0 ? 1 : check_done();
}
