/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of a process below /proc, or below another directory that looks like it
 * (tests).
 */
#ifndef KTSTR_PROCFS_H
#define KTSTR_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "linux/procfs_text.h"
#include "shared/proc_status.h"

/* Reads a file relative to proc_fd. *text is NUL-terminated and the caller's to free. */
int procfs_read_file(int proc_fd, const char *path, size_t limit, char **text, size_t *length);
int procfs_read_fd(int fd, size_t limit, char **text, size_t *length);

/* The caller's own pid as that /proc numbers it, or a negative errno. */
pid_t procfs_own_pid(int proc_fd);

/* What the kernel gave the process at its exec: the value of an AT_… of elf.h, 0 when it is not
 * there. -ESRCH for a process whose memory is gone. */
int procfs_read_auxv(int proc_fd, pid_t pid, uint64_t type, uint64_t *value);

/*
 * The directory /proc/<pid>/task: a descriptor, or a negative errno. It stays that process's: when
 * it has ended, and another has its pid, everything below this descriptor is -ENOENT or -ESRCH.
 */
int procfs_open_tasks(int proc_fd, pid_t pid);

int procfs_read_stat(int task_fd, pid_t tid, struct task_stat *stat);

/* The same in two steps: a descriptor or a negative errno, and what stat says now of the task that
 * it was opened for; -ESRCH when that is gone. */
int procfs_open_stat(int task_fd, pid_t tid);
int procfs_reread_stat(int fd, struct task_stat *stat);

int procfs_read_status(int task_fd, pid_t tid, struct proc_status *status);

/* The tids in ascending order; *tids is the caller's to free. */
int procfs_list_tasks(int task_fd, pid_t **tids, size_t *count);

#endif
