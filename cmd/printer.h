/*
 * printer.h: events onto stdout, each in its shape. Floor: cmd.
 */
#ifndef PRINTER_H
#define PRINTER_H

#include "output.h"
#include "shape.h"
#include "streamlog.h"

struct printer {
	struct shape shape;
	struct output output;
};

/*
 * As shape_init(). SL_EIO: stdout is closed. Release is due whatever it
 * returns.
 */
SL_MUST_USE int printer_init(struct printer *printer, enum shape_form form,
    char separator, const char *format, struct sl_error *err);
void printer_release(struct printer *printer);

/*
 * Print plain events straight from the reader, as many as there are room and
 * `count_max` for; *count says how many. Returns as sl_reader_copy().
 */
SL_MUST_USE int printer_copy(struct printer *printer, struct sl_reader *reader,
    uint64_t count_max, uint64_t *count, struct sl_source *source,
    struct sl_error *err);

/* Print an event; returns as output_event() does. A plain one has a value. */
SL_MUST_USE static inline int
printer_event(struct printer *printer, const struct sl_record *record,
    const struct sl_source *source, struct sl_error *err)
{
	const char *bytes;
	size_t count;
	int rc;

	rc = shape_event(&printer->shape, record, source, &bytes, &count, err);
	if (rc != SL_OK)
		return rc;
	return output_event(&printer->output, bytes, count,
	    &printer->shape.separator, shape_separator_bytes(&printer->shape),
	    err);
}

#endif
