/* each_topic.c: the same to all topics; see each_topic.h. */
#include "each_topic.h"

#include <string.h>

static int
act_on(each_topic_act *act, void *arg, const char *name)
{
	struct sl_error err;

	return act(arg, name, &err) == SL_OK ? CLI_EXIT_OK : cli_fail(&err);
}

/* All that match; NULL: all there are. */
static int
act_on_matches(const char *dir, const char *pattern, each_topic_act *act,
    void *arg)
{
	int status = CLI_EXIT_OK, one;
	struct sl_error err;
	size_t count, i;
	char **names;
	int rc;

	rc = sl_topic_list(dir, pattern, &names, &count, &err);
	if (rc < 0)
		return cli_fail(&err);
	/* From cron, in the wrong place, silence would be for ever. */
	if (rc == SL_END) {
		cli_message("%s", err.text);
		status = CLI_EXIT_NOTFOUND;
	} else if (count == 0 && pattern != NULL) {
		cli_message("'%s': no topic matches; 'streamlog-topic list' "
		            "shows what is",
		    pattern);
		status = CLI_EXIT_NOTFOUND;
	}
	for (i = 0; i < count; i++) {
		one = act_on(act, arg, names[i]);
		status = status == CLI_EXIT_OK ? one : status;
	}
	sl_names_free(names, count);
	return status;
}

int
each_topic(const char *dir, char *const *operands, bool takes_globs,
    each_topic_act *act, void *arg)
{
	int status = CLI_EXIT_OK, one;

	if (*operands == NULL)
		return act_on_matches(dir, NULL, act, arg);
	for (; *operands != NULL; operands++) {
		if (takes_globs && strchr(*operands, '/') == NULL &&
		    sl_glob_is(*operands))
			one = act_on_matches(dir, *operands, act, arg);
		else
			one = act_on(act, arg, *operands);
		status = status == CLI_EXIT_OK ? one : status;
	}
	return status;
}
