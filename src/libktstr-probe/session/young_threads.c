/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that began while a snapshot was taken, and pointers that are not one thread's alone.
 *
 * A tid may be used again within microseconds, so that the listing, the thread pointer, the
 * counters and the name of one row come from different threads. A thread that began before all of
 * that is the same throughout. For a younger one its stat is opened first: the file is that
 * thread's alone, and if it can still be read at the end, then everything between was of the same
 * thread.
 */
#include "config.h"

#include "session/young_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16 /* descriptors that are open at once */

struct young {
	struct thread_entry *entry;
	struct ktstr_probe_thread *thread;
	int file; /* negative: none */
	bool is_held;
	struct task_stat stat;
};

static void forget_name(struct ktstr_probe_thread *thread)
{
	thread->has_name = 0;
	thread->start_time = 0;
	memset(thread->comm, 0, sizeof thread->comm);
}

static void fail_gone(struct ktstr_probe_thread *thread, int rc)
{
	snapshot_thread_fail(thread,
			     task_is_gone(rc) ? KTSTR_PROBE_THREAD_THREAD_EXITED
					      : KTSTR_PROBE_THREAD_THREAD_POINTER,
			     rc);
}

/* From here on the file shows which thread it is. */
static bool hold(struct target *target, struct young *young)
{
	int rc;

	forget_name(young->thread);
	young->file = target_open_stat(target, young->entry->tid);
	rc = young->file < 0 ? young->file : target_reread_stat(target, young->file, &young->stat);
	if (rc) {
		fail_gone(young->thread, rc);
		young->entry->is_known = false;
	}
	young->is_held = rc == 0;
	return young->is_held;
}

/* Was it there to the end? */
static void release(struct target *target, const struct thread_table *table,
		    struct ktstr_probe_snapshot *snapshot, struct young *young)
{
	struct task_stat stat;
	int rc = target_reread_stat(target, young->file, &stat);

	/* While a thread ends, its stack may be another's already. */
	if (rc == 0 && task_has_ended(&stat) && !thread_pointers_name_threads(&table->pointers))
		rc = -ESRCH;
	if (rc) {
		fail_gone(young->thread, rc);
		young->entry->is_known = false;
	}
	forget_name(young->thread);
	snapshot_thread_name(snapshot, young->thread, &young->stat);
}

/* Up to BATCH of them. */
static int read_held(struct target *target, const struct tsd_locator *locator,
		     struct thread_table *table, const size_t *indexes, size_t count,
		     unsigned int stop_timeout_ms, const struct cancellation *cancellation,
		     struct ktstr_probe_snapshot *snapshot)
{
	struct thread_entry *held[BATCH];
	struct young youngs[BATCH];
	size_t held_indexes[BATCH], used = 0;
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		struct young *young = &youngs[i];

		*young = (struct young){ .entry = &table->entries[indexes[i]],
					 .thread = &snapshot->threads[indexes[i]] };
		if (!hold(target, young))
			continue;
		if (!table->pointers.by_ptrace)
			thread_table_refresh(table, target, young->entry);
		held_indexes[used] = indexes[i];
		held[used++] = young->entry;
	}
	if (table->pointers.by_ptrace)
		rc = thread_table_stop(table, target, held, used, stop_timeout_ms, cancellation);
	if (rc == 0)
		rc = counters_read_again(target, locator, table, held_indexes, used, snapshot);
	for (size_t i = 0; i < count; i++) {
		if (youngs[i].file < 0)
			continue;
		if (youngs[i].is_held)
			release(target, table, snapshot, &youngs[i]);
		target_close_stat(target, youngs[i].file);
	}
	return rc;
}

int young_threads_read(struct target *target, const struct tsd_locator *locator,
		       struct thread_table *table, unsigned int stop_timeout_ms,
		       const struct cancellation *cancellation,
		       struct ktstr_probe_snapshot *snapshot)
{
	size_t indexes[BATCH], count = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i <= snapshot->count; i++) {
		bool last = i == snapshot->count;

		if (!last && !table->entries[i].is_young)
			continue;
		if (!last && is_cancelled(cancellation)) {
			forget_name(&snapshot->threads[i]);
			snapshot_thread_fail(&snapshot->threads[i],
					     KTSTR_PROBE_THREAD_THREAD_POINTER, -ECANCELED);
			snapshot->interrupted = true;
			continue;
		}
		if (!last)
			indexes[count++] = i;
		if (count == BATCH || (last && count)) {
			table->ticks = thread_table_ticks();
			rc = read_held(target, locator, table, indexes, count, stop_timeout_ms,
				       cancellation, snapshot);
			count = 0;
		}
	}
	return rc;
}

static int by_pointer(const void *a, const void *b, void *entries)
{
	const struct thread_entry *all = entries;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	uint64_t left = all[i].thread_pointer, right = all[j].thread_pointer;

	return (left > right) - (left < right);
}

int shared_pointers_refuse(const struct thread_table *table, struct ktstr_probe_snapshot *snapshot)
{
	size_t *order, count = 0;

	if (thread_pointers_name_threads(&table->pointers))
		return 0;
	order = calloc(snapshot->count + 1, sizeof *order);
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++)
		if (table->entries[i].is_known &&
		    snapshot->threads[i].error_kind == KTSTR_PROBE_THREAD_OK)
			order[count++] = i;
	qsort_r(order, count, sizeof *order, by_pointer, table->entries);
	for (size_t i = 1; i < count; i++) {
		if (table->entries[order[i - 1]].thread_pointer !=
		    table->entries[order[i]].thread_pointer)
			continue;
		for (size_t n = i - 1; n <= i; n++)
			snapshot_thread_fail(&snapshot->threads[order[n]],
					     KTSTR_PROBE_THREAD_THREAD_POINTER, -ENOTUNIQ);
	}
	free(order);
	return 0;
}
