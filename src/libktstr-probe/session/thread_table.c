/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a process and their thread pointers, kept from snapshot to snapshot. */
#include "config.h"

#include "session/thread_table.h"

#include <errno.h>
#include <stdlib.h>

#include "tls/ptrace_stop.h"
#include "tls/robust_list.h"

#define STOP_TIMEOUT_MS 2000

void thread_table_refresh(const struct thread_table *table, struct target *target,
			  struct thread_entry *entry)
{
	uint64_t head;
	int rc;

	entry->is_known = false;
	entry->ns_tid = target_ns_tid(target, entry->tid);
	rc = robust_list_head(target, entry->tid, &head);
	if (rc) {
		entry->error = rc == -ESRCH ? KTSTR_PROBE_THREAD_THREAD_EXITED
					    : KTSTR_PROBE_THREAD_THREAD_POINTER;
		entry->code = rc;
		return;
	}
	entry->thread_pointer = head - table->pointers.robust_list_offset;
	if (entry->thread_pointer % sizeof(uint64_t)) {
		entry->error = KTSTR_PROBE_THREAD_THREAD_POINTER;
		entry->code = -EBADMSG;
		return;
	}
	entry->is_known = true;
}

/* Both are sorted by tid. */
static void take_over_known(const struct thread_table *old, struct thread_table *updated)
{
	for (size_t i = 0, at = 0; i < updated->count; i++) {
		struct thread_entry *entry = &updated->entries[i];

		while (at < old->count && old->entries[at].tid < entry->tid)
			at++;
		if (at < old->count && old->entries[at].tid == entry->tid &&
		    old->entries[at].is_known && old->entries[at].start_time == entry->start_time)
			*entry = old->entries[at];
	}
}

static int stop_unknown(struct thread_table *table, struct target *target,
			unsigned int stop_timeout_ms, const struct cancellation *cancellation)
{
	struct ptrace_stop *stops;
	size_t unknown = 0, next = 0;
	int rc = 0;

	if (is_cancelled(cancellation))
		return 0;
	stops = calloc(table->count + 1, sizeof *stops);
	if (!stops)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		if (!table->entries[i].is_known)
			stops[unknown++].tid = table->entries[i].tid;
	if (unknown)
		rc = ptrace_stop_read(target, stops, unknown,
				      stop_timeout_ms ? stop_timeout_ms : STOP_TIMEOUT_MS,
				      cancellation->fd);
	for (size_t i = 0; rc == 0 && i < table->count; i++) {
		struct thread_entry *entry = &table->entries[i];
		const struct ptrace_stop *stop = &stops[next];

		if (entry->is_known)
			continue;
		entry->is_known = stop->error == KTSTR_PROBE_THREAD_OK;
		entry->thread_pointer = stop->thread_pointer;
		entry->error = stop->error;
		entry->code = stop->code;
		next++; /* both are sorted by tid */
	}
	free(stops);
	return rc;
}

static int list_threads(struct thread_table *table, struct target *target,
			const struct cancellation *cancellation)
{
	pid_t *tids;
	int rc = target_list_tasks(target, &tids, &table->count);

	if (rc)
		return rc;
	table->entries = calloc(table->count + 1, sizeof *table->entries);
	for (size_t i = 0; table->entries && i < table->count; i++) {
		struct task_stat stat = { .start_time = 0 };

		table->entries[i].tid = tids[i];
		/* A thread pointer from a register belongs to the thread that then had this tid. */
		if (table->pointers.by_ptrace && !is_cancelled(cancellation) &&
		    target_read_stat(target, tids[i], &stat) == 0)
			table->entries[i].start_time = stat.start_time;
	}
	free(tids);
	return table->entries ? 0 : -ENOMEM;
}

int thread_table_update(struct thread_table *table, struct target *target,
			unsigned int stop_timeout_ms, const struct cancellation *cancellation)
{
	struct thread_table updated = { .pointers = table->pointers };
	int rc = list_threads(&updated, target, cancellation);

	if (rc)
		return rc;
	take_over_known(table, &updated);
	if (updated.pointers.by_ptrace)
		rc = stop_unknown(&updated, target, stop_timeout_ms, cancellation);
	else
		for (size_t i = 0; i < updated.count; i++)
			if (!updated.entries[i].is_known && !is_cancelled(cancellation))
				thread_table_refresh(&updated, target, &updated.entries[i]);
	free(table->entries);
	*table = updated;
	return rc;
}

void thread_table_free(struct thread_table *table)
{
	free(table->entries);
	table->entries = NULL;
	table->count = 0;
}
