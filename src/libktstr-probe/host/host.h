/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a host. */
#ifndef KTSTR_HOST_INNER_H
#define KTSTR_HOST_INNER_H

#include <ktstr/host.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "linux/program_mark.h"

struct host_process {
	struct ktstr_host_process shown;
	char *text;               /* shown.text */
	bool has_mark;            /* or its verdict is not kept from scan to scan */
	struct program_mark mark; /* as it was before it was examined */
	int64_t examined_ns;      /* on CLOCK_MONOTONIC */
};

struct ktstr_host {
	struct ktstr_probe_options probe;
	char *jemalloc_path;                /* probe.jemalloc_path */
	struct ktstr_file_cache *own_cache; /* NULL: the caller's is used */
	ktstr_host_wants wants;
	void *context;
	size_t sessions_limit, sessions;
	int proc_fd;
	atomic_bool cancelled;

	struct host_process *processes; /* in ascending order of pid */
	size_t count;
};

/* Frees what it holds; its session too. */
void host_process_end(struct ktstr_host *host, struct host_process *process);

#endif
