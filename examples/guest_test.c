/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body of a test for a guest: a worker allocates a known number of bytes, and the probe has to
 * read them. Exit status 0 when it did. It needs /proc, /tmp, and both programs in PATH.
 *
 *	cc -o test guest_test.c $(pkg-config --cflags --libs ktstr ktstr-probe)
 *
 * By virtme-ng, with this machine's files and another kernel:
 *
 *	vng -r KERNEL -- ./test
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <ktstr/ktstr.h>

#define WORKER_BYTES      16777216u /* 16 MiB: a size class of jemalloc's, so counted as it is */
#define WORKER_BYTES_TEXT "16777216"
#define SLACK_BYTES       4096u /* what the worker may have allocated beyond, by its contract */
#define READY_MS          30000 /* an emulated guest is slow */

/* Returns 0 when the one thread has allocated what is known; says what is wrong otherwise. */
static int check_counters(pid_t pid)
{
	const struct ktstr_probe_thread *thread;
	struct ktstr_probe_snapshot *snapshot = NULL;
	struct ktstr_probe *probe = NULL;
	struct ktstr_error error;
	int failed = 1;

	if (ktstr_probe_new(&probe, NULL, &error) || ktstr_probe_open(probe, pid, &error) ||
	    ktstr_probe_snapshot_take(probe, &snapshot, &error)) {
		fprintf(stderr, "guest_test: %s\n", error.text);
	} else if (!(thread = ktstr_probe_snapshot_thread(snapshot, 0)) ||
		   thread->error_kind != KTSTR_PROBE_THREAD_OK) {
		fprintf(stderr, "guest_test: thread %d was not read: %s\n", (int)pid,
			thread ? thread->error_text : "it is not there");
	} else {
		printf("%" PRIu64 " bytes allocated, where %u are known\n", thread->allocated_bytes,
		       WORKER_BYTES);
		failed = thread->allocated_bytes < WORKER_BYTES ||
			 thread->allocated_bytes > WORKER_BYTES + SLACK_BYTES;
	}
	ktstr_probe_snapshot_free(snapshot);
	ktstr_probe_close(probe);
	return failed;
}

int main(void)
{
	const char *const argv[] = { "ktstr-jemalloc-alloc-worker", WORKER_BYTES_TEXT, NULL };
	struct ktstr_worker_ready_result ready;
	struct ktstr_payload *worker;
	struct ktstr_error error;
	int failed = 1;

	if (ktstr_payload_spawn(argv, NULL, &worker, &error)) {
		fprintf(stderr, "guest_test: %s\n", error.text);
		return EXIT_FAILURE;
	}
	if (ktstr_worker_ready_wait(worker, "worker", READY_MS, &ready, &error))
		fprintf(stderr, "guest_test: %s\n", error.text);
	else if (ready.outcome != KTSTR_WORKER_READY)
		fprintf(stderr, "guest_test: %s\n", ready.text);
	else
		failed = check_counters(ready.worker_pid);
	ktstr_payload_close(worker); /* kills it and reaps it */
	ktstr_worker_ready_marker_remove(&ready, NULL);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
