/*
 * peak.c: the most memory a command had resident.
 *
 *     peak FILE COMMAND [ARG...]
 *
 * Runs COMMAND, writes its peak (KiB) to FILE, and ends with its status. What
 * the kernel counts for a child begins with the memory of the process it was
 * forked from, so that has to be a small one: this.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t child;
	FILE *file;

	if (argc < 3)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		return 1;
	file = fopen(argv[1], "w");
	if (file == NULL)
		return 1;
	fprintf(file, "%ld\n", usage.ru_maxrss);
	if (fclose(file) != 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}
