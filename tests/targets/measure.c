/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program and says what it took: "measure PROGRAM [ARGUMENT...]" prints, as the last line on
 * stderr, "measure: exit STATUS kib PEAK-RESIDENT-KIB". Small itself, as the figure
 * of getrusage(2) includes the moment before exec.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage usage;
	pid_t pid;
	int status;

	if (argc < 2 || posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ) ||
	    wait4(pid, &status, 0, &usage) != pid)
		return 2;
	fprintf(stderr, "measure: exit %d kib %ld\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), usage.ru_maxrss);
	return 0;
}
