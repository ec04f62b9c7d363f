/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait until a worker's marker stands, or the worker ends, or time is up; on the event, not on a
 * timer (inotify(7) on the marker's folder and a pidfd in one ppoll).
 *
 * What counts as the marker: a regular file at the path, not a symbolic link, owned by root or by
 * the worker's user, and not older than the worker. The worker's start time is counted in clock
 * ticks (proc(5), stat field 22), so a marker of the same tick is fresh.
 *
 * A worker in another mount namespace, or below a chroot, is looked up under /proc/<pid>/root; one
 * in another pid namespace under the last number of NSpid in /proc/<pid>/status. Where that cannot
 * be done, the call fails with -EXDEV and a text that names the namespace.
 *
 * The marker is never removed here: it is the worker's and the caller's.
 */
#ifndef KTSTR_WORKER_READY_WAIT_H
#define KTSTR_WORKER_READY_WAIT_H

#include <stdint.h>
#include <sys/types.h>

#include <ktstr/error.h>
#include <ktstr/payload.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* How a wait ended. Since 0.1. */
enum ktstr_worker_ready_outcome {
	KTSTR_WORKER_READY = 0,               /* the marker stands and the worker runs */
	KTSTR_WORKER_READY_EXITED_BEFORE = 1, /* the worker ended without a marker */
	KTSTR_WORKER_READY_EXITED_AFTER =
		2, /* the marker stands, but the worker ended before the call returned */
	KTSTR_WORKER_READY_TIMED_OUT = 3 /* neither happened within the time given */
};

/* Bytes of `text` with its NUL; longer text is cut. Since 0.1. */
#define KTSTR_WORKER_READY_TEXT_SIZE 1024

/* The result of a wait, owned by the caller; nothing in it needs to be freed. Since 0.1. */
struct ktstr_worker_ready_result {
	enum ktstr_worker_ready_outcome outcome;
	int wait_status_known; /* 1: wait_status is valid; 0: it runs, is not the caller's child, or
				  the status is lost */
	int wait_status; /* as wait(2) gives it. The child is not reaped by the wait: its handle is
			    not consumed */
	uint32_t polls;  /* looks taken by the 10 ms poll that stands in where inotify is refused;
			    normally 0 */
	uint64_t elapsed_ns;                     /* from the call to its return, CLOCK_MONOTONIC */
	char text[KTSTR_WORKER_READY_TEXT_SIZE]; /* one line: role, pid, marker path, what happened,
						    and for an exit its meaning */
};

/*
 * Waits for the worker in `worker` at its default marker path. `role` is the caller's word for it,
 * such as "alloc-worker", used in texts; it must not be NULL. timeout_ms: milliseconds from the
 * call; negative waits without end; 0 takes one look. Captured output of the payload is drained
 * meanwhile, so a worker that talks much does not block.
 *
 * Returns 0 when one of the four outcomes was reached, in *result. Otherwise a negative errno:
 * -EINVAL bad argument; -ESRCH no such process, or a consumed handle; -EXDEV the worker lives in a
 * mount or pid namespace that cannot be looked into; -EACCES, -ENOENT, -ENOTDIR, -ELOOP the
 * marker's folder cannot be entered; -ENAMETOOLONG; -ENOMEM, -EMFILE, -ENFILE. Since 0.1.
 */
int ktstr_worker_ready_wait(struct ktstr_payload *worker, const char *role, int timeout_ms,
			    struct ktstr_worker_ready_result *result, struct ktstr_error *error);

/*
 * The same for a process that the caller need not have spawned, by its pid (1 or more) in the
 * caller's pid namespace. Its exit status is known only if it is the caller's child (or the kernel
 * is 6.15 or later). Since 0.1.
 */
int ktstr_worker_ready_wait_pid(pid_t pid, const char *role, int timeout_ms,
				struct ktstr_worker_ready_result *result,
				struct ktstr_error *error);

/*
 * As ktstr_worker_ready_wait, but for a worker that was given `marker_path` in
 * KTSTR_WORKER_READY_MARKER_OVERRIDE: an absolute path, resolved in the worker's root. A relative
 * one is -EINVAL. Since 0.1.
 */
int ktstr_worker_ready_wait_path(struct ktstr_payload *worker, const char *marker_path,
				 const char *role, int timeout_ms,
				 struct ktstr_worker_ready_result *result,
				 struct ktstr_error *error);

/* "ready", "exited-before", "exited-after" or "timed-out"; NULL for any other number. Since 0.1. */
const char *ktstr_worker_ready_outcome_name(enum ktstr_worker_ready_outcome outcome);

/*
 * What an exit code of ktstr-jemalloc-alloc-worker means, as ktstr-jemalloc-alloc-worker(1) lists
 * it; NULL for a code that the worker does not use. Static text. Since 0.1.
 */
const char *ktstr_worker_exit_meaning(int exit_code);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
