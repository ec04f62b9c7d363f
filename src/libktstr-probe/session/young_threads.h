/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that began while a snapshot was taken, and pointers that are not one thread's alone. */
#ifndef KTSTR_YOUNG_THREADS_H
#define KTSTR_YOUNG_THREADS_H

#include "session/counters.h"

/*
 * Reads each young thread once more, with its name, while a file that is its own shows that it is
 * there all the time. After ktstr_probe_cancel() the rest gets errors, and the snapshot is marked.
 * Returns 0, or why none could be read.
 */
int young_threads_read(struct target *target, const struct tsd_locator *locator,
		       struct thread_table *table, unsigned int stop_timeout_ms,
		       const struct cancellation *cancellation,
		       struct ktstr_probe_snapshot *snapshot);

/* Where memory does not name the threads: those that have one thread pointer are all refused. */
int shared_pointers_refuse(const struct thread_table *table, struct ktstr_probe_snapshot *snapshot);

#endif
