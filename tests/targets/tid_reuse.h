/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each thread of tid_reuse allocates, by its number, and where its id is written. Shared with
 * its prober, reuse_rounds.
 */
#ifndef KTSTR_TID_REUSE_H
#define KTSTR_TID_REUSE_H

#include <stdatomic.h>
#include <stdint.h>

#define REUSE_STEPS   3
#define REUSE_RECORDS 4096 /* threads that have come, a ring */

/* One thread that came and went. */
struct reuse_record {
	_Atomic uint64_t number;  /* 0: none yet */
	_Atomic int64_t tid;      /* as /proc numbers it */
	_Atomic int64_t start_ns; /* CLOCK_MONOTONIC, when it wrote its tid here */
};

struct reuse_log {
	_Atomic int64_t pid; /* as /proc numbers it; 0: not ready */
	struct reuse_record records[REUSE_RECORDS];
};

/* jemalloc has size classes of 4 to 7 times a power of two from 64 bytes on, so the counter shows
 * these. */
static inline uint64_t reuse_size(uint64_t number, unsigned int step)
{
	uint64_t digit = (number * UINT64_C(2654435761) >> step * 5) % 32;

	return (4 + digit % 4) << (4 + digit / 4);
}

/* What thread `number` has allocated after some of its steps. */
static inline uint64_t reuse_sum(uint64_t number, unsigned int steps)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < steps; i++)
		sum += reuse_size(number, i);
	return sum;
}

#endif
