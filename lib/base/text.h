/*
 * text.h: what the parsers of words, and errors, share. Floor: base. Pure, no
 * locale.
 */
#ifndef SL_TEXT_H
#define SL_TEXT_H

#include "streamlog.h"

/*
 * The bytes of the well-formed UTF-8 character (RFC 3629) that begins the
 * `bytes` at `text`; 0 where none does.
 */
size_t sl_utf8_length(const void *text, size_t bytes);

/* Is it one of '0' to '9'? */
bool sl_digit_is(char c);

/*
 * A text as an error may quote it: cut after some fifty bytes, control
 * characters and what is not UTF-8 replaced by '?', so that it fits a line.
 */
#define SL_EXCERPT_SIZE 64
const char *sl_text_excerpt(const char *text, char excerpt[SL_EXCERPT_SIZE]);

/* Say of offsets [from, next) what became of them, "are not there" say, and
 * that reading goes on behind them: SL_EGONE. */
#define SL_WERE_DELETED "were deleted before they were read"
int sl_error_gone(struct sl_error *err, uint64_t from, uint64_t next,
    const char *what);

/*
 * How many letters of `a` must be changed, put in or left out to make it `b`
 * (Levenshtein); SIZE_MAX: they are too long to resemble each other.
 */
size_t sl_text_distance(const char *a, const char *b);

#endif
