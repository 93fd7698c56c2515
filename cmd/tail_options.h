/*
 * tail_options.h: what streamlog-tail was asked. Floor: cmd.
 */
#ifndef TAIL_OPTIONS_H
#define TAIL_OPTIONS_H

#include "cli.h"
#include "roster.h"
#include "select.h"
#include "shape.h"

#include <sys/types.h>

/* What a member of a group was asked; `name` NULL: it is none. */
struct tail_group {
	const char *name;
	const char *state_dir; /* NULL: where the topics lie */
	enum sl_group_first first;
	int64_t first_ms;
	bool is_exclusive;
	int64_t session_timeout_ms;
	uint64_t batch;       /* events of one, at most */
	uint64_t unacked_max; /* events handed out and not acknowledged */
	int ack_fd;           /* -1: none */
	bool no_commit;
	const char *print_place; /* NULL: nowhere */
	bool fails_on_gap;
	char **command; /* NULL: stdout; else with a NULL at its end */
};

struct tail_options {
	struct cli cli;
	struct select select;
	int *partitions; /* owned */
	size_t partition_count;
	struct sl_header *headers; /* owned */
	size_t header_count;
	int starts;      /* how many options said one */
	bool has_start;  /* by an option: -n isn't 10 then */
	bool has_offset; /* -o was said */
	bool has_lines;
	bool is_from_line; /* +N */
	uint64_t lines;
	uint64_t limit;
	bool ends;
	bool follows;
	enum roster_patience patience;
	int64_t idle_ms; /* -1: never mind */
	pid_t pid;       /* 0: none */
	bool exit_status;
	struct sl_reader_options reader;
	enum shape_form form;
	const char *format;
	char separator;
	struct tail_group group;
	const char *group_option; /* the last that needs one; NULL: none */
};

/* Parse and settle; a mistake ends the program. */
void tail_options_parse(struct tail_options *options, int argc, char **argv);
void tail_options_release(struct tail_options *options);

#endif
