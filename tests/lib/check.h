/*
 * check.h: the harness of the C tests: each check is a line of TAP.
 *
 * Lines are flushed as they come, so that a crash shows behind which check it
 * lies. End a test's main() with `return check_done();`.
 */
#ifndef SL_CHECK_H
#define SL_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned check_count;
static unsigned check_failed;

/* One check: prints "ok N - ..." or "not ok N - ...". */
__attribute__((format(printf, 2, 3))) static inline void
check(bool ok, const char *format, ...)
{
	va_list args;

	check_count++;
	if (!ok)
		check_failed++;
	printf("%sok %u - ", ok ? "" : "not ", check_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* The condition's own text names the check; the line tells where it stands. */
#define CHECK(condition)                                                       \
	check((condition), "%s:%d: %s", __FILE__, __LINE__, #condition)

/* Prints the plan, "1..N"; returns the exit status. */
static inline int
check_done(void)
{
	printf("1..%u\n", check_count);
	if (check_failed != 0)
		printf("# %u of %u failed\n", check_failed, check_count);
	fflush(stdout);
	return check_failed == 0 ? 0 : 1;
}

#endif
