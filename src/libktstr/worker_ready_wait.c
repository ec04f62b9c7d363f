/* SPDX-License-Identifier: BSD-2-Clause */
/* The waiting functions of <ktstr/worker_ready_wait.h>: what they are given, checked. */
#include "config.h"

#include <ktstr/worker_ready_wait.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error_private.h"
#include "payload_private.h"
#include "pidfd.h"
#include "ready_wait.h"

static int check_arguments(const char *role, struct ktstr_worker_ready_result *result,
			   struct ktstr_error *error)
{
	if (result)
		*result =
			(struct ktstr_worker_ready_result){ .outcome =
								    KTSTR_WORKER_READY_TIMED_OUT };
	if (!role)
		return error_set(error, -EINVAL, "arguments",
				 "role is NULL; pass a word for the worker");
	if (!result)
		return error_set(error, -EINVAL, "arguments",
				 "%s: result is NULL; pass where the outcome goes", role);
	return 0;
}

static int wait_payload(struct ktstr_payload *worker, const char *path, const char *role,
			int timeout_ms, struct ktstr_worker_ready_result *result,
			struct ktstr_error *error)
{
	struct ready_wait wait = {
		.payload = worker, .role = role, .path = path, .result = result, .error = error
	};
	int rc = check_arguments(role, result, error);

	if (rc)
		return rc;
	rc = ktstr_payload_pid(worker, &wait.pid, NULL);
	if (rc)
		return error_set(error, rc, rc == -ESRCH ? "handle" : "arguments",
				 rc == -ESRCH
					 ? "%s: its handle is consumed, it was waited for or killed"
					 : "%s: its handle is NULL",
				 role);
	wait.pidfd = payload_pidfd(worker);
	return ready_wait_run(&wait, timeout_ms);
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
		return error_set(error, -EINVAL, "arguments",
				 "the marker's path '%s' is not an absolute path of a file",
				 marker_path ? marker_path : "(null)");
	if (strlen(marker_path) >= sizeof result->marker_path)
		return error_set(error, -ENAMETOOLONG, "arguments",
				 "the marker's path is longer than any that open(2) takes");
	return wait_payload(worker, marker_path, role, timeout_ms, result, error);
}

int ktstr_worker_ready_wait_pid(pid_t pid, const char *role, int timeout_ms,
				struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	struct ready_wait wait = { .pid = pid, .role = role, .result = result, .error = error };
	int rc = check_arguments(role, result, error);

	if (rc)
		return rc;
	if (pid < 1)
		return error_set(error, -EINVAL, "arguments", "%s: %d is not a pid", role,
				 (int)pid);
	wait.pidfd = process_pidfd_open(pid);
	if (wait.pidfd == -ENOSYS || wait.pidfd == -EPERM)
		wait.pidfd = -1; /* polled instead */
	else if (wait.pidfd == -EMFILE || wait.pidfd == -ENFILE || wait.pidfd == -ENOMEM)
		return error_set(error, wait.pidfd, "pidfd", "%s pid %d: no pidfd for it: %s", role,
				 (int)pid, strerrordesc_np(-wait.pidfd));
	else if (wait.pidfd < 0) /* EINVAL, ENOENT: a thread that leads no process */
		return error_set(error, -ESRCH, "process", "%s pid %d: there is no such process",
				 role, (int)pid);
	rc = ready_wait_run(&wait, timeout_ms);
	if (wait.pidfd >= 0)
		close(wait.pidfd);
	return rc;
}
