/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fallback for thread pointers: stop each thread for a moment and read its register.
 */
#ifndef KTSTR_PTRACE_STOP_H
#define KTSTR_PTRACE_STOP_H

#include "tls/stopped_thread.h"

/*
 * Fills in the thread pointer of each of `count` threads. All are interrupted first,
 * then reaped in the order in which they stop, each let go at once. A thread that does not stop in
 * time gets KTSTR_PROBE_THREAD_WAITPID. All are let go on every path, even if this process crashes.
 * Ends early when cancel_fd (or -1) polls readable. Returns 0 or a negative errno if it could not
 * begin.
 */
int ptrace_stop_read(struct target *target, struct ptrace_stop *stops, size_t count,
		     unsigned int timeout_ms, int cancel_fd);

#endif
