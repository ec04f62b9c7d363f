/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait for readiness: one event loop over the marker's directory, the process and its output.
 * The waiting functions of <ktstr/worker_ready_wait.h>.
 */
#include "config.h"

#include <ktstr/worker_ready_wait.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "marker_check.h"
#include "marker_watch.h"
#include "marker_writer.h"
#include "payload_private.h"
#include "pidfd.h"
#include "shared/clock.h"
#include "worker_identity.h"
#include <ktstr/worker_ready.h>

#define POLL_MS 10 /* between looks where inotify or pidfds are refused */

struct wait {
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

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- what is there ---- */

static void examine(struct wait *wait)
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
static bool marker_stands(struct wait *wait)
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
static bool worker_ended(struct wait *wait)
{
	int status = 0;
	int err = ktstr_process_peek(wait->pid, wait->pidfd, &status);

	if (err == 0) {
		wait->result->wait_status_known = 1;
		wait->result->wait_status = status;
		return true;
	}
	if (err == -ECHILD && wait->pidfd < 0) /* not our child, and only its number to ask by */
		return kill(wait->pid, 0) && errno == ESRCH;
	return err == -ECHILD;
}

/*
 * Sleeps until there is a reason to look at the marker and the process again. Returns 0 or a
 * negative errno. The recheck alone is none: it only sees to it that the right directory is
 * watched.
 */
static int sleep_for_news(struct wait *wait)
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
			count += ktstr_payload_poll_fds(wait->payload, fds + 2);
		ready = ppoll(fds, count,
			      deadline_left(earlier(look_at, wait->watch.recheck_at), &left), NULL);
		if (ready < 0 && errno != EINTR)
			return ktstr_error_set(&wait->failure, -errno, "wait",
					       "%s pid %d: ppoll failed: %s", wait->role,
					       (int)wait->pid, strerrordesc_np(errno));
		if (wait->payload)
			ktstr_payload_drain(wait->payload);
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

/* ---- the outcome ---- */

static void describe_status(const struct ktstr_worker_ready_result *result, char *text, size_t size)
{
	int status = result->wait_status;

	if (!result->wait_status_known) {
		snprintf(text, size, "its exit status is not known");
	} else if (WIFSIGNALED(status)) {
		const char *name = sigdescr_np(WTERMSIG(status));

		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
			 name ? name : "unknown");
	} else {
		const char *meaning = ktstr_worker_exit_meaning(WEXITSTATUS(status));

		snprintf(text, size, "exit status %d (%s)", WEXITSTATUS(status),
			 meaning ? meaning : "not one of the worker's own");
	}
}

static int finish(struct wait *wait, enum ktstr_worker_ready_outcome outcome)
{
	static const char *const sentences[] = {
		[KTSTR_WORKER_READY] = "is ready, its marker stands",
		[KTSTR_WORKER_READY_EXITED_BEFORE] = "exited before its marker appeared",
		[KTSTR_WORKER_READY_EXITED_AFTER] = "exited after its marker appeared",
		[KTSTR_WORKER_READY_TIMED_OUT] = "timed out, still running without its marker",
	};
	struct ktstr_worker_ready_result *result = wait->result;
	char status[160] = "", complaint[256] = "", program[128] = "", runs[192] = "";
	bool ended = outcome == KTSTR_WORKER_READY_EXITED_BEFORE ||
		     outcome == KTSTR_WORKER_READY_EXITED_AFTER;

	result->outcome = outcome;
	if (wait->verdict == MARKER_CHECK_FRESH && wait->file.owner != 0)
		result->worker_uid = wait->file.owner;
	if (ended)
		describe_status(result, status, sizeof status);
	if (outcome != KTSTR_WORKER_READY)
		marker_check_complaint(wait->verdict, &wait->file, wait->pid, complaint,
				       sizeof complaint);
	/* The worker may be a child of what was started. */
	if (outcome == KTSTR_WORKER_READY_TIMED_OUT &&
	    worker_identity_other_program(wait->pid, program, sizeof program))
		snprintf(runs, sizeof runs, "; this process is not the worker, it runs '%s'",
			 program);
	snprintf(result->text, sizeof result->text, "%s pid %d: %s: %s%s%s%s%s%s", wait->role,
		 (int)wait->pid, sentences[outcome], wait->path,
		 wait->watch.namespaces.place == WORKER_PLACE_OTHER
			 ? " in its own mount namespace or root"
			 : "",
		 ended ? ": " : "", status, complaint, runs);
	return 0;
}

static int time_is_up(struct wait *wait)
{
	if (wait->watch.lost)
		return wait->watch.lost; /* that is reported already */
	if (wait->watch.namespaces.place == WORKER_PLACE_UNKNOWN &&
	    wait->verdict == MARKER_CHECK_NONE)
		return ktstr_error_set(&wait->failure, -EXDEV, "namespace",
				       "%s pid %d: no marker %s here, and it cannot be told "
				       "whether the process shares our "
				       "mount namespace, because /proc/%d/ns/mnt may not be read; "
				       "run as its user or as root",
				       wait->role, (int)wait->pid, wait->path, (int)wait->pid);
	return finish(wait, KTSTR_WORKER_READY_TIMED_OUT);
}

static int wait_loop(struct wait *wait)
{
	for (;;) {
		bool stands = marker_stands(wait);
		int err;

		if (worker_ended(wait)) {
			/* It may have come, or an empty one gone, between the look and the end;
			 * empty counts now too. */
			if (wait->verdict != MARKER_CHECK_FRESH)
				stands = marker_stands(wait) || wait->verdict == MARKER_CHECK_EMPTY;
			return finish(wait, stands ? KTSTR_WORKER_READY_EXITED_AFTER
						   : KTSTR_WORKER_READY_EXITED_BEFORE);
		}
		if (stands)
			return finish(wait, KTSTR_WORKER_READY);
		if (clock_ns(CLOCK_MONOTONIC) >= wait->deadline)
			return time_is_up(wait);
		err = sleep_for_news(wait);
		if (err)
			return err;
	}
}

/* ---- set-up ---- */

static int read_worker(struct wait *wait)
{
	int err = worker_identity_read(wait->pid, &wait->worker), status;

	/* Hidden from /proc, or /proc is not there: that is not to have ended. */
	if (err == -ESRCH && wait->payload &&
	    ktstr_process_peek(wait->pid, wait->pidfd, &status) == -EAGAIN)
		err = -ENOENT;
	if (err == -ESRCH && wait->payload) {
		/* Ended and reaped by the kernel, as when SIGCHLD is ignored: nothing there can be
		 * told to be fresh. */
		wait->worker = (struct worker_identity){ .start_ns = WORKER_START_UNKNOWN,
							 .effective_uid = geteuid(),
							 .file_system_uid = geteuid(),
							 .inner_pid = (uint32_t)wait->pid };
		wait->watch.namespaces.place = WORKER_PLACE_ENDED;
		return 0;
	}
	if (err == -ESRCH)
		return ktstr_error_set(&wait->failure, err, "process",
				       "%s pid %d: there is no such process", wait->role,
				       (int)wait->pid);
	if (err)
		return ktstr_error_set(&wait->failure, err, "process",
				       "%s pid %d: /proc/%d cannot be read: %s; is procfs mounted?",
				       wait->role, (int)wait->pid, (int)wait->pid,
				       strerrordesc_np(-err));
	worker_namespaces_read(wait->pid, &wait->watch.namespaces);
	/* Before the directory is watched, so that what is seen being written is not yet counted.
	 */
	wait->written_before = marker_writer_count(wait->pid);
	if (wait->written_before == MARKER_WRITER_UNKNOWN)
		wait->written_before = 0;
	return 0;
}

/* What the caller may need to remove the marker with, also after a wait that fails. */
static void tell_worker(struct wait *wait)
{
	struct ktstr_worker_ready_result *result = wait->result;

	result->worker_pid = wait->pid;
	result->worker_uid = wait->worker.file_system_uid;
	result->worker_start_ns = wait->worker.start_ns;
	snprintf(result->marker_path, sizeof result->marker_path, "%s", wait->path);
}

static int run(struct wait *wait, int timeout_ms)
{
	int64_t began = clock_ns(CLOCK_MONOTONIC);
	int err;

	wait->deadline = deadline_after_ms(timeout_ms);
	wait->watch.pid = wait->pid;
	wait->watch.role = wait->role;
	wait->watch.failure = &wait->failure;
	/*
	 * To close an inotify instance waits for a grace period of the kernel, 0.1 to 14 ms as
	 * measured. A handle keeps it for the next wait and closes it at its own end, so that
	 * readiness is not told late.
	 */
	marker_watch_begin(&wait->watch,
			   wait->payload ? ktstr_payload_take_inotify(wait->payload) : -1);
	wait->empty_until = DEADLINE_NEVER;

	err = read_worker(wait);
	if (!err && !wait->path) {
		(void)ktstr_worker_ready_marker_path(wait->worker.inner_pid, wait->default_path,
						     sizeof wait->default_path);
		wait->path = wait->default_path;
	}
	wait->watch.path = wait->path;
	if (!err)
		tell_worker(wait);
	if (!err)
		err = marker_watch_enter(&wait->watch);
	if (err >= 0)
		err = wait_loop(wait);
	marker_watch_leave(&wait->watch);
	if (wait->payload)
		ktstr_payload_keep_inotify(wait->payload, wait->watch.inotify);
	else if (wait->watch.inotify >= 0)
		close(wait->watch.inotify);
	if (err && wait->error)
		*wait->error = wait->failure;
	wait->result->marker_in_worker_root = wait->watch.namespaces.place == WORKER_PLACE_OTHER;
	wait->result->elapsed_ns = (uint64_t)(clock_ns(CLOCK_MONOTONIC) - began);
	return err;
}

static int check_arguments(const char *role, struct ktstr_worker_ready_result *result,
			   struct ktstr_error *error)
{
	if (result)
		*result =
			(struct ktstr_worker_ready_result){ .outcome =
								    KTSTR_WORKER_READY_TIMED_OUT };
	if (!role)
		return ktstr_error_set(error, -EINVAL, "arguments",
				       "role is NULL; pass a word for the worker");
	if (!result)
		return ktstr_error_set(error, -EINVAL, "arguments",
				       "%s: result is NULL; pass where the outcome goes", role);
	return 0;
}

static int wait_payload(struct ktstr_payload *worker, const char *path, const char *role,
			int timeout_ms, struct ktstr_worker_ready_result *result,
			struct ktstr_error *error)
{
	struct wait wait = {
		.payload = worker, .role = role, .path = path, .result = result, .error = error
	};
	int err = check_arguments(role, result, error);

	if (err)
		return err;
	err = ktstr_payload_pid(worker, &wait.pid, NULL);
	if (err)
		return ktstr_error_set(
			error, err, err == -ESRCH ? "handle" : "arguments",
			err == -ESRCH ? "%s: its handle is consumed, it was waited for or killed"
				      : "%s: its handle is NULL",
			role);
	wait.pidfd = payload_pidfd(worker);
	return run(&wait, timeout_ms);
}

int ktstr_worker_ready_wait(struct ktstr_payload *worker, const char *role, int timeout_ms,
			    struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	return wait_payload(worker, NULL, role, timeout_ms, result, error);
}

int ktstr_worker_ready_wait_path(struct ktstr_payload *worker, const char *marker_path,
				 const char *role, int timeout_ms,
				 struct ktstr_worker_ready_result *result,
				 struct ktstr_error *error)
{
	int rc = check_arguments(role, result, error);

	if (rc)
		return rc;
	if (!marker_path || marker_path[0] != '/' || marker_path[strlen(marker_path) - 1] == '/')
		return ktstr_error_set(error, -EINVAL, "arguments",
				       "the marker's path '%s' is not an absolute path of a file",
				       marker_path ? marker_path : "(null)");
	if (strlen(marker_path) >= sizeof result->marker_path)
		return ktstr_error_set(error, -ENAMETOOLONG, "arguments",
				       "the marker's path is longer than any that open(2) takes");
	return wait_payload(worker, marker_path, role, timeout_ms, result, error);
}

int ktstr_worker_ready_wait_pid(pid_t pid, const char *role, int timeout_ms,
				struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	struct wait wait = { .pid = pid, .role = role, .result = result, .error = error };
	int err = check_arguments(role, result, error);

	if (err)
		return err;
	if (pid < 1)
		return ktstr_error_set(error, -EINVAL, "arguments", "%s: %d is not a pid", role,
				       (int)pid);
	wait.pidfd = ktstr_pidfd_open(pid);
	if (wait.pidfd == -ENOSYS || wait.pidfd == -EPERM)
		wait.pidfd = -1; /* polled instead */
	else if (wait.pidfd == -EMFILE || wait.pidfd == -ENFILE || wait.pidfd == -ENOMEM)
		return ktstr_error_set(error, wait.pidfd, "pidfd", "%s pid %d: no pidfd for it: %s",
				       role, (int)pid, strerrordesc_np(-wait.pidfd));
	else if (wait.pidfd < 0) /* EINVAL, ENOENT: a thread that leads no process */
		return ktstr_error_set(error, -ESRCH, "process",
				       "%s pid %d: there is no such process", role, (int)pid);
	err = run(&wait, timeout_ms);
	if (wait.pidfd >= 0)
		close(wait.pidfd);
	return err;
}
