/*
 * streamlog.h: the front door of libstreamlog. It includes its other parts,
 * streamlog_text.h (numbers, times, JSON), streamlog_group.h, streamlog_clean.h
 * and streamlog_check.h.
 *
 * Kafka's log as plain files. A log directory holds topics; a topic holds
 * partitions; a partition is a log of record batches, numbered by offset.
 * Nothing runs in the background and nothing is global: the kernel's file locks
 * do the coordination, and every process may come, go or be killed at any time.
 *
 * A name may also be one of Apache Kafka: kafka://HOST[:PORT][,HOST...]/TOPIC,
 * and kafka://HOST[:PORT][,HOST...] for a log directory, $STREAMLOG_DIR too.
 * The same functions then do the same there; what differs is in
 * streamlog-kafka(7), and what a cluster's own tools do is SL_EUSAGE, which
 * names the line for it.
 *
 * This header needs nothing but the C library's, and is the vocabulary that all
 * floors of the library share. See libstreamlog(3) and streamlog-format(5).
 *
 * Conventions. A function that can fail returns SL_OK, a positive code that is
 * no failure (SL_END), or a negative one, and then fills `err`, which is the
 * caller's and never NULL. Views handed out (a record's bytes, a name) are good
 * until the next call on the same handle. close and free take NULL, fail never.
 * A handle is for one thread at a time; different handles are independent.
 */
#ifndef STREAMLOG_H
#define STREAMLOG_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define SL_MUST_USE __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* ---- Errors ---- */

/*
 * What a call came to. "Again" says whether the same call may be tried once
 * more; the handle stays usable after each of these unless it says "close".
 */
enum sl_code {
	SL_OK = 0,
	SL_END = 1,        /* nothing more (now); no failure */
	SL_EUSAGE = -1,    /* a name, number or setting is wrong; not again */
	SL_ENOTFOUND = -2, /* no such topic, or it was deleted: close */
	SL_EREJECTED =
	    -3,           /* this one event can't be taken; go on with others */
	SL_ECORRUPT = -4, /* bytes on disk are damaged, or a file is no good */
	SL_EGONE = -5,    /* offsets were gone before they were read; again */
	SL_EIO = -6,      /* the system refused: `sys` says why: close */
	SL_EFULL = -7,    /* no space, quota or file size left; again later */
	SL_EBUSY = -8,    /* a lock is held or the time is up; again later */
	SL_ENOMEM = -9,   /* no memory: close */
	SL_EEXISTS = -10, /* it is there already; not again */
	SL_EFENCED = -11, /* another member has the partition now; not again */
};

#define SL_ERROR_TEXT_SIZE 768

struct sl_error {
	int code; /* enum sl_code */
	int sys;  /* errno where the system refused, else 0 */
	char
	    text[SL_ERROR_TEXT_SIZE]; /* lower case, no stop, outermost first */
};

/*
 * For whoever reports in the same manner. An error is set where it happened and
 * wrapped on the way up: "topic 'orders': partition 0: '...log': byte 16: ...".
 */

/* Fill `err`; returns `code`, for `return sl_error_set(...)`. */
int sl_error_set(struct sl_error *err, int code, const char *format, ...)
    SL_PRINTF(3, 4);

/*
 * A system call failed with errno `sys`: the code follows from it (ENOSPC and
 * its like are SL_EFULL, ENOENT stays SL_EIO), the text is the format's, a
 * colon and the system's word. Returns the code.
 */
int sl_error_sys(struct sl_error *err, int sys, const char *format, ...)
    SL_PRINTF(3, 4);

/* Put "format: " before the text; returns err->code. */
int sl_error_wrap(struct sl_error *err, const char *format, ...)
    SL_PRINTF(2, 3);

#include "streamlog_text.h"

/* ---- Records ---- */

#define SL_OFFSET_NONE UINT64_MAX
#define SL_TIME_NONE INT64_MIN

struct sl_record {
	uint64_t offset; /* set by reading */
	int64_t timestamp_ms;
	const void *key; /* NULL: no key */
	size_t key_bytes;
	const void *value; /* NULL: a tombstone */
	size_t value_bytes;
	const void *headers; /* encoded; see sl_header_next() */
	size_t headers_bytes;
	uint32_t header_count;
};

struct sl_header {
	const void *key; /* UTF-8 */
	size_t key_bytes;
	const void *value; /* NULL: null */
	size_t value_bytes;
};

/* Room that one encoded header needs at most. */
#define SL_HEADER_SIZE(header)                                                 \
	((header)->key_bytes + (header)->value_bytes + 10)

/* Encode a header to `to`; returns its bytes. Encoded ones are concatenated. */
size_t sl_header_encode(const struct sl_header *header, void *to);

/*
 * Step over a record's headers: *at starts as 0. False at the end. A record
 * that was read has been checked, so this can't fail.
 */
bool sl_header_next(const struct sl_record *record, size_t *at,
    struct sl_header *header);

enum sl_compression {
	SL_COMPRESSION_NONE = 0, /* the numbers are Kafka's codec bits */
	SL_COMPRESSION_LZ4 = 3,
	SL_COMPRESSION_ZSTD = 4,
};

/* "none", "lz4", "zstd"; SL_EUSAGE for another, or where its library lacks. */
SL_MUST_USE int sl_parse_compression(const char *name,
    enum sl_compression *compression, struct sl_error *err);
const char *sl_compression_name(enum sl_compression compression);

/* ---- Encoding: records to batches, before any lock ---- */

struct sl_encoder_options {
	size_t batch_bytes; /* records of one batch, uncompressed, at most */
	size_t message_bytes_max; /* one encoded batch: max.message.bytes */
	enum sl_compression compression;
};

struct sl_encoder;

SL_MUST_USE int sl_encoder_new(struct sl_encoder **encoder,
    const struct sl_encoder_options *options, struct sl_error *err);
void sl_encoder_free(struct sl_encoder *encoder);

/* Forget all batches; the memory stays. */
void sl_encoder_reset(struct sl_encoder *encoder);

/*
 * Add a copy of a record to the batch in hand; where that is full, or for
 * another partition, it is closed and the next begins. SL_EREJECTED: the event
 * alone is larger than message_bytes_max; nothing was added.
 */
SL_MUST_USE int sl_encoder_add(struct sl_encoder *encoder, int partition,
    const struct sl_record *record, struct sl_error *err);

/* Close the batch in hand (compress, sum), so that all can be written. */
SL_MUST_USE int sl_encoder_finish(struct sl_encoder *encoder,
    struct sl_error *err);

/* The batches that are closed. */
struct sl_batch_view {
	int partition;
	uint32_t count; /* records */
	uint8_t *bytes; /* the batch as on disk, but for its base offset */
	size_t size;
	int64_t max_timestamp_ms;
};
size_t sl_encoder_count(const struct sl_encoder *encoder);
struct sl_batch_view sl_encoder_batch(const struct sl_encoder *encoder,
    size_t index);

/* ---- Topics ---- */

/* The log of a topic's rejected lines, where a partition's number is asked. */
#define SL_PARTITION_REJECTED (-2)
#define SL_PARTITIONS_MAX 4096
#define SL_TOPIC_NAME_MAX 249

/* How soon what was written is synced; each includes those before it. */
enum sl_sync_level {
	SL_SYNC_NONE,
	SL_SYNC_EXIT,
	SL_SYNC_BATCH,
	SL_SYNC_EACH,
};
SL_MUST_USE int sl_parse_sync_level(const char *name, enum sl_sync_level *level,
    struct sl_error *err);

/* cleanup.policy: one of these, or both. */
#define SL_CLEANUP_DELETE 1
#define SL_CLEANUP_COMPACT 2

/* What becomes of an event for which there is no room. */
enum sl_on_full {
	SL_FULL_DROP_OLDEST, /* the oldest events go */
	SL_FULL_REFUSE,      /* SL_EFULL */
	SL_FULL_WAIT,        /* it waits for the slowest group */
};

#define SL_SETTING_VALUE_SIZE 256

/* A topic's settings; streamlog.yaml(5) has their names and meanings. */
struct sl_settings {
	int partitions;
	int64_t segment_bytes;
	int64_t segment_ms;
	int64_t index_interval_bytes;
	int64_t max_message_bytes;
	int64_t timestamp_after_max_ms;
	enum sl_compression compression;
	enum sl_sync_level sync;
	int cleanup; /* bits of SL_CLEANUP_... */
	/* The bounds of retention; -1: none. */
	int64_t retention_ms;
	int64_t retention_bytes;
	int64_t retention_total_bytes;
	int64_t retention_count;
	int64_t min_free_bytes;
	char protect_groups[SL_SETTING_VALUE_SIZE]; /* "billing,shipping" */
	int64_t file_delete_delay_ms;
	int on_full; /* enum sl_on_full */
	int64_t delete_retention_ms;
	int64_t min_compaction_lag_ms;
	int64_t min_cleanable_dirty_ppm; /* of 1,000,000 */
	int read_only; /* nothing is appended, and nothing goes */
};

/*
 * segment.bytes in effect: small beside the bounds in bytes, so that they
 * bound. A batch should be no larger.
 */
int64_t sl_settings_segment_bytes(const struct sl_settings *settings);

/* A setting by name, as `--set NAME=VALUE` brings it. */
struct sl_setting {
	const char *name;
	const char *value;
};

struct sl_topic;

/*
 * Where topics live when nobody says: $STREAMLOG_DIR, else
 * ${XDG_STATE_HOME:-$HOME/.local/state}/streamlog. SL_EUSAGE where none is set.
 * `path` is the caller's, PATH_MAX bytes.
 */
SL_MUST_USE int sl_default_dir(char *path, struct sl_error *err);

/* May a topic be called that? SL_EUSAGE says why not. */
SL_MUST_USE int sl_topic_name_check(const char *name, struct sl_error *err);

/*
 * Open a topic for reading and writing. `name` is a name in the log directory
 * `dir` (NULL: the default), or, where it holds a slash, the path of a topic.
 * SL_ENOTFOUND, SL_EUSAGE (a name that can't be), SL_ECORRUPT (topic.yaml).
 */
SL_MUST_USE int sl_topic_open(struct sl_topic **topic, const char *dir,
    const char *name, struct sl_error *err);
void sl_topic_close(struct sl_topic *topic);

/*
 * Make a topic, whole or not at all; settings of streamlog.yaml come first,
 * then those given. SL_EEXISTS: somebody has it (a race's loser takes the
 * winner's). The log directory is made where it lacks.
 */
SL_MUST_USE int sl_topic_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err);

/*
 * Make a topic since there is an event for it, as Kafka's
 * auto.create.topics.enable has it: a cluster decides by itself, and takes no
 * settings here. SL_ENOTFOUND: it doesn't make any. Else as sl_topic_create().
 */
SL_MUST_USE int sl_topic_auto_create(const char *dir, const char *name,
    const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err);

const char *sl_topic_name(const struct sl_topic *topic);
const char *sl_topic_dir(const struct sl_topic *topic); /* the log directory */
const char *sl_topic_id(const struct sl_topic *topic);
const struct sl_settings *sl_topic_settings(const struct sl_topic *topic);

/* Each setting as text: its name, value (Kafka's unit) and whether topic.yaml
 * says it. Returns false past the last. */
struct sl_setting_row {
	const char *name;
	char value[SL_SETTING_VALUE_SIZE];
	bool is_default;
};
bool sl_topic_setting(const struct sl_topic *topic, size_t index,
    struct sl_setting_row *row);

/*
 * Look again at topic.yaml and at the topic's name. SL_OK: something changed
 * (more partitions, other settings). SL_END: all as it was. SL_ENOTFOUND: the
 * topic was deleted, or the name leads to another one.
 */
SL_MUST_USE int sl_topic_refresh(struct sl_topic *topic, struct sl_error *err);

/* Raise the partitions (0: as they are) and change settings. */
SL_MUST_USE int sl_topic_alter(const char *dir, const char *name,
    int partitions, const struct sl_setting *settings, size_t setting_count,
    struct sl_error *err);

/* SL_EBUSY while a writer has it open (RULE 12). */
SL_MUST_USE int sl_topic_delete(const char *dir, const char *name,
    struct sl_error *err);

enum sl_change {
	SL_CHANGE_TOPIC_DELETE,
	SL_CHANGE_GROUP_SET,
	SL_CHANGE_GROUP_DELETE,
};

/*
 * Before a plan is shown: is that done to topic or group `name` by these
 * functions? SL_EUSAGE: no, and `err` has the line that does it.
 */
SL_MUST_USE int sl_may_change(const char *dir, const char *name,
    enum sl_change change, struct sl_error *err);

/*
 * The names of the topics that match `pattern` (NULL: all), sorted. SL_END: the
 * log directory isn't there, says `err`, and has none.
 */
SL_MUST_USE int sl_topic_list(const char *dir, const char *pattern,
    char ***names, size_t *count, struct sl_error *err);
void sl_names_free(char **names, size_t count);

/* Is there a place for its rejected lines (SL_PARTITION_REJECTED)? */
bool sl_topic_keeps_rejected(const struct sl_topic *topic);

/* Offsets of a partition: the first there is, and the next to be given. */
struct sl_range {
	uint64_t first;
	uint64_t next;
};
SL_MUST_USE int sl_topic_range(struct sl_topic *topic, int partition,
    struct sl_range *range, struct sl_error *err);

/*
 * Put on disk all that a partition holds, whoever wrote it; needs no permission
 * to write. A place may point to its end after that (RULE 17).
 */
SL_MUST_USE int sl_topic_sync(struct sl_topic *topic, int partition,
    struct sl_error *err);

/*
 * The first offset whose timestamp is at or past `time_ms`; the next to be
 * given where there is none.
 */
SL_MUST_USE int sl_topic_offset_at(struct sl_topic *topic, int partition,
    int64_t time_ms, uint64_t *offset, struct sl_error *err);

#define SL_UNKNOWN UINT64_MAX

struct sl_partition_info {
	struct sl_range range;
	uint64_t bytes;    /* of all its segments and indexes; or SL_UNKNOWN */
	uint64_t segments; /* or SL_UNKNOWN */
	int64_t first_ms;  /* of the first record; SL_TIME_NONE: not known */
	int64_t last_ms;   /* the largest timestamp; the same */
};
SL_MUST_USE int sl_topic_partition_info(struct sl_topic *topic, int partition,
    struct sl_partition_info *info, struct sl_error *err);

/* The partition of a key, as Kafka's default partitioner has it (murmur2). */
int sl_partition_of_key(const void *key, size_t key_bytes, int partitions);

/* ---- Writing ---- */

struct sl_writer;

/* `topic` stays the caller's and must outlive the writer. */
SL_MUST_USE int sl_writer_open(struct sl_writer **writer,
    struct sl_topic *topic, struct sl_error *err);
void sl_writer_close(struct sl_writer *writer);

struct sl_receipt {
	int partition;
	uint64_t first_offset;
	uint32_t count;
	uint64_t bytes; /* of the encoded batch */
};

/*
 * All batches of a finished encoder will be written, in their order, before any
 * other: a cluster may be sent those behind the one that is written, too.
 */
void sl_writer_begin(struct sl_writer *writer,
    const struct sl_encoder *encoder);

/*
 * Append one batch of a finished encoder: all of it or nothing. When this
 * returns readers can see it; it is on disk after sl_writer_sync(). Waits up to
 * `lock_timeout_ms` for the partition's lock, then SL_EBUSY.
 * SL_ENOTFOUND: the topic was deleted or replaced. SL_EFULL: no space. SL_EBUSY
 * with `sys` EINPROGRESS: a cluster has not answered yet; the same call again
 * goes on waiting. After a failure receipt->count says how many events of
 * batches behind it are there all the same; none, unless the encoder was begun.
 */
SL_MUST_USE int sl_writer_write(struct sl_writer *writer,
    const struct sl_encoder *encoder, size_t index, int lock_timeout_ms,
    struct sl_receipt *receipt, struct sl_error *err);

/*
 * Put all that was written since the last call on disk. A failure is final:
 * what was written since is in doubt, and the writer takes no more.
 */
SL_MUST_USE int sl_writer_sync(struct sl_writer *writer, struct sl_error *err);

/* Ask the kernel to begin writing back; a hint that never waits for long. */
void sl_writer_begin_sync(struct sl_writer *writer);

/* ---- Reading ---- */

struct sl_reader;

struct sl_reader_options {
	const char *dir;  /* of the topics, or one of them; NULL: default */
	bool synced;      /* hand out only what was synced first */
	bool skip_damage; /* go on behind damage (it is still reported) */
};

SL_MUST_USE int sl_reader_open(struct sl_reader **reader,
    const struct sl_reader_options *options, struct sl_error *err);
void sl_reader_close(struct sl_reader *reader);

/*
 * Read a partition (or SL_PARTITION_REJECTED) from `start` up to `end`, which
 * is exclusive (SL_OFFSET_NONE: none). `topic` must outlive the reader. An
 * offset that retention has passed is SL_EGONE at the first read, not here.
 */
SL_MUST_USE int sl_reader_assign(struct sl_reader *reader,
    struct sl_topic *topic, int partition, uint64_t start, uint64_t end,
    struct sl_error *err);

/* Where a record came from. */
struct sl_source {
	struct sl_topic *topic;
	int partition;
};

/*
 * The next record. Until sl_reader_follow() was called, the records of all
 * partitions come in the order of time (RULE 23): by the larger of their own
 * timestamp and the largest before it in their partition, then by topic and
 * partition; SL_END once every partition is at its end. Within a partition
 * always by offset.
 * SL_EGONE: `err` tells which offsets were gone; *source says where, and
 * record->offset is where it goes on; call again. SL_ECORRUPT: `err` names the
 * bytes; with skip_damage call again to go on behind them.
 */
SL_MUST_USE int sl_reader_next(struct sl_reader *reader,
    struct sl_record *record, struct sl_source *source, struct sl_error *err);

/*
 * For a reader who wants the values alone: copy those of the next records, with
 * a separator behind each, tombstones left out, as many as fit into `room`
 * bytes and `count_max` allows. SL_OK: *used bytes and *count values were
 * copied; none where the next doesn't fit, is of another partition, or isn't
 * there: then sl_reader_next() tells. Fails as that does; what was copied
 * before counts.
 */
SL_MUST_USE int sl_reader_copy(struct sl_reader *reader, char *to, size_t room,
    char separator, uint64_t count_max, size_t *used, uint64_t *count,
    struct sl_source *source, struct sl_error *err);

/*
 * From now on read without end, and records as they arrive: SL_END means
 * caught up.
 */
SL_MUST_USE int sl_reader_follow(struct sl_reader *reader,
    struct sl_error *err);

/* Wake sl_reader_wait() when names come or go in this directory. */
void sl_reader_watch_dir(struct sl_reader *reader, const char *path);

/*
 * Sleep until something may have come, one of `fds` (any poll(2) set; may be
 * none) is ready, a signal arrives, or `timeout_ms` has passed (-1: never
 * mind). Wakes at least once a second while a polling fallback is in use, up to
 * 20 times. SL_OK: look; SL_END: the time was up.
 */
SL_MUST_USE int sl_reader_wait(struct sl_reader *reader, struct pollfd *fds,
    nfds_t fd_count, int timeout_ms, struct sl_error *err);

/* Stop reading the partitions of a topic (it was deleted, say). */
void sl_reader_drop(struct sl_reader *reader, const struct sl_topic *topic);

/*
 * While following: the next record of the partition that was handed out last.
 * SL_END: it has none now.
 */
SL_MUST_USE int sl_reader_next_here(struct sl_reader *reader,
    struct sl_record *record, struct sl_source *source, struct sl_error *err);

/* While following: the next record is another partition's, if it has one. */
void sl_reader_end_turn(struct sl_reader *reader);

/* The offset that a partition is read on from; SL_OFFSET_NONE: not assigned. */
uint64_t sl_reader_place(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition);

/*
 * Put on disk what was handed out of a partition. SL_EIO: it failed, or a
 * writer's sync of it had failed: it is in doubt for ever.
 */
SL_MUST_USE int sl_reader_sync(struct sl_reader *reader,
    const struct sl_topic *topic, int partition, struct sl_error *err);

/*
 * Where reading a partition ends; SL_OFFSET_NONE: nowhere. It can be changed.
 * While following, behind damage with nothing behind it: at its place.
 */
uint64_t sl_reader_end(const struct sl_reader *reader,
    const struct sl_topic *topic, int partition);
void sl_reader_end_at(struct sl_reader *reader, const struct sl_topic *topic,
    int partition, uint64_t end);

/* Stop reading one partition. */
void sl_reader_drop_partition(struct sl_reader *reader,
    const struct sl_topic *topic, int partition);

#include "streamlog_check.h"
#include "streamlog_clean.h"
#include "streamlog_group.h"

/*
 * A setting of Kafka's client, as librdkafka names it ("security.protocol"),
 * for all kafka:// names of this process; over those of streamlog.yaml. Call it
 * before any other function and from one thread. Copies both. SL_EUSAGE: no
 * such setting shows at the first kafka:// name.
 */
SL_MUST_USE int sl_kafka_set(const char *name, const char *value,
    struct sl_error *err);

/*
 * Have `tell` told, from within any call, what passes by itself: a broker that
 * is away. Set it before any other function; NULL: nobody.
 */
void sl_on_notice(void (*tell)(const char *text));

/*
 * Have `is_stopped` asked while a call waits for a cluster: where it is true (a
 * signal came, say), a broker that doesn't answer within a second is not waited
 * for, SL_EBUSY. Set it before any other function; NULL: all the time there is.
 */
void sl_on_stop(bool (*is_stopped)(void));

/* The libraries built in and found at run time: "libyaml 0.2.5, ..." */
const char *sl_libraries(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
