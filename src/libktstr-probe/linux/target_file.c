/* SPDX-License-Identifier: BSD-2-Clause */
/* Opens regular files inside the target's root. */
#include "config.h"

#include "linux/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Only a regular file is opened at all: a FIFO could hold us, and a device do things when it is
   opened. path_fd was opened with O_PATH, and is closed. */
static int open_regular(int path_fd)
{
	char path[32];
	struct stat st;
	int fd;

	if (path_fd < 0)
		return -errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
	if (fstat(path_fd, &st) || !S_ISREG(st.st_mode))
		fd = -EINVAL;
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
		fd = -errno;
	close(path_fd);
	return fd;
}

int target_file_open_any(const struct target *target, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	char root[32] = "/";
	int root_fd, fd;

	if (target)
		snprintf(root, sizeof root, "%d/root", (int)target->reader);
	root_fd =
		openat(target ? target->proc_fd : AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = open_regular((int)syscall(SYS_openat2, root_fd, path, &how, sizeof how));
	close(root_fd);
	return fd;
}

int target_file_open(const struct target *target, const char *path, unsigned int dev_major,
		     unsigned int dev_minor, uint64_t inode)
{
	int fd = target_file_open_any(target, path);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || st.st_ino != inode || major(st.st_dev) != dev_major ||
	    minor(st.st_dev) != dev_minor) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

int target_file_open_range(const struct target *target, uint64_t start, uint64_t end)
{
	char path[80];

	snprintf(path, sizeof path, "%d/map_files/%" PRIx64 "-%" PRIx64, (int)target->reader, start,
		 end);
	return open_regular(openat(target->proc_fd, path, O_PATH | O_CLOEXEC));
}

int target_file_open_exe(const struct target *target)
{
	char path[32];

	snprintf(path, sizeof path, "%d/exe", (int)target->reader);
	return open_regular(openat(target->proc_fd, path, O_PATH | O_CLOEXEC));
}
