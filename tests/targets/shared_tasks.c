/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A jemalloc process, and a task that runs on its memory and on its main thread's thread pointer.
 *
 *
 *	shared_tasks vfork|clone|orphan|thread
 *
 * The task: a child of vfork(2); of clone(2) with CLONE_VM; one whose maker has ended; a thread of
 * clone(2) without CLONE_SETTLS. Says "task ID" of it, "thread TID ALLOCATED DEALLOCATED" and
 * "parked". It ends with its stdin; the other task when it is killed.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jemalloc/jemalloc.h>

static char stack[65536] __attribute__((aligned(64)));

static uint64_t figure(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;

	return mallctl(name, &value, &size, NULL, 0) ? UINT64_MAX : value;
}

static void say(pid_t task)
{
	char text[160];
	uint64_t allocated = figure("thread.allocated");
	int length = snprintf(text, sizeof text,
			      "task %d\nthread %d %" PRIu64 " %" PRIu64 "\nparked\n", (int)task,
			      (int)getpid(), allocated, figure("thread.deallocated"));

	if (write(STDOUT_FILENO, text, (size_t)length) != length)
		_exit(1);
}

static int stay(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

/* Its parent, which stands still, is told of in its place. */
static int speak_and_stay(void *unused)
{
	say((pid_t)syscall(SYS_getpid));
	return stay(unused);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	void *top = stack + sizeof stack;
	void *volatile kept = malloc(123456);
	char byte;
	int task;

	figure("thread.allocated"); /* the first call sets up jemalloc's tree of names */
	if (strcmp(what, "vfork") == 0)
		task = clone(speak_and_stay, top, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	else if (strcmp(what, "clone") == 0)
		task = clone(stay, top, CLONE_VM | SIGCHLD, NULL);
	else if (strcmp(what, "thread") == 0)
		task = clone(stay, top,
			     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				     CLONE_SYSVSEM,
			     NULL);
	else if (strcmp(what, "orphan") == 0 && fork() == 0)
		return (task = clone(stay, top, CLONE_VM | SIGCHLD, NULL)) < 0
			       ? 1
			       : (say(task), _exit(0), 0);
	else
		task = 0;
	if (task < 0 || !kept)
		return 1;
	if (task)
		say(task);
	return read(STDIN_FILENO, &byte, 1) < 0;
}
