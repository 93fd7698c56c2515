/*
 * kafka.h: Apache Kafka through librdkafka, as the files of the engine share
 * it, and the only door to it. Floor: kafka, beside the engine of files.
 *
 * Each sl_kafka_NAME is what streamlog.h says of sl_NAME, for topics of a
 * cluster; `dir` is kafka://HOST[:PORT][,HOST...], never NULL, and `name` a
 * plain one. One client of a cluster is kept for questions (metadata, offsets,
 * administration) as long as the process lives; each reader, member and writer
 * has one of its own. A client has threads of librdkafka's; ours are the
 * caller's, and callbacks run within our calls alone.
 */
#ifndef SL_KAFKA_H
#define SL_KAFKA_H

#include "engine.h"

#include <librdkafka/rdkafka.h>

/* How long a question may take: a broker that is there answers in a few ms. */
#define SL_KAFKA_REQUEST_MS 10000
/* The same where the next one is soon due. */
#define SL_KAFKA_LOOK_MS 1000
/* So much at a time, between looks at what librdkafka tells. */
#define SL_KAFKA_SLICE_MS 100

/* A client, and what it was told of its brokers. */
struct sl_kafka {
	char dir[PATH_MAX];
	rd_kafka_t *rk;    /* owned */
	int32_t broker;    /* one that has answered; -1: none yet */
	bool is_down;      /* no broker is there, as far as it is known */
	bool is_down_told; /* and it was said */
	bool is_refused;   /* one is there, and it may not come in */
	bool was_in;       /* it was let in once: then trouble passes */
	bool is_silent;    /* nobody answered since the program was stopped */
	char why[256];     /* the last trouble with a broker; "": none */
};

/* What it takes to make one. */
struct sl_kafka_make {
	rd_kafka_type_t type;
	const char *dir;
	/* Defaults of ours, which the user's go over, and what goes over
	 * those; two lists each, which end with a NULL name. NULL: none. */
	const struct sl_setting *usual[2];
	const struct sl_setting *fixed[2];
	void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *message,
	    void *kafka);
	int events; /* RD_KAFKA_EVENT_... that come as such */
};

/* Make a client; `kafka` stays where it is until close. SL_EUSAGE: a setting.
 */
SL_MUST_USE int sl_kafka_open(struct sl_kafka *kafka,
    const struct sl_kafka_make *make, struct sl_error *err);
void sl_kafka_close(struct sl_kafka *kafka);

/* Serve callbacks, up to so long; tells once when all brokers are away. */
void sl_kafka_poll(struct sl_kafka *kafka, int timeout_ms);

/* Keep librdkafka's descriptors from programs that this process begins: its
 * pipes aren't closed on exec. */
void sl_kafka_seal_fds(void);

/* So long, from now on. */
struct sl_kafka_wait {
	int64_t since_ms;
	int64_t until_ms;
};
struct sl_kafka_wait sl_kafka_wait_for(int timeout_ms);

/* Is the time up, or was the program stopped while nobody answers? */
bool sl_kafka_is_over(struct sl_kafka *kafka, const struct sl_kafka_wait *wait);

/* How long one question may block between two looks at that. */
int sl_kafka_slice_ms(const struct sl_kafka *kafka);

/* The client for questions to a cluster, made at the first. */
SL_MUST_USE int sl_kafka_find(struct sl_kafka **kafka, const char *dir,
    struct sl_error *err);

/*
 * librdkafka's or a broker's error as ours: the code follows from it, the text
 * is the format's, a colon, and its word. Returns the code.
 */
int sl_kafka_error(struct sl_error *err, rd_kafka_resp_err_t code,
    const char *format, ...) SL_PRINTF(3, 4);

/* Nobody answered in time, as far as `kafka` knows why; SL_EBUSY, or SL_EIO. */
int sl_kafka_unreachable(const struct sl_kafka *kafka, struct sl_error *err);

/* It may work a little later: a leader moves, a broker is away. */
bool sl_kafka_passes(rd_kafka_resp_err_t code);

/* ---- kafka_topic.c ---- */

struct sl_topic {
	const struct sl_engine *engine; /* the door's */
	struct sl_kafka *kafka;         /* borrowed */
	char name[SL_TOPIC_NAME_MAX + 1];
	struct sl_settings settings;
	int64_t missed_ms;           /* since when it isn't there; 0: it is */
	struct sl_setting_row *rows; /* owned */
	size_t row_count;
};

/* Put "topic 'NAME': [partition N: ]" before the error's text. */
int sl_kafka_wrap(const struct sl_topic *topic, int partition,
    struct sl_error *err);

/*
 * Metadata of one topic, or of all (name NULL), of which it owns what is to be
 * rd_kafka_metadata_destroy()ed. SL_ENOTFOUND.
 */
SL_MUST_USE int sl_kafka_metadata(struct sl_kafka *kafka, const char *name,
    int timeout_ms, const struct rd_kafka_metadata **metadata,
    struct sl_error *err);

/* The first offset of a partition, and that behind the last. */
SL_MUST_USE int sl_kafka_offsets(struct sl_kafka *kafka, const char *name,
    int partition, struct sl_range *range, struct sl_error *err);

/* ---- kafka_admin.c ---- */

/*
 * Ask by the administration's API: `ask` sends it to the queue; what is
 * answered is *event, to be rd_kafka_event_destroy()ed.
 */
SL_MUST_USE int sl_kafka_ask(struct sl_kafka *kafka, rd_kafka_admin_op_t op,
    void (*ask)(rd_kafka_t *rk, rd_kafka_AdminOptions_t *options,
        rd_kafka_queue_t *queue, void *arg),
    void *arg, rd_kafka_event_t **event, struct sl_error *err);

/* Read a topic's configuration into its settings and rows. */
SL_MUST_USE int sl_kafka_configure(struct sl_topic *topic,
    struct sl_error *err);

/* ---- kafka_reader.c ---- */

/* Taken of a queue at once. */
#define SL_KAFKA_FETCHED_MAX 1000

/* A partition that is read. */
struct sl_kafka_part {
	struct sl_topic *topic; /* borrowed */
	int number;
	rd_kafka_topic_t *handle;     /* owned */
	rd_kafka_queue_t *queue;      /* owned: what was fetched of it */
	rd_kafka_message_t **fetched; /* owned: a few, taken of the queue */
	size_t fetched_count;
	size_t fetched_at;  /* the next */
	uint64_t asked;     /* the offset that was to come next ... */
	uint64_t next;      /* ... and that goes on: those between are gone */
	uint64_t end;       /* exclusive */
	int64_t largest_ms; /* of the timestamps so far */
	bool is_at_end;     /* nothing more was there, when it was asked */
	bool was_inside;    /* its place was within what is there, once */
	int64_t again_ms;   /* it is tried again then; 0: it goes on */
};

struct sl_reader {
	const struct sl_engine *engine; /* the door's */
	struct sl_reader_options options;
	struct sl_kafka *kafka; /* its client, or its member's; NULL: not yet */
	struct sl_kafka own;
	bool is_member;               /* a member's: it says what is fetched */
	struct sl_kafka_part **parts; /* owned */
	size_t count;
	bool is_following;
	size_t turn;               /* the part that was handed out last ... */
	size_t turn_records;       /* ... and how many of it in a row */
	rd_kafka_message_t *shown; /* the record that was handed out */
	void *headers;             /* owned: its headers, encoded */
	size_t headers_room;
	int wake; /* owned: an eventfd; readable when a queue has something */
};

/* How a reader's client, or a member's, is made; see struct sl_kafka_make. */
extern const struct sl_setting sl_kafka_reading[];
extern const struct sl_setting sl_kafka_reading_fixed[];

/* Its member's client goes: it reads nothing any more. */
void sl_kafka_reader_part(struct sl_reader *reader);

/* A queue of the client's wakes the reader. */
void sl_kafka_reader_heed(struct sl_reader *reader, rd_kafka_queue_t *queue);

/* ---- kafka_fetch.c ---- */

/*
 * The next record of a part: SL_OK, it is in hand; SL_END, none is there now
 * (part->is_at_end: at all); or a failure, which is to be told.
 */
SL_MUST_USE int sl_kafka_part_look(struct sl_reader *reader,
    struct sl_kafka_part *part, struct sl_error *err);

/* Hand out the record in hand; it lives until the reader frees `shown`. */
SL_MUST_USE int sl_kafka_part_show(struct sl_reader *reader,
    struct sl_kafka_part *part, struct sl_record *record,
    struct sl_source *source, struct sl_error *err);

/* Free what was fetched and not handed out. */
void sl_kafka_part_forget(struct sl_kafka_part *part);

#define SL_KAFKA_DECLARE(name) __typeof__(sl_##name) sl_kafka_##name;
SL_TOPIC_FUNCTIONS(SL_KAFKA_DECLARE)
SL_GROUP_FUNCTIONS(SL_KAFKA_DECLARE)

#endif
