/* acks.c: lines that name events; see acks.h. */
#include "acks.h"

#include "cli.h"
#include "place_line.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)
/* An envelope holds an event, a batch's largest is far below this. */
#define LINE_BYTES_MAX ((size_t)256 << 20)
/* As with rejected lines: then only the count, at the end. */
#define MESSAGES_MAX 10
#define SHOWN_BYTES 60

void
acks_release(struct acks *acks)
{
	scratch_release(&acks->text);
}

static void
complain(struct acks *acks, const char *line, size_t bytes, const char *why)
{
	if (acks->told++ < MESSAGES_MAX)
		cli_message("--ack-fd %d: '%.*s': %s", acks->fd,
		    (int)(bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES), line,
		    why);
}

static void
take_line(struct acks *acks, struct ledger *ledger, const char *line,
    size_t bytes)
{
	struct place_line name;
	struct sl_error err;

	if (bytes > 0 && line[bytes - 1] == '\r')
		bytes--;
	if (bytes == 0)
		return;
	if (place_line_parse(line, bytes, &name, &err) != SL_OK) {
		acks->is_bad = true;
		complain(acks, line, bytes, err.text);
	} else if (!ledger_acknowledge(ledger, name.topic, name.partition,
	               name.offset)) {
		complain(acks, line, bytes,
		    "no event that was handed on and is this member's");
	}
}

/* Take down the complete lines; what is left begins the next. */
static void
take_lines(struct acks *acks, struct ledger *ledger)
{
	char *text = acks->text.bytes;
	size_t at = 0, left = acks->text.used;
	const char *end;

	for (;;) {
		end = memchr(text + at, '\n', left);
		if (end == NULL)
			break;
		if (!acks->is_skipping)
			take_line(acks, ledger, text + at,
			    (size_t)(end - text) - at);
		acks->is_skipping = false;
		left -= (size_t)(end - text) - at + 1;
		at = (size_t)(end - text) + 1;
	}
	if (left > LINE_BYTES_MAX) {
		complain(acks, text + at, left, "a line without an end");
		acks->is_skipping = acks->is_bad = true;
	}
	if (acks->is_skipping)
		left = 0;
	memmove(text, text + at, left);
	acks->text.used = left;
}

int
acks_read(struct acks *acks, struct ledger *ledger, struct sl_error *err)
{
	ssize_t n;
	int rc;

	rc = scratch_reserve(&acks->text, READ_BYTES, err);
	if (rc != SL_OK)
		return rc;
	n = read(acks->fd, acks->text.bytes + acks->text.used, READ_BYTES);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return SL_OK;
	if (n < 0)
		return sl_error_sys(err, errno, "--ack-fd %d", acks->fd);
	if (n == 0) {
		/* A last line without its newline may be torn: no event. */
		acks->fd = -1;
		return SL_END;
	}
	acks->text.used += (size_t)n;
	take_lines(acks, ledger);
	return SL_OK;
}
