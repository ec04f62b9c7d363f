/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process a session looks at, and through which of its threads. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/session.h"

/* include/linux/sched.h */
#define PF_EXITING 0x00000004 /* its memory may be gone before its state tells */
#define PF_KTHREAD 0x00200000

static int has_ended(const struct procfs_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X' || (stat->flags & PF_EXITING);
}

int probe_pick_reader(struct ktstr_probe *probe)
{
	size_t count;
	pid_t *tids;
	int rc = procfs_list_tasks(probe->task_fd, &tids, &count);

	if (rc)
		return rc;
	rc = -ESRCH;
	for (size_t i = 0; rc && i < count; i++) {
		struct procfs_stat stat;

		if (procfs_read_stat(probe->task_fd, tids[i], &stat) == 0 && !has_ended(&stat)) {
			probe->reader = tids[i];
			rc = 0;
		}
	}
	free(tids);
	return rc;
}

int probe_reader_was_replaced(struct ktstr_probe *probe)
{
	struct procfs_stat stat;

	if (procfs_read_stat(probe->task_fd, probe->reader, &stat) == 0 && !has_ended(&stat))
		return 0;
	if (probe_pick_reader(probe))
		return 0;
	free(probe->jemalloc_path);
	free(probe->jemalloc_version);
	probe->jemalloc_path = probe->jemalloc_version = NULL;
	diagnostics_add(&probe->diagnostics, "process",
			"that task has ended: read once more, through task %d", (int)probe->reader);
	return 1;
}

int probe_read_ranges(struct ktstr_probe *probe, struct target_range *ranges, size_t count)
{
	int rc = remote_read(probe->reader, ranges, count, &probe->counter);

	/* The reader may have ended while others live on. */
	if (rc == -ESRCH && probe_pick_reader(probe) == 0)
		rc = remote_read(probe->reader, ranges, count, &probe->counter);
	return rc;
}

int probe_missing(struct ktstr_probe *probe, struct ktstr_error *error, int code, const char *why)
{
	return probe_fail(error, KTSTR_PROBE_TAG_PID_MISSING, code, "process", "process %d %s",
			  (int)probe->pid, why);
}

/* unshare(1) --pid leaves the old /proc: what its numbers mean are not the processes that the
 * system calls mean. */
static int check_proc(struct ktstr_probe *probe, struct ktstr_error *error)
{
	pid_t own = procfs_own_pid(probe->proc_fd);

	if (own == getpid())
		return 0;
	return probe_fail(error, KTSTR_PROBE_TAG_OTHER, own < 0 ? own : -EXDEV, "process",
			  "/proc is not that of our own pid namespace (/proc/self: %s), so process "
			  "%d may be another one there: "
			  "mount one of our own (unshare --mount-proc)",
			  own < 0 ? strerror(-own) : "another number", (int)probe->pid);
}

static int check_process(struct ktstr_probe *probe, struct ktstr_error *error)
{
	struct proc_status status;
	struct procfs_stat stat;
	int rc;

	if (probe->pid <= 0)
		return probe_missing(probe, error, -EINVAL,
				     "cannot exist: a pid is greater than 0");
	if (probe->pid == getpid())
		return probe_fail(error, KTSTR_PROBE_TAG_SELF_PROBE_REJECTED, -EINVAL, "process",
				  "process %d is the caller itself: it would change what it reads",
				  (int)probe->pid);
	probe->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (probe->proc_fd < 0)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -errno, "process",
				  "/proc cannot be opened: %s", strerror(errno));
	rc = check_proc(probe, error);
	if (rc)
		return rc;
	rc = probe->task_fd = procfs_open_tasks(probe->proc_fd, probe->pid);
	if (rc >= 0)
		rc = procfs_read_status(probe->task_fd, probe->pid, &status);
	if (rc == 0 && status.tgid != probe->pid)
		return probe_missing(
			probe, error, -ENOENT,
			"is not a process but one of another's threads: give its Tgid");
	if (rc == 0)
		rc = procfs_read_stat(probe->task_fd, probe->pid, &stat);
	if (rc == -ENOENT || rc == -ESRCH)
		return probe_missing(
			probe, error, -ESRCH,
			"does not exist here (ended, in another pid namespace, or hidden by "
			"/proc's hidepid)");
	if (rc) /* out of descriptors or memory: that is not to be missing */
		return probe_fail_access(probe, error,
					 rc == -EPERM || rc == -EACCES ? KTSTR_PROBE_TAG_PID_MISSING
								       : KTSTR_PROBE_TAG_OTHER,
					 rc, "status");
	if (stat.flags & PF_KTHREAD)
		return probe_fail(error, KTSTR_PROBE_TAG_READLINK_FAILURE, -ENOENT, "executable",
				  "process %d is a kernel thread: it has no executable and no heap",
				  (int)probe->pid);
	probe->nested = status.levels > 1;
	probe->reader = probe->pid;
	if (has_ended(&stat) && probe_pick_reader(probe))
		return probe_missing(probe, error, -ESRCH,
				     "has ended and waits for its parent (a zombie)");
	diagnostics_add(&probe->diagnostics, "process", "%d, read through task %d%s",
			(int)probe->pid, (int)probe->reader,
			probe->nested ? ", in a pid namespace of its own" : "");
	return 0;
}

static int open_memory(struct ktstr_probe *probe, struct ktstr_error *error)
{
	int rc = probe_pin_memory(probe);

	if (rc == -ENOENT || rc == -ESRCH) /* gone, or without memory already */
		return probe_missing(probe, error, -ESRCH, "has ended");
	return rc ? probe_fail_access(probe, error, KTSTR_PROBE_TAG_OTHER, rc, "memory") : 0;
}

int probe_open_process(struct ktstr_probe *probe, struct ktstr_error *error)
{
	int rc = check_process(probe, error);

	return rc ? rc : open_memory(probe, error);
}
