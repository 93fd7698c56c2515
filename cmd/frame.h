/*
 * frame.h: input as chunks of whole lines. Floor: cmd.
 *
 * Files one after the other, or stdin. A chunk is what one read(2) brought, cut
 * at its last line end; the rest begins the next one. So input that is quiet is
 * passed on at once, and input that is fast comes in large chunks, with nothing
 * to configure. The last line of a file may lack its end.
 */
#ifndef FRAME_H
#define FRAME_H

#include "streamlog.h"

#include <stdatomic.h>

/* What a chunk takes, unless one line is longer. */
#define FRAME_CHUNK_BYTES ((size_t)512 << 10)
/* Of a line that is too long so much is kept. */
#define FRAME_KEPT_BYTES ((size_t)64 << 10)

struct frame_chunk {
	char *text; /* owned; SL_SCAN_PADDING readable behind `bytes` */
	size_t room;
	size_t bytes;       /* of whole lines, each with its end */
	const char *source; /* the file's name; "-" for stdin */
	bool is_first;      /* of its source */
	uint64_t position;  /* bytes of all input up to here, for progress */
	uint64_t oversize;  /* the line is this long, and only begins here */
};

struct frame {
	char *const *files; /* NULL at the end */
	int fd;             /* owned unless it is stdin; -1: none is open */
	const char *source;
	bool is_first;
	bool is_regular; /* never blocks */
	bool is_pipe;
	char end;        /* what ends a line */
	size_t line_max; /* longer ones are passed over; the caller's to set */
	uint64_t position;
	char *rest; /* owned: the beginning of the next chunk */
	size_t rest_room;
	size_t rest_bytes;
	size_t last_read;    /* bytes of the read(2) before */
	uint64_t oversize;   /* seen of a line that is passed over; 0: none */
	int64_t deadline_ms; /* when waiting and reading pause; < 0: never */
	int stop_fd;         /* readable once a signal came */
	atomic_int *stop;
};

/* What frame_next() came to, beside SL_END and failures. */
enum {
	FRAME_IDLE = 2,    /* `idle_ms` passed */
	FRAME_STOPPED = 3, /* a signal came; what is unread stays unread */
};

/* `files` may be empty: stdin. Borrowed, all of it. */
void frame_init(struct frame *frame, char *const *files, char end, int stop_fd,
    atomic_int *stop);
void frame_release(struct frame *frame);
void frame_chunk_release(struct frame_chunk *chunk);

/*
 * The next chunk. FRAME_IDLE once `idle_ms` have passed without a whole line
 * (-1: as long as it takes); what was read of one is kept.
 */
SL_MUST_USE int frame_next(struct frame *frame, struct frame_chunk *chunk,
    int idle_ms, struct sl_error *err);

/* The bytes of all files; 0 where that can't be known. */
uint64_t frame_total(char *const *files);

#endif
