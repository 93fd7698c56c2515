/* select.c: what of a topic to read; see select.h. */
#include "select.h"

#include "cli.h"

#include <inttypes.h>

/* Where matches are rare, the first guess of where the last N begin. */
#define FILTERED_SPAN_MIN 4096
#define SPAN_GROWTH 4

bool
select_wants(const struct select *select, int partition)
{
	size_t i;

	if (select->partition_count == 0)
		return true;
	for (i = 0; i < select->partition_count; i++)
		if (select->partitions[i] == partition)
			return true;
	return false;
}

int
select_window(const struct select *select, struct sl_topic *topic,
    int partition, struct select_window *window, struct sl_error *err)
{
	struct sl_range range;
	uint64_t start;
	int rc;

	rc = sl_topic_range(topic, partition, &range, err);
	if (rc != SL_OK)
		return rc;
	*window = (struct select_window){ .topic = topic,
		.partition = partition,
		.start = range.first,
		.end = range.next };
	if (select->until_ms != SL_TIME_NONE) {
		rc = sl_topic_offset_at(topic, partition, select->until_ms,
		    &window->end, err);
		if (rc != SL_OK)
			return rc;
	}
	switch (select->where) {
	case SELECT_BEGINNING:
		break;
	case SELECT_END:
		window->start = range.next;
		break;
	case SELECT_OFFSET:
		window->start = select->number;
		if (select->number > range.next)
			cli_notice("topic '%s': partition %d: there is no "
			           "offset %" PRIu64
			           " yet; the next is %" PRIu64,
			    sl_topic_name(topic), partition, select->number,
			    range.next);
		break;
	case SELECT_BACK:
		if (range.next - range.first > select->number)
			window->start = range.next - select->number;
		break;
	case SELECT_TIME:
		rc = sl_topic_offset_at(topic, partition, select->since_ms,
		    &start, err);
		if (rc != SL_OK)
			return rc;
		window->start = start;
		break;
	}
	if (window->end < window->start)
		window->end = window->start;
	return SL_OK;
}

static bool
has_header(const struct sl_record *record, const struct sl_header *wanted)
{
	struct sl_header header;
	size_t at = 0;

	while (sl_header_next(record, &at, &header))
		if (header.value != NULL &&
		    header.key_bytes == wanted->key_bytes &&
		    header.value_bytes == wanted->value_bytes &&
		    memcmp(header.key, wanted->key, wanted->key_bytes) == 0 &&
		    memcmp(header.value, wanted->value, wanted->value_bytes) ==
		        0)
			return true;
	return false;
}

bool
select_takes_filtered(const struct select *select,
    const struct sl_record *record)
{
	size_t i;

	if (select->key != NULL &&
	    (record->key == NULL || record->key_bytes != select->key_bytes ||
	        memcmp(record->key, select->key, select->key_bytes) != 0))
		return false;
	for (i = 0; i < select->header_count; i++)
		if (!has_header(record, &select->headers[i]))
			return false;
	return true;
}

/* Count the matches of a window. */
static int
count_matches(const struct select *select, struct select_window *window,
    struct sl_error *err)
{
	const struct sl_reader_options options = {
		.dir = sl_topic_dir(window->topic),
		.skip_damage = true,
	};
	struct sl_reader *reader;
	struct sl_record record;
	struct sl_source source;
	int rc;

	window->matches = 0;
	rc = sl_reader_open(&reader, &options, err);
	if (rc != SL_OK)
		return rc;
	rc = sl_reader_assign(reader, window->topic, window->partition,
	    window->start, window->end, err);
	while (rc == SL_OK || rc == SL_EGONE || rc == SL_ECORRUPT) {
		rc = sl_reader_next(reader, &record, &source, err);
		if (rc == SL_OK)
			window->matches += select_takes(select, &record);
	}
	sl_reader_close(reader);
	return rc == SL_END ? SL_OK : rc;
}

int
select_last(const struct select *select, uint64_t count,
    struct select_window *window, struct sl_error *err)
{
	uint64_t start = window->start, span = count;
	int rc;

	window->matches = 0;
	if (count == 0) {
		window->start = window->end;
		return SL_OK;
	}
	if (select->key != NULL || select->header_count != 0)
		span = count > FILTERED_SPAN_MIN ? count : FILTERED_SPAN_MIN;
	for (;;) {
		window->start =
		    window->end - start > span ? window->end - span : start;
		rc = count_matches(select, window, err);
		if (rc != SL_OK || window->matches >= count ||
		    window->start == start)
			return rc;
		span = span > UINT64_MAX / SPAN_GROWTH ? UINT64_MAX
		                                       : span * SPAN_GROWTH;
	}
}
