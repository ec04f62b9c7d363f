/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A snapshot that a test makes up. The test program has the library's accessors of one itself, so
 * what prints a snapshot is tested without a process.
 */
#ifndef KTSTR_TESTS_MADE_SNAPSHOT_H
#define KTSTR_TESTS_MADE_SNAPSHOT_H

#include <ktstr/probe.h>

struct ktstr_probe_snapshot {
	const struct ktstr_probe_thread *threads;
	size_t count;
	int64_t unix_ns, monotonic_ns;
};

/* A session is one with two jemallocs; NULL is one with none. */
static const struct ktstr_probe_jemalloc made_jemallocs[] = {
	{ .path = "/lib/first.so", .version = "5.3.0", .address = UINT64_C(0x7f0000001000) },
	{ .path = "/lib/a\nb.so", .address = UINT64_C(0x7f0000002000) },
};

size_t ktstr_probe_jemalloc_count(const struct ktstr_probe *session)
{
	return session ? 2 : 0;
}

const struct ktstr_probe_jemalloc *ktstr_probe_get_jemalloc(const struct ktstr_probe *session,
							    size_t index)
{
	(void)session;
	return &made_jemallocs[index];
}

size_t ktstr_probe_snapshot_count(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot->count;
}

const struct ktstr_probe_thread *ktstr_probe_snapshot_thread(
	const struct ktstr_probe_snapshot *snapshot, size_t index)
{
	return index < snapshot->count ? &snapshot->threads[index] : NULL;
}

int64_t ktstr_probe_snapshot_unix_ns(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot->unix_ns;
}

int ktstr_probe_snapshot_interrupted(const struct ktstr_probe_snapshot *snapshot)
{
	(void)snapshot;
	return 0;
}

int64_t ktstr_probe_snapshot_monotonic_ns(const struct ktstr_probe_snapshot *snapshot)
{
	return snapshot->monotonic_ns;
}

/* One that was read, one that was not, and one of either without a name. */
static const struct ktstr_probe_thread made_threads[] = {
	{ .tid = 70,
	  .has_name = 1,
	  .comm = "redis \"1\"",
	  .start_time = 12345,
	  .allocated_bytes = UINT64_MAX,
	  .deallocated_bytes = 24 },
	{ .tid = 71,
	  .has_name = 1,
	  .comm = "a\nb\xff",
	  .start_time = 12346,
	  .error_kind = KTSTR_PROBE_THREAD_GET_REGSET,
	  .error_code = -3,
	  .error_text = "it \"went\"" },
	{ .tid = 72, .allocated_bytes = 1, .deallocated_bytes = 2 },
	{ .tid = 73,
	  .error_kind = KTSTR_PROBE_THREAD_WAITPID,
	  .error_code = -110,
	  .error_text = "slow" },
};

static const struct ktstr_probe_snapshot made_snapshot = {
	.threads = made_threads,
	.count = sizeof made_threads / sizeof *made_threads,
	.unix_ns = INT64_C(1700000001999999999),
	.monotonic_ns = 5000,
};

#endif
