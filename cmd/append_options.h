/*
 * append_options.h: what streamlog-append was asked. Floor: cmd.
 */
#ifndef APPEND_OPTIONS_H
#define APPEND_OPTIONS_H

#include "cli.h"

enum append_form {
	APPEND_OBJECTS,  /* JSON objects */
	APPEND_ANY,      /* any JSON value */
	APPEND_RAW,      /* any bytes */
	APPEND_ENVELOPE, /* what streamlog-tail -J prints */
};

enum append_on_error {
	APPEND_DIVERT,
	APPEND_SKIP,
	APPEND_FAIL,
};

#define APPEND_WAIT_NONE (-1)
#define APPEND_WAIT_EVER INT64_MAX

struct append_options {
	struct cli cli;
	char **words; /* owned: the command line as it was given */
	const char *topic;
	char *const *files; /* NULL at the end */
	enum append_form form;
	int forms; /* how many were said: at most one */
	char end;  /* of a line */
	const char *key_field;
	const char *key_delim;
	const char *key;
	const char *time_field;
	void *headers; /* owned: --header, encoded */
	size_t headers_bytes;
	uint32_t header_count;
	int partition;  /* -1: by key, or in turn */
	int partitions; /* of a new topic; 0: not said */
	bool no_create;
	bool has_compression;
	enum sl_compression compression;
	enum sl_sync_level sync;
	bool has_sync;
	bool receipt;
	enum append_on_error on_error;
	bool has_on_error; /* it was said */
	int64_t wait_ms;   /* or APPEND_WAIT_NONE, APPEND_WAIT_EVER */
};

/* Parse; what is wrong ends the program with 2. */
void append_options_parse(struct append_options *options, int argc,
    char **argv);
void append_options_release(struct append_options *options);

#endif
