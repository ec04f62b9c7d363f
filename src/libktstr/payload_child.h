/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The child's side of a spawn: from the fork to the exec.
 */
#ifndef KTSTR_PAYLOAD_CHILD_H
#define KTSTR_PAYLOAD_CHILD_H

#include <sys/types.h>

#include <ktstr/payload.h>

#define PAYLOAD_GO   'g' /* the parent's word to the child, which waits for it */
#define PAYLOAD_STOP 's'

enum payload_step {
	STEP_STDIN,
	STEP_STDOUT,
	STEP_STDERR,
	STEP_WORD,
	STEP_CGROUP,
	STEP_PDEATHSIG,
	STEP_GROUP,
	STEP_CWD,
	STEP_EXEC
};

/* What the child sends when a step failed. Nothing is sent on success: exec closes the socket. */
struct payload_report {
	int step;
	int error; /* a positive errno */
};

/* All that the child works with. */
struct payload_plan {
	const char *const *argv;
	const char **env;
	char *candidates; /* paths to try, each ended by a NUL, the list by an empty one */
	const struct ktstr_payload_options *options;
	const int *capture_fds;
	pid_t parent;
	int parent_end, child_end; /* of the socket pair */
};

/* To be called in the child of a fork, also of a threaded process. Sends a report if it cannot come
 * to the exec. */
_Noreturn void payload_child_run(const struct payload_plan *plan);

/*
 * Moves a close-on-exec file descriptor to a number from 3 on, in case the caller runs with 0, 1 or
 * 2 closed: there the child's own streams would overwrite it. A negative number is passed through.
 * Returns the number; on failure a negative errno, and fd is closed. Async-signal-safe.
 */
int fd_above_stdio(int fd);

#endif
