/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal to a child of ours: through the pidfd, which cannot mean another process; or, where the
 * system lacks that, by number only while waitid still shows our own unreaped child, running or a
 * zombie, which keeps the number (also as the group's) from being given out again.
 */
#include "config.h"

#include "payload_signal.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "pidfd.h"

/* Is the child ours and unreaped, running or a zombie? Then nobody else can have its number. */
static bool holds_its_number(pid_t pid, int pidfd)
{
	bool by_fd = pidfd >= 0;
	siginfo_t info;

	return waitid(by_fd ? P_PIDFD : P_PID, (id_t)(by_fd ? pidfd : pid), &info,
		      WEXITED | WNOHANG | WNOWAIT) == 0;
}

int payload_signal_send(pid_t pid, int pidfd, int signo, bool group)
{
	int rc = pidfd >= 0 ? process_pidfd_signal(pidfd, signo, group) : -ENOSYS;

	/* Anything else: a kernel before 6.9 for a group, a filter on system calls, or no pidfd. */
	if (rc == 0 || rc == -ESRCH || (rc == -EPERM && pidfd >= 0))
		return rc;
	if (!holds_its_number(pid, pidfd))
		return -ESRCH;
	return kill(group ? -pid : pid, signo) ? -errno : 0;
}
