/*
 * format.h: events in the words of --format, which are kcat's. Floor: cmd.
 *
 *	%s %S %R  value; its length in decimal; as 4 bytes, big-endian
 *	%k %K     key; its length
 *	%T        timestamp in ms since 1970
 *	%h        headers, "name=value" with commas between
 *	%t %p %o  topic, partition, offset
 *	%%        a percent sign
 *	\n \r \t \\ \0 \xNN
 *
 * No value and no key (null) have the length -1 and no bytes; a header's null
 * is NULL. Nothing is added at the end: a format says its own newline.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include "scratch.h"
#include "streamlog.h"

struct format {
	/*
	 * Pieces one after another, each a byte of 0 and a token's letter, or
	 * the length of a literal (1 to 255) and its bytes.
	 */
	struct scratch pieces;
};

/* Parse `text`. SL_EUSAGE names the token that is none. Release either way. */
SL_MUST_USE int format_init(struct format *format, const char *text,
    struct sl_error *err);
void format_release(struct format *format);

/* Put a record as the format says behind what is in `to`. */
SL_MUST_USE int format_write(const struct format *format, const char *topic,
    int partition, const struct sl_record *record, struct scratch *to,
    struct sl_error *err);

#endif
