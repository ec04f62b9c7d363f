/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process by file descriptor (pidfd_open(2)), so that a recycled pid is never taken for it.
 */
#ifndef KTSTR_PIDFD_H
#define KTSTR_PIDFD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A pidfd for pid, close-on-exec. Negative errno on failure; -ENOSYS or -EPERM where the kernel, a
 * seccomp filter or an emulator refuses pidfd_open(2): the caller then falls back to polling.
 */
int process_pidfd_open(pid_t pid);

/*
 * Sends a signal to the process behind pidfd, or to the whole process group that it led when
 * `group` is set. Returns 0 or a negative errno: -ESRCH when it is gone; -EINVAL when the kernel is
 * older than 6.9 and cannot signal a group through a pidfd.
 */
int process_pidfd_signal(int pidfd, int signo, bool group);

/*
 * Has this process ended? Does not reap. pidfd may be -1. Returns 0 and its wait status, -EAGAIN
 * while it runs, -ECHILD when its status cannot be known: not our child, or reaped already and the
 * kernel is older than 6.15. With -ECHILD it has ended if the pidfd polls readable.
 */
int process_peek(pid_t pid, int pidfd, int *wait_status);

#endif
