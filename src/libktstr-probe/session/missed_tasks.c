/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Was a thread left out of the list that a snapshot was taken from?
 *
 * Linux breaks a listing of /proc/<pid>/task off when the thread that it stands at ends, and goes
 * on by counting from the start, now one less: the thread behind it is skipped, however long it has
 * lived (next_tid() and first_tid() in fs/proc/base.c). The one that ended may have been listed or
 * not. If none of those listed has ended, and there are as many threads as were listed, nothing was
 * skipped; else the list is read again and compared.
 */
#include "config.h"

#include "session/missed_tasks.h"

#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"

static bool some_ended(const struct ktstr_probe_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->threads[i].error_kind == KTSTR_PROBE_THREAD_THREAD_EXITED)
			return true;
	return false;
}

static bool as_many(struct target *target, const struct ktstr_probe_snapshot *snapshot)
{
	size_t count;

	return target_count_tasks(target, &count) == 0 && count == snapshot->count;
}

/* The clock ticks since boot at the snapshot's beginning, as starts of threads are counted:
 * proc(5), stat. */
static uint64_t ticks_at(const struct ktstr_probe_snapshot *snapshot)
{
	int64_t ns = snapshot->monotonic_ns + clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);

	return (uint64_t)(ns / (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
}

/* One that began after the list was read is not missing. */
static bool was_there(struct target *target, const struct ktstr_probe_snapshot *snapshot, pid_t tid)
{
	struct task_stat stat;

	return target_read_stat(target, tid, &stat) == 0 && stat.start_time <= ticks_at(snapshot);
}

bool missed_tasks(struct target *target, const struct ktstr_probe_snapshot *snapshot)
{
	size_t count, at = 0;
	bool missed = false;
	pid_t *tids;

	if ((!some_ended(snapshot) && as_many(target, snapshot)) ||
	    target_list_tasks(target, &tids, &count))
		return false;
	for (size_t i = 0; i < count && !missed; i++) { /* both are sorted */
		while (at < snapshot->count && snapshot->threads[at].tid < tids[i])
			at++;
		missed = (at == snapshot->count || snapshot->threads[at].tid != tids[i]) &&
			 was_there(target, snapshot, tids[i]);
	}
	free(tids);
	return missed;
}
