/* child.c: a command that is run once a batch; see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a shell says of a command that isn't there, or can't be run. */
#define STATUS_NOT_FOUND 127
#define STATUS_NOT_RUN 126

static int
write_all(int fd, const char *from, size_t bytes)
{
	ssize_t n;

	for (; bytes > 0; from += n, bytes -= (size_t)n) {
		n = write(fd, from, bytes);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return errno;
	}
	return 0;
}

/* A file in memory that holds the input and never changes. */
static int
make_input(int *fd, const void *input, size_t bytes, struct sl_error *err)
{
	int sys = 0;

	*fd = memfd_create("batch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return sl_error_sys(err, errno, "memfd_create");
	sys = write_all(*fd, input, bytes);
	if (sys == 0 && (fcntl(*fd, F_ADD_SEALS,
	                     F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK |
	                         F_SEAL_SEAL) != 0 ||
	                    lseek(*fd, 0, SEEK_SET) != 0))
		sys = errno;
	if (sys == 0)
		return SL_OK;
	close(*fd);
	return sl_error_sys(err, sys, "the batch in memory");
}

/* Is it a word NAME=VALUE whose name is among `words`? */
static bool
is_said(const char *word, char *const *words)
{
	size_t bytes = strcspn(word, "=") + 1;

	for (; *words != NULL; words++)
		if (strncmp(word, *words, bytes) == 0)
			return true;
	return false;
}

/* Our environment and the words; free(3) the array. */
static char **
make_environment(char *const *words)
{
	size_t count = CHILD_WORDS_MAX + 1, used = 0;
	char **environment, **word;

	for (word = environ; *word != NULL; word++)
		count++;
	environment = calloc(count, sizeof(*environment));
	if (environment == NULL)
		return NULL;
	for (word = environ; *word != NULL; word++)
		if (!is_said(*word, words))
			environment[used++] = *word;
	for (; *words != NULL; words++)
		environment[used++] = *words;
	return environment;
}

/* As many descriptors as may be, for a partition takes three. */
void
child_raise_files(struct child *child)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &child->files) != 0)
		return;
	most = child->files;
	most.rlim_cur = most.rlim_max;
	child->has_files = setrlimit(RLIMIT_NOFILE, &most) == 0;
}

/* It gets the limit that we came with. */
static int
spawn_limited(struct child *child, const char *path, char *const *argv,
    const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attributes, char **environment)
{
	struct rlimit most = child->files;
	int sys;

	most.rlim_cur = most.rlim_max;
	if (child->has_files)
		(void)setrlimit(RLIMIT_NOFILE, &child->files);
	sys = posix_spawnp(&child->pid, path, actions, attributes, argv,
	    environment);
	if (child->has_files)
		(void)setrlimit(RLIMIT_NOFILE, &most);
	return sys;
}

/* A script without a first line that says of what: as a shell runs it. */
static int
spawn_script(struct child *child, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attributes, char **environment)
{
	static char sh[] = "sh", option[] = "-c", run[] = "exec \"$0\" \"$@\"";
	size_t count = 0;
	char **argv;
	int sys;

	while (child->argv[count] != NULL)
		count++;
	argv = calloc(count + 4, sizeof(*argv));
	if (argv == NULL)
		return ENOMEM;
	argv[0] = sh;
	argv[1] = option;
	argv[2] = run;
	memcpy(argv + 3, child->argv, count * sizeof(*argv));
	sys = spawn_limited(child, "/bin/sh", argv, actions, attributes,
	    environment);
	free(argv);
	return sys;
}

/* The signals that we ignore or catch are its own again. */
static int
spawn(struct child *child, int input, char **environment)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int sys;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attributes, &set);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	sys = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (sys == 0)
		sys = spawn_limited(child, child->argv[0], child->argv,
		    &actions, &attributes, environment);
	if (sys == ENOEXEC)
		sys = spawn_script(child, &actions, &attributes, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return sys;
}

int
child_start(struct child *child, const void *input, size_t bytes,
    char *const words[CHILD_WORDS_MAX], int *status, struct sl_error *err)
{
	char **environment;
	int fd, sys, rc;

	child->pid = 0;
	child->pid_fd = -1;
	/* Ignored, as some parents leave it, it takes the exit status away. */
	signal(SIGCHLD, SIG_DFL);
	rc = make_input(&fd, input, bytes, err);
	if (rc != SL_OK)
		return rc;
	environment = make_environment(words);
	sys = environment == NULL ? ENOMEM : spawn(child, fd, environment);
	free(environment);
	close(fd);
	*status = sys == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
	if (sys != 0)
		return sl_error_sys(err, sys, "'%s'", child->argv[0]);
	child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return SL_OK;
}

int
child_reap(struct child *child, char how[64])
{
	int status = 0, sys = 0;

	while (waitpid(child->pid, &status, 0) < 0 && sys == 0)
		sys = errno == EINTR ? 0 : errno;
	if (child->pid_fd >= 0)
		close(child->pid_fd);
	child->pid = 0;
	child->pid_fd = -1;
	if (sys != 0) { /* nobody knows how it went */
		snprintf(how, 64, "can't be waited for (error %d)", sys);
		return STATUS_NOT_RUN;
	}
	if (WIFSIGNALED(status)) {
		snprintf(how, 64, "was killed by SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	snprintf(how, 64, "ended with %d", WEXITSTATUS(status));
	return WEXITSTATUS(status);
}
