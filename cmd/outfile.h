/*
 * outfile.h: stdout into a file that is replaced whole. Floor: cmd.
 *
 * Who reads the file meanwhile sees the old one or the new one, as whoever
 * collects metrics from it must. Its mode is by the umask. "-" is stdout as it
 * is; a device or a fifo is written to, not replaced; a link is followed.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include "streamlog.h"

struct outfile {
	const char *name; /* borrowed; as it was typed */
	char *path; /* owned; NULL: stdout goes where it was, or is no file */
	char *scratch; /* owned: the file that becomes it; NULL: closed */
};

#define OUTFILE_CLOSED ((struct outfile){ .path = NULL })

/* From now on stdout goes to a new file beside `path`. */
SL_MUST_USE int outfile_open(struct outfile *outfile, const char *path,
    struct sl_error *err);

/* All is written: sync it and put it in the place of `path`. */
SL_MUST_USE int outfile_replace(struct outfile *outfile, struct sl_error *err);

/* Remove it, unless it was put in place. */
void outfile_close(struct outfile *outfile);

#endif
