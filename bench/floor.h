/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor: the bare system calls that any program must make to read the same counters, without
 * the probe's code and without a check of what was read.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target_run.h"

#define FLOOR_COUNTERS_SIZE \
	24 /* allocated, next event, deallocated: struct tsd_s of jemalloc 5.3 */

struct floor {
	const struct target *target;
	int task_fd;
	pid_t *tids;
	uint64_t *heads;
	unsigned char *bytes; /* 64 for each thread */
	size_t count, room;
};

void floor_open(struct floor *floor, const struct target *target, size_t threads);
void floor_close(struct floor *floor);

void floor_list(struct floor *floor);         /* open, getdents64, close of the task directory */
void floor_robust_lists(struct floor *floor); /* get_robust_list of each thread */
void floor_counters(
	struct floor *floor); /* process_vm_readv of 24 bytes a thread, 1024 threads a call */
void floor_names(struct floor *floor); /* openat, read, close of each thread's stat */

/* What floor_counters read of thread `index`. */
uint64_t floor_allocated(const struct floor *floor, size_t index);

#endif
