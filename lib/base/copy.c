/* copy.c: bytes from one file to another; see fs.h. */
#include "fs.h"

#include <stdlib.h>

#define CHUNK_BYTES (256u << 10)

int
sl_fs_copy(int to, uint64_t at, int from, uint64_t position, uint64_t end,
    uint64_t *bytes, struct sl_error *err)
{
	uint8_t *chunk = malloc(CHUNK_BYTES);
	size_t want, got = 1, done;
	int rc = SL_OK;

	*bytes = 0;
	if (chunk == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	while (rc == SL_OK && got > 0 && position + *bytes < end) {
		want = CHUNK_BYTES;
		if (end - position - *bytes < want)
			want = (size_t)(end - position - *bytes);
		rc = sl_fs_read_at(from, chunk, want, position + *bytes, &got,
		    err);
		if (rc == SL_OK)
			rc = sl_fs_write_at(to, chunk, got, at + *bytes, &done,
			    err);
		if (rc == SL_OK) /* so that nobody's sync waits for more */
			rc = sl_fs_await_sync(to, at + *bytes, got, err);
		*bytes += got;
	}
	free(chunk);
	return rc;
}
