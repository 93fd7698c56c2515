/*
 * segment.h: the names of a log's segments, and one segment as a row of
 * batches. Floor: log. Reads only; changes nothing.
 *
 * A segment is a file of record batches, named for the offset of its first
 * record: 00000000000000000000.log, with .index and .timeindex beside it. Bytes
 * before its last valid batch never change (but for retention and compaction,
 * which replace it whole). The size of the file is not a commit point: a reader
 * may see a batch while it is being written (RULE 6).
 */
#ifndef SL_SEGMENT_H
#define SL_SEGMENT_H

#include "batch.h"
#include "cleaned.h"

/* The longest: "NNNNNNNNNNNNNNNNNNNN.timeindex.cleaned". */
#define SL_SEGMENT_NAME_SIZE 48
/* Positions and offsets within a segment are i32 in the indexes. */
#define SL_SEGMENT_BYTES_LIMIT INT32_MAX
#define SL_SEGMENT_OFFSETS_LIMIT INT32_MAX
/* A count in a head that may be damaged is believed up to this. */
#define SL_SEGMENT_JUMP_MAX (1u << 20)

/* "00000000000000000042" and a suffix such as ".log". */
void sl_segment_name(char name[SL_SEGMENT_NAME_SIZE], uint64_t base,
    const char *suffix);

/* The other way: the base in such a name, and a view of the suffix. */
bool sl_segment_name_parse(const char *name, uint64_t *base,
    const char **suffix);

/* Is there a file of the segment with this suffix, as far as can be told? */
bool sl_segment_is_there(int dir, uint64_t base, const char *suffix);

/* Does the segment's name lead to the file that is open as `fd`? SL_END: no. */
SL_MUST_USE int sl_segment_is_named(int dir, uint64_t base, int fd,
    struct sl_error *err);

/* The bases of the segments of a directory, rising. */
struct sl_segments {
	uint64_t *bases; /* owned */
	size_t count;
	size_t room;
	uint64_t whole_from; /* none lacks from this one on; 0: none at all */
};
#define SL_SEGMENTS_EMPTY ((struct sl_segments){ .bases = NULL })

/* For who gathers bases otherwise: add in any order, then sort. */
SL_MUST_USE int sl_segments_add(struct sl_segments *segments, uint64_t base,
    struct sl_error *err);
void sl_segments_sort(struct sl_segments *segments);

SL_MUST_USE int sl_segments_list(struct sl_segments *segments, int dir,
    struct sl_error *err);
void sl_segments_release(struct sl_segments *segments);

/* The index of the greatest base <= offset; -1: all are above. */
long sl_segments_find(const struct sl_segments *segments, uint64_t offset);
bool sl_segments_has(const struct sl_segments *segments, uint64_t base);

/* A window onto a segment's bytes: what one pread(2) brought. */
struct sl_window {
	uint8_t *bytes; /* owned */
	size_t room;
	uint64_t position; /* of bytes[0] in the file */
	size_t size;
	bool is_last; /* the file ended behind these bytes */
};
#define SL_WINDOW_EMPTY ((struct sl_window){ .bytes = NULL })
void sl_window_release(struct sl_window *window);

/* What stands at a position of a segment. */
enum sl_found {
	SL_FOUND_BATCH, /* valid but for its base offset, which is not judged */
	SL_FOUND_END,   /* the file ends here */
	SL_FOUND_TORN,  /* a prefix: the file ends before the batch does */
	SL_FOUND_DAMAGE, /* complete and bad: `err` says what */
};

/*
 * Look at the batch at `position`: fills `head` as far as it can be read and,
 * for SL_FOUND_BATCH, *batch with a view of all its bytes, good until the next
 * look. Everything is read anew unless the window holds the batch whole, or
 * knows that the file ended here (RULE 8); a window is emptied by setting its
 * size to 0. A torn batch whose
 * CRC holds up to the file's end has only its length damaged: SL_FOUND_DAMAGE.
 * SL_OK and *found, or a failure of reading.
 */
SL_MUST_USE int sl_segment_look(int fd, struct sl_window *window,
    uint64_t position, struct sl_batch_head *head, const uint8_t **batch,
    enum sl_found *found, struct sl_error *err);

/*
 * The same of the file holes->fd, judged as the batch whose first offset is
 * `expected` (SL_OFFSET_NONE: any): one that begins elsewhere, and one that
 * looks torn but has a valid one behind it, are SL_FOUND_DAMAGE, too. In a
 * compacted segment one may begin later (RULE 6): if it stays below the
 * segment's end and the batch behind it does not begin before it; the last must
 * end where the segment does.
 */
SL_MUST_USE int sl_segment_judge(struct sl_holes *holes,
    struct sl_window *window, uint64_t position, uint64_t expected,
    struct sl_batch_head *head, const uint8_t **batch, enum sl_found *found,
    struct sl_error *err);

/* The head alone, no CRC: for stepping over what live writers wrote. */
SL_MUST_USE int sl_segment_peek(int fd, uint64_t position, uint64_t size,
    struct sl_batch_head *head, enum sl_found *found, struct sl_error *err);

/*
 * The same for a walk over a row of small batches, which nobody writes
 * meanwhile: one pread(2) brings many heads.
 */
struct sl_heads {
	uint64_t position; /* of bytes[0] in the file */
	size_t size;       /* 0: nothing was read */
	uint8_t bytes[4096];
};
SL_MUST_USE int sl_segment_peek_on(int fd, struct sl_heads *heads,
    uint64_t position, uint64_t size, struct sl_batch_head *head,
    enum sl_found *found, struct sl_error *err);

/* A head of a segment, and where it stands. SL_OK: go on; else that is why not.
 */
typedef int sl_head_fn(void *arg, const struct sl_batch_head *head,
    uint64_t position, struct sl_error *err);

/*
 * All heads of the segment `base`, no CRC. SL_OK: to its end; SL_END: damage is
 * met; or what `each` returned.
 */
SL_MUST_USE int sl_segment_heads(int dir, uint64_t base, sl_head_fn *each,
    void *arg, struct sl_error *err);

/*
 * Damage stands at `position`, where a batch from `expected` on was: search
 * behind it for the next valid one that begins at `expected_max` or before, and
 * past what the damaged one may have held. SL_OK and *at; SL_END: none within
 * the search's bounds.
 */
SL_MUST_USE int sl_segment_search(int fd, uint64_t position, uint64_t expected,
    uint64_t expected_max, uint64_t *at, struct sl_error *err);

/*
 * Damage stands at `position`, where a batch from *next on was: raise *next
 * past every valid batch behind it, and past what damage at the file's end may
 * have held. A count that can be believed is; other bytes held as many records
 * as they have room for: an offset too many is a gap, one too few would be
 * given twice.
 */
SL_MUST_USE int sl_segment_pass(struct sl_holes *holes, uint64_t position,
    uint64_t *next, struct sl_error *err);

/*
 * The same, of what may stand behind damage at `position` in a segment, where
 * `expected` was due: it begins at most as many offsets on as the file's bytes
 * from there may have held; in a compacted segment, up to its end.
 */
SL_MUST_USE int sl_segment_search_behind(struct sl_holes *holes,
    uint64_t position, uint64_t expected, uint64_t *at, struct sl_error *err);

/* Offsets that a batch takes fit its count (a log never compacted)? */
static inline bool
sl_batch_is_dense(const struct sl_batch_head *head)
{
	return head->count == (uint64_t)head->last_offset_delta + 1;
}

#endif
