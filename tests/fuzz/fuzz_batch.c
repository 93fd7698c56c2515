/*
 * fuzz_batch.c: any bytes as a batch (libFuzzer). The sum isn't looked at, or
 * nothing would come past it; for the same reason every second input gets the
 * right length and magic. What can be read must come back the same when it is
 * encoded and read again.
 */
#include "batch.h"
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
same(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
	       (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

static void
record_again(struct sl_encoder *encoder, const struct sl_record *record)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_batch_head head;
	struct sl_batch_view view;
	struct sl_record again;
	struct sl_error err;

	sl_encoder_reset(encoder);
	if (sl_encoder_add(encoder, 0, record, &err) == SL_EREJECTED)
		return;
	must(sl_encoder_finish(encoder, &err) == SL_OK);
	view = sl_encoder_batch(encoder, 0);
	must(sl_batch_head_decode(view.bytes, view.size, &head, &err) == SL_OK);
	must(sl_batch_crc_ok(view.bytes, &head));
	must(sl_batch_walk_begin(&walk, view.bytes, &head, &err) == SL_OK);
	must(sl_batch_walk_next(&walk, &again, &err) == SL_OK);
	must(again.timestamp_ms == record->timestamp_ms);
	must(same(again.key, again.key_bytes, record->key, record->key_bytes));
	must(same(again.value, again.value_bytes, record->value,
	    record->value_bytes));
	must(again.header_count == record->header_count);
	must(same(again.headers, again.headers_bytes, record->headers,
	    record->headers_bytes));
	must(sl_batch_walk_next(&walk, &again, &err) == SL_END);
	sl_batch_walk_release(&walk);
}

static void
records_read(struct sl_encoder *encoder, const uint8_t *data,
    const struct sl_batch_head *head)
{
	struct sl_batch_walk walk = SL_BATCH_WALK_CLOSED;
	struct sl_record record;
	struct sl_error err;

	if (sl_batch_walk_begin(&walk, data, head, &err) == SL_OK) {
		while (sl_batch_walk_next(&walk, &record, &err) == SL_OK) {
			struct sl_header header;
			size_t at = 0;
			uint32_t count = 0;

			must(record.offset <=
			     head->base + head->last_offset_delta);
			while (sl_header_next(&record, &at, &header))
				count++;
			must(count == record.header_count);
			record_again(encoder, &record);
		}
	}
	sl_batch_walk_release(&walk);
}

static void
batch_read(const uint8_t *batch, size_t size)
{
	static struct sl_encoder *encoder;
	const struct sl_encoder_options options = { 1 << 20, 1 << 20,
		SL_COMPRESSION_NONE };
	struct sl_batch_head head;
	struct sl_error err;

	if (encoder == NULL)
		must(sl_encoder_new(&encoder, &options, &err) == SL_OK);
	if (sl_batch_head_decode(batch, size, &head, &err) == SL_OK &&
	    head.bytes <= size)
		records_read(encoder, batch, &head);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *batch;

	if (size < SL_BATCH_HEAD_SIZE || data[0] % 2 == 0) {
		batch_read(data, size);
		return 0;
	}
	batch = malloc(size);
	must(batch != NULL);
	memcpy(batch, data, size);
	sl_put_u32(batch + 8, (uint32_t)size - 12);
	batch[16] = 2;
	batch_read(batch, size);
	free(batch);
	return 0;
}
