/* progress.c: a bar on the terminal; see progress.h. */
#include "progress.h"
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_MS 1000
#define INTERVAL_MS 100
#define BAR_MAX 30

static struct {
	bool is_on;
	bool is_drawn;
	const char *label;
	uint64_t total_bytes;
	int64_t started_ms;
	int64_t due_ms; /* of the next drawing */
} bar;

void
progress_start(const char *label, uint64_t total_bytes)
{
	bar.is_on = !cli_is_quiet() && isatty(STDERR_FILENO);
	bar.is_drawn = false;
	bar.label = label;
	bar.total_bytes = total_bytes;
	bar.started_ms = sl_monotonic_ms();
	bar.due_ms = bar.started_ms + FIRST_MS;
}

static void
put(const char *text)
{
	/* Nobody to tell where the terminal is gone. */
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

static size_t
columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

/* "1:02:03", "2:03", as a clock has it. */
static void
format_left(uint64_t seconds, char *text, size_t room)
{
	unsigned hours = (unsigned)(seconds / 3600);
	unsigned minutes = (unsigned)(seconds / 60 % 60);

	if (seconds >= 100 * 3600)
		snprintf(text, room, "days");
	else if (hours > 0)
		snprintf(text, room, "%u:%02u:%02u", hours, minutes,
		    (unsigned)(seconds % 60));
	else
		snprintf(text, room, "%u:%02u", minutes,
		    (unsigned)(seconds % 60));
}

static void
draw(uint64_t done, uint64_t elapsed_ms)
{
	char size[SL_SIZE_TEXT_SIZE], rate[SL_SIZE_TEXT_SIZE], left[16];
	char blocks[BAR_MAX + 1], line[256];
	uint64_t speed = done * 1000 / (elapsed_ms + 1), total;
	size_t width = columns(), filled;

	sl_format_size(done, size);
	sl_format_size(speed, rate);
	/* What grew meanwhile, or is read twice, is no more than all. */
	total = bar.total_bytes < done && bar.total_bytes != 0
	            ? done
	            : bar.total_bytes;
	if (total == 0) {
		snprintf(line, sizeof(line), "%s %s  %s/s", bar.label, size,
		    rate);
	} else {
		filled = (size_t)((double)done / (double)total * BAR_MAX);
		memset(blocks, ' ', BAR_MAX);
		memset(blocks, '#', filled);
		blocks[BAR_MAX] = '\0';
		format_left((total - done) / (speed + 1), left, sizeof(left));
		snprintf(line, sizeof(line), "%s [%s] %3u%%  %s  %s/s  %s",
		    bar.label, blocks,
		    (unsigned)((double)done / (double)total * 100), size, rate,
		    left);
	}
	if (width <= sizeof(line))
		line[width - 1] = '\0';
	put("\r\033[K");
	put(line);
	bar.is_drawn = true;
}

void
progress_update(uint64_t done_bytes)
{
	int64_t now_ms;

	if (!bar.is_on)
		return;
	now_ms = sl_monotonic_ms();
	if (now_ms < bar.due_ms)
		return;
	bar.due_ms = now_ms + INTERVAL_MS;
	draw(done_bytes, (uint64_t)(now_ms - bar.started_ms));
}

void
progress_clear(void)
{
	if (bar.is_drawn)
		put("\r\033[K");
	bar.is_drawn = false;
}

void
progress_end(void)
{
	progress_clear();
	bar.is_on = false;
}
