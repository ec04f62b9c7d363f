/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child process as a handle: its states, wait, kill, output, close. The public functions of
 * <ktstr/payload.h>; worker_ready_wait.c calls those of payload_private.h.
 *
 * How a signal never reaches a stranger: through the pidfd, which cannot mean another process; or,
 * where the system lacks that, by number only while waitid still shows our own unreaped child,
 * running or a zombie, which keeps the number (also as the group's) from being given out again.
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
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error_private.h"
#include "monotonic.h"
#include "payload_capture.h"
#include "payload_spawn.h"
#include "pidfd.h"

#define POLL_MS 10 /* between two looks where there is no pidfd to wait on */
#define KNOWN_FLAGS \
	(KTSTR_PAYLOAD_SHARE_GROUP | KTSTR_PAYLOAD_DIE_WITH_PARENT | KTSTR_PAYLOAD_CLEAR_ENV)

struct ktstr_payload {
	pid_t pid;
	int pidfd;    /* -1 where the system has none, and once consumed */
	int consumed; /* the child has been reaped */
	int own_group;
	int inotify; /* of worker_ready_wait.c, kept from one wait to the next; -1 for none */
	struct ktstr_capture capture[3]; /* by standard stream; that of stdin stays empty */
};

/* ---- spawn ---- */

/* Returns what is wrong with the stream, or NULL. */
static const char *stream_fault(const struct ktstr_payload_stream *stream, int is_stdin)
{
	switch (stream->kind) {
	case KTSTR_PAYLOAD_STDIO_FILE:
		return stream->path ? NULL : "a stream of kind FILE needs a path";
	case KTSTR_PAYLOAD_STDIO_CAPTURE:
		if (is_stdin)
			return "stdin cannot be captured";
		break;
	case KTSTR_PAYLOAD_STDIO_NULL:
	case KTSTR_PAYLOAD_STDIO_INHERIT:
		break;
	default:
		return "a stream is of an unknown kind";
	}
	return stream->path ? "a stream has a path but is not of kind FILE" : NULL;
}

/* Returns what is wrong with the options, or NULL. */
static const char *options_fault(const struct ktstr_payload_options *options)
{
	const char *const *entry;
	const char *fault;

	if (options->flags & ~KNOWN_FLAGS)
		return "options.flags has an unknown bit";
	for (entry = options->env_set; entry && *entry; entry++)
		if (**entry == '=' || !strchr(*entry, '='))
			return "an entry of options.env_set is not NAME=value";
	for (entry = options->env_unset; entry && *entry; entry++)
		if (!**entry || strchr(*entry, '='))
			return "an entry of options.env_unset is not a NAME";
	fault = stream_fault(&options->in, 1);
	if (!fault)
		fault = stream_fault(&options->out, 0);
	if (!fault)
		fault = stream_fault(&options->err, 0);
	return fault;
}

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
		payload->capture[i] = KTSTR_CAPTURE_NONE;
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
		ktstr_capture_free(&payload->capture[i]);
	free(payload);
}

/* The write ends, for the child, go to write_fds. */
static int open_captures(struct ktstr_payload *payload, const struct ktstr_payload_options *options,
			 int write_fds[3])
{
	size_t limit = options->capture_limit ? options->capture_limit
					      : KTSTR_PAYLOAD_CAPTURE_LIMIT_DEFAULT;
	int err = 0;

	if (options->out.kind == KTSTR_PAYLOAD_STDIO_CAPTURE)
		err = ktstr_capture_open(&payload->capture[1], limit, &write_fds[1]);
	if (!err && options->err.kind == KTSTR_PAYLOAD_STDIO_CAPTURE)
		err = ktstr_capture_open(&payload->capture[2], limit, &write_fds[2]);
	return err;
}

int ktstr_payload_spawn(const char *const argv[], const struct ktstr_payload_options *options,
			struct ktstr_payload **payload, struct ktstr_error *error)
{
	static const struct ktstr_payload_options defaults;
	int write_fds[3] = { -1, -1, -1 };
	struct ktstr_payload *made;
	const char *fault;
	int i, err;

	if (!payload)
		return ktstr_error_set(error, -EINVAL,
				       "payload is NULL; pass where the handle goes");
	*payload = NULL;
	if (!argv || !argv[0])
		return ktstr_error_set(error, -EINVAL,
				       "argv is empty; its first entry names the program");
	if (!options)
		options = &defaults;
	fault = options_fault(options);
	if (fault)
		return ktstr_error_set(error, -EINVAL, "cannot start '%s': %s", argv[0], fault);

	made = payload_new(options);
	if (!made)
		return ktstr_error_set(error, -ENOMEM, "cannot start '%s': out of memory", argv[0]);
	err = open_captures(made, options, write_fds);
	if (err) {
		errno = -err; /* for %m */
		ktstr_error_set(
			error, err,
			"cannot make a pipe to capture output of '%s': %m (errno %d); check the "
			"limit on open files",
			argv[0], -err);
	} else {
		err = ktstr_spawn(argv, options, write_fds, &made->pid, &made->pidfd, error);
	}
	for (i = 0; i < 3; i++)
		if (write_fds[i] >= 0)
			close(write_fds[i]);
	if (err)
		payload_free(made);
	else
		*payload = made;
	return err;
}

/* ---- looking, reaping and signalling ---- */

/* Is the child ours and unreaped, running or a zombie? Then nobody else can have its number. */
static int holds_its_number(const struct ktstr_payload *payload)
{
	int by_fd = payload->pidfd >= 0;
	siginfo_t info;

	return waitid(by_fd ? P_PIDFD : P_PID, (id_t)(by_fd ? payload->pidfd : payload->pid), &info,
		      WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* SIGKILL to the child or, with `group`, to the group that it leads. Returns 0 or a negative errno.
 */
static int send_kill(const struct ktstr_payload *payload, int group)
{
	int err = payload->pidfd >= 0 ? ktstr_pidfd_signal(payload->pidfd, SIGKILL, group)
				      : -ENOSYS;

	/* Anything else: a kernel before 6.9 for a group, a filter on system calls, or no pidfd. */
	if (err == 0 || err == -ESRCH || (err == -EPERM && payload->pidfd >= 0))
		return err;
	if (!holds_its_number(payload))
		return -ESRCH;
	return kill(group ? -payload->pid : payload->pid, SIGKILL) ? -errno : 0;
}

/* The child has ended: ends what is left of its group, reaps it, keeps its last output. */
static void consume(struct ktstr_payload *payload)
{
	int by_fd = payload->pidfd >= 0;
	siginfo_t info;
	int i, err;

	if (payload->own_group)
		send_kill(payload, 1);
	do {
		err = waitid(by_fd ? P_PIDFD : P_PID, (id_t)(by_fd ? payload->pidfd : payload->pid),
			     &info, WEXITED | WNOHANG);
	} while (err && errno == EINTR);
	/* Not up to the end of file: a descendant that has left the group may hold the pipe
	 * forever. */
	ktstr_payload_drain(payload);
	for (i = 0; i < 3; i++)
		ktstr_capture_stop(&payload->capture[i]);
	if (by_fd)
		close(payload->pidfd);
	payload->pidfd = -1;
	payload->consumed = 1;
}

int ktstr_payload_try_wait(struct ktstr_payload *payload, int *wait_status)
{
	int status = 0;
	int err;

	if (!payload)
		return -EINVAL;
	if (payload->consumed)
		return -ESRCH;
	ktstr_payload_drain(payload);
	err = ktstr_process_peek(payload->pid, payload->pidfd, &status);
	if (err && err != -ECHILD)
		return err;
	consume(payload);
	if (!err && wait_status)
		*wait_status = status;
	return err;
}

/* Sleeps until the child ends, a captured pipe has something, or the deadline. */
static int sleep_for_news(const struct ktstr_payload *payload, int64_t deadline)
{
	struct pollfd fds[3] = { { .fd = payload->pidfd,
				   .events = POLLIN } }; /* one below 0 is skipped, poll(2) */
	nfds_t count = 1 + ktstr_payload_poll_fds(payload, fds + 1);
	struct timespec left;

	if (payload->pidfd < 0) {
		int64_t soon = ktstr_deadline_after_ms(POLL_MS);

		deadline = deadline < soon ? deadline : soon;
	}
	if (ppoll(fds, count, ktstr_time_left(deadline, &left), NULL) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int ktstr_payload_wait(struct ktstr_payload *payload, int timeout_ms, int *wait_status)
{
	int64_t deadline = ktstr_deadline_after_ms(timeout_ms);
	int err;

	while ((err = ktstr_payload_try_wait(payload, wait_status)) == -EAGAIN) {
		if (deadline != KTSTR_NEVER && ktstr_monotonic_now() >= deadline)
			return -ETIMEDOUT;
		err = sleep_for_news(payload, deadline);
		if (err)
			return err;
	}
	return err;
}

int ktstr_payload_kill(struct ktstr_payload *payload, int *wait_status)
{
	int err;

	if (!payload)
		return -EINVAL;
	if (payload->consumed)
		return -ESRCH;
	if (payload->own_group)
		send_kill(payload, 1);
	err = send_kill(payload, 0); /* it may have moved to another group */
	if (err && err != -ESRCH) {
		/* Not ours to kill, such as a set-user-ID program: waiting could be without end. */
		int ended = ktstr_payload_try_wait(payload, wait_status);

		return ended == -EAGAIN ? err : ended;
	}
	return ktstr_payload_wait(payload, -1, wait_status);
}

/* ---- the rest ---- */

int ktstr_payload_pid(const struct ktstr_payload *payload, pid_t *pid)
{
	if (!payload || !pid)
		return -EINVAL;
	if (payload->consumed)
		return -ESRCH;
	*pid = payload->pid;
	return 0;
}

int ktstr_payload_output(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream,
			 struct ktstr_payload_output *output)
{
	struct ktstr_capture *capture;

	if (!payload || !output ||
	    (stream != KTSTR_PAYLOAD_STDOUT && stream != KTSTR_PAYLOAD_STDERR))
		return -EINVAL;
	capture = &payload->capture[stream];
	if (!capture->captured)
		return -EINVAL;
	ktstr_capture_drain(capture);
	output->data = capture->data ? capture->data : "";
	output->size = capture->size;
	output->dropped = capture->dropped;
	return capture->error;
}

void ktstr_payload_close(struct ktstr_payload *payload)
{
	int err = errno;

	if (payload) {
		if (!payload->consumed)
			ktstr_payload_kill(payload, NULL);
		payload_free(payload);
	}
	errno = err;
}

int ktstr_payload_pidfd(const struct ktstr_payload *payload)
{
	return payload->pidfd;
}

int ktstr_payload_take_inotify(struct ktstr_payload *payload)
{
	int inotify = payload->inotify;

	payload->inotify = -1;
	return inotify;
}

void ktstr_payload_keep_inotify(struct ktstr_payload *payload, int inotify)
{
	payload->inotify = inotify;
}

nfds_t ktstr_payload_poll_fds(const struct ktstr_payload *payload, struct pollfd fds[2])
{
	nfds_t count = 0;
	int i;

	for (i = 1; i < 3; i++)
		if (payload->capture[i].fd >= 0)
			fds[count++] =
				(struct pollfd){ .fd = payload->capture[i].fd, .events = POLLIN };
	return count;
}

void ktstr_payload_drain(struct ktstr_payload *payload)
{
	ktstr_capture_drain(&payload->capture[1]);
	ktstr_capture_drain(&payload->capture[2]);
}
