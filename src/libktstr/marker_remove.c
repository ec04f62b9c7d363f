/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removes the marker of a worker that has ended. A marker's name is a pid, and pids are reused: so
 * a file is only removed while nobody else can have written it, see
 * ktstr_worker_ready_marker_remove in <ktstr/worker_ready_wait.h>.
 */
#include "config.h"

#include <ktstr/worker_ready_wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error_private.h"
#include "marker_check.h"
#include "pidfd.h"
#include "worker_identity.h"

/* Who has the worker's pid now. */
enum holder {
	HOLDER_NONE,   /* nobody, or the worker itself, ended and not reaped */
	HOLDER_WORKER, /* the worker runs */
	HOLDER_OTHER,  /* another process */
};

static bool runs(pid_t pid, int pidfd)
{
	int status;
	int rc = process_peek(pid, pidfd, &status);

	if (rc == -ECHILD && pidfd < 0) /* not our child, and only its number to ask by */
		return !(kill(pid, 0) && errno == ESRCH);
	return rc == -EAGAIN;
}

/* other: filled in for HOLDER_OTHER. */
static enum holder find_holder(const struct ktstr_worker_ready_result *result,
			       struct worker_identity *other)
{
	pid_t pid = result->worker_pid;
	int pidfd = process_pidfd_open(pid);
	enum holder holder = HOLDER_NONE;

	/* EINVAL, ENOENT: the number is that of a thread, which leads no process. */
	if (pidfd == -ESRCH || pidfd == -EINVAL || pidfd == -ENOENT)
		return HOLDER_NONE;
	if (runs(pid, pidfd < 0 ? -1 : pidfd)) {
		/* Where /proc does not show it, it may be the worker. */
		holder = worker_identity_read(pid, other) == 0 &&
					 other->start_ns != result->worker_start_ns
				 ? HOLDER_OTHER
				 : HOLDER_WORKER;
	}
	if (pidfd >= 0)
		close(pidfd);
	return holder;
}

static int remove_from(int directory, const char *name,
		       const struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	struct worker_identity worker = { .effective_uid = result->worker_uid,
					  .file_system_uid = result->worker_uid };
	struct worker_identity other = { 0 };
	enum marker_check_verdict verdict;
	enum holder holder;
	struct marker_check_file file = { 0 };
	char complaint[256];
	struct stat there;
	bool is_marker;
	int rc;

	/* As seen created: its age does not matter, because a stale one is nobody's either. */
	verdict = marker_check_examine(directory, name, &worker, true, &file);
	is_marker = verdict == MARKER_CHECK_FRESH || verdict == MARKER_CHECK_EMPTY;
	if (verdict == MARKER_CHECK_NONE)
		return 0;
	if (verdict == MARKER_CHECK_UNREADABLE) {
		rc = -errno; /* of the look */
		return error_set(error, rc, "marker",
				 "the marker %s was not removed: it cannot be examined: %s",
				 result->marker_path, strerrordesc_np(-rc));
	}
	if (!is_marker) {
		marker_check_complaint(verdict, &file, result->worker_pid, complaint,
				       sizeof complaint);
		return error_set(error, -EPERM, "marker",
				 "the marker %s of pid %d was not removed%s", result->marker_path,
				 (int)result->worker_pid, complaint);
	}
	holder = find_holder(result, &other);
	if (holder == HOLDER_OTHER) {
		other.effective_uid = other.file_system_uid = file.owner;
		if (marker_check_examine(directory, name, &other, false, &file) ==
		    MARKER_CHECK_STALE)
			holder = HOLDER_NONE; /* older than that process */
	}
	if (holder != HOLDER_NONE)
		return error_set(error, -EBUSY, "process",
				 "the marker %s was not removed: pid %d %s", result->marker_path,
				 (int)result->worker_pid,
				 holder == HOLDER_WORKER
					 ? "still runs"
					 : "is another process by now, which may have "
					   "written it");
	rc = unlinkat(directory, name, 0) ? -errno : 0;
	/* Gone already is as good, if it is gone. */
	if (rc == -ENOENT && fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW))
		rc = errno == ENOENT ? 0 : -errno;
	if (rc)
		return error_set(error, rc, "marker", "the marker %s was not removed: %s",
				 result->marker_path, strerrordesc_np(-rc));
	return 0;
}

int ktstr_worker_ready_marker_remove(const struct ktstr_worker_ready_result *result,
				     struct ktstr_error *error)
{
	const char *name;
	int directory, rc;

	if (!result)
		return error_set(error, -EINVAL, "arguments", "result is NULL");
	if (!*result->marker_path)
		return 0;
	if (result->worker_pid < 1 || *result->marker_path != '/' ||
	    !memchr(result->marker_path, '\0', sizeof result->marker_path))
		return error_set(error, -EINVAL, "arguments",
				 "result is not that of a wait for a worker");
	if (result->marker_in_worker_root)
		return error_set(error, -EXDEV, "namespace",
				 "the marker %s of pid %d was not removed: it is in the "
				 "mount namespace or root that the worker had of its own",
				 result->marker_path, (int)result->worker_pid);
	directory =
		marker_check_open_directory(result->worker_pid, false, result->marker_path, &name);
	if (directory == -ENOENT)
		return 0;
	if (directory < 0)
		return error_set(error, directory, "marker directory",
				 "the directory of the marker %s cannot be entered: %s",
				 result->marker_path, strerrordesc_np(-directory));
	rc = remove_from(directory, name, result, error);
	close(directory);
	return rc;
}
