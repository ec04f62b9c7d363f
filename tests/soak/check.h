/* SPDX-License-Identifier: BSD-2-Clause */
/* Each reading of a snapshot against what the server said of itself before and after it. */
#ifndef KTSTR_SOAK_CHECK_H
#define KTSTR_SOAK_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ktstr/probe.h>

#include "truth.h"

struct sum {
	unsigned long snapshots, readings, in_slot, ended, new, errors_living, errors_gone,
		nameless, outside, lost, strange;
	unsigned long sessions, servers, failed_killed, failed_ended, failed, late;
	uint64_t longest_ns;
};

extern struct sum sum;
extern struct truth *truth;
extern atomic_int killed; /* set before the kill */

/* Counts a fault, and shows the first ones. */
__attribute__((format(printf, 2, 3))) void fault(unsigned long *count, const char *format, ...);

void check_take_before(void);
void check_take_after(void);

/* Between what it had before the snapshot and what it had after it, or at its end. */
void check_reading(const struct ktstr_probe_thread *thread);

/* whole: the server has not been killed meanwhile. */
void check_error(const struct ktstr_probe_thread *thread, bool whole);

/* Whoever was there before and after the snapshot, unchanged, must be in it. */
void check_none_lost(const struct ktstr_probe_snapshot *snapshot);

#endif
