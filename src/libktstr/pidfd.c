/* SPDX-License-Identifier: BSD-2-Clause */
/* A process by file descriptor. */
#include "pidfd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The numbers below come from linux/pidfd.h (Linux 6.9 and 6.15), newer than many distributions'.
 */
#define SIGNAL_PROCESS_GROUP (1u << 2)          /* PIDFD_SIGNAL_PROCESS_GROUP */
#define INFO_EXIT            (UINT64_C(1) << 3) /* PIDFD_INFO_EXIT */

struct pidfd_info { /* struct pidfd_info, first published size: 64 bytes */
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code; /* as wait(2) gives it */
};
_Static_assert(sizeof(struct pidfd_info) == 64, "PIDFD_INFO_SIZE_VER0");
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info) /* PIDFD_GET_INFO */

#define STATUS_SETTLE_MS 5 /* see exit_status_of_reaped */

int process_pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0u); /* always close-on-exec, pidfd_open(2) */

	return fd < 0 ? -errno : (int)fd;
}

int process_pidfd_signal(int pidfd, int signo, bool group)
{
	unsigned int flags = group ? SIGNAL_PROCESS_GROUP : 0;

	return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, flags) ? -errno : 0;
}

/*
 * The kernel keeps the exit status for whoever holds a pidfd, also after the process was reaped.
 * One that it reaps by itself (SIGCHLD ignored) turns the pidfd readable some instants before its
 * status is stored; POLLHUP comes after that. Where POLLHUP never comes, time is the limit.
 */
static int exit_status_of_reaped(int pidfd, int *wait_status)
{
	struct pidfd_info info = { .mask = INFO_EXIT };
	struct pollfd gone = { .fd = pidfd };

	if (pidfd < 0)
		return -ECHILD;
	(void)poll(&gone, 1, STATUS_SETTLE_MS); /* POLLHUP needs no asking for */
	if (ioctl(pidfd, GET_INFO, &info) || !(info.mask & INFO_EXIT))
		return -ECHILD;
	*wait_status = info.exit_code;
	return 0;
}

static int status_of(const siginfo_t *info)
{
	/* The layout of a wait status, wait(2): exit code in bits 8-15, signal in 0-6, core flag 7.
	 */
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xff) << 8;
	return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

int process_peek(pid_t pid, int pidfd, int *wait_status)
{
	siginfo_t info = { 0 };
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int rc;

	do {
		rc = pidfd >= 0 ? waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT)
				: waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	} while (rc && errno == EINTR);
	if (!rc && info.si_pid == 0)
		return -EAGAIN;
	if (!rc) {
		*wait_status = status_of(&info);
		return 0;
	}
	if (errno != ECHILD)
		return -errno;
	/* Not our child, or reaped by somebody else: the pidfd still tells whether it runs. */
	if (pidfd >= 0 && poll(&ended, 1, 0) == 0)
		return -EAGAIN;
	return exit_status_of_reaped(pidfd, wait_status);
}
