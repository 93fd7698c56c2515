/* header.c: the headers of a record, one behind the other; see streamlog.h. */
#include "streamlog.h"
#include "varint.h"

#include <string.h>

size_t
sl_header_encode(const struct sl_header *header, void *to)
{
	uint8_t *at = to;

	at = sl_varint_put(at, (int64_t)header->key_bytes);
	if (header->key_bytes > 0)
		memcpy(at, header->key, header->key_bytes);
	at += header->key_bytes;
	if (header->value == NULL)
		return (size_t)(sl_varint_put(at, -1) - (uint8_t *)to);
	at = sl_varint_put(at, (int64_t)header->value_bytes);
	if (header->value_bytes > 0)
		memcpy(at, header->value, header->value_bytes);
	at += header->value_bytes;
	return (size_t)(at - (uint8_t *)to);
}

bool
sl_header_next(const struct sl_record *record, size_t *at,
    struct sl_header *header)
{
	const uint8_t *start = record->headers;
	const uint8_t *from;
	const uint8_t *end;
	int32_t bytes;

	if (*at >= record->headers_bytes)
		return false;
	from = start + *at;
	end = start + record->headers_bytes;
	if (!sl_varint_take_int(&from, end, &bytes) || bytes < 0 ||
	    bytes > end - from)
		return false;
	header->key = from;
	header->key_bytes = (size_t)bytes;
	from += bytes;
	if (!sl_varint_take_int(&from, end, &bytes) || bytes < -1 ||
	    bytes > end - from)
		return false;
	header->value = bytes < 0 ? NULL : from;
	header->value_bytes = bytes < 0 ? 0 : (size_t)bytes;
	from += header->value_bytes;
	*at = (size_t)(from - start);
	return true;
}
