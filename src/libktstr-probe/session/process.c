/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process a session looks at, and through which of its threads. */
#include "config.h"

#include "session/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "linux/live_target.h"
#include "linux/procfs.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

/* unshare(1) --pid leaves the old /proc: what its numbers mean are not the processes that the
 * system calls mean. */
static int check_proc(const struct target *target, struct ktstr_error *error)
{
	pid_t own = procfs_own_pid(target->proc_fd);

	if (own == getpid())
		return 0;
	return probe_fail(error, KTSTR_PROBE_TAG_OTHER, own < 0 ? own : -EXDEV, "process",
			  "/proc is not that of our own pid namespace (/proc/self: %s), so process "
			  "%d may be another one there: "
			  "mount one of our own (unshare --mount-proc)",
			  own < 0 ? strerror(-own) : "another number", (int)target->pid);
}

static int fail_thread(struct target *target, pid_t tgid, struct ktstr_error *error)
{
	char why[80];

	snprintf(why, sizeof why, "is not a process but a thread of process %d: give that pid",
		 (int)tgid);
	return probe_fail_missing(target, error, -ENOENT, why);
}

static int check_process(struct target *target, pid_t pid, struct ktstr_error *error)
{
	struct proc_status status;
	struct task_stat stat;
	int rc;

	target->pid = pid;
	if (pid <= 0)
		return probe_fail_missing(target, error, -EINVAL,
					  "cannot exist: a pid is greater than 0");
	if (pid == getpid())
		return probe_fail(error, KTSTR_PROBE_TAG_SELF_PROBE_REJECTED, -EINVAL, "process",
				  "process %d is the caller itself: it would change what it reads",
				  (int)pid);
	rc = live_target_open_proc(target);
	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "process",
				  "/proc cannot be opened: %s", strerror(-rc));
	rc = check_proc(target, error);
	if (rc)
		return rc;
	rc = live_target_open_tasks(target, pid);
	if (rc == 0)
		rc = target_read_status(target, pid, &status);
	if (rc == 0 && status.tgid != pid)
		return fail_thread(target, status.tgid, error);
	if (rc == 0)
		rc = target_read_stat(target, pid, &stat);
	if (rc == -ENOENT || rc == -ESRCH)
		return probe_fail_missing(
			target, error, -ESRCH,
			"does not exist here (ended, in another pid namespace, or hidden by "
			"/proc's hidepid)");
	if (rc) /* out of descriptors or memory: that is not to be missing */
		return probe_fail_access(target, error,
					 rc == -EPERM || rc == -EACCES ? KTSTR_PROBE_TAG_PID_MISSING
								       : KTSTR_PROBE_TAG_OTHER,
					 rc, "status");
	if (stat.flags & PF_KTHREAD)
		return probe_fail(error, KTSTR_PROBE_TAG_READLINK_FAILURE, -ENOENT, "executable",
				  "process %d is a kernel thread: it has no executable and no heap",
				  (int)pid);
	target->nested = status.levels > 1;
	if (task_has_ended(&stat) && task_is_gone(target_choose_reader(target)))
		return probe_fail_missing(target, error, -ESRCH,
					  "has ended and waits for its parent (a zombie)");
	diagnostics_add(&target->diagnostics, "process", "%d, read through task %d%s", (int)pid,
			(int)target_living_task(target),
			target->nested ? ", in a pid namespace of its own" : "");
	return 0;
}

static int pin_memory(struct target *target, struct identity *identity, struct ktstr_error *error)
{
	int rc = identity_pin(identity, target);

	if (rc == -ENOENT || rc == -ESRCH) /* gone, or without memory already */
		return probe_fail_missing(target, error, -ESRCH, "has ended");
	return rc ? probe_fail_access(target, error, KTSTR_PROBE_TAG_OTHER, rc, "memory") : 0;
}

int process_open(struct target *target, struct identity *identity, pid_t pid,
		 struct ktstr_error *error)
{
	int rc = check_process(target, pid, error);

	return rc ? rc : pin_memory(target, identity, error);
}
