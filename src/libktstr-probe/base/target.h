/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that a session looks at, and the one way to read it. Nobody else knows through which
 * of its tasks memory is read: when that task ends, target_read goes on through another.
 */
#ifndef KTSTR_TARGET_H
#define KTSTR_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diagnostics.h"

struct target;

/* A part of its memory. */
struct target_range {
	uint64_t address;
	void *buffer;
	size_t size;
	int error; /* result: 0, or a negative errno for this range alone */
};

struct target_read_count {
	uint64_t calls, bytes;
};

/* How it is read: process_vm_readv(2) and /proc, or what a test makes up. */
struct target_ops {
	/* Through task `reader`, in order; a range that cannot be read whole gets -EFAULT, and the
	 * others are read all the same. Returns 0, or a negative errno that concerns all ranges. */
	int (*read)(struct target *target, struct target_range *ranges, size_t count);
	/* Makes another living task the reader. Returns 0 or -ESRCH. */
	int (*change_reader)(struct target *target);
};

struct target {
	const struct target_ops *ops;
	pid_t pid;
	pid_t reader; /* the task that memory is read through: the leader unless that has ended */
	struct target_read_count read_count;
	struct diagnostics diagnostics;
};

/*
 * Reads count ranges, in their order. A range that cannot be read whole gets -EFAULT, and the
 * others are read all the same. Returns 0, or a negative errno that concerns all (-EPERM, -ESRCH,
 * -ENOSYS), which the ranges not read so far then carry too.
 */
int target_read(struct target *target, struct target_range *ranges, size_t count);

/* One range. Returns 0 or a negative errno. */
int target_read_one(struct target *target, uint64_t address, void *buffer, size_t size);

#endif
