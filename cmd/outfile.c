/* outfile.c: stdout into a file that is replaced whole; see outfile.h. */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t
mode_by_umask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0644 & ~mask;
}

/* From now on stdout is `fd`, which is closed. */
static int
redirect(int fd, const char *path, struct sl_error *err)
{
	int rc = SL_OK;

	if (fflush(stdout) != 0 || dup2(fd, STDOUT_FILENO) < 0)
		rc = sl_error_sys(err, errno, "'%s'", path);
	close(fd);
	return rc;
}

/* A device or a fifo is written as it is: only a file can be replaced. */
static int
open_special(const char *path, struct sl_error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? sl_error_sys(err, errno, "'%s'", path)
	              : redirect(fd, path, err);
}

static int
open_scratch(struct outfile *outfile, struct sl_error *err)
{
	int fd, sys;

	/* Not of the file's own suffix, by which collectors find files. */
	if (asprintf(&outfile->scratch, "%s.XXXXXX", outfile->path) < 0) {
		outfile->scratch = NULL;
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	fd = mkostemp(outfile->scratch, O_CLOEXEC);
	sys = errno;
	if (fd < 0) {
		free(outfile->scratch);
		outfile->scratch = NULL;
		return sl_error_sys(err, sys, "'%s'", outfile->name);
	}
	if (fchmod(fd, mode_by_umask()) != 0) {
		sl_error_sys(err, errno, "'%s'", outfile->name);
		close(fd);
		return err->code;
	}
	return redirect(fd, outfile->path, err);
}

int
outfile_open(struct outfile *outfile, const char *path, struct sl_error *err)
{
	struct stat st;
	int rc;

	*outfile = OUTFILE_CLOSED;
	outfile->name = path;
	if (strcmp(path, "-") == 0)
		return SL_OK;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode))
		return open_special(path, err);
	/* A link stays one: the file that it leads to is replaced. */
	outfile->path = realpath(path, NULL);
	if (outfile->path == NULL)
		outfile->path = strdup(path);
	if (outfile->path == NULL)
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	rc = open_scratch(outfile, err);
	if (rc < 0)
		outfile_close(outfile);
	return rc;
}

/* The name is on disk once its directory is synced. */
static int
sync_parent(const char *path)
{
	char *parent = strdup(path), *slash;
	int fd, rc = -1;

	if (parent == NULL)
		return -1;
	slash = strrchr(parent, '/');
	if (slash != NULL)
		slash[slash == parent] = '\0';
	fd = open(slash != NULL ? parent : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

/* A full disk there is no full log: not "try again". Told once. */
static int
fail(const struct outfile *outfile, struct sl_error *err)
{
	sl_error_sys(err, errno, "'%s'", outfile->name);
	err->code = SL_EIO;
	clearerr(stdout);
	return SL_EIO;
}

int
outfile_replace(struct outfile *outfile, struct sl_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail(outfile, err);
	if (outfile->path == NULL)
		return SL_OK;
	if (fsync(STDOUT_FILENO) != 0 ||
	    rename(outfile->scratch, outfile->path) != 0)
		return fail(outfile, err);
	free(outfile->scratch);
	outfile->scratch = NULL;
	if (sync_parent(outfile->path) != 0)
		return fail(outfile, err);
	return SL_OK;
}

void
outfile_close(struct outfile *outfile)
{
	if (outfile->scratch != NULL)
		(void)unlink(outfile->scratch);
	free(outfile->scratch);
	free(outfile->path);
	*outfile = OUTFILE_CLOSED;
}
