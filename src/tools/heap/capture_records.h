/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture as JSON Lines: a line "capture", for each process "process", "thread" for each of its
 * threads and perhaps "heap", and a line "summary". What is not known is left out, and never 0.
 */
#ifndef KTSTR_CAPTURE_RECORDS_H
#define KTSTR_CAPTURE_RECORDS_H

#include <stdbool.h>
#include <stdio.h>

#include <ktstr/heap.h>
#include <ktstr/host.h>

/* Raised when a reader of older captures would misunderstand newer ones. */
#define CAPTURE_SCHEMA_VERSION 1

struct capture_tally {
	size_t walked, not_jemalloc, read, threads_read;
	size_t refused[KTSTR_PROBE_TAG_PERMISSION_DENIED + 1];
	size_t thread_errors[KTSTR_PROBE_THREAD_THREAD_EXITED + 1];
	bool interrupted;
};

void records_capture(FILE *out);

/* snapshot: NULL for a process that was not read; error then says why. */
void records_process(FILE *out, const struct ktstr_host_process *process,
		     const struct ktstr_probe_snapshot *snapshot, const struct ktstr_error *error);
void records_threads(FILE *out, const struct ktstr_host_process *process,
		     const struct ktstr_probe_snapshot *snapshot, struct capture_tally *tally);

/* heap: NULL for one that was not read; error then says why. */
void records_heap(FILE *out, const struct ktstr_host_process *process,
		  const struct ktstr_heap *heap, const struct ktstr_error *error);

void records_summary(FILE *out, const struct capture_tally *tally);

#endif
