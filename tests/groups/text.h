/*
 * text.h: what the witnesses write down, in a buffer that grows. Shares nothing
 * with the product.
 */
#ifndef GROUPS_TEXT_H
#define GROUPS_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct text {
	char *bytes;
	size_t used;
	size_t room;
};

static inline void
die(const char *what)
{
	perror(what);
	exit(70);
}

static inline void
reserve(struct text *text, size_t more)
{
	if (text->used + more <= text->room)
		return;
	text->room = 2 * (text->used + more);
	text->bytes = realloc(text->bytes, text->room);
	if (text->bytes == NULL)
		die("no memory");
}

/* All at once, so that no other one's text comes between. */
static inline void
record(int to, struct text *text)
{
	if (write(to, text->bytes, text->used) != (ssize_t)text->used)
		die("record");
	text->used = 0;
}

/* A variable of the environment that streamlog-tail sets. */
static inline const char *
said(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		die(name);
	return value;
}

#endif
