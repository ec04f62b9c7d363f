/* SPDX-License-Identifier: BSD-2-Clause */
/* What a snapshot holds. Public. */
#include "config.h"

#include "session/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/target.h"

void snapshot_thread_fail(struct ktstr_probe_thread *thread, enum ktstr_probe_thread_error kind,
			  int code)
{
	static const char *const texts[] = {
		[KTSTR_PROBE_THREAD_PTRACE_SEIZE] = "it could not be traced",
		[KTSTR_PROBE_THREAD_PTRACE_INTERRUPT] = "it could not be interrupted",
		[KTSTR_PROBE_THREAD_WAITPID] = "it did not stop within the time allowed",
		[KTSTR_PROBE_THREAD_GET_REGSET] = "its registers could not be read",
		[KTSTR_PROBE_THREAD_PROCESS_VM_READV] = "its memory could not be read",
		[KTSTR_PROBE_THREAD_TLS_ARITHMETIC] = "its TLS would lie outside the address space",
		[KTSTR_PROBE_THREAD_THREAD_POINTER] =
			"its thread pointer was not found or did not verify",
		[KTSTR_PROBE_THREAD_THREAD_EXITED] = "it ended before it was read",
	};
	static const char shared[] = "it shares its thread pointer with another task, and the "
				     "counters there may be that one's";

	thread->error_kind = kind;
	thread->error_code = code;
	thread->error_text = code == -ENOTUNIQ ? shared : texts[kind];
	thread->allocated_bytes = thread->deallocated_bytes = 0;
}

void snapshot_thread_name(const struct ktstr_probe_snapshot *snapshot,
			  struct ktstr_probe_thread *thread, const struct task_stat *stat)
{
	if (!snapshot->with_names)
		return;
	memcpy(thread->comm, stat->comm, sizeof thread->comm);
	thread->start_time = stat->start_time;
	thread->has_name = 1;
}

size_t ktstr_probe_snapshot_count(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot ? snapshot->count : 0;
}

const struct ktstr_probe_thread *ktstr_probe_snapshot_thread(
	const struct ktstr_probe_snapshot *snapshot, size_t index)
{
	return snapshot && index < snapshot->count ? &snapshot->threads[index] : NULL;
}

size_t ktstr_probe_snapshot_read_count(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot ? snapshot->read_count : 0;
}

int64_t ktstr_probe_snapshot_unix_ns(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot ? snapshot->unix_ns : 0;
}

int64_t ktstr_probe_snapshot_monotonic_ns(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot ? snapshot->monotonic_ns : 0;
}

int ktstr_probe_snapshot_interrupted(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot ? snapshot->interrupted : 0;
}

void ktstr_probe_snapshot_free(struct ktstr_probe_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->threads);
	free(snapshot->blocks);
	free(snapshot);
}
