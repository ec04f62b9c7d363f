/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens files of the target: inside its root, never outside, and regular files only. proc_fd is an
 * open /proc.
 */
#ifndef KTSTR_TARGET_FILE_H
#define KTSTR_TARGET_FILE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens path inside the root of process pid: a regular file only, never leaving that root, and only
 * if it is the file with this device and inode. Returns an fd or a negative errno; -ESTALE: another
 * file.
 */
int target_file_open(int proc_fd, pid_t pid, const char *path, unsigned int dev_major,
		     unsigned int dev_minor, uint64_t inode);

/*
 * Opens path inside the root of process pid, or below the caller's own root when pid is 0: a
 * regular file only, whichever it is. The caller must find out whether it is the right one.
 */
int target_file_open_any(int proc_fd, pid_t pid, const char *path);

/*
 * The file behind the mapping [start, end) of process pid, also when it was deleted or replaced, or
 * when its path means another file here. start and end must be those of one line of maps. Needs
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: -EPERM otherwise.
 */
int target_file_open_range(int proc_fd, pid_t pid, uint64_t start, uint64_t end);

/* The main executable of process pid, also when it was deleted or replaced. */
int target_file_open_exe(int proc_fd, pid_t pid);

#endif
