/* SPDX-License-Identifier: BSD-2-Clause */
/* One snapshot: the list of threads, their counters, their names, and whether all of it was one
 * program. Public. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/confirm.h"
#include "session/counters.h"
#include "session/error.h"
#include "session/missed_tasks.h"
#include "session/session.h"
#include "session/thread_names.h"
#include "session/young_threads.h"
#include "shared/clock.h"
#include "tls/dtv.h"

#define TRIES 4 /* a thread was skipped once in some 700 lists of 64 threads that come and go */

static int fail_changed(const struct target *target, struct ktstr_error *error)
{
	return probe_fail(error, KTSTR_PROBE_TAG_EXE_IDENTITY_CHANGED, -ESTALE, "identity",
			  "process %d ended, ran another program or closed its jemalloc, or its "
			  "memory can no longer be read: "
			  "what was read in this snapshot is dropped",
			  (int)target->pid);
}

/* Only one may trace a thread. All of a process have the same one, as good as always. */
static void name_tracer(struct target *target, struct ktstr_probe_snapshot *snapshot)
{
	struct proc_status status;
	pid_t tracer = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		struct ktstr_probe_thread *thread = &snapshot->threads[i];

		if (thread->error_kind != KTSTR_PROBE_THREAD_PTRACE_SEIZE ||
		    target_read_status(target, thread->tid, &status) || !status.tracer ||
		    (tracer && tracer != status.tracer))
			continue;
		tracer = status.tracer;
		snprintf(snapshot->traced_text, sizeof snapshot->traced_text,
			 "it could not be traced: process %d traces it already", (int)tracer);
		thread->error_text = snapshot->traced_text;
	}
}

static int take(struct ktstr_probe *probe, struct ktstr_probe_snapshot *snapshot,
		struct ktstr_error *error)
{
	struct thread_table *table = &probe->threads;
	int confirmed = 0;
	int rc = thread_table_update(table, &probe->target, probe->options.stop_timeout_ms,
				     &probe->cancellation);

	if (rc == -ENOENT || rc == -ESRCH)
		return fail_changed(&probe->target, error);
	if (rc)
		return probe_fail(error, KTSTR_PROBE_TAG_TID_ENUMERATION_FAILURE, rc, "thread list",
				  "the threads of process %d cannot be listed%s: %s",
				  (int)probe->target.pid,
				  table->pointers.by_ptrace ? " or stopped" : "", strerror(-rc));
	snapshot->threads = calloc(table->count, sizeof *snapshot->threads);
	snapshot->blocks = calloc(table->count, sizeof *snapshot->blocks);
	if (!snapshot->threads || !snapshot->blocks)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "snapshot",
				  "out of memory");
	snapshot->unix_ns = clock_ns(CLOCK_REALTIME);
	snapshot->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	snapshot->with_names = !probe->options.no_names;
	rc = counters_read(&probe->target, &probe->locator, table, &probe->cancellation, snapshot);
	if (rc == 0)
		confirmed = confirm_counters(&probe->target, &probe->locator, table);
	/* Start times show whose numbers these are, too. */
	if (rc == 0 && (snapshot->with_names || table->pointers.by_ptrace || probe->target.nested))
		thread_names_read(&probe->target, table, &probe->cancellation, snapshot);
	if (rc == 0)
		rc = young_threads_read(&probe->target, &probe->locator, table,
					probe->options.stop_timeout_ms, &probe->cancellation,
					snapshot);
	if (rc == 0)
		rc = shared_pointers_refuse(table, snapshot);
	/* Before anything is believed, names too: was it one and the same program all the time? */
	if (rc == -ESRCH || confirmed == -ESRCH ||
	    !identity_holds(&probe->identity, &probe->target))
		return fail_changed(&probe->target, error);
	if (rc == 0 && probe->locator.tls.is_dynamic &&
	    !dtv_same_module(&probe->target, &probe->locator.tls))
		return probe_fail(error, KTSTR_PROBE_TAG_JEMALLOC_NOT_FOUND, -ESTALE, "identity",
				  "process %d closed %s meanwhile", (int)probe->target.pid,
				  probe->locator.jemalloc_path);
	if (confirmed == -EBADMSG)
		return probe_fail(
			error, KTSTR_PROBE_TAG_LAYOUT_UNKNOWN, confirmed, "threads",
			"%s carries jemalloc, but its threads' own bookkeeping contradicts "
			"where their counters seem to be: a changed build?",
			probe->locator.jemalloc_path);
	if (rc == 0)
		rc = confirmed;
	if (rc)
		return probe_fail_access(&probe->target, error, KTSTR_PROBE_TAG_OTHER, rc,
					 "memory");
	for (size_t i = 0; i < snapshot->count; i++)
		snapshot->read_count += snapshot->threads[i].error_kind == KTSTR_PROBE_THREAD_OK;
	name_tracer(&probe->target, snapshot);
	return 0;
}

int ktstr_probe_snapshot_take(struct ktstr_probe *probe, struct ktstr_probe_snapshot **result,
			      struct ktstr_error *error)
{
	struct ktstr_probe_snapshot *snapshot;
	int rc;

	if (result)
		*result = NULL;
	if (!probe || !result)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments", "%s is NULL",
				  probe ? "snapshot" : "probe");
	if (probe->state != SESSION_OPEN)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EBADF, "session",
				  "the session is not open");
	snapshot = calloc(1, sizeof *snapshot);
	if (!snapshot)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "snapshot",
				  "out of memory");
	rc = take(probe, snapshot, error);
	for (int i = 1; i < TRIES && rc == 0 && !snapshot->interrupted &&
			missed_tasks(&probe->target, snapshot);
	     i++) {
		free(snapshot->threads);
		free(snapshot->blocks);
		*snapshot = (struct ktstr_probe_snapshot){ 0 };
		rc = take(probe, snapshot, error);
	}
	if (rc)
		ktstr_probe_snapshot_free(snapshot);
	else
		*result = snapshot;
	return rc;
}
