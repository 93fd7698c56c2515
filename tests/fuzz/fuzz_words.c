/*
 * fuzz_words.c: any bytes as a size, a duration, a time, a setting, base64 and
 * a text in a row of JSON. Nothing crashes, and what has an inverse returns.
 */
#include "config.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define TEXT_MAX 4096

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
try_amounts(const char *text)
{
	struct sl_error err;
	char printed[SL_SIZE_TEXT_SIZE];
	int64_t amount;
	int64_t again;

	if (sl_parse_size(text, &amount, &err) == SL_OK) {
		expect(amount >= 0);
		sl_format_size((uint64_t)amount, printed);
		expect(strlen(printed) <= 10);
		/* Only the largest that there is may round to too much. */
		if (amount < INT64_MAX / 20 * 19)
			expect(sl_parse_size(printed, &again, &err) == SL_OK);
	}
	if (sl_parse_duration(text, 1, &amount, &err) == SL_OK)
		expect(amount >= 0);
}

static void
try_time(const char *text)
{
	struct sl_error err;
	char printed[SL_TIME_TEXT_SIZE];
	int64_t ms;
	int64_t again;

	if (sl_parse_time(text, INT64_C(1795441200123), &ms, &err) != SL_OK)
		return;
	sl_format_time(ms, printed);
	if (ms < 0)
		return; /* a zone's first hours of 1970 */
	expect(sl_parse_time(printed, 0, &again, &err) == SL_OK && again == ms);
}

static void
try_settings(const char *text)
{
	struct sl_setting_row row;
	struct sl_config config;
	struct sl_config again;
	struct sl_error err;
	int rc;

	sl_config_init(&config);
	rc = sl_config_set(&config, text, "1", &err);
	expect(rc == SL_OK || rc == SL_EUSAGE);
	for (size_t i = 0; sl_config_row(&config, i, &row); i++) {
		if (sl_config_set(&config, row.name, text, &err) != SL_OK)
			continue;
		/* What a row shows is what may be said again. */
		expect(sl_config_row(&config, i, &row));
		again = config;
		expect(
		    sl_config_set(&again, row.name, row.value, &err) == SL_OK);
		expect(memcmp(&config, &again, sizeof(config)) == 0);
	}
}

static void
try_base64(const void *data, size_t bytes)
{
	char encoded[SL_BASE64_SIZE(TEXT_MAX)];
	char decoded[TEXT_MAX];
	size_t length;
	long got;

	length = sl_base64_encode(data, bytes, encoded);
	got = sl_base64_decode(encoded, length, decoded);
	expect(got == (long)bytes && memcmp(data, decoded, bytes) == 0);
	got = sl_base64_decode(data, bytes, decoded);
	if (got < 0)
		return;
	length = sl_base64_encode(decoded, (size_t)got, encoded);
	expect(length == bytes && memcmp(encoded, data, bytes) == 0);
}

static void
try_json(const char *text, size_t bytes)
{
	struct sl_json *object = sl_json_object();
	size_t at;
	char *row;

	sl_json_add_bytes(object, "bytes", text, bytes);
	sl_json_add_int(object, "n", (int64_t)bytes);
	row = sl_json_print(object);
	expect(row != NULL && sl_utf8_valid(row, strlen(row)));
	expect(sl_scan_explain(row, strlen(row), &at) == NULL);
	free(row);
	sl_json_free(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char text[TEXT_MAX + 1];
	char excerpt[SL_EXCERPT_SIZE];
	enum sl_sync_level level;
	struct sl_error err;

	if (bytes > TEXT_MAX)
		return 0;
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	try_amounts(text);
	try_time(text);
	try_settings(text);
	try_base64(text, bytes);
	try_json(text, bytes);
	sl_text_excerpt(text, excerpt);
	expect(strlen(excerpt) < SL_EXCERPT_SIZE);
	expect(sl_utf8_valid(excerpt, strlen(excerpt)));
	expect(sl_parse_sync_level(text, &level, &err) != SL_OK ||
	       level <= SL_SYNC_EACH);
	(void)sl_glob_match(text, "orders.eu-1");
	return 0;
}
