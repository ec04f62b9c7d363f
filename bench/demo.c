/* SPDX-License-Identifier: BSD-2-Clause */
/* The main job on a terminal: spawn a worker with a known heap, wait for it, read it from outside.
 */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/payload.h>
#include <ktstr/probe.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#include "shared/clock.h"

#define DEMO_BYTES      "16777216" /* 16 MiB */
#define DEMO_TIMEOUT_MS 10000

static double ms_since(int64_t start)
{
	return (double)(clock_ns(CLOCK_MONOTONIC) - start) / (double)NS_PER_MS;
}

static void step(int64_t start, const char *what, const char *detail)
{
	printf("%9.3f ms  %-8s %s\n", ms_since(start), what, detail);
}

static int wait_and_show(struct ktstr_payload *worker, int64_t start)
{
	struct ktstr_worker_ready_result ready;
	struct ktstr_payload_captured output;
	struct ktstr_error error;

	if (ktstr_worker_ready_wait(worker, "demo-worker", DEMO_TIMEOUT_MS, &ready, &error)) {
		fprintf(stderr, "demo: %s\n", error.text);
		return -1;
	}
	step(start, ktstr_worker_ready_outcome_name(ready.outcome), ready.text);
	if (ready.outcome != KTSTR_WORKER_READY) {
		if (!ktstr_payload_output(worker, KTSTR_PAYLOAD_STDERR, &output, NULL) &&
		    output.size)
			fprintf(stderr, "demo: the worker said: %s", output.data);
		return -1;
	}
	return 0;
}

static int read_and_show(pid_t pid, int64_t start)
{
	struct ktstr_probe_snapshot *snapshot = NULL;
	struct ktstr_error error = { .text = "out of memory" };
	struct ktstr_probe *probe = NULL;
	char text[256];
	int rc = ktstr_probe_new(&probe, NULL, NULL);

	if (!rc)
		rc = ktstr_probe_open(probe, pid, &error);
	if (!rc) {
		step(start, "found", ktstr_probe_jemalloc_path(probe));
		rc = ktstr_probe_snapshot_take(probe, &snapshot, &error);
	}
	if (rc)
		fprintf(stderr, "demo: %s\n", error.text);
	for (size_t i = 0; !rc && i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		snprintf(text, sizeof text,
			 "tid %d: %" PRIu64 " bytes allocated, %" PRIu64 " deallocated%s%s",
			 (int)thread->tid, thread->allocated_bytes, thread->deallocated_bytes,
			 thread->error_text ? ": " : "",
			 thread->error_text ? thread->error_text : "");
		step(start, "read", text);
	}
	ktstr_probe_snapshot_free(snapshot);
	ktstr_probe_close(probe);
	return rc;
}

/* The worker says it after its marker exists: the reading may well be done before. */
static int await_breadcrumb(struct ktstr_payload *worker, int64_t start)
{
	const struct timespec pause = { .tv_nsec = NS_PER_MS };
	struct ktstr_payload_captured output;

	while (!ktstr_payload_output(worker, KTSTR_PAYLOAD_STDOUT, &output, NULL)) {
		if (memchr(output.data, '\n', output.size))
			return 0;
		if (ms_since(start) > DEMO_TIMEOUT_MS)
			break;
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "demo: the worker has not said that it is ready\n");
	return -1;
}

int main(int argc, char **argv)
{
	const char *worker_path = argc > 1 ? argv[1] : BUILT_WORKER;
	const char *const worker_argv[] = { worker_path, DEMO_BYTES, NULL };
	const struct ktstr_payload_options options = {
		.size = sizeof(struct ktstr_payload_options),
		.flags = KTSTR_PAYLOAD_DIE_WITH_PARENT,
		.out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
		.err = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
	};
	char marker[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	struct ktstr_payload *worker;
	struct ktstr_payload_captured output;
	struct ktstr_error error;
	char text[512];
	pid_t pid = 0;
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	bool failed;
	int status;

	printf("A worker makes one known allocation of 16 MiB; this program waits for it, and "
	       "reads it from outside.\n");
	if (ktstr_payload_spawn(worker_argv, &options, &worker, &error)) {
		fprintf(stderr, "demo: %s\n", error.text);
		return EXIT_FAILURE;
	}
	ktstr_payload_pid(worker, &pid, NULL);
	snprintf(text, sizeof text, "%s %s as pid %d", worker_path, DEMO_BYTES, (int)pid);
	step(start, "spawned", text);

	failed = wait_and_show(worker, start) != 0;
	if (!failed)
		failed = read_and_show(pid, start) != 0;
	if (!failed)
		failed = await_breadcrumb(worker, start) != 0;

	if (ktstr_payload_kill(worker, &status, NULL) == 0) {
		snprintf(text, sizeof text,
			 WIFSIGNALED(status) ? "the worker, by signal %d"
					     : "the worker had ended with status %d",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		step(start, "killed", text);
	}
	if (!failed && !ktstr_payload_output(worker, KTSTR_PAYLOAD_STDOUT, &output, NULL))
		printf("The worker said of itself: %s", output.data);
	ktstr_payload_close(worker);
	if (ktstr_worker_ready_marker_path((uint32_t)pid, marker, sizeof marker) == 0)
		unlink(marker);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
