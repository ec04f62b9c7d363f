/* SPDX-License-Identifier: BSD-2-Clause */
/* The marker: its directory within the worker's root, and whether an existing one counts. */
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
	char directory[PATH_MAX], root[64];
	int root_fd, fd;

	if (length >= sizeof directory)
		return -ENAMETOOLONG;
	memcpy(directory, path, length);
	directory[length] = '\0';
	*name = slash + 1;
	if (!inside) {
		fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root_fd, directory, &how, sizeof how);
	if (fd < 0)
		fd = -errno;
	close(root_fd);
	return fd;
}

/* What two clocks show at one moment: a file's time is on the one, a process's start on the other.
 */
struct clock_pair {
	int64_t wall, boot;
	int64_t doubt; /* wall may belong to a moment that is so much later than boot's */
};

static struct clock_pair read_clocks(void)
{
	struct clock_pair best = { .doubt = INT64_MAX };

	/* More than once: the caller may lose its processor between two of them. */
	for (int i = 0; i < 4; i++) {
		struct clock_pair pair = { .boot = clock_ns(CLOCK_BOOTTIME) };

		pair.wall = clock_ns(CLOCK_REALTIME);
		pair.doubt = clock_ns(CLOCK_BOOTTIME) - pair.boot;
		if (pair.doubt < best.doubt)
			best = pair;
	}
	return best;
}

/* How far a file's time, which is taken from the coarse clock, may lag: one timer interrupt. */
static int64_t coarse_ns(const struct worker_identity *worker)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_REALTIME_COARSE, &resolution) ||
	    timespec_to_ns(&resolution) > (int64_t)worker->tick_ns)
		return (int64_t)worker->tick_ns;
	return timespec_to_ns(&resolution);
}

/*
 * Judges a file's age by its times alone. Anybody who owns the file can set the one of its content,
 * nobody that of its inode, which a link and a rename change as well: so neither may be older than
 * the worker, and neither in the future. The worker's start is rounded down to a clock tick.
 */
static enum marker_check_verdict check_age(const struct stat *st,
					   const struct worker_identity *worker)
{
	int64_t content = timespec_to_ns(&st->st_mtim), inode = timespec_to_ns(&st->st_ctim);
	int64_t first = content < inode ? content : inode;
	int64_t last = content < inode ? inode : content;
	int64_t lag = coarse_ns(worker);
	struct clock_pair now = read_clocks();

	if (worker->start_ns == WORKER_START_UNKNOWN)
		return MARKER_CHECK_UNDATED;
	if (last > now.wall + lag)
		return MARKER_CHECK_FUTURE;
	if (first - now.wall + now.boot + now.doubt + lag < (int64_t)worker->start_ns)
		return MARKER_CHECK_STALE;
	return MARKER_CHECK_FRESH;
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

static bool is_unchanged(const struct marker_check_file *file, const struct stat *st)
{
	return file->device == st->st_dev && file->inode == st->st_ino &&
	       file->changed_ns == timespec_to_ns(&st->st_ctim);
}

enum marker_check_verdict marker_check_examine(int directory, const char *name,
					       const struct worker_identity *worker, bool witnessed,
					       struct marker_check_file *file)
{
	enum marker_check_verdict age = MARKER_CHECK_FRESH;
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? MARKER_CHECK_NONE : MARKER_CHECK_UNREADABLE;
	/* What was dated in the future at one look is in the past at a later one, and no better. */
	file->from_future = file->from_future && is_unchanged(file, &st);
	file->device = st.st_dev;
	file->inode = st.st_ino;
	file->changed_ns = timespec_to_ns(&st.st_ctim);
	file->size = (uint64_t)st.st_size;
	file->owner = st.st_uid;
	if (!S_ISREG(st.st_mode))
		return MARKER_CHECK_NOT_REGULAR;
	if (st.st_nlink != 1)
		return MARKER_CHECK_LINKED;
	if (st.st_uid != 0 && st.st_uid != worker->effective_uid &&
	    st.st_uid != worker->file_system_uid)
		return MARKER_CHECK_FOREIGN;
	/* What was made before our eyes is new, whatever its time says. */
	if (!witnessed)
		age = check_age(&st, worker);
	file->from_future = !witnessed && (file->from_future || age == MARKER_CHECK_FUTURE);
	if (file->from_future)
		return MARKER_CHECK_FUTURE;
	if (age != MARKER_CHECK_FRESH)
		return age;
	if (st.st_size == 0 && (witnessed || !settled(&st.st_mtim, worker)))
		return MARKER_CHECK_EMPTY;
	return MARKER_CHECK_FRESH;
}

bool marker_check_is_unproven(enum marker_check_verdict verdict)
{
	return verdict == MARKER_CHECK_OF_OTHER || verdict == MARKER_CHECK_OF_RIVAL ||
	       verdict == MARKER_CHECK_UNPROVEN;
}

void marker_check_complaint(enum marker_check_verdict verdict, const struct marker_check_file *file,
			    pid_t pid, char *text, size_t size)
{
	static const char *const complaints[] = {
		[MARKER_CHECK_STALE] =
			"; the existing marker is stale, older than the worker: remove it",
		[MARKER_CHECK_FUTURE] = "; the existing marker is dated in the future, and was not "
					"seen being made: "
					"remove it, and check the clock",
		[MARKER_CHECK_LINKED] = "; the existing marker has other hard links, so it may be "
					"another's: remove it",
		[MARKER_CHECK_UNDATED] =
			"; a marker exists, but the worker's start to compare it with is lost",
		[MARKER_CHECK_NOT_REGULAR] =
			"; the existing marker is a symbolic link or no regular file: remove it",
		[MARKER_CHECK_UNREADABLE] = "; its directory could not be looked into any more",
	};
	int number = (int)pid;
	const char *complaint = (size_t)verdict < sizeof complaints / sizeof *complaints
					? complaints[verdict]
					: NULL;

	snprintf(text, size, "%s", complaint ? complaint : "");
	if (verdict == MARKER_CHECK_FOREIGN)
		snprintf(text, size, "; the existing marker is owned by uid %u: remove it",
			 (unsigned int)file->owner);
	if (verdict == MARKER_CHECK_OF_OTHER)
		snprintf(text, size,
			 "; the existing marker is not of pid %d, which has not written that much: "
			 "perhaps of the same pid in another pid namespace",
			 number);
	if (verdict == MARKER_CHECK_OF_RIVAL)
		snprintf(text, size,
			 "; whether pid %d or pid %d, which has its number in another pid "
			 "namespace, made the existing marker cannot be determined, because "
			 "/proc/%d/io "
			 "may not be read; run as its user or as root",
			 number, (int)file->rival, number);
	if (verdict == MARKER_CHECK_UNPROVEN)
		snprintf(text, size,
			 "; whether pid %d made the existing marker cannot be determined, because "
			 "/proc/%d/io may not be read; run as its user or as root",
			 number, number);
}
