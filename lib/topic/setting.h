/*
 * setting.h: the table of all settings: names, kinds, defaults, bounds. Floor:
 * topic. Pure. Settings are known by their index; streamlog.yaml(5) has them.
 */
#ifndef SL_SETTING_H
#define SL_SETTING_H

#include "streamlog.h"

/* `partitions`, which a topic's file must say. */
#define SL_SETTING_PARTITIONS ((size_t)0)

/* Every setting at its default. */
void sl_settings_init(struct sl_settings *settings);

/*
 * The index of the setting called `name`. SL_EUSAGE: there is none; the text
 * says which may have been meant.
 */
SL_MUST_USE int sl_setting_find(const char *name, size_t *index,
    struct sl_error *err);

/*
 * Set from a text, as a file or the command line has it. SL_EUSAGE says what
 * was expected, beginning with the setting's name; `settings` stays as it was.
 */
SL_MUST_USE int sl_setting_parse(size_t index, const char *value,
    struct sl_settings *settings, struct sl_error *err);

/* Is it one that a file may say as a list? */
bool sl_setting_is_list(size_t index);

/* Fill the row's name and value (in Kafka's unit). False past the last. */
bool sl_setting_print(size_t index, const struct sl_settings *settings,
    struct sl_setting_row *row);

#endif
