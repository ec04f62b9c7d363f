/* SPDX-License-Identifier: BSD-2-Clause */
/* A process of this machine as a struct target, examined by system calls and /proc. */
#include "config.h"

#include "linux/live_target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/file_maps.h"
#include "linux/procfs.h"
#include "linux/remote_read.h"

static int read_memory(struct target *target, struct target_range *ranges, size_t count)
{
	return remote_read(target->reader, ranges, count, &target->read_count);
}

static int walk_maps(struct target *target, target_map_visit visit, void *context, bool *unread)
{
	return file_maps_walk(target->proc_fd, target->reader, visit, context, unread);
}

static int read_auxv(struct target *target, uint64_t type, uint64_t *value)
{
	return procfs_read_auxv(target->proc_fd, target->reader, type, value);
}

static ssize_t read_mem_file(int fd, uint64_t address, void *buffer, size_t size)
{
	ssize_t n;

	do {
		n = pread(fd, buffer, size, (off_t)address);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* mem_rw() in fs/proc/base.c reads 0 bytes without an error where there is no address space. */
static int pin(struct target *target)
{
	char path[32], byte;
	int fd;

	snprintf(path, sizeof path, "%d/mem", (int)target->reader);
	fd = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read_mem_file(fd, 0, &byte, 1) == 0) {
		close(fd);
		return -ESRCH;
	}
	target->mem_fd = fd;
	return 0;
}

static int read_pinned(struct target *target, uint64_t address, void *buffer, size_t size)
{
	return read_mem_file(target->mem_fd, address, buffer, size) == (ssize_t)size ? 0 : -EIO;
}

static int list_tasks(struct target *target, pid_t **tids, size_t *count)
{
	return procfs_list_tasks(target->task_fd, tids, count);
}

/* proc_task_getattr() in fs/proc/base.c: two links, and one for each task. */
static int count_tasks(struct target *target, size_t *count)
{
	struct stat st;

	if (fstat(target->task_fd, &st))
		return -errno;
	*count = st.st_nlink < 2 ? 0 : st.st_nlink - 2;
	return 0;
}

static int read_stat(struct target *target, pid_t tid, struct task_stat *stat)
{
	return procfs_read_stat(target->task_fd, tid, stat);
}

static int read_status(struct target *target, pid_t tid, struct proc_status *status)
{
	return procfs_read_status(target->task_fd, tid, status);
}

/* The file stays the task's: struct pid, which it holds, is not used again as the number is
 * (proc_single_show() in fs/proc/base.c). */
static int open_stat(struct target *target, pid_t tid)
{
	return procfs_open_stat(target->task_fd, tid);
}

static int reread_stat(struct target *target, int file, struct task_stat *stat)
{
	(void)target;
	return procfs_reread_stat(file, stat);
}

static void close_stat(struct target *target, int file)
{
	(void)target;
	close(file);
}

/* get_robust_list(2) asks for PTRACE_MODE_READ_REALCREDS and stops nothing. */
static int robust_list(struct target *target, pid_t tid, uint64_t *head)
{
	uintptr_t address = 0;
	size_t size = 0;

	(void)target;
	if (syscall(SYS_get_robust_list, tid, &address, &size))
		return -errno;
	*head = address;
	return 0;
}

/* kcmp(2), which asks for PTRACE_MODE_READ of both, and may be left out of a kernel. */
static bool shares_memory(struct target *target, pid_t other)
{
	return syscall(SYS_kcmp, target->pid, other, KCMP_VM, 0UL, 0UL) == 0;
}

static int trace(struct target *target, int request, pid_t tid, void *address, void *data)
{
	(void)target;
	return ptrace((enum __ptrace_request)request, tid, address, data) ? -errno : 0;
}

static int wait_for_task(struct target *target, idtype_t type, id_t id, siginfo_t *info,
			 int options)
{
	(void)target;
	return waitid(type, id, info, options) ? -errno : 0;
}

static const struct target_ops live_ops = {
	.read = read_memory,
	.walk_maps = walk_maps,
	.read_auxv = read_auxv,
	.pin = pin,
	.read_pinned = read_pinned,
	.list_tasks = list_tasks,
	.count_tasks = count_tasks,
	.read_stat = read_stat,
	.read_status = read_status,
	.open_stat = open_stat,
	.reread_stat = reread_stat,
	.close_stat = close_stat,
	.robust_list = robust_list,
	.shares_memory = shares_memory,
	.trace = trace,
	.wait = wait_for_task,
};

void live_target_init(struct target *target)
{
	*target = (struct target){ .ops = &live_ops, .proc_fd = -1, .task_fd = -1, .mem_fd = -1 };
}

int live_target_open_proc(struct target *target)
{
	target->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return target->proc_fd < 0 ? -errno : 0;
}

int live_target_open_tasks(struct target *target, pid_t pid)
{
	int fd = procfs_open_tasks(target->proc_fd, pid);

	if (fd < 0)
		return fd;
	target->task_fd = fd;
	target->pid = target->reader = pid;
	return 0;
}

void live_target_close(struct target *target)
{
	const int fds[] = { target->proc_fd, target->task_fd, target->mem_fd };

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	diagnostics_free(&target->diagnostics);
	live_target_init(target);
}
