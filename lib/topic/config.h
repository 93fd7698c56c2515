/*
 * config.h: topic.yaml and streamlog.yaml, the table of all settings, and the
 * only door to libyaml. Floor: topic. Both files: streamlog.yaml(5).
 *
 * A file is one YAML mapping of setting names to scalars (or lists of them).
 * Who may write topic.yaml: whoever creates or alters the topic, by
 * sl_fs_replace, so a reader sees the old one or the new one.
 */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H

#include "streamlog.h"

#define SL_TOPIC_ID_SIZE 23 /* 16 bytes in base64url, and a NUL */
/* A configuration file is refused when it is larger. */
#define SL_CONFIG_BYTES_MAX (64u << 10)

struct sl_config {
	struct sl_settings settings;
	char id[SL_TOPIC_ID_SIZE]; /* "": streamlog.yaml has none */
	uint64_t said;             /* bit i: the file says setting i */
};

/* Every setting at its default, no id. */
void sl_config_init(struct sl_config *config);

/*
 * Read a file's text over what `config` holds. SL_ECORRUPT names the line and
 * what was meant: "line 3: 'segment.byte': no such setting; is 'segment.bytes'
 * meant?", "line 4: segment.bytes: '64 apples': not a size, such as 64MiB".
 * `is_topic`: an id and `partitions` must be there (topic.yaml).
 */
SL_MUST_USE int sl_config_parse(struct sl_config *config, const char *text,
    size_t bytes, bool is_topic, struct sl_error *err);

/* One setting from the command line. SL_EUSAGE, worded the same. */
SL_MUST_USE int sl_config_set(struct sl_config *config, const char *name,
    const char *value, struct sl_error *err);

/* Do the settings fit each other? SL_EUSAGE, for who makes or alters a topic.
 */
SL_MUST_USE int sl_config_check(const struct sl_config *config,
    struct sl_error *err);

/*
 * The text of a file with some settings changed: what stands in `text` (may be
 * empty) stays as it is, comments too, but for the values changed; what is new
 * comes at the end. *out is the caller's, free(3). Values must be valid.
 */
SL_MUST_USE int sl_config_edit(const char *text, size_t bytes,
    const struct sl_setting *settings, size_t setting_count, char **out,
    size_t *out_bytes, struct sl_error *err);

/* Row `index` of the table; false past the last. See sl_topic_setting(). */
bool sl_config_row(const struct sl_config *config, size_t index,
    struct sl_setting_row *row);

#endif
