/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a snapshot. */
#ifndef KTSTR_SNAPSHOT_H
#define KTSTR_SNAPSHOT_H

#include <ktstr/probe.h>

#include <stdbool.h>

struct ktstr_probe_snapshot {
	struct ktstr_probe_thread *threads;
	uint64_t *blocks; /* of each thread: its TLS block of jemalloc's module; 0: none */
	size_t count, read_count;
	int64_t unix_ns, monotonic_ns;
	bool interrupted;
	bool with_names;      /* names and start times are wanted */
	char traced_text[96]; /* error_text of threads that a debugger has */
};

struct task_stat;

/* What stat says of it, if that is wanted. */
void snapshot_thread_name(const struct ktstr_probe_snapshot *snapshot,
			  struct ktstr_probe_thread *thread, const struct task_stat *stat);

/* Makes an entry of a snapshot one with an error, without numbers. */
void snapshot_thread_fail(struct ktstr_probe_thread *thread, enum ktstr_probe_thread_error kind,
			  int code);

#endif
