/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the child does with itself before it reads a hostile file: it gives up, one after the other,
 * signal handlers, descriptors, unlimited memory and time, rights, and system calls.
 */
#include "config.h"

#include "sandbox/sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/seccomp_rules.h"

#define FILES_LIMIT 32 /* a program and its debug file's eight places, with some at work */

static void close_range_or_each(unsigned int first, unsigned int last)
{
	struct rlimit files;

	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	/* Before Linux 5.9. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max <= last)
		last = (unsigned int)files.rlim_max;
	for (unsigned int fd = first; fd <= last && fd < 1048576; fd++)
		close((int)fd);
}

/* Everything but these, which are in order: -1 for none. */
static void close_all_but(const int *kept, size_t count)
{
	unsigned int first = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept[i] < 0)
			continue;
		if ((unsigned int)kept[i] > first)
			close_range_or_each(first, (unsigned int)kept[i] - 1);
		first = (unsigned int)kept[i] + 1;
	}
	close_range_or_each(first, ~0U);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Signals are blocked until no handler of the caller's is left. Then those are let through that end
   a program which went wrong; others are not meant for this process. */
static void forget_handlers(void)
{
	static const int faults[] = { SIGXCPU, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	/* The kernel's struct sigaction: handler, flags, restorer, mask. The C library's call
	 * leaves out its own two. */
	static const unsigned long by_default[4];
	sigset_t open_set;

	for (int number = 1; number < NSIG; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(unsigned long));
	sigemptyset(&open_set);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigaddset(&open_set, faults[i]);
	sigprocmask(SIG_UNBLOCK, &open_set, NULL);
}

/* glibc's type is an enumeration, POSIX's is int. */
#ifdef __GLIBC__
typedef __rlimit_resource_t resource_type;
#else
typedef int resource_type;
#endif

/* What is set already may be lower, and stays. */
static int limit(resource_type resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now))
		return -errno;
	if (now.rlim_max > hard)
		now.rlim_max = hard;
	if (now.rlim_cur > soft)
		now.rlim_cur = soft;
	return setrlimit(resource, &now) ? -errno : 0;
}

/* A fork begins with all that its parent has mapped; proc(5), statm: field 1 is all, field 6 data
 * and stack. */
static int limit_memory(size_t more)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned long long all, data;
	char text[256];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC), rc = -EIO;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %*u %*u %*u %*u %llu", &all, &data) == 2) {
		/* Of addresses malloc may reserve more than it uses: 64 MiB at a time, aligned to
		 * that. */
		rlim_t room = (rlim_t)all * (rlim_t)page + more + ((rlim_t)256 << 20);

		rc = limit(RLIMIT_AS, room, room);
		room = (rlim_t)data * (rlim_t)page + more;
		if (rc == 0)
			rc = limit(RLIMIT_DATA, room, room);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Of open files the soft limit is enough, as the filter refuses to raise it; valgrind has no other.
 */
static int set_limits(const struct sandbox *isolation)
{
	if (limit_memory(isolation->memory) ||
	    limit(RLIMIT_CPU, isolation->cpu_seconds, isolation->cpu_seconds + 1) ||
	    limit(RLIMIT_NOFILE, FILES_LIMIT, RLIM_INFINITY) || limit(RLIMIT_FSIZE, 0, 0) ||
	    limit(RLIMIT_CORE, 0, 0))
		return -1;
	return 0;
}

/* With what was needed to open the files, too. A process without capabilities may still do what its
 * user may. */
static int give_up_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	/* Not dumpable: a core pattern that is a program is not held back by RLIMIT_CORE (core(5)).
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || syscall(SYS_capset, &header, none) ||
	    limit(RLIMIT_NPROC, 0, 0))
		return -1;
	return 0;
}

/* Returns -1 unless all of it went out in one piece: there is room in the pipe. */
static int send_whole(int fd, const void *bytes, size_t size)
{
	return write(fd, bytes, size) == (ssize_t)size ? 0 : -1;
}

_Noreturn void sandbox_child_run(const struct sandbox *isolation, const struct sandbox_work *work,
				 size_t size, pid_t parent, int answer_fd, int life_fd)
{
	int kept[3] = { work->open_fd, answer_fd, life_fd };
	_Alignas(max_align_t) unsigned char answer[SANDBOX_ANSWER_LIMIT] = { 0 };
	struct sandbox_begin begin;
	pid_t now;

	forget_handlers();
	/* 0: the caller's children begin a pid namespace, and it is outside of that. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || ((now = getppid()) != parent && now != 0))
		_exit(SANDBOX_CHILD_ORPHAN);
	qsort(kept, 3, sizeof *kept, by_number);
	close_all_but(kept, 3);
	if (set_limits(isolation))
		_exit(SANDBOX_CHILD_LIMITS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(SANDBOX_CHILD_PRIVILEGES);
	work->open(work->context);
	if (work->open_fd >= 0)
		close(work->open_fd);
	if (give_up_rights())
		_exit(SANDBOX_CHILD_PRIVILEGES);
	begin.filter = seccomp_rules_install(answer_fd);
	if (send_whole(answer_fd, &begin, sizeof begin))
		_exit(SANDBOX_CHILD_ANSWER);
	work->read(work->context, answer);
	_exit(send_whole(answer_fd, answer, size) ? SANDBOX_CHILD_ANSWER : 0);
}
