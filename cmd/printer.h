/*
 * printer.h: how an event looks on stdout: as it was appended, as an envelope,
 * or by --format. Floor: cmd.
 */
#ifndef PRINTER_H
#define PRINTER_H

#include "envelope.h"
#include "format.h"
#include "output.h"
#include "scratch.h"
#include "streamlog.h"

enum printer_form {
	PRINTER_PLAIN,
	PRINTER_ENVELOPE,
	PRINTER_FORMAT,
};

struct printer {
	enum printer_form form;
	char separator; /* after each event; PRINTER_FORMAT says its own */
	struct envelope_writer envelope;
	struct format format;
	struct scratch line;
	struct output output;
};

/*
 * `format` is for PRINTER_FORMAT alone; SL_EUSAGE where it is wrong. SL_EIO:
 * stdout is closed. Release is due whatever it returns.
 */
SL_MUST_USE int printer_init(struct printer *printer, enum printer_form form,
    char separator, const char *format, struct sl_error *err);
void printer_release(struct printer *printer);

/*
 * Print plain events straight from the reader, as many as there are room and
 * `count_max` for; *count says how many. Returns as sl_reader_copy().
 */
SL_MUST_USE int printer_copy(struct printer *printer, struct sl_reader *reader,
    uint64_t count_max, uint64_t *count, struct sl_source *source,
    struct sl_error *err);

/* What printer_event() does but for PRINTER_PLAIN. */
SL_MUST_USE int printer_event_formed(struct printer *printer,
    const struct sl_record *record, const struct sl_source *source,
    struct sl_error *err);

/* Print an event; returns as output_event() does. A plain one has a value. */
SL_MUST_USE static inline int
printer_event(struct printer *printer, const struct sl_record *record,
    const struct sl_source *source, struct sl_error *err)
{
	if (printer->form == PRINTER_PLAIN)
		return output_event(&printer->output, record->value,
		    record->value_bytes, &printer->separator, 1, err);
	return printer_event_formed(printer, record, source, err);
}

#endif
