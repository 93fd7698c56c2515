/*
 * shape.h: how an event looks: as it was appended, as an envelope, or by
 * --format. Floor: cmd.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include "envelope.h"
#include "format.h"
#include "scratch.h"
#include "streamlog.h"

enum shape_form {
	SHAPE_PLAIN,
	SHAPE_ENVELOPE,
	SHAPE_FORMAT,
};

struct shape {
	enum shape_form form;
	char separator; /* after each event; SHAPE_FORMAT says its own */
	struct envelope_writer envelope;
	struct format format;
	struct scratch line;
};

/*
 * `format` is for SHAPE_FORMAT alone; SL_EUSAGE where it is wrong. Release is
 * due whatever it returns.
 */
SL_MUST_USE int shape_init(struct shape *shape, enum shape_form form,
    char separator, const char *format, struct sl_error *err);
void shape_release(struct shape *shape);

/* How many bytes the separator behind an event has. */
static inline size_t
shape_separator_bytes(const struct shape *shape)
{
	return shape->form == SHAPE_FORMAT ? 0 : 1;
}

/* What shape_event() does but for SHAPE_PLAIN. */
SL_MUST_USE int shape_event_formed(struct shape *shape,
    const struct sl_record *record, const struct sl_source *source,
    const char **bytes, size_t *count, struct sl_error *err);

/*
 * The look of an event, without its separator: a view, good until the next
 * call and the reader's next. A plain one has a value.
 */
SL_MUST_USE static inline int
shape_event(struct shape *shape, const struct sl_record *record,
    const struct sl_source *source, const char **bytes, size_t *count,
    struct sl_error *err)
{
	if (shape->form != SHAPE_PLAIN)
		return shape_event_formed(shape, record, source, bytes, count,
		    err);
	*bytes = record->value;
	*count = record->value_bytes;
	return SL_OK;
}

#endif
