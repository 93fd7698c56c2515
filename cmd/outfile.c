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

int
outfile_open(struct outfile *outfile, const char *path, struct sl_error *err)
{
	int fd = -1;

	*outfile = OUTFILE_CLOSED;
	outfile->path = path;
	/* Not of the file's own suffix, by which collectors find files. */
	if (asprintf(&outfile->scratch, "%s.XXXXXX", path) < 0) {
		outfile->scratch = NULL;
		return sl_error_set(err, SL_ENOMEM, "out of memory");
	}
	fd = mkostemp(outfile->scratch, O_CLOEXEC);
	if (fd < 0) {
		sl_error_sys(err, errno, "'%s'", path);
		free(outfile->scratch);
		outfile->scratch = NULL;
		return err->code;
	}
	if (fchmod(fd, mode_by_umask()) != 0 || fflush(stdout) != 0 ||
	    dup2(fd, STDOUT_FILENO) < 0) {
		sl_error_sys(err, errno, "'%s'", path);
		outfile_close(outfile);
		close(fd);
		return err->code;
	}
	close(fd);
	return SL_OK;
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

int
outfile_replace(struct outfile *outfile, struct sl_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout) ||
	    fsync(STDOUT_FILENO) != 0 ||
	    rename(outfile->scratch, outfile->path) != 0)
		return sl_error_sys(err, errno, "'%s'", outfile->path);
	free(outfile->scratch);
	outfile->scratch = NULL;
	if (sync_parent(outfile->path) != 0)
		return sl_error_sys(err, errno, "'%s'", outfile->path);
	return SL_OK;
}

void
outfile_close(struct outfile *outfile)
{
	if (outfile->scratch != NULL)
		(void)unlink(outfile->scratch);
	free(outfile->scratch);
	outfile->scratch = NULL;
}
