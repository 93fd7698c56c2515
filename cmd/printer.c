/* printer.c: how an event looks on stdout; see printer.h. */
#include "printer.h"

#include <unistd.h>

int
printer_init(struct printer *printer, enum printer_form form, char separator,
    const char *format, struct sl_error *err)
{
	int rc;

	printer->form = form;
	printer->separator = separator;
	printer->envelope = (struct envelope_writer){ .scan = NULL };
	printer->format = (struct format){ .pieces = SCRATCH_EMPTY };
	printer->line = SCRATCH_EMPTY;
	printer->output = OUTPUT_CLOSED;
	rc = output_init(&printer->output, STDOUT_FILENO, err);
	if (rc == SL_OK && form == PRINTER_ENVELOPE)
		rc = envelope_writer_init(&printer->envelope, err);
	if (rc == SL_OK && form == PRINTER_FORMAT)
		rc = format_init(&printer->format, format, err);
	return rc;
}

void
printer_release(struct printer *printer)
{
	envelope_writer_release(&printer->envelope);
	format_release(&printer->format);
	scratch_release(&printer->line);
	output_release(&printer->output);
}

int
printer_copy(struct printer *printer, struct sl_reader *reader,
    uint64_t count_max, uint64_t *count, struct sl_source *source,
    struct sl_error *err)
{
	struct output *output = &printer->output;
	size_t used;
	int rc;

	rc = sl_reader_copy(reader, output->bytes + output->used,
	    output->size - output->used, printer->separator, count_max, &used,
	    count, source, err);
	output->used += used;
	return rc;
}

int
printer_event_formed(struct printer *printer, const struct sl_record *record,
    const struct sl_source *source, struct sl_error *err)
{
	const char *topic = sl_topic_name(source->topic);
	const struct scratch *line;
	int rc;

	if (printer->form == PRINTER_ENVELOPE) {
		line = &printer->envelope.line;
		rc = envelope_write(&printer->envelope, topic,
		    source->partition, record, err);
	} else {
		line = &printer->line;
		printer->line.used = 0;
		rc = format_write(&printer->format, topic, source->partition,
		    record, &printer->line, err);
	}
	if (rc != SL_OK)
		return rc;
	return output_event(&printer->output, line->bytes, line->used,
	    &printer->separator, printer->form == PRINTER_ENVELOPE ? 1 : 0,
	    err);
}
