/* format.c: events in the words of --format; see format.h. */
#include "format.h"
#include "cli.h"

#include <assert.h>

#define TOKENS "sSRkKThtpo"
/* A number's digits, or the few bytes around a header. */
#define WORD_BYTES 24

/* ---- Parsing ---- */

static int
add_token(struct format *format, char letter, struct sl_error *err)
{
	struct scratch *pieces = &format->pieces;
	int rc;

	rc = scratch_reserve(pieces, 2, err);
	if (rc != SL_OK)
		return rc;
	pieces->bytes[pieces->used++] = '\0';
	pieces->bytes[pieces->used++] = letter;
	return SL_OK;
}

/* A literal byte: the literal in hand (at *literal) grows, or one begins. */
static int
add_byte(struct format *format, char byte, size_t *literal,
    struct sl_error *err)
{
	struct scratch *pieces = &format->pieces;
	unsigned char length;
	int rc;

	rc = scratch_reserve(pieces, 2, err);
	if (rc != SL_OK)
		return rc;
	if (*literal == SIZE_MAX ||
	    (unsigned char)pieces->bytes[*literal] == 255) {
		*literal = pieces->used;
		pieces->bytes[pieces->used++] = '\0';
	}
	length = (unsigned char)(pieces->bytes[*literal] + 1);
	pieces->bytes[*literal] = (char)length;
	pieces->bytes[pieces->used++] = byte;
	return SL_OK;
}

static int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* What a backslash and what follows stand for; *text is moved past it. */
static int
read_escape(const char **text, char *byte, struct sl_error *err)
{
	static const char letters[] = "nrt\\0", bytes[] = "\n\r\t\\\0";
	const char *at = *text + 1, *found;
	int high, low;

	found = *at == '\0' ? NULL : strchr(letters, *at);
	if (found != NULL) {
		*byte = bytes[found - letters];
		*text = at + 1;
		return SL_OK;
	}
	high = *at == 'x' ? hex_digit(at[1]) : -1;
	low = high >= 0 ? hex_digit(at[2]) : -1;
	if (low < 0)
		return sl_error_set(err, SL_EUSAGE,
		    "'\\%.1s' is none of \\n \\r \\t \\\\ \\0 \\xNN", at);
	*byte = (char)(high << 4 | low);
	*text = at + 3;
	return SL_OK;
}

int
format_init(struct format *format, const char *text, struct sl_error *err)
{
	size_t literal = SIZE_MAX; /* where the literal in hand begins */
	char byte;
	int rc;

	format->pieces = SCRATCH_EMPTY;
	while (*text != '\0') {
		byte = *text;
		if (*text == '%' && text[1] != '\0' &&
		    strchr(TOKENS, text[1]) != NULL) {
			rc = add_token(format, text[1], err);
			literal = SIZE_MAX;
			text += 2;
		} else if (*text == '%' && text[1] != '%') {
			return sl_error_set(err, SL_EUSAGE,
			    "'%%%.1s' is none of %%s %%S %%R %%k %%K %%T %%h "
			    "%%t %%p %%o %%%%",
			    text + 1);
		} else if (*text == '\\') {
			rc = read_escape(&text, &byte, err);
			if (rc == SL_OK)
				rc = add_byte(format, byte, &literal, err);
		} else {
			rc = add_byte(format, byte, &literal, err);
			text += *text == '%' ? 2 : 1;
		}
		if (rc != SL_OK)
			return rc;
	}
	return SL_OK;
}

void
format_release(struct format *format)
{
	scratch_release(&format->pieces);
}

/* ---- Writing ---- */

static int
put(struct scratch *to, const void *bytes, size_t count, struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(to, count, err);
	if (rc == SL_OK && count != 0)
		scratch_put(to, bytes, count);
	return rc;
}

static int
put_number(struct scratch *to, int64_t number, struct sl_error *err)
{
	int rc;

	rc = scratch_reserve(to, WORD_BYTES, err);
	if (rc == SL_OK)
		scratch_put_number(to, number);
	return rc;
}

static int64_t
length_of(const void *bytes, size_t count)
{
	return bytes == NULL ? -1 : (int64_t)count;
}

static int
put_length_word(struct scratch *to, int64_t length, struct sl_error *err)
{
	uint32_t word = (uint32_t)length;
	unsigned char bytes[4] = { (unsigned char)(word >> 24),
		(unsigned char)(word >> 16), (unsigned char)(word >> 8),
		(unsigned char)word };

	return put(to, bytes, sizeof(bytes), err);
}

static int
put_headers(struct scratch *to, const struct sl_record *record,
    struct sl_error *err)
{
	struct sl_header header;
	size_t at = 0;
	int rc = SL_OK;
	bool is_first = true;

	while (rc == SL_OK && sl_header_next(record, &at, &header)) {
		rc = put(to, ",", is_first ? 0 : 1, err);
		is_first = false;
		if (rc == SL_OK)
			rc = put(to, header.key, header.key_bytes, err);
		if (rc == SL_OK)
			rc = put(to, "=", 1, err);
		if (rc == SL_OK && header.value == NULL)
			rc = put(to, "NULL", 4, err);
		else if (rc == SL_OK)
			rc = put(to, header.value, header.value_bytes, err);
	}
	return rc;
}

static int
put_token(struct scratch *to, char token, const char *topic, int partition,
    const struct sl_record *record, struct sl_error *err)
{
	switch (token) {
	case 's':
		return put(to, record->value, record->value_bytes, err);
	case 'S':
		return put_number(to,
		    length_of(record->value, record->value_bytes), err);
	case 'R':
		return put_length_word(to,
		    length_of(record->value, record->value_bytes), err);
	case 'k':
		return put(to, record->key, record->key_bytes, err);
	case 'K':
		return put_number(to, length_of(record->key, record->key_bytes),
		    err);
	case 'T':
		return put_number(to, record->timestamp_ms, err);
	case 'h':
		return put_headers(to, record, err);
	case 't':
		return put(to, topic, strlen(topic), err);
	case 'p':
		return put_number(to, partition, err);
	default:
		assert(token == 'o');
		return put_number(to, (int64_t)record->offset, err);
	}
}

int
format_write(const struct format *format, const char *topic, int partition,
    const struct sl_record *record, struct scratch *to, struct sl_error *err)
{
	const char *at = format->pieces.bytes;
	const char *end = at + format->pieces.used;
	unsigned char length;
	int rc = SL_OK;

	while (at < end && rc == SL_OK) {
		length = (unsigned char)*at++;
		if (length != 0) {
			rc = put(to, at, length, err);
			at += length;
		} else {
			rc =
			    put_token(to, *at++, topic, partition, record, err);
		}
	}
	return rc;
}
