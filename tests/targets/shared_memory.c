/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process whose memory another process shares, as vfork(2)'s child does, and which
 * therefore outlives its exec: shared_memory PROGRAM [ARGUMENT...]. Says "parked"; a byte on stdin
 * lets it go on to the exec. The other process ends with it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(64)));

static int stay(void *unused)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return unused != NULL;
}

int main(int argc, char **argv)
{
	void *volatile kept = malloc(123456);
	char byte;

	if (argc < 2 || !kept || clone(stay, stack + sizeof stack, CLONE_VM, NULL) < 0 ||
	    write(STDOUT_FILENO, "parked\n", 7) != 7 || read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	execv(argv[1], argv + 1);
	return 1;
}
