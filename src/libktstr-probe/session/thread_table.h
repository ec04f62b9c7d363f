/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a process and their thread pointers, kept from snapshot to snapshot. */
#ifndef KTSTR_THREAD_TABLE_H
#define KTSTR_THREAD_TABLE_H

#include <ktstr/probe.h>

#include "session/thread_pointers.h"

#define THREAD_TABLE_STOP_TIMEOUT_MS 2000 /* unless an option says otherwise */

struct thread_entry {
	pid_t tid;
	pid_t ns_tid;  /* its id in its own pid namespace */
	bool is_known; /* thread_pointer is valid */
	uint64_t thread_pointer;
	uint64_t found_ticks; /* a thread that began before this, in clock ticks since boot, is the
				 one for which it was found */
	bool is_young;        /* the thread that has this id now did not */
	enum ktstr_probe_thread_error error; /* why it is not known */
	int code;
};

struct thread_table {
	struct thread_pointers pointers;
	struct thread_entry *entries; /* in ascending order of tid */
	size_t count;
	uint64_t ticks; /* clock ticks since boot, before the threads were listed */
};

/* Clock ticks since boot, as starts of threads are counted: proc(5), stat. */
uint64_t thread_table_ticks(void);

/* Brings the table up to date: the threads as they are now, those that are known as they were.
 * Returns 0 or a negative errno. */
int thread_table_update(struct thread_table *table, struct target *target,
			unsigned int stop_timeout_ms, const struct cancellation *cancellation);

/* Finds one thread's pointer anew from its robust list, after its old one failed to verify. */
void thread_table_refresh(const struct thread_table *table, struct target *target,
			  struct thread_entry *entry);

/*
 * Finds the pointers of some threads anew, each by stopping it, into entries[…]->is_known or error.
 * They are in ascending order of tid. Returns 0 or a negative errno.
 */
int thread_table_stop(const struct thread_table *table, struct target *target,
		      struct thread_entry *const *entries, size_t count,
		      unsigned int stop_timeout_ms, const struct cancellation *cancellation);

void thread_table_free(struct thread_table *table);

#endif
