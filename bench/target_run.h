/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts bench/target, gives it jobs and ends it. */
#ifndef BENCH_TARGET_RUN_H
#define BENCH_TARGET_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct target {
	pid_t pid;
	int64_t counters; /* the first counter's address - thread pointer, as the target itself sees
			     it */
	int64_t head;     /* robust-list head - thread pointer, likewise */
	FILE *jobs, *answers;
};

/* Returns 0 when all its threads are parked; -1, with the reason in text, when they cannot be had.
 */
int target_start(struct target *target, const char *path, unsigned int threads, char *text,
		 size_t size);

/* A job for its main thread, such as "spin 100"; the answer's three numbers come later. */
void target_begin(struct target *target, const char *job, int ms);
void target_end(struct target *target, int64_t numbers[3]);

void target_stop(struct target *target);

#endif
