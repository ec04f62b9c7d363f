/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program and says what it took: "measure PROGRAM [ARGUMENT...]" prints, as the last line on
 * stderr, "measure: exit STATUS ms MILLISECONDS kib PEAK-RESIDENT-KIB". Small itself, as the figure
 * of getrusage(2) includes the moment before exec. Run by tests/program/probe_hostile.t.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage usage;
	pid_t pid;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (argc < 2 || posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ) ||
	    wait4(pid, &status, 0, &usage) != pid)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &end);
	fprintf(stderr, "measure: exit %d ms %ld kib %ld\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
		(long)((end.tv_sec - begin.tv_sec) * 1000 +
		       (end.tv_nsec - begin.tv_nsec) / 1000000),
		usage.ru_maxrss);
	return 0;
}
