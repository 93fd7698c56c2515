/* client.c: settings for Kafka's client; see client.h. */
#include "client.h"

#include "config.h"
#include "config_walk.h"
#include "topic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int
sl_client_add(struct sl_client *client, const char *name, const char *value,
    struct sl_error *err)
{
	char **words;

	if (name[0] == '\0')
		return sl_error_set(err, SL_EUSAGE, "a setting has no name");
	words =
	    reallocarray(client->words, client->count + 1, 2 * sizeof(*words));
	if (words == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	client->words = words;
	words += 2 * client->count;
	words[0] = strdup(name);
	words[1] = strdup(value);
	client->count++;
	if (words[0] == NULL || words[1] == NULL)
		return sl_error_set(err, SL_ENOMEM, "no memory");
	return SL_OK;
}

void
sl_client_release(struct sl_client *client)
{
	size_t i;

	for (i = 0; i < 2 * client->count; i++)
		free(client->words[i]);
	free(client->words);
	*client = (struct sl_client){ .words = NULL };
}

/* A sl_config_visitor. */
static int
take_entry(void *client, const struct sl_config_entry *entry,
    struct sl_error *err)
{
	const size_t prefix = strlen(SL_CLIENT_PREFIX);

	if (strncmp(entry->name, SL_CLIENT_PREFIX, prefix) != 0)
		return SL_OK;
	return sl_client_add(client, entry->name + prefix, entry->value, err);
}

int
sl_client_load(struct sl_client *client, struct sl_error *err)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t bytes;
	int dir, rc;

	if (sl_files_default_dir(path, err) < 0)
		return SL_OK; /* nobody has a home here */
	rc = sl_fs_open_dir(&dir, AT_FDCWD, path, err);
	if (rc == SL_OK) {
		rc = sl_fs_read_file(dir, SL_DIR_YAML, SL_CONFIG_BYTES_MAX,
		    &text, &bytes, err);
		sl_fs_close(&dir);
	}
	if (rc < 0)
		return err->sys == ENOENT ? SL_OK : rc;
	rc = sl_config_walk(text, bytes, take_entry, client, err);
	free(text);
	return rc < 0 ? sl_error_wrap(err, "'%s/%s'", path, SL_DIR_YAML) : rc;
}
