/* lockfile.c: the notice board of a partition; see lockfile.h. */
#include "lockfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCKFILE_SIZE 4096
/* The text proper; the rest of the file is spaces, so that a full disk can't
 * stand in the way of a longer text of a later version. */
#define TEXT_SIZE 384
#define NUMBER "%020" PRIu64

static char boot_id[SL_BOOT_ID_SIZE];
static char self[SL_HOLDER_SIZE];
static pthread_once_t identity_once = PTHREAD_ONCE_INIT;

static void
learn_identity(void)
{
	struct sl_error err;
	char host[SL_HOLDER_SIZE] = "";
	size_t got = 0;
	int fd;

	memset(boot_id, '0', sizeof(boot_id) - 1);
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 &&
	    sl_fs_read_at(fd, boot_id, sizeof(boot_id) - 1, 0, &got, &err) < 0)
		memset(boot_id, '0', sizeof(boot_id) - 1);
	sl_fs_close(&fd);
	if (gethostname(host, sizeof(host) - 1) != 0)
		strcpy(host, "?");
	snprintf(self, sizeof(self), "%.48s:%ld", host, (long)getpid());
}

/* "00000000000000000042\n" at `from`; false where it is no such number. */
static bool
read_number(const char *from, char after, uint64_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < 20; i++) {
		if (from[i] < '0' || from[i] > '9')
			return false;
		*value = *value * 10 + (uint64_t)(from[i] - '0');
	}
	return from[20] == after;
}

static void
print_text(const struct sl_lockfile *text, char page[TEXT_SIZE + 1])
{
	char suspect[64];
	int n;

	memset(suspect, '-', 62);
	suspect[62] = '\0';
	if (text->is_suspect)
		snprintf(suspect, sizeof(suspect), NUMBER " " NUMBER " " NUMBER,
		    text->suspect_base, text->suspect_position,
		    text->suspect_offset);
	n = snprintf(page, TEXT_SIZE + 1,
	    "streamlog lock 1\n"
	    "change " NUMBER "\n"
	    "boot %-36.36s\n"
	    "state %-7s\n"
	    "suspect %s\n"
	    "holder %-64.64s\n",
	    text->change, text->boot, text->is_deleted ? "deleted" : "live",
	    suspect, text->holder);
	assert(n > 0 && n < TEXT_SIZE);
	memset(page + n, ' ', (size_t)(TEXT_SIZE - n));
	page[TEXT_SIZE] = '\0';
}

/* The places of the values in the text that print_text() makes. */
#define AT_CHANGE 24
#define AT_BOOT (AT_CHANGE + 20 + 6)
#define AT_STATE (AT_BOOT + 36 + 7)
#define AT_SUSPECT (AT_STATE + 7 + 9)
#define AT_HOLDER (AT_SUSPECT + 62 + 8)
#define AT_END (AT_HOLDER + 64)

static bool
parse_text(const char *page, struct sl_lockfile *text)
{
	const char *suspect = page + AT_SUSPECT;
	size_t bytes;

	if (memcmp(page, "streamlog lock 1\nchange ", AT_CHANGE) != 0 ||
	    !read_number(page + AT_CHANGE, '\n', &text->change) ||
	    memcmp(page + AT_BOOT - 5, "boot ", 5) != 0 ||
	    memcmp(page + AT_STATE - 6, "state ", 6) != 0 ||
	    memcmp(page + AT_HOLDER - 7, "holder ", 7) != 0)
		return false;
	memcpy(text->boot, page + AT_BOOT, SL_BOOT_ID_SIZE - 1);
	text->boot[SL_BOOT_ID_SIZE - 1] = '\0';
	text->is_deleted = memcmp(page + AT_STATE, "deleted", 7) == 0;
	text->is_suspect =
	    read_number(suspect, ' ', &text->suspect_base) &&
	    read_number(suspect + 21, ' ', &text->suspect_position) &&
	    read_number(suspect + 42, '\n', &text->suspect_offset);
	bytes = SL_HOLDER_SIZE - 1;
	memcpy(text->holder, page + AT_HOLDER, bytes);
	while (bytes > 0 && text->holder[bytes - 1] == ' ')
		bytes--;
	text->holder[bytes] = '\0';
	return true;
}

int
sl_lockfile_create(int dir, const struct sl_fs_like *like, struct sl_error *err)
{
	struct sl_lockfile text = { .change = 1 };
	char page[LOCKFILE_SIZE];
	size_t done;
	int fd = -1;
	int rc;

	rc = sl_fs_create(&fd, dir, SL_LOCKFILE_NAME, like, SL_FS_WRITERS_ONLY,
	    err);
	if (rc < 0)
		return rc;
	memset(page, ' ', sizeof(page));
	page[sizeof(page) - 1] = '\n';
	rc = sl_fs_write_at(fd, page, sizeof(page), 0, &done, err);
	if (rc == SL_OK)
		rc = sl_lockfile_write(fd, &text, err);
	if (rc == SL_OK)
		rc = sl_fs_sync(fd, err);
	sl_fs_close(&fd);
	return rc;
}

int
sl_lockfile_open(int *fd, int dir, const struct sl_fs_like *like,
    struct sl_error *err)
{
	int rc;

	rc = sl_fs_open_write(fd, dir, SL_LOCKFILE_NAME, err);
	if (rc == SL_OK || err->sys != ENOENT)
		return rc;
	rc = sl_lockfile_create(dir, like, err);
	if (rc < 0 && err->sys != EEXIST)
		return rc;
	return sl_fs_open_write(fd, dir, SL_LOCKFILE_NAME, err);
}

int
sl_lockfile_read(int fd, struct sl_lockfile *text, struct sl_error *err)
{
	char page[TEXT_SIZE];
	size_t got;
	int rc;

	*text = (struct sl_lockfile){ .change = 0 };
	rc = sl_fs_read_at(fd, page, sizeof(page), 0, &got, err);
	if (rc < 0)
		return rc;
	if (got >= AT_END && parse_text(page, text))
		return SL_OK;
	*text = (struct sl_lockfile){ .change = 0 };
	sl_fs_random(&text->change, sizeof(text->change));
	text->change >>= 1; /* so that bumping never wraps */
	return SL_OK;
}

int
sl_lockfile_write(int fd, struct sl_lockfile *text, struct sl_error *err)
{
	char page[TEXT_SIZE + 1];
	size_t done;

	pthread_once(&identity_once, learn_identity);
	memcpy(text->boot, boot_id, sizeof(boot_id));
	memcpy(text->holder, self, sizeof(self));
	print_text(text, page);
	return sl_fs_write_at(fd, page, TEXT_SIZE, 0, &done, err);
}

bool
sl_lockfile_same_boot(const struct sl_lockfile *text)
{
	pthread_once(&identity_once, learn_identity);
	return strcmp(text->boot, boot_id) == 0;
}

bool
sl_lockfile_is_mine(const struct sl_lockfile *text)
{
	pthread_once(&identity_once, learn_identity);
	return strcmp(text->holder, self) == 0;
}
