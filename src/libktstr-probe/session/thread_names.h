/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and start times of the threads of a snapshot. */
#ifndef KTSTR_THREAD_NAMES_H
#define KTSTR_THREAD_NAMES_H

#include "session/snapshot.h"
#include "session/thread_table.h"

/*
 * One file a thread: this costs more than all counters together, so with many threads several of
 * ours share the work. A reused tid is detected by its start time: that entry is marked young, and
 * neither its numbers nor its name count. After ktstr_probe_cancel() the rest stays without names,
 * and the snapshot is marked.
 */
void thread_names_read(struct target *target, struct thread_table *table,
		       const struct cancellation *cancellation,
		       struct ktstr_probe_snapshot *snapshot);

#endif
