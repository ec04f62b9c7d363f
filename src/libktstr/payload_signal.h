/* SPDX-License-Identifier: BSD-2-Clause */
/* A signal to a child of ours, never to a process that has reused its number. */
#ifndef KTSTR_PAYLOAD_SIGNAL_H
#define KTSTR_PAYLOAD_SIGNAL_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Sends signo to our unreaped child or, with `group`, to the process group that it leads. pidfd: -1
 * where the system has none. Returns 0 or a negative errno; -ESRCH when the child was reaped.
 */
int payload_signal_send(pid_t pid, int pidfd, int signo, bool group);

#endif
