/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process as a handle: its states, wait, signal, kill, output, close. The public functions
 * of <ktstr/payload.h>, and those of payload_private.h.
 *
 * One SIGKILL to a group is enough: the kernel signals the group and adds a forked member to it
 * under the same lock, and a fork that finds a fatal signal pending fails (kernel/fork.c,
 * copy_process).
 */
#include "config.h"

#include "payload_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "payload_capture.h"
#include "payload_options.h"
#include "payload_signal.h"
#include "payload_spawn.h"
#include "pidfd.h"
#include "shared/clock.h"

#define POLL_MS 10 /* between two looks where there is no pidfd to wait on */

struct ktstr_payload {
	pid_t pid;
	int pidfd;     /* -1 where the system has none, and once consumed */
	bool consumed; /* the child has been reaped */
	bool own_group;
	int inotify; /* of a wait for readiness, kept from one wait to the next; -1 for none */
	struct capture capture[3]; /* by standard stream; that of stdin stays empty */
};

/* ---- spawn ---- */

static struct ktstr_payload *payload_new(const struct ktstr_payload_options *options)
{
	struct ktstr_payload *payload = calloc(1, sizeof *payload);
	int i;

	if (!payload)
		return NULL;
	payload->pidfd = -1;
	payload->inotify = -1;
	payload->own_group = !(options->flags & KTSTR_PAYLOAD_SHARE_GROUP);
	for (i = 0; i < 3; i++)
		payload->capture[i] = CAPTURE_NONE;
	return payload;
}

static void payload_free(struct ktstr_payload *payload)
{
	int i;

	if (payload->pidfd >= 0)
		close(payload->pidfd);
	if (payload->inotify >= 0)
		close(payload->inotify);
	for (i = 0; i < 3; i++)
		capture_free(&payload->capture[i]);
	free(payload);
}

/* The write ends, for the child, go to write_fds. */
static int open_captures(struct ktstr_payload *payload, const struct ktstr_payload_options *options,
			 int write_fds[3])
{
	size_t limit = options->capture_limit ? options->capture_limit
					      : KTSTR_PAYLOAD_CAPTURE_LIMIT_DEFAULT;
	int rc = 0;

	if (options->out.kind == KTSTR_PAYLOAD_STDIO_CAPTURE)
		rc = capture_open(&payload->capture[1], limit, &write_fds[1]);
	if (!rc && options->err.kind == KTSTR_PAYLOAD_STDIO_CAPTURE)
		rc = capture_open(&payload->capture[2], limit, &write_fds[2]);
	return rc;
}

int ktstr_payload_spawn(const char *const argv[], const struct ktstr_payload_options *given,
			struct ktstr_payload **payload, struct ktstr_error *error)
{
	struct ktstr_payload_options options;
	int write_fds[3] = { -1, -1, -1 };
	struct ktstr_payload *made;
	int i, rc;

	if (!payload)
		return error_set(error, -EINVAL, "arguments",
				 "payload is NULL; pass where the handle goes");
	*payload = NULL;
	if (!argv || !argv[0])
		return error_set(error, -EINVAL, "arguments",
				 "argv is empty; its first entry names the program");
	rc = payload_options_copy(&options, given, argv[0], error);
	if (rc)
		return rc;

	made = payload_new(&options);
	if (!made)
		return error_set(error, -ENOMEM, "memory", "cannot start '%s': out of memory",
				 argv[0]);
	rc = open_captures(made, &options, write_fds);
	if (rc) {
		errno = -rc; /* for %m */
		error_set(error, rc, "capture",
			  "cannot make a pipe to capture output of '%s': %m (errno %d); "
			  "check the limit on open files",
			  argv[0], -rc);
	} else {
		rc = payload_spawn(argv, &options, write_fds, &made->pid, &made->pidfd, error);
	}
	for (i = 0; i < 3; i++)
		if (write_fds[i] >= 0)
			close(write_fds[i]);
	if (rc)
		payload_free(made);
	else
		*payload = made;
	return rc;
}

/* ---- looking, reaping and signalling ---- */

/* Can this handle be asked? Running, and not NULL. Returns 0 or a negative errno. */
static int check_running(const struct ktstr_payload *payload, struct ktstr_error *error)
{
	if (!payload)
		return error_set(error, -EINVAL, "arguments", "the payload's handle is NULL");
	if (payload->consumed)
		return error_set(error, -ESRCH, "handle",
				 "the handle of pid %d is consumed: its end was reported "
				 "before",
				 (int)payload->pid);
	return 0;
}

static int send_signal(const struct ktstr_payload *payload, int signo, bool group)
{
	return payload_signal_send(payload->pid, payload->pidfd, signo, group);
}

/* The child has ended: ends what is left of its group, reaps it, keeps its last output. */
static void consume(struct ktstr_payload *payload)
{
	bool by_fd = payload->pidfd >= 0;
	siginfo_t info;
	int i, rc;

	if (payload->own_group)
		send_signal(payload, SIGKILL, true);
	do {
		rc = waitid(by_fd ? P_PIDFD : P_PID, (id_t)(by_fd ? payload->pidfd : payload->pid),
			    &info, WEXITED | WNOHANG);
	} while (rc && errno == EINTR);
	/* Not up to the end of file: a descendant that has left the group may hold the pipe
	 * forever. */
	payload_drain(payload);
	for (i = 0; i < 3; i++)
		capture_stop(&payload->capture[i]);
	if (by_fd)
		close(payload->pidfd);
	payload->pidfd = -1;
	payload->consumed = true;
}

int ktstr_payload_try_wait(struct ktstr_payload *payload, int *wait_status,
			   struct ktstr_error *error)
{
	int status = 0;
	int rc = check_running(payload, error);

	if (rc)
		return rc;
	payload_drain(payload);
	rc = process_peek(payload->pid, payload->pidfd, &status);
	if (rc == -EAGAIN)
		return error_set(error, rc, "wait", "pid %d still runs", (int)payload->pid);
	if (rc && rc != -ECHILD)
		return error_set(error, rc, "wait", "waitid of pid %d failed: %s",
				 (int)payload->pid, strerrordesc_np(-rc));
	consume(payload);
	if (rc)
		return error_set(error, rc, "wait",
				 "pid %d has ended, but its exit status is lost: it was "
				 "reaped elsewhere, or SIGCHLD is ignored",
				 (int)payload->pid);
	if (wait_status)
		*wait_status = status;
	return 0;
}

/* Sleeps until the child ends, a captured pipe has something, or the deadline. */
static int sleep_for_news(const struct ktstr_payload *payload, int64_t deadline)
{
	struct pollfd fds[3] = { { .fd = payload->pidfd,
				   .events = POLLIN } }; /* one below 0 is skipped, poll(2) */
	nfds_t count = 1 + payload_poll_fds(payload, fds + 1);
	struct timespec left;

	if (payload->pidfd < 0) {
		int64_t soon = deadline_after_ms(POLL_MS);

		deadline = deadline < soon ? deadline : soon;
	}
	if (ppoll(fds, count, deadline_left(deadline, &left), NULL) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int ktstr_payload_wait(struct ktstr_payload *payload, int timeout_ms, int *wait_status,
		       struct ktstr_error *error)
{
	int64_t deadline = deadline_after_ms(timeout_ms);
	int rc;

	while ((rc = ktstr_payload_try_wait(payload, wait_status, error)) == -EAGAIN) {
		if (deadline != DEADLINE_NEVER && clock_ns(CLOCK_MONOTONIC) >= deadline)
			return error_set(error, -ETIMEDOUT, "wait", "pid %d still runs after %d ms",
					 (int)payload->pid, timeout_ms);
		rc = sleep_for_news(payload, deadline);
		if (rc)
			return error_set(error, rc, "wait", "ppoll failed: %s",
					 strerrordesc_np(-rc));
	}
	return rc;
}

int ktstr_payload_kill(struct ktstr_payload *payload, int *wait_status, struct ktstr_error *error)
{
	int rc = check_running(payload, error);

	if (rc)
		return rc;
	if (payload->own_group)
		send_signal(payload, SIGKILL, true);
	rc = send_signal(payload, SIGKILL, false); /* it may have moved to another group */
	if (rc && rc != -ESRCH) {
		/* Not ours to kill, such as a set-user-ID program: waiting might never return. */
		int ended = ktstr_payload_try_wait(payload, wait_status, error);

		return ended == -EAGAIN
			       ? error_set(error, rc, "kill", "pid %d may not be killed: %s",
					   (int)payload->pid, strerrordesc_np(-rc))
			       : ended;
	}
	return ktstr_payload_wait(payload, -1, wait_status, error);
}

int ktstr_payload_signal(struct ktstr_payload *payload, int signo, struct ktstr_error *error)
{
	int rc = check_running(payload, error);

	if (rc)
		return rc;
	if (signo < 0 || signo > SIGRTMAX)
		return error_set(error, -EINVAL, "arguments", "%d is not a signal", signo);
	rc = send_signal(payload, signo, false);
	return rc ? error_set(error, rc, "signal", "cannot send signal %d to pid %d: %s", signo,
			      (int)payload->pid, strerrordesc_np(-rc))
		  : 0;
}

/* ---- the rest ---- */

int ktstr_payload_pid(const struct ktstr_payload *payload, pid_t *pid, struct ktstr_error *error)
{
	int rc = check_running(payload, error);

	if (rc)
		return rc;
	if (!pid)
		return error_set(error, -EINVAL, "arguments", "pid is NULL");
	*pid = payload->pid;
	return 0;
}

int ktstr_payload_pidfd(const struct ktstr_payload *payload, int *pidfd, struct ktstr_error *error)
{
	int rc = check_running(payload, error);

	if (rc)
		return rc;
	if (!pidfd)
		return error_set(error, -EINVAL, "arguments", "pidfd is NULL");
	if (payload->pidfd < 0)
		return error_set(error, -ENOSYS, "pidfd",
				 "pid %d has no pidfd: the kernel or a filter on system "
				 "calls refused pidfd_open; call ktstr_payload_try_wait from "
				 "time to time instead",
				 (int)payload->pid);
	*pidfd = payload->pidfd;
	return 0;
}

int ktstr_payload_output(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream,
			 struct ktstr_payload_captured *output, struct ktstr_error *error)
{
	struct capture *capture;

	if (!payload || !output)
		return error_set(error, -EINVAL, "arguments", "%s is NULL",
				 payload ? "output" : "the payload's handle");
	*output = (struct ktstr_payload_captured){ .data = "" };
	if (stream != KTSTR_PAYLOAD_STDOUT && stream != KTSTR_PAYLOAD_STDERR)
		return error_set(error, -EINVAL, "arguments",
				 "%d is neither KTSTR_PAYLOAD_STDOUT nor KTSTR_PAYLOAD_STDERR",
				 (int)stream);
	capture = &payload->capture[stream];
	if (!capture->captured)
		return error_set(error, -EINVAL, "output",
				 "%s was not captured: spawn with KTSTR_PAYLOAD_STDIO_CAPTURE",
				 stream == KTSTR_PAYLOAD_STDOUT ? "stdout" : "stderr");
	capture_drain(capture);
	if (capture->data)
		output->data = capture->data;
	output->size = capture->size;
	output->dropped = capture->dropped;
	return capture->error ? error_set(error, capture->error, "output",
					  "the captured stream cannot be read: %s",
					  strerrordesc_np(-capture->error))
			      : 0;
}

void ktstr_payload_close(struct ktstr_payload *payload)
{
	int kept_errno = errno;

	if (payload) {
		if (!payload->consumed)
			ktstr_payload_kill(payload, NULL, NULL);
		payload_free(payload);
	}
	errno = kept_errno;
}

int payload_pidfd(const struct ktstr_payload *payload)
{
	return payload->pidfd;
}

int payload_take_inotify(struct ktstr_payload *payload)
{
	int inotify = payload->inotify;

	payload->inotify = -1;
	return inotify;
}

void payload_keep_inotify(struct ktstr_payload *payload, int inotify)
{
	payload->inotify = inotify;
}

nfds_t payload_poll_fds(const struct ktstr_payload *payload, struct pollfd fds[2])
{
	nfds_t count = 0;
	int i;

	for (i = 1; i < 3; i++)
		if (payload->capture[i].fd >= 0)
			fds[count++] =
				(struct pollfd){ .fd = payload->capture[i].fd, .events = POLLIN };
	return count;
}

void payload_drain(struct ktstr_payload *payload)
{
	capture_drain(&payload->capture[1]);
	capture_drain(&payload->capture[2]);
}
