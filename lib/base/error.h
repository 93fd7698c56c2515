/*
 * error.h: set, wrap and translate struct sl_error. Floor: base.
 *
 * An error is set where it happened and wrapped on the way up, so that its text
 * reads outermost first: "topic 'orders': partition 0: '...log': byte 16: ...".
 */
#ifndef SL_ERROR_H
#define SL_ERROR_H

#include "streamlog.h"

/* Fill `err`; returns `code`, for `return sl_error_set(...)`. */
int sl_error_set(struct sl_error *err, int code, const char *format, ...)
    SL_PRINTF(3, 4);

/*
 * A system call failed with errno `sys`: the code follows from it (ENOSPC and
 * its like are SL_EFULL, ENOENT stays SL_EIO), the text is the format's, a
 * colon and the system's word. Returns the code.
 */
int sl_error_sys(struct sl_error *err, int sys, const char *format, ...)
    SL_PRINTF(3, 4);

/* Put "format: " before the text; returns err->code. */
int sl_error_wrap(struct sl_error *err, const char *format, ...)
    SL_PRINTF(2, 3);

#endif
