/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads many ranges of another process's memory with few system calls, some of which may be gone.
 */
#ifndef KTSTR_REMOTE_READ_H
#define KTSTR_REMOTE_READ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

/*
 * Reads count ranges through the task tid, in their order. A range that cannot be read whole gets
 * -EFAULT, and the others are read all the same. Returns 0, or a negative errno that concerns all
 * (-EPERM, -ESRCH, -ENOSYS), which the ranges not read so far then carry too. counter may be NULL.
 */
int remote_read(pid_t tid, struct target_range *ranges, size_t count,
		struct target_read_count *counter);

#endif
