/*
 * fuzz_config.c: any bytes as a file of settings: read, and edited. What was
 * edited must be what a reader sees, and editing again changes nothing.
 */
#include "config.h"
#include "setting.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* A file that was good with changes that are good is good, and has them. */
static void
edited_is_read(const struct sl_config *before, const char *text, size_t bytes,
    bool is_topic)
{
	struct sl_error err;
	struct sl_config after;
	struct sl_setting_row row;

	sl_config_init(&after);
	expect(sl_config_parse(&after, text, bytes, is_topic, &err) == SL_OK);
	expect(after.settings.partitions == 7);
	expect(after.settings.segment_ms == 5400000);
	expect(after.settings.segment_bytes == before->settings.segment_bytes);
	expect(after.settings.sync == before->settings.sync);
	expect(strcmp(after.id, before->id) == 0);
	for (size_t i = 0; sl_config_row(&after, i, &row); i++)
		expect(row.value[0] != '\0' || sl_setting_is_list(i));
}

static void
edit(const struct sl_config *before, const char *text, size_t bytes,
    bool is_good, bool is_topic)
{
	static const struct sl_setting settings[] = { { "partitions", "7" },
		{ "segment.ms", "1.5 h" } };
	struct sl_error err;
	char *out;
	char *again;
	size_t out_bytes;
	size_t again_bytes;

	if (sl_config_edit(text, bytes, settings, 2, &out, &out_bytes, &err) !=
	    SL_OK) {
		expect(out == NULL);
		return;
	}
	if (is_good)
		edited_is_read(before, out, out_bytes, is_topic);
	expect(sl_config_edit(out, out_bytes, settings, 2, &again, &again_bytes,
	           &err) == SL_OK);
	expect(again_bytes == out_bytes && memcmp(out, again, out_bytes) == 0);
	free(again);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *text = (const char *)data;
	struct sl_error err = { 0 };
	struct sl_config config;
	bool is_topic = bytes > 0 && data[0] == 'i';
	int rc;

	sl_config_init(&config);
	rc = sl_config_parse(&config, text, bytes, is_topic, &err);
	expect(rc == SL_OK || (rc == SL_ECORRUPT && err.text[0] != '\0'));
	edit(&config, text, bytes, rc == SL_OK, is_topic);
	return 0;
}
