/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait for readiness: one event loop over the marker's directory, the process and its output.
 */
#include "config.h"

#include "ready_wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error_private.h"
#include "marker_writer.h"
#include "payload_private.h"
#include "pidfd.h"
#include "shared/clock.h"

#define POLL_MS 10 /* between looks where inotify or pidfds are refused */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- what is there ---- */

static void examine(struct ready_wait *wait)
{
	struct marker_watch *watch = &wait->watch;
	bool witnessed;

	do {
		witnessed = watch->witnessed;
		wait->verdict = marker_check_examine(watch->fd, watch->name, &wait->worker,
						     witnessed, &wait->file);
		if (wait->verdict == MARKER_CHECK_NONE)
			watch->new_content = true;
		if (wait->verdict != MARKER_CHECK_FRESH)
			return;
		wait->verdict = marker_writer_examine(wait->pid, &wait->worker, watch->fd,
						      wait->path,
						      watch->new_content ? wait->written_before : 0,
						      &wait->file);
		/* Was another file moved there after the one that was seen being written? */
		if (witnessed && wait->verdict == MARKER_CHECK_FRESH)
			marker_watch_catch_up(watch);
	} while (witnessed && !watch->witnessed);
}

/* Does the marker stand? Keeps the verdict for the text of a timeout. */
static bool marker_stands(struct ready_wait *wait)
{
	examine(wait);
	if (wait->verdict == MARKER_CHECK_FOREIGN &&
	    worker_identity_read(wait->pid, &wait->worker) == 0)
		examine(wait); /* it may have changed its user since it was started, as under su(1)
				*/
	if (wait->verdict != MARKER_CHECK_EMPTY) {
		wait->empty_until = DEADLINE_NEVER;
		return wait->verdict == MARKER_CHECK_FRESH;
	}
	/* Its existence is the signal, but a worker on a full disk is about to remove it again. */
	if (wait->empty_until == DEADLINE_NEVER)
		wait->empty_until = deadline_after_ms(MARKER_CHECK_EMPTY_MS);
	return clock_ns(CLOCK_MONOTONIC) >= wait->empty_until;
}

/* Has the process ended? Fills in the status if it can be known. */
static bool worker_ended(struct ready_wait *wait)
{
	int status = 0;
	int rc = process_peek(wait->pid, wait->pidfd, &status);

	if (rc == 0) {
		wait->result->wait_status_known = 1;
		wait->result->wait_status = status;
		return true;
	}
	if (rc == -ECHILD && wait->pidfd < 0) /* not our child, and only its number to ask by */
		return kill(wait->pid, 0) && errno == ESRCH;
	return rc == -ECHILD;
}

/*
 * Sleeps until there is a reason to look at the marker and the process again. Returns 0 or a
 * negative errno. The recheck alone is none: it only sees to it that the right directory is
 * watched.
 */
static int sleep_for_news(struct ready_wait *wait)
{
	int64_t look_at = earlier(wait->deadline, wait->empty_until);

	if (wait->watch.wd < 0 || wait->pidfd < 0)
		look_at = earlier(look_at, deadline_after_ms(POLL_MS));
	for (;;) {
		struct pollfd fds[4] = { { .fd = wait->pidfd, .events = POLLIN },
					 { .fd = wait->watch.wd < 0 ? -1 : wait->watch.inotify,
					   .events = POLLIN } };
		nfds_t count = 2;
		struct timespec left;
		int ready, entered;

		if (wait->payload)
			count += payload_poll_fds(wait->payload, fds + 2);
		ready = ppoll(fds, count,
			      deadline_left(earlier(look_at, wait->watch.recheck_at), &left), NULL);
		if (ready < 0 && errno != EINTR)
			return error_set(&wait->failure, -errno, "wait",
					 "%s pid %d: ppoll failed: %s", wait->role, (int)wait->pid,
					 strerrordesc_np(errno));
		if (wait->payload)
			payload_drain(wait->payload);
		if (ready > 0 && fds[0].revents)
			return 0;
		/* Other files of the directory make events as well: only the marker's are a reason.
		 */
		if (ready > 0 && fds[1].revents && marker_watch_read_events(&wait->watch))
			return 0;
		if (clock_ns(CLOCK_MONOTONIC) >= wait->watch.recheck_at) {
			entered = marker_watch_recheck(&wait->watch);
			if (entered > 0)
				wait->empty_until =
					DEADLINE_NEVER; /* that was another directory's */
			if (entered)
				return entered < 0 ? entered : 0;
			/* What a child of the worker wrote is counted when it ends, without an
			 * event. */
			if (marker_check_is_unproven(wait->verdict))
				return 0;
		}
		if (clock_ns(CLOCK_MONOTONIC) >= look_at) {
			wait->result->polls += wait->watch.wd < 0;
			return 0;
		}
	}
}

static int wait_loop(struct ready_wait *wait)
{
	for (;;) {
		bool stands = marker_stands(wait);
		int rc;

		if (worker_ended(wait)) {
			/* It may have come, or an empty one gone, between the look and the end;
			 * empty counts now too. */
			if (wait->verdict != MARKER_CHECK_FRESH)
				stands = marker_stands(wait) || wait->verdict == MARKER_CHECK_EMPTY;
			return ready_wait_finish(wait, stands ? KTSTR_WORKER_READY_EXITED_AFTER
							      : KTSTR_WORKER_READY_EXITED_BEFORE);
		}
		if (stands)
			return ready_wait_finish(wait, KTSTR_WORKER_READY);
		if (clock_ns(CLOCK_MONOTONIC) >= wait->deadline)
			return ready_wait_time_out(wait);
		rc = sleep_for_news(wait);
		if (rc)
			return rc;
	}
}

/* ---- set-up ---- */

static int read_worker(struct ready_wait *wait)
{
	int rc = worker_identity_read(wait->pid, &wait->worker), status;

	/* Hidden from /proc, or /proc is not there: that is not to have ended. */
	if (rc == -ESRCH && wait->payload &&
	    process_peek(wait->pid, wait->pidfd, &status) == -EAGAIN)
		rc = -ENOENT;
	if (rc == -ESRCH && wait->payload) {
		/* Ended and reaped by the kernel, as when SIGCHLD is ignored: nothing there can be
		 * told to be fresh. */
		wait->worker = (struct worker_identity){ .start_ns = WORKER_START_UNKNOWN,
							 .effective_uid = geteuid(),
							 .file_system_uid = geteuid(),
							 .inner_pid = (uint32_t)wait->pid };
		wait->watch.namespaces.place = WORKER_PLACE_ENDED;
		return 0;
	}
	if (rc == -ESRCH)
		return error_set(&wait->failure, rc, "process",
				 "%s pid %d: there is no such process", wait->role, (int)wait->pid);
	if (rc)
		return error_set(&wait->failure, rc, "process",
				 "%s pid %d: /proc/%d cannot be read: %s; is procfs mounted?",
				 wait->role, (int)wait->pid, (int)wait->pid, strerrordesc_np(-rc));
	worker_namespaces_read(wait->pid, &wait->watch.namespaces);
	/* Before the directory is watched, so that what is seen being written is not yet counted.
	 */
	wait->written_before = marker_writer_count(wait->pid);
	if (wait->written_before == MARKER_WRITER_UNKNOWN)
		wait->written_before = 0;
	return 0;
}

/* What the caller may need to remove the marker with, also after a wait that fails. */
static void tell_worker(struct ready_wait *wait)
{
	struct ktstr_worker_ready_result *result = wait->result;

	result->worker_pid = wait->pid;
	result->worker_uid = wait->worker.file_system_uid;
	result->worker_start_ns = wait->worker.start_ns;
	snprintf(result->marker_path, sizeof result->marker_path, "%s", wait->path);
}

int ready_wait_run(struct ready_wait *wait, int timeout_ms)
{
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int rc;

	wait->deadline = deadline_after_ms(timeout_ms);
	wait->watch.pid = wait->pid;
	wait->watch.role = wait->role;
	wait->watch.failure = &wait->failure;
	/*
	 * To close an inotify instance waits for a grace period of the kernel, 0.1 to 14 ms as
	 * measured. A handle keeps it for the next wait and closes it at its own end, so that
	 * readiness is not told late.
	 */
	marker_watch_begin(&wait->watch, wait->payload ? payload_take_inotify(wait->payload) : -1);
	wait->empty_until = DEADLINE_NEVER;

	rc = read_worker(wait);
	if (!rc && !wait->path) {
		(void)ktstr_worker_ready_marker_path(wait->worker.inner_pid, wait->default_path,
						     sizeof wait->default_path);
		wait->path = wait->default_path;
	}
	wait->watch.path = wait->path;
	if (!rc)
		tell_worker(wait);
	if (!rc)
		rc = marker_watch_enter(&wait->watch);
	if (rc >= 0)
		rc = wait_loop(wait);
	marker_watch_leave(&wait->watch);
	if (wait->payload)
		payload_keep_inotify(wait->payload, wait->watch.inotify);
	else if (wait->watch.inotify >= 0)
		close(wait->watch.inotify);
	if (rc && wait->error)
		*wait->error = wait->failure;
	wait->result->marker_in_worker_root = wait->watch.namespaces.place == WORKER_PLACE_OTHER;
	wait->result->elapsed_ns = (uint64_t)(clock_ns(CLOCK_MONOTONIC) - began);
	return rc;
}
