/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library to preload into a program with a shared jemalloc, through which each of its threads
 * answers what its own mallctl says. A thread that receives SIGRTMAX - 1 appends "thread TID
 * ALLOCATED DEALLOCATED" to the file named in TELL_COUNTERS, and then stands still until the file
 * named in TELL_COUNTERS_GO exists, so that its counters can be read from outside meanwhile.
 * Written for the kind of processor on which a debugger cannot call a function.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TELL (SIGRTMAX - 1)

/* Weak: a program without a shared jemalloc loads, too, and says so. */
extern int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

static int answers = -1;
static char go[4096];

static uint64_t ask(const char *name)
{
	uint64_t value = 0;
	size_t size = sizeof value;

	/* jemalloc answers thread.* from the thread's own tsd: no lock is taken, nothing is
	 * allocated. */
	return mallctl(name, &value, &size, NULL, 0) ? UINT64_MAX : value;
}

static void tell(int signal)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const int saved = errno;
	char line[128];
	int length;

	(void)signal;
	length = snprintf(line, sizeof line, "thread %ld %" PRIu64 " %" PRIu64 "\n",
			  (long)syscall(SYS_gettid), ask("thread.allocated"),
			  ask("thread.deallocated"));
	if (write(answers, line, (size_t)length) == length)
		while (access(go, F_OK) != 0)
			nanosleep(&pause, NULL);
	errno = saved;
}

/* jemalloc's background threads block every signal. */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	static int (*next)(int, const sigset_t *, sigset_t *);
	sigset_t without;

	if (!next)
		next = (int (*)(int, const sigset_t *, sigset_t *))dlsym(RTLD_NEXT,
									 "pthread_sigmask");
	if (set && how != SIG_UNBLOCK) {
		without = *set;
		sigdelset(&without, TELL);
		set = &without;
	}
	return next(how, set, old);
}

__attribute__((constructor)) static void start(void)
{
	const struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };
	const char *path = getenv("TELL_COUNTERS"), *go_path = getenv("TELL_COUNTERS_GO");

	if (!path || !go_path)
		return;
	/* A copy: who changes the title of its process moves the environment. */
	if (snprintf(go, sizeof go, "%s", go_path) >= (int)sizeof go)
		return;
	answers = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (answers < 0)
		return;
	if (!mallctl) {
		dprintf(answers, "no mallctl\n");
		return;
	}
	ask("thread.allocated"); /* the first call sets up jemalloc's tree of names */
	sigaction(TELL, &action, NULL);
}
