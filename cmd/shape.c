/* shape.c: how an event looks; see shape.h. */
#include "shape.h"

int
shape_init(struct shape *shape, enum shape_form form, char separator,
    const char *format, struct sl_error *err)
{
	*shape = (struct shape){ .form = form,
		.separator = separator,
		.envelope = { .scan = NULL },
		.format = { .pieces = SCRATCH_EMPTY },
		.line = SCRATCH_EMPTY };
	if (form == SHAPE_ENVELOPE)
		return envelope_writer_init(&shape->envelope, err);
	if (form == SHAPE_FORMAT)
		return format_init(&shape->format, format, err);
	return SL_OK;
}

void
shape_release(struct shape *shape)
{
	envelope_writer_release(&shape->envelope);
	format_release(&shape->format);
	scratch_release(&shape->line);
}

int
shape_event_formed(struct shape *shape, const struct sl_record *record,
    const struct sl_source *source, const char **bytes, size_t *count,
    struct sl_error *err)
{
	const char *topic = sl_topic_name(source->topic);
	const struct scratch *line = &shape->line;
	int rc;

	if (shape->form == SHAPE_ENVELOPE) {
		line = &shape->envelope.line;
		rc = envelope_write(&shape->envelope, topic, source->partition,
		    record, err);
	} else {
		shape->line.used = 0;
		rc = format_write(&shape->format, topic, source->partition,
		    record, &shape->line, err);
	}
	*bytes = line->bytes;
	*count = line->used;
	return rc;
}
