/* SPDX-License-Identifier: BSD-2-Clause */
/* How a wait for readiness ends, in words. */
#include "config.h"

#include "ready_wait.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "error_private.h"

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

int ready_wait_finish(struct ready_wait *wait, enum ktstr_worker_ready_outcome outcome)
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

int ready_wait_time_out(struct ready_wait *wait)
{
	if (wait->watch.lost)
		return wait->watch.lost; /* that is reported already */
	if (wait->watch.namespaces.place == WORKER_PLACE_UNKNOWN &&
	    wait->verdict == MARKER_CHECK_NONE)
		return error_set(&wait->failure, -EXDEV, "namespace",
				 "%s pid %d: no marker %s here, and it cannot be told "
				 "whether the process shares our "
				 "mount namespace, because /proc/%d/ns/mnt may not be read; "
				 "run as its user or as root",
				 wait->role, (int)wait->pid, wait->path, (int)wait->pid);
	return ready_wait_finish(wait, KTSTR_WORKER_READY_TIMED_OUT);
}
