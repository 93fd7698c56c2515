/*
 * scan_bits_lines.h: what the scanner by bits does with good blocks: their
 * lines and keys, and the way through a text. Floor: base. Included behind
 * scan_bits.h, once.
 */
#ifndef SL_SCAN_BITS_LINES_H
#define SL_SCAN_BITS_LINES_H

#include "scan_bits.h"

/*
 * Keys that may have the name that is looked for: those with its first byte,
 * and with a quote where its closing one is, or too near the block's end to
 * tell.
 */
SCAN_INLINE uint64_t
names_like(const struct scan_job *job, const struct scan_bytes *bytes,
    const struct scan_tokens *tokens)
{
	const struct sl_scan *scan = job->scan;

	return tokens->key & tokens->outer &
	       (bytes->quote >> scan->close_shift | scan->close_beyond) &
	       scan_load_equal(job->block + 1, scan->quoted[1]);
}

/* Does the name that is looked for stand here? */
SCAN_INLINE bool
name_is(const struct sl_scan *scan, const char *here)
{
	uint64_t first;

	memcpy(&first, here, 8);
	return ((first ^ scan->first) & scan->first_mask) == 0 &&
	       (scan->quoted_bytes <= 8 ||
	           memcmp(here, scan->quoted, scan->quoted_bytes) == 0);
}

/* Look for it among likely ones of (a part of) one line: the last counts. */
SCAN_INLINE void
names_take(const struct scan_job *job, struct scan_state *state, uint64_t names)
{
	size_t at;

	for (; names != 0; names &= names - 1) {
		at = job->at + (size_t)__builtin_ctzll(names);
		if (at + job->scan->quoted_bytes < job->bytes &&
		    name_is(job->scan, job->text + at))
			state->key = at;
	}
}

static inline bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Set the key of a good line to the value behind the name at `name`. */
SCAN_INLINE void
key_set(const struct scan_job *job, size_t name, struct sl_scan_line *line)
{
	const char *value = job->text + name + job->scan->quoted_bytes, *end;
	uint64_t stop = 0;

	while (*value != ':')
		value++;
	do
		value++;
	while (is_blank(*value));
	if (*value == '"')
		stop = scan_load_equal(value + 1, '"') << 1;
	if (stop != 0 && value[__builtin_ctzll(stop) - 1] != '\\')
		end = value + __builtin_ctzll(stop) + 1;
	else
		end = sl_json_value_end(value, job->text + job->bytes);
	line->key_start = (uint32_t)(value - job->text);
	line->key_bytes = (uint32_t)(end - value);
	if (job->scan->deeper != NULL)
		sl_scan_key_deeper(job->scan, job->text, line);
}

SCAN_INLINE void
line_fill(const struct scan_job *job, const struct scan_state *state,
    size_t end, struct sl_scan_line *line)
{
	const char *first = job->text + state->start;

	line->start = (uint32_t)state->start;
	line->bytes = (uint32_t)(end - state->start);
	line->key_start = 0;
	line->key_bytes = 0;
	while (is_blank(*first))
		first++;
	line->kind = *first == '{'    ? SL_SCAN_OBJECT
	             : *first == '\n' ? SL_SCAN_BLANK
	                              : SL_SCAN_VALUE;
}

/*
 * The lines that end in a good block, and the names of the one that begins; or
 * as many lines as there is room for.
 */
SCAN_INLINE void
lines_take(struct scan_job *job, struct scan_state *state, uint64_t newline,
    uint64_t names, bool keyed)
{
	struct sl_scan_line *line;
	uint64_t upto;
	size_t end;

	for (; newline != 0 && job->count < job->lines_max;
	     newline &= newline - 1) {
		line = &job->lines[job->count++];
		end = job->at + (size_t)__builtin_ctzll(newline);
		line_fill(job, state, end, line);
		if (keyed) {
			upto = newline ^ (newline - 1);
			names_take(job, state, names & upto);
			names &= ~upto;
			if (__builtin_expect(state->key_walk ||
			                         line->kind == SL_SCAN_VALUE,
			        0))
				sl_scan_key_walk(job->scan, job->text, line);
			else if (state->key != 0)
				key_set(job, state->key, line);
			state->key = 0;
		}
		state->start = end + 1;
	}
	if (keyed)
		names_take(job, state, names);
}

/*
 * Backslashes in keys? Lines that end in this block must then be walked to find
 * a name; so must the one that goes on, if they are behind the last newline.
 */
SCAN_INLINE uint64_t
key_escapes(const struct scan_tokens *tokens, uint64_t key_before,
    uint64_t backslash)
{
	uint64_t begins = tokens->key | (key_before & tokens->string);

	return backslash & tokens->string & ~(tokens->string + begins);
}

/* Check a block and take its lines. False: something is bad, or may be. */
SCAN_INLINE bool
block_take(struct scan_job *job, struct scan_state *state,
    struct scan_bytes *bytes, bool keyed)
{
	struct scan_rare rare = { 0 };
	struct scan_tokens tokens;
	uint64_t key_before = state->after_key, escaped = 0, newlines;

	scan_load_rest(job->block, bytes);
	if (__builtin_expect(((bytes->rare & ~bytes->newline) | state->escaped |
	                         state->high_tail) != 0,
	        0) &&
	    rare_bad(job, state, bytes, &rare))
		return false;
	tokens_split(state, bytes, &tokens);
	if (((rare.control | bytes->newline) & tokens.string) != 0)
		return false;
	if (__builtin_expect(state->nested ||
	                         !brackets_flat(state, bytes, &tokens),
	        0) &&
	    !brackets_nested(state, bytes, &tokens))
		return false;
	if (order_bad(job, state, bytes, &tokens) ||
	    scalars_bad(job, state, bytes, &tokens))
		return false;
	newlines = bytes->newline;
	if (keyed && __builtin_expect(rare.backslash != 0, 0)) {
		escaped = key_escapes(&tokens, key_before, rare.backslash);
		state->key_walk |= escaped != 0;
	}
	lines_take(job, state, newlines,
	    keyed ? names_like(job, bytes, &tokens) : 0, keyed);
	if (keyed && __builtin_expect(state->key_walk, 0) && newlines != 0)
		state->key_walk = escaped > last_bit(newlines);
	return true;
}

/* At the beginning of a line. */
SCAN_INLINE void
state_reset(struct scan_state *state, size_t start)
{
	*state = (struct scan_state){ .after_lead = 1, .start = start };
}

/*
 * Check the plain way the lines from *start that begin before `end`, as far as
 * there is room. *start is moved to the line behind; returns their number.
 */
SCAN_TARGET static size_t __attribute__((noinline))
lines_plain(const struct sl_scan *scan, const char *text, size_t bytes,
    size_t *start, size_t end, struct sl_scan_line *lines, size_t room)
{
	size_t count = 0;

	while (*start < end && count < room)
		*start = sl_scan_line_plain(scan, text, *start, bytes,
		    &lines[count++]);
	return count;
}

/* The same for a block that is bad, or may be; goes on behind its lines. */
SCAN_INLINE void
block_plain(struct scan_job *job, struct scan_state *state)
{
	size_t left = job->bytes - job->at, start = state->start;

	job->count += lines_plain(job->scan, job->text, job->bytes, &start,
	    job->at + (left < SCAN_BLOCK ? left : SCAN_BLOCK),
	    job->lines + job->count, job->lines_max - job->count);
	job->at = start;
	state_reset(state, start);
}

/*
 * Where the block's bytes are read: at the end of the text from a copy, which
 * has blanks behind it and the bytes before it in front.
 */
SCAN_INLINE const char *
block_bytes(const struct scan_job *job, char copy[SCAN_COPY])
{
	size_t before = job->at < 4 ? job->at : 4;

	if (job->at + SCAN_BLOCK <= job->bytes)
		return job->text + job->at;
	memset(copy, ' ', SCAN_COPY);
	memcpy(copy + 4 - before, job->text + job->at - before,
	    before + job->bytes - job->at);
	return copy + 4;
}

SCAN_INLINE size_t
text_take(struct scan_job *job, size_t *used, bool keyed)
{
	char copy[SCAN_COPY];
	struct scan_state state;
	struct scan_bytes bytes;

	state_reset(&state, 0);
	while (job->at < job->bytes && job->count < job->lines_max) {
		job->block = block_bytes(job, copy);
		scan_load_edges(job->block, &bytes);
		if ((bytes.quote | bytes.rare | state.escaped |
		        state.high_tail) == 0 &&
		    state.in_string != 0)
			job->at += SCAN_BLOCK; /* all of it in a string */
		else if (block_take(job, &state, &bytes, keyed))
			job->at += SCAN_BLOCK;
		else
			block_plain(job, &state);
	}
	*used = state.start;
	return job->count;
}

SCAN_TARGET static size_t
scan_bits(const struct sl_scan *scan, const char *text, size_t bytes,
    struct sl_scan_line *lines, size_t lines_max, size_t *used)
{
	struct scan_job job = {
		.scan = scan,
		.text = text,
		.bytes = bytes,
		.lines = lines,
		.lines_max = lines_max,
	};

	return scan->pointer != NULL ? text_take(&job, used, true)
	                             : text_take(&job, used, false);
}

#endif
