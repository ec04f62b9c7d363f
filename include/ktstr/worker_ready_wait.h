/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits until a worker's marker exists, or the worker ends, or time is up; on the event, not on a
 * timer (inotify(7) on the marker's directory and a pidfd in one ppoll). And removes the marker of
 * a worker that has ended.
 *
 * What counts as the marker: a regular file at the path with one link, not a symbolic link, owned
 * by root or by the worker's user, not older than the worker and not from the future, and the
 * worker has written that much: ktstr_worker_ready_wait(3) tells how that is known. The worker's
 * start time is counted in clock ticks (proc(5), stat field 22), so a marker of the same tick is
 * fresh.
 *
 * A worker in another mount namespace, or below a chroot, is looked up under /proc/<pid>/root; one
 * in another pid namespace under the last number of NSpid in /proc/<pid>/status. Where that cannot
 * be done, the call fails with -EXDEV and a text that names the namespace.
 *
 * A wait never removes a marker.
 *
 * Functions that return int return 0 or a negative errno. On failure they describe it in `error`,
 * which may be NULL. Any other pointer may be NULL only where its description says so: otherwise
 * NULL is -EINVAL. Thread safety: the functions may be called from several threads at once, but
 * with one payload handle by one thread at a time.
 */
#ifndef KTSTR_WORKER_READY_WAIT_H
#define KTSTR_WORKER_READY_WAIT_H

#include <stdint.h>
#include <sys/types.h>

#include <ktstr/error.h>
#include <ktstr/payload.h>
#include <ktstr/worker_ready.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* How a wait ended. Since 0.1. */
enum ktstr_worker_ready_outcome {
	KTSTR_WORKER_READY = 0,               /* the marker exists and the worker runs */
	KTSTR_WORKER_READY_EXITED_BEFORE = 1, /* the worker ended without a marker */
	KTSTR_WORKER_READY_EXITED_AFTER = 2,  /* the marker exists, but the worker ended before the
						 call returned */
	KTSTR_WORKER_READY_TIMED_OUT = 3      /* neither happened within the time given */
};

/* Bytes of `text` and of `marker_path`, with the terminating NUL. Longer text is cut; no path that
   the system takes is longer. Since 0.1. */
#define KTSTR_WORKER_READY_TEXT_SIZE        1024
#define KTSTR_WORKER_READY_RESULT_PATH_SIZE 4096

/*
 * The result of a wait. The caller owns it and initialises nothing; nothing in it needs to be
 * freed. A wait fills in all of it. One that fails fills in what was known by then, with
 * KTSTR_WORKER_READY_TIMED_OUT as the outcome and zeros for the rest. Since 0.1.
 */
struct ktstr_worker_ready_result {
	enum ktstr_worker_ready_outcome outcome;
	int wait_status_known; /* 1: wait_status is valid; 0: it runs, is not the caller's child, or
				  the status is lost */
	int wait_status; /* as wait(2) gives it. The child is not reaped by the wait: its handle is
			    not consumed */
	uint32_t polls;  /* looks taken by the 10 ms poll that replaces inotify where that is
			    refused; normally 0 */
	uint64_t elapsed_ns; /* nanoseconds from the call to its return, CLOCK_MONOTONIC */

	pid_t worker_pid;          /* in the caller's pid namespace */
	uid_t worker_uid;          /* the user who, besides root, may own the marker */
	uint64_t worker_start_ns;  /* the worker's start, nanoseconds on CLOCK_BOOTTIME, rounded
				      down to a clock tick; UINT64_MAX: unknown */
	int marker_in_worker_root; /* 1: marker_path is resolved in the worker's own mount
				      namespace or root, not in the caller's */
	uint32_t reserved0;        /* 0 */
	uint64_t reserved[8];      /* 0; room for later versions */

	char text[KTSTR_WORKER_READY_TEXT_SIZE]; /* one line: role, pid, marker path, what happened,
						    and for an exit its meaning */
	char marker_path[KTSTR_WORKER_READY_RESULT_PATH_SIZE]; /* absolute */
};

/*
 * Waits for the worker behind `worker` at its default marker path. Captured output of the payload
 * is read meanwhile, so a worker that prints much does not block.
 *
 * worker: a running handle; it is not consumed. role: the caller's word for the worker, such as
 * "alloc-worker", for the texts. timeout_ms: milliseconds from the call, on CLOCK_MONOTONIC.
 * Negative: no timeout. 0: look once, do not block.
 *
 * Returns 0 when one of the four outcomes was reached. Otherwise
 *   -EINVAL   a bad argument
 *   -ESRCH    no such process, or a consumed handle
 *   -EXDEV    the worker lives in a mount or pid namespace that cannot be examined
 *   -EACCES, -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG   the marker's directory cannot be entered,
 *             or /proc/<pid> cannot be read
 *   -ENOMEM, -EMFILE, -ENFILE                           memory or descriptors have run out
 * Since 0.1.
 */
int ktstr_worker_ready_wait(struct ktstr_payload *worker, const char *role, int timeout_ms,
			    struct ktstr_worker_ready_result *result, struct ktstr_error *error);

/*
 * The same for a process that the caller need not have spawned, by its pid (1 or more) in the
 * caller's pid namespace. Its exit status is known only if it is the caller's child (or the kernel
 * is 6.15 or later). Returns as ktstr_worker_ready_wait. Since 0.1.
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

/*
 * Removes the marker of a worker that has ended, whatever the outcome of the wait was, and whether
 * or not the worker has been reaped. Only a file is removed that could count as the marker:
 * regular, with one link, owned by root or by the worker's user; its age does not matter. A
 * symbolic link is neither followed nor removed.
 *
 * result: of a wait for that worker. One of a wait that failed before it knew the marker's path is
 * accepted: there is nothing to remove then.
 *
 * The check and the removal are two system calls. Between them another user can put another file at
 * the path only if the directory lets him (/tmp, with its sticky bit, does not), and it is only
 * ever an entry of the marker's directory that is removed.
 *
 * Returns 0 when no marker is there any more. Otherwise
 *   -EINVAL   a bad argument
 *   -EBUSY    the worker runs; or another process has its pid by now, and the marker may be that
 *             one's
 *   -EPERM    what is at the path could not count as the marker; error->text says why
 *   -EXDEV    the worker had a mount namespace or root of its own, which cannot be entered any more
 *   -EACCES, -ELOOP, -ENOTDIR, -EROFS, …   from open(2) of the marker's directory, or unlink(2)
 * Since 0.1.
 */
int ktstr_worker_ready_marker_remove(const struct ktstr_worker_ready_result *result,
				     struct ktstr_error *error);

/* "ready", "exited-before", "exited-after" or "timed-out"; NULL for any other number. Static text.
   Since 0.1. */
const char *ktstr_worker_ready_outcome_name(enum ktstr_worker_ready_outcome outcome);

/*
 * What an exit code of ktstr-jemalloc-alloc-worker means, as ktstr-jemalloc-alloc-worker(1) lists
 * it; NULL for a code that the worker does not use. Static text. Since 0.1.
 */
const char *ktstr_worker_exit_meaning(int exit_code);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
