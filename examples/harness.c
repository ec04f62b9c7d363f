/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test harness in C: starts a worker with a known heap, waits until it is ready, and reads its
 * counters from outside. Whatever fails, the worker ends and its marker goes.
 *
 *	cc -o harness harness.c $(pkg-config --cflags --libs ktstr ktstr-probe)
 *	./harness [WORKER]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <ktstr/ktstr.h>

#define WORKER_BYTES "16777216" /* 16 MiB: a size class of jemalloc's, so counted as it is */
#define READY_MS     10000

static int print_counters(pid_t pid, struct ktstr_error *error)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_probe *probe;
	int rc = ktstr_probe_new(&probe, NULL, error);

	if (rc)
		return rc;
	rc = ktstr_probe_open(probe, pid, error);
	if (rc == 0)
		rc = ktstr_probe_snapshot_take(probe, &snapshot, error);
	if (rc == 0) {
		for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
			const struct ktstr_probe_thread *thread =
				ktstr_probe_snapshot_thread(snapshot, i);

			if (thread->error_kind == KTSTR_PROBE_THREAD_OK)
				printf("thread %d (%s): %" PRIu64 " bytes allocated, %" PRIu64
				       " deallocated\n",
				       (int)thread->tid, thread->comm, thread->allocated_bytes,
				       thread->deallocated_bytes);
			else
				printf("thread %d: %s\n", (int)thread->tid, thread->error_text);
		}
		ktstr_probe_snapshot_free(snapshot);
	}
	ktstr_probe_close(probe);
	return rc;
}

int main(int argc, char **argv)
{
	const char *const worker_argv[] = { argc > 1 ? argv[1] : "ktstr-jemalloc-alloc-worker",
					    WORKER_BYTES, NULL };
	struct ktstr_worker_ready_result ready;
	struct ktstr_payload *worker;
	struct ktstr_error error;
	int rc = ktstr_payload_spawn(worker_argv, NULL, &worker, &error);

	if (rc) {
		fprintf(stderr, "harness: %s\n", error.text);
		return EXIT_FAILURE;
	}
	rc = ktstr_worker_ready_wait(worker, "worker", READY_MS, &ready, &error);
	if (rc == 0) {
		puts(ready.text);
		if (ready.outcome == KTSTR_WORKER_READY)
			rc = print_counters(ready.worker_pid, &error);
	}
	ktstr_payload_close(worker); /* kills it and reaps it */
	ktstr_worker_ready_marker_remove(&ready, NULL);
	if (rc)
		fprintf(stderr, "harness: %s\n", error.text);
	return rc || ready.outcome != KTSTR_WORKER_READY ? EXIT_FAILURE : EXIT_SUCCESS;
}
