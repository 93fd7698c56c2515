/* error.c: the text of errors; see error.h. */
#include "streamlog.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
sl_error_set(struct sl_error *err, int code, const char *format, ...)
{
	va_list args;

	assert(code < 0);
	err->code = code;
	err->sys = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

static int
code_of_errno(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return SL_EFULL;
	case ENOMEM:
		return SL_ENOMEM;
	default:
		return SL_EIO;
	}
}

/* The system's word for errno, in our manner: lower case at the start. */
static const char *
word_of_errno(int sys)
{
	const char *word;

	switch (sys) {
	case ENOSPC:
		return "no space left on device";
	case EDQUOT:
		return "disk quota exceeded";
	case EFBIG:
		return "the limit on file size is reached (ulimit -f)";
	case EACCES:
		return "permission denied";
	case EROFS:
		return "read-only file system";
	case EMFILE:
		return "too many open files (ulimit -n)";
	case ENOENT:
		return "no such file or directory";
	case ELOOP:
		return "is a symbolic link, which is not followed here";
	case ENOTDIR:
		return "not a directory";
	case EISDIR:
		return "a directory, not a file";
	default:
		word = strerrordesc_np(sys);
		return word != NULL ? word : "unknown error";
	}
}

int
sl_error_sys(struct sl_error *err, int sys, const char *format, ...)
{
	const char *word;
	va_list args;
	size_t used;

	err->code = code_of_errno(sys);
	err->sys = sys;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	word = word_of_errno(sys);
	snprintf(err->text + used, sizeof(err->text) - used, ": %c%s",
	    islower((unsigned char)word[1]) ? tolower((unsigned char)word[0])
	                                    : word[0],
	    word + 1);
	return err->code;
}

int
sl_error_wrap(struct sl_error *err, const char *format, ...)
{
	char inner[SL_ERROR_TEXT_SIZE];
	va_list args;
	size_t used;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	used = strlen(err->text);
	/* What doesn't fit is cut: the outermost words say most. */
	snprintf(err->text + used, sizeof(err->text) - used, ": %.*s",
	    (int)sizeof(inner) - 1, inner);
	return err->code;
}
