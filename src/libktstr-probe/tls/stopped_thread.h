/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of one thread whose register was wanted. */
#ifndef KTSTR_STOPPED_THREAD_H
#define KTSTR_STOPPED_THREAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktstr/probe.h>

#include "base/target.h"

struct ptrace_stop {
	pid_t tid;
	uint64_t thread_pointer; /* valid when error is KTSTR_PROBE_THREAD_OK */
	enum ktstr_probe_thread_error error;
	int code; /* negative errno of that error, or 0 */
};

#endif
