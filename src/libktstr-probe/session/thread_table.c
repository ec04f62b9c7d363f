/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a process and their thread pointers, kept from snapshot to snapshot. */
#include "config.h"

#include "session/thread_table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"
#include "tls/ptrace_stop.h"
#include "tls/robust_list.h"

uint64_t thread_table_ticks(void)
{
	return (uint64_t)(clock_ns(CLOCK_BOOTTIME) / (NS_PER_SEC / sysconf(_SC_CLK_TCK)));
}

void thread_table_refresh(const struct thread_table *table, struct target *target,
			  struct thread_entry *entry)
{
	uint64_t head;
	int rc;

	entry->is_known = false;
	entry->code = 0;
	entry->found_ticks = table->ticks;
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

/* Both are sorted by tid. That it still is the same thread shows in its start time, later. */
static void take_over_known(const struct thread_table *old, struct thread_table *updated)
{
	for (size_t i = 0, at = 0; i < updated->count; i++) {
		struct thread_entry *entry = &updated->entries[i];

		while (at < old->count && old->entries[at].tid < entry->tid)
			at++;
		if (at < old->count && old->entries[at].tid == entry->tid &&
		    old->entries[at].is_known)
			*entry = old->entries[at];
		entry->is_young = false;
	}
}

int thread_table_stop(const struct thread_table *table, struct target *target,
		      struct thread_entry *const *entries, size_t count,
		      unsigned int stop_timeout_ms, const struct cancellation *cancellation)
{
	struct ptrace_stop *stops = calloc(count + 1, sizeof *stops);
	int rc = 0;

	if (!stops)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		stops[i].tid = entries[i]->tid;
	if (count)
		rc = ptrace_stop_read(target, stops, count,
				      stop_timeout_ms ? stop_timeout_ms
						      : THREAD_TABLE_STOP_TIMEOUT_MS,
				      cancellation->fd);
	for (size_t i = 0; rc == 0 && i < count; i++) { /* both are sorted by tid */
		struct thread_entry *entry = entries[i];

		entry->is_known = stops[i].error == KTSTR_PROBE_THREAD_OK;
		entry->thread_pointer = stops[i].thread_pointer;
		entry->found_ticks = table->ticks;
		entry->error = stops[i].error;
		entry->code = stops[i].code;
		if (table->pointers.has_tid_word)
			entry->ns_tid = target_ns_tid(target, entry->tid);
	}
	free(stops);
	return rc;
}

static int stop_unknown(struct thread_table *table, struct target *target,
			unsigned int stop_timeout_ms, const struct cancellation *cancellation)
{
	struct thread_entry **unknown;
	size_t count = 0;
	int rc;

	if (is_cancelled(cancellation))
		return 0;
	unknown = calloc(table->count + 1, sizeof *unknown);
	if (!unknown)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		if (!table->entries[i].is_known)
			unknown[count++] = &table->entries[i];
	rc = thread_table_stop(table, target, unknown, count, stop_timeout_ms, cancellation);
	free(unknown);
	return rc;
}

static int list_threads(struct thread_table *table, struct target *target)
{
	pid_t *tids;
	int rc;

	table->ticks = thread_table_ticks();
	rc = target_list_tasks(target, &tids, &table->count);
	if (rc)
		return rc;
	table->entries = calloc(table->count + 1, sizeof *table->entries);
	for (size_t i = 0; table->entries && i < table->count; i++)
		table->entries[i].tid = tids[i];
	free(tids);
	return table->entries ? 0 : -ENOMEM;
}

int thread_table_update(struct thread_table *table, struct target *target,
			unsigned int stop_timeout_ms, const struct cancellation *cancellation)
{
	struct thread_table updated = { .pointers = table->pointers };
	int rc = list_threads(&updated, target);

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
