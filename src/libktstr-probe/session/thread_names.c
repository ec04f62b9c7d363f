/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and start times of the threads of a snapshot. */
#include "config.h"

#include "session/thread_names.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "shared/thread_start.h"

#define HELPERS_LIMIT      7
#define THREADS_PER_HELPER 256 /* to start and join one takes as long as some 10 names */
#define SLICE              32

struct work {
	struct target *target;
	struct thread_table *table;
	const struct cancellation *cancellation;
	struct ktstr_probe_snapshot *snapshot;
	atomic_size_t next;
	atomic_bool skipped;
};

static void read_name(const struct work *work, size_t index)
{
	const struct thread_pointers *pointers = &work->table->pointers;
	struct ktstr_probe_thread *thread = &work->snapshot->threads[index];
	struct thread_entry *entry = &work->table->entries[index];
	struct task_stat stat = { .state = 0 };
	int rc = target_read_stat(work->target, thread->tid, &stat);

	entry->is_young = rc == 0 && stat.start_time >= entry->found_ticks;
	if (rc || entry->is_young) {
		/* Read while it lived; but its id in its own namespace, which may be another's by
		 * now, and a thread pointer from a register have only this to vouch for them. */
		if (rc && (pointers->by_ptrace || work->target->nested))
			snapshot_thread_fail(thread,
					     task_is_gone(rc) ? KTSTR_PROBE_THREAD_THREAD_EXITED
							      : KTSTR_PROBE_THREAD_THREAD_POINTER,
					     rc);
		return;
	}
	/* While a thread ends, its stack may be another's already. */
	if (task_has_ended(&stat) && !thread_pointers_name_threads(pointers))
		snapshot_thread_fail(thread, KTSTR_PROBE_THREAD_THREAD_EXITED, -ESRCH);
	snapshot_thread_name(work->snapshot, thread, &stat);
}

static void *read_names(void *argument)
{
	struct work *work = argument;
	size_t count = work->snapshot->count, from;

	while ((from = atomic_fetch_add(&work->next, SLICE)) < count) {
		size_t to = count - from < SLICE ? count : from + SLICE;

		for (size_t i = from; i < to; i++) {
			if (is_cancelled(work->cancellation)) {
				atomic_store(&work->skipped, true);
				/* Only its start time shows whose numbers these are.
				 */
				if (work->table->pointers.by_ptrace || work->target->nested)
					snapshot_thread_fail(&work->snapshot->threads[i],
							     KTSTR_PROBE_THREAD_THREAD_POINTER,
							     -ECANCELED);
				continue;
			}
			read_name(work, i);
		}
	}
	return NULL;
}

/*
 * As many as there are processors for us besides the one that the caller is on, and threads that
 * are worth it. *others: those processors. Left to itself, the scheduler was seen to keep a helper
 * on the caller's processor for as long as it lived.
 */
static size_t helpers_for(size_t count, cpu_set_t *others)
{
	size_t helpers = count / THREADS_PER_HELPER;
	int here;

	if (!helpers || sched_getaffinity(0, sizeof *others, others))
		return 0;
	here = sched_getcpu();
	if (here >= 0)
		CPU_CLR((size_t)here, others);
	if (helpers > HELPERS_LIMIT)
		helpers = HELPERS_LIMIT;
	return helpers < (size_t)CPU_COUNT(others) ? helpers : (size_t)CPU_COUNT(others);
}

#ifndef HAVE_PTHREAD_ATTR_SETAFFINITY_NP
/* With musl the helpers start where the scheduler puts them. */
#define pthread_attr_setaffinity_np(attr, size, set) ((void)(set), 0)
#endif

/* Starts up to `wanted` helpers. Returns how many there are: none, where no thread may be started.
 */
static size_t start_helpers(pthread_t *helpers, size_t wanted, const cpu_set_t *others,
			    struct work *work)
{
	pthread_attr_t attr;
	size_t started = 0;

	if (!wanted || pthread_attr_init(&attr))
		return 0;
	if (pthread_attr_setaffinity_np(&attr, sizeof *others, others) == 0)
		while (started < wanted &&
		       thread_start_blocked(&helpers[started], &attr, read_names, work) == 0)
			started++;
	pthread_attr_destroy(&attr);
	return started;
}

void thread_names_read(struct target *target, struct thread_table *table,
		       const struct cancellation *cancellation,
		       struct ktstr_probe_snapshot *snapshot)
{
	struct work work = {
		.target = target, .table = table, .cancellation = cancellation, .snapshot = snapshot
	};
	pthread_t helpers[HELPERS_LIMIT];
	cpu_set_t others;
	size_t wanted = helpers_for(snapshot->count, &others),
	       started = start_helpers(helpers, wanted, &others, &work);

	read_names(&work);
	while (started)
		pthread_join(helpers[--started], NULL);
	if (atomic_load(&work.skipped))
		snapshot->interrupted = true;
}
