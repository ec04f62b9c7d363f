/* SPDX-License-Identifier: BSD-2-Clause */
/* Every thread's counters. */
#ifndef KTSTR_COUNTERS_H
#define KTSTR_COUNTERS_H

#include "session/snapshot.h"
#include "session/thread_table.h"
#include "session/tsd_locator.h"

/*
 * Reads the counters of every thread of the table into the snapshot's threads, of which there are
 * as many, or of as many as came before a cancellation. Returns 0, or why none was read.
 */
int counters_read(struct target *target, const struct tsd_locator *locator,
		  struct thread_table *table, const struct cancellation *cancellation,
		  struct ktstr_probe_snapshot *snapshot);

/* The same for some threads of the table once more: those of these indexes. */
int counters_read_again(struct target *target, const struct tsd_locator *locator,
			struct thread_table *table, const size_t *indexes, size_t count,
			struct ktstr_probe_snapshot *snapshot);

#endif
