/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait for readiness: one event loop over the marker's directory, the process and its output,
 * and the words in which it ends.
 */
#ifndef KTSTR_READY_WAIT_H
#define KTSTR_READY_WAIT_H

#include <stdint.h>
#include <sys/types.h>

#include <ktstr/error.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#include "marker_check.h"
#include "marker_watch.h"
#include "worker_identity.h"

struct ready_wait {
	pid_t pid;
	int pidfd;                     /* -1 where pidfds are refused */
	struct ktstr_payload *payload; /* NULL for a bare pid */
	const char *role, *path;
	char default_path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];

	struct worker_identity worker;
	struct marker_watch watch;
	int64_t deadline, empty_until; /* on CLOCK_MONOTONIC; DEADLINE_NEVER for none */

	enum marker_check_verdict verdict;
	struct marker_check_file file; /* that the verdict is about */
	uint64_t written_before;       /* the worker's count when the wait began */
	struct ktstr_worker_ready_result *result;
	struct ktstr_error *error;
	struct ktstr_error failure; /* for *error, which is written only if the wait fails */
};

/* Waits, and fills in the result. Returns 0 or a negative errno. */
int ready_wait_run(struct ready_wait *wait, int timeout_ms);

/* Fills in the outcome and its text. Returns 0. */
int ready_wait_finish(struct ready_wait *wait, enum ktstr_worker_ready_outcome outcome);

/* The same for a timeout, or the negative errno of what had kept the marker from being seen. */
int ready_wait_time_out(struct ready_wait *wait);

#endif
