/* lost.c: bytes that are cut are saved first; see lost.h. */
#include "lost.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int
sl_lost_save(int dir, const struct sl_fs_like *like, int fd, uint64_t base,
    uint64_t position, uint64_t end, char name[SL_LOST_NAME_SIZE],
    struct sl_error *err)
{
	int lost = -1, to = -1, rc;
	uint64_t bytes;

	snprintf(name, SL_LOST_NAME_SIZE, "%020" PRIu64 "-%" PRIu64, base,
	    position);
	rc = sl_fs_create_dir(dir, SL_LOST_AND_FOUND, like, err);
	/* One that is there may be of who was killed before this sync. */
	if (rc == SL_OK || err->sys == EEXIST)
		rc = sl_fs_sync_dir(dir, err);
	if (rc == SL_OK)
		rc = sl_fs_open_dir(&lost, dir, SL_LOST_AND_FOUND, err);
	if (rc == SL_OK)
		rc = sl_fs_create(&to, lost, name, like, SL_FS_READABLE, err);
	if (rc < 0 && err->sys == EEXIST) /* cut here before, or half saved */
		rc = sl_fs_open_write(&to, lost, name, err);
	if (rc == SL_OK)
		rc = sl_fs_cut(to, 0, err);
	if (rc == SL_OK)
		rc = sl_fs_copy(to, 0, fd, position, end, &bytes, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(to, err);
	if (rc == SL_OK)
		rc = sl_fs_sync_dir(lost, err);
	sl_fs_close(&to);
	sl_fs_close(&lost);
	return rc;
}
