/* printer.c: events onto stdout; see printer.h. */
#include "printer.h"

#include <unistd.h>

int
printer_init(struct printer *printer, enum shape_form form, char separator,
    const char *format, struct sl_error *err)
{
	int rc;

	printer->output = OUTPUT_CLOSED;
	rc = shape_init(&printer->shape, form, separator, format, err);
	if (rc != SL_OK)
		return rc;
	return output_init(&printer->output, STDOUT_FILENO, err);
}

void
printer_release(struct printer *printer)
{
	shape_release(&printer->shape);
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
	    output->size - output->used, printer->shape.separator, count_max,
	    &used, count, source, err);
	output->used += used;
	return rc;
}
