/*
 * append-and-tail.c: libstreamlog in a page. Appends its arguments as events to
 * a topic, puts them on disk, and prints all that the topic holds.
 *
 *     cc append-and-tail.c $(pkg-config --cflags --libs streamlog)
 *     ./a.out DIR TOPIC '{"user":"u1"}' '{"user":"u2"}'
 */
#include <stdio.h>
#include <streamlog.h>
#include <string.h>

/* One batch of all the events, seen by readers and then on disk. */
static int
append(struct sl_topic *topic, char **events, int count, struct sl_error *err)
{
	struct sl_encoder_options options = {
		.batch_bytes = 1 << 20,
		.message_bytes_max =
		    (size_t)sl_topic_settings(topic)->max_message_bytes,
		.compression = sl_topic_settings(topic)->compression,
	};
	struct sl_encoder *encoder = NULL;
	struct sl_writer *writer = NULL;
	struct sl_receipt receipt;
	size_t batch;
	int rc, event;

	rc = sl_encoder_new(&encoder, &options, err);
	for (event = 0; rc == SL_OK && event < count; event++) {
		struct sl_record record = {
			.timestamp_ms = sl_now_ms(),
			.value = events[event],
			.value_bytes = strlen(events[event]),
		};

		rc = sl_encoder_add(encoder, 0, &record, err);
	}
	if (rc == SL_OK)
		rc = sl_encoder_finish(encoder, err);
	if (rc == SL_OK)
		rc = sl_writer_open(&writer, topic, err);
	for (batch = 0; rc == SL_OK && batch < sl_encoder_count(encoder);
	     batch++)
		rc = sl_writer_write(writer, encoder, batch, 10000, &receipt,
		    err);
	if (rc == SL_OK)
		rc = sl_writer_sync(writer, err);
	sl_writer_close(writer);
	sl_encoder_free(encoder);
	return rc;
}

static int
tail(struct sl_topic *topic, struct sl_error *err)
{
	struct sl_reader_options options = { .synced = false };
	struct sl_reader *reader = NULL;
	struct sl_record record;
	struct sl_source source;
	int rc;

	rc = sl_reader_open(&reader, &options, err);
	if (rc == SL_OK)
		rc = sl_reader_assign(reader, topic, 0, 0, SL_OFFSET_NONE, err);
	while (rc == SL_OK) {
		rc = sl_reader_next(reader, &record, &source, err);
		if (rc == SL_OK)
			printf("%d:%llu %.*s\n", source.partition,
			    (unsigned long long)record.offset,
			    (int)record.value_bytes,
			    (const char *)record.value);
	}
	sl_reader_close(reader);
	return rc == SL_END ? SL_OK : rc;
}

int
main(int argc, char **argv)
{
	struct sl_topic *topic = NULL;
	struct sl_error err;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: %s DIR TOPIC [EVENT...]\n", argv[0]);
		return 2;
	}
	rc = sl_topic_create(argv[1], argv[2], NULL, 0, &err);
	if (rc == SL_OK || rc == SL_EEXISTS)
		rc = sl_topic_open(&topic, argv[1], argv[2], &err);
	if (rc == SL_OK)
		rc = append(topic, argv + 3, argc - 3, &err);
	if (rc == SL_OK)
		rc = tail(topic, &err);
	sl_topic_close(topic);
	if (rc != SL_OK) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return 1;
	}
	return 0;
}
