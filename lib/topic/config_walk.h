/*
 * config_walk.h: the entries of a file of settings, one by one. Floor: topic.
 * For config.c, which reads them, and config_edit.c, which changes them.
 */
#ifndef SL_CONFIG_WALK_H
#define SL_CONFIG_WALK_H

#include "streamlog.h"

/* One "name: value" of a file, and where it stands in the text. */
struct sl_config_entry {
	const char *name;
	const char *value; /* of a list: its items, with commas between */
	bool is_list;
	size_t line; /* of the name, from 1 */
	size_t indent;
	size_t start; /* the value's bytes, quotes included: [start, end) */
	size_t end;
};

/* Called for each entry in turn; a failure is wrapped with its line. */
typedef int sl_config_visitor(void *context,
    const struct sl_config_entry *entry, struct sl_error *err);

/*
 * Visit all entries of a file's text in turn. SL_ECORRUPT (the text is no such
 * file; its line is named), SL_ENOMEM, or what `visit` returned.
 */
SL_MUST_USE int sl_config_walk(const char *text, size_t bytes,
    sl_config_visitor *visit, void *context, struct sl_error *err);

#endif
