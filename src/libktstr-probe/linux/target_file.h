/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens files of the target: inside its root, never outside, and regular files only. Through a
 * reader that has ended nothing is opened: the child that reads files cannot look for another one,
 * so that is left to its parent (target_change_reader).
 */
#ifndef KTSTR_TARGET_FILE_H
#define KTSTR_TARGET_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

/*
 * Opens path inside the target's root: a regular file only, never leaving that root, and only
 * if it is the file with this device and inode. Returns an fd or a negative errno; -ESTALE: another
 * file.
 */
int target_file_open(const struct target *target, const char *path, unsigned int dev_major,
		     unsigned int dev_minor, uint64_t inode);

/*
 * Opens path inside the target's root, or below the caller's own root when target is NULL: a
 * regular file only, whichever it is. The caller must find out whether it is the right one.
 */
int target_file_open_any(const struct target *target, const char *path);

/*
 * The file behind the mapping [start, end), also when it was deleted or replaced, or
 * when its path means another file here. start and end must be those of one line of maps. Needs
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: -EPERM otherwise.
 */
int target_file_open_range(const struct target *target, uint64_t start, uint64_t end);

/* The main executable, also when it was deleted or replaced. */
int target_file_open_exe(const struct target *target);

#endif
