/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the soak's server says of its own threads, in a file that both it and the prober map. Before
 * an operation a thread raises the upper bounds by what the operation will count, after it the
 * lower ones.
 */
#ifndef KTSTR_SOAK_TRUTH_H
#define KTSTR_SOAK_TRUTH_H

#include <stdatomic.h>
#include <stdint.h>

#define TRUTH_SLOTS 65    /* the main thread's is the first */
#define TRUTH_ENDED 65536 /* threads that have ended, a ring */

struct truth_bounds {
	_Atomic uint64_t allocated_low, allocated_high, deallocated_low, deallocated_high;
};

/* One thread's. The generation is odd while the thread is there, and the rest stands as long as it
 * is. */
struct truth_slot {
	_Atomic uint64_t generation;
	_Atomic int64_t tid;
	_Atomic uint64_t start_time;
	struct truth_bounds bounds;
};

/* What it had reached when it gave up its slot; it does nothing on its heap from there on. */
struct truth_ended {
	_Atomic int64_t tid; /* written last */
	uint64_t start_time, allocated, deallocated;
};

struct truth {
	_Atomic int32_t ready; /* all threads have been started once */
	_Atomic uint64_t ended_count;
	struct truth_slot slots[TRUTH_SLOTS];
	struct truth_ended ended[TRUTH_ENDED];
};

#endif
