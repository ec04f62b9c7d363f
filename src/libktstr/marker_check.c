/* SPDX-License-Identifier: BSD-2-Clause */
/* The marker: its folder within the worker's root, and whether what stands there counts. */
#include "config.h"

#include "marker_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"

int marker_check_open_directory(pid_t pid, bool inside, const char *path, const char **name)
{
	/* openat2(2): absolute paths and links are resolved below the root that is given. */
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT };
	const char *slash = strrchr(path, '/');
	size_t length = slash == path ? 1 : (size_t)(slash - path);
	char folder[PATH_MAX], root[64];
	int root_fd, fd;

	if (length >= sizeof folder)
		return -ENAMETOOLONG;
	memcpy(folder, path, length);
	folder[length] = '\0';
	*name = slash + 1;
	if (!inside) {
		fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root_fd, folder, &how, sizeof how);
	if (fd < 0)
		fd = -errno;
	close(root_fd);
	return fd;
}

/*
 * A file's time is on CLOCK_REALTIME, a process's start on CLOCK_BOOTTIME: the two are read now to
 * convert. The start is rounded down to a tick, so a marker of the same tick is fresh; and a file's
 * time comes from a coarse clock that lags by up to a timer interrupt, so one tick more is allowed.
 */
static bool older_than(const struct timespec *written, const struct worker_identity *worker)
{
	int64_t written_ns =
		timespec_to_ns(written) - clock_ns(CLOCK_REALTIME) + clock_ns(CLOCK_BOOTTIME);

	return written_ns + (int64_t)worker->tick_ns < (int64_t)worker->start_ns;
}

/*
 * Has an empty marker stood for so long that no writer is at work on it any more? Then it counts at
 * once, so that waits shorter than MARKER_CHECK_EMPTY_MS find it as well. Both times are of the
 * coarse clock, so their difference is wrong by less than a tick.
 */
static bool settled(const struct timespec *written, const struct worker_identity *worker)
{
	return clock_ns(CLOCK_REALTIME_COARSE) - timespec_to_ns(written) >
	       MARKER_CHECK_EMPTY_MS * NS_PER_MS + (int64_t)worker->tick_ns;
}

enum marker_check_verdict marker_check_judge(int folder, const char *name,
					     const struct worker_identity *worker, bool witnessed,
					     uid_t *owner)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? MARKER_CHECK_NONE : MARKER_CHECK_UNREADABLE;
	*owner = st.st_uid;
	if (!S_ISREG(st.st_mode))
		return MARKER_CHECK_NOT_REGULAR;
	if (st.st_nlink > 1)
		return MARKER_CHECK_LINKED;
	if (st.st_uid != 0 && st.st_uid != worker->effective_uid &&
	    st.st_uid != worker->file_system_uid)
		return MARKER_CHECK_FOREIGN;
	if (!witnessed && worker->start_ns == WORKER_START_UNKNOWN)
		return MARKER_CHECK_UNDATED;
	if (!witnessed && older_than(&st.st_mtim, worker))
		return MARKER_CHECK_STALE;
	/* What was made before our eyes is new, whatever its time says. */
	if (st.st_size == 0 && (witnessed || !settled(&st.st_mtim, worker)))
		return MARKER_CHECK_EMPTY;
	return MARKER_CHECK_FRESH;
}

void marker_check_complaint(enum marker_check_verdict verdict, uid_t owner, char *text, size_t size)
{
	static const char *const complaints[] = {
		[MARKER_CHECK_STALE] =
			"; what stands there is stale, older than the worker: remove it",
		[MARKER_CHECK_UNDATED] =
			"; a file stands there, but the worker's start to compare it with is lost",
		[MARKER_CHECK_NOT_REGULAR] =
			"; what stands there is a symbolic link or no regular file: remove it",
		[MARKER_CHECK_LINKED] =
			"; the file there has other hard links, so it may be another's: remove it",
		[MARKER_CHECK_UNREADABLE] = "; its folder could not be looked into any more",
	};
	const char *complaint = (size_t)verdict < sizeof complaints / sizeof *complaints
					? complaints[verdict]
					: NULL;

	if (verdict == MARKER_CHECK_FOREIGN)
		snprintf(text, size,
			 "; what stands there belongs to another user, uid %u: remove it",
			 (unsigned int)owner);
	else
		snprintf(text, size, "%s", complaint ? complaint : "");
}
