/* SPDX-License-Identifier: BSD-2-Clause */
/* The closed loop inside the guest: known allocation, snapshots, churn, refusals, killed workers.
 */
#include "config.h"

#include "guest_test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/worker_ready.h>

#define CHURN_BAND (128u << 10) /* each thread's start allocates a little on the main thread */

/* One /tmp and one number for both sides, then the exact figure. */
static void known_allocation(const char *worker, const struct guest_test *test)
{
	char path[64], content[16] = "", breadcrumb[128];
	struct ktstr_payload_captured output;
	struct ktstr_payload *payload;
	int waited = 0, fd;
	pid_t pid;

	(void)test;
	payload = start_ready(worker, &pid);
	snprintf(path, sizeof path, "/tmp/ktstr-worker-ready-%d", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	require(fd >= 0, "%s: %m", path);
	require(read(fd, content, sizeof content - 1) == 6 && strcmp(content, "ready\n") == 0,
		"%s holds: %s", path, content);
	close(fd);
	require_known(pid);
	/* The line follows the marker, so it may still be on its way. */
	snprintf(breadcrumb, sizeof breadcrumb,
		 "jemalloc-alloc-worker ready pid=%d bytes=" BYTES_TEXT "\n", (int)pid);
	do
		require(!ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL),
			"no output");
	while (output.size < strlen(breadcrumb) && waited++ < PATIENCE_MS && usleep(1000) == 0);
	require(strcmp(output.data, breadcrumb) == 0, "the worker said: %s", output.data);
}

static void three_snapshots(const char *worker, const struct guest_test *test)
{
	const char *const more[] = { "--snapshots", "3", "--interval-ms", "50", NULL };
	struct probe_thread before = { 0 }, after;
	struct probe_run run;
	pid_t pid;

	(void)test;
	start_ready(worker, &pid);
	probe(&run, pid, more);
	for (int i = 0; i < 3; i++) {
		require_in_band(&run, i, pid, BYTES, BAND);
		require(probe_find(&run, i, pid, &after), "snapshot %d has gone", i);
		require(after.allocated >= before.allocated &&
				after.deallocated >= before.deallocated,
			"a counter fell: %s", run.out);
		before = after;
	}
	require(!strstr(run.out, "--- snapshot 4"), "a fourth snapshot");
}

/*
 * Thread pointers by a short stop of each thread. Many rounds: whether the stopping thread of the
 * probe has to be cancelled, for which the C library loads another library, is a matter of moments.
 */
static void by_ptrace(const char *worker, const struct guest_test *test)
{
	const char *const more[] = { "--thread-pointer=ptrace", NULL };
	struct probe_run run;
	pid_t pid;

	(void)test;
	start_ready(worker, &pid);
	for (int round = 0; round < 20; round++) {
		probe(&run, pid, more);
		require_in_band(&run, 0, pid, BYTES, BAND);
	}
}

static void churn(const char *worker, const struct guest_test *test)
{
	const char *const more[] = { "--snapshots", "5", "--interval-ms", "2", NULL };
	int crowds = 0;

	(void)test;
	require(sysconf(_SC_NPROCESSORS_ONLN) == 2, "%ld CPUs where 2 are needed",
		sysconf(_SC_NPROCESSORS_ONLN));
	for (int round = 0; round < 10; round++) {
		struct ktstr_payload *payload;
		struct probe_run run;
		int status;
		pid_t pid;

		payload = start((const char *[]){ worker, "--churn", BYTES_TEXT, NULL }, &pid);
		wait_for(payload, KTSTR_WORKER_READY);
		probe(&run, pid, more);
		for (int i = 0; i < 5; i++) {
			require_in_band(&run, i, pid, BYTES, CHURN_BAND);
			crowds += probe_count(&run, i) > 1 || strstr(run.err, "thread-exited");
		}
		require(ktstr_payload_try_wait(payload, &status, NULL) != 0,
			"the probe ended the worker");
		ktstr_payload_close(payload);
	}
	require(crowds > 0, "no other thread was seen in 50 snapshots");
	printf("other threads were met in %d of 50 snapshots\n", crowds);
}

static void missing_pid(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	struct ktstr_error error;
	struct probe_run run;
	pid_t pid;

	(void)test;
	payload = start_ready(worker, &pid);
	ktstr_payload_close(payload);
	probe(&run, pid, NULL);
	require_fatal(&run, "pid-missing", "");
	require(ktstr_worker_ready_wait_pid(pid, "worker", PATIENCE_MS, &result, &error) == -ESRCH,
		"the wait for a pid that does not exist succeeded");
	probe(&run, 2147483647, NULL);
	require_fatal(&run, "pid-missing", "");
}

/* Processes without jemalloc: this driver (dynamic, the C library's malloc). */
static void not_jemalloc(const char *worker, const struct guest_test *test)
{
	struct probe_run run;
	pid_t pid;

	(void)worker, (void)test;
	start((const char *[]){ DRIVER_PATH, "pause", NULL }, &pid);
	probe(&run, pid, NULL);
	require_fatal(&run, "jemalloc-not-found", "");
}

/* Killed by another process while the wait sleeps. */
static void killed_before(const char *worker, const struct guest_test *test)
{
	const struct timespec moment = { .tv_nsec = 200000000 };
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	pid_t pid;

	(void)test;
	payload = start_stopped_early((const char *[]){ worker, BYTES_TEXT, NULL }, &pid);
	if (fork() == 0) {
		nanosleep(&moment, NULL);
		_exit(kill(pid, SIGKILL));
	}
	result = wait_for(payload, KTSTR_WORKER_READY_EXITED_BEFORE);
	require(result.wait_status_known && WIFSIGNALED(result.wait_status) &&
			WTERMSIG(result.wait_status) == SIGKILL,
		"wait status %#x", (unsigned)result.wait_status);
	require(strstr(result.text, "signal 9"), "the signal is not told");
	require(!marker_exists(pid), "a marker stands");
}

static void killed_after(const char *worker, const struct guest_test *test)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_payload *payload;
	struct probe_run run;
	int status;
	pid_t pid;

	(void)test;
	payload = start_ready(worker, &pid);
	require(!kill(pid, SIGKILL), "cannot kill %d: %m", (int)pid);
	/* Its end is waited for without reaping it: what the probe meets is a zombie. */
	require(!waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), "waitid: %m");
	result = wait_for(payload, KTSTR_WORKER_READY_EXITED_AFTER);
	require(result.wait_status_known && WIFSIGNALED(result.wait_status) &&
			WTERMSIG(result.wait_status) == SIGKILL,
		"wait status %#x", (unsigned)result.wait_status);
	probe(&run, pid, NULL);
	require_fatal(&run, "pid-missing", "");
	require(!ktstr_payload_wait(payload, PATIENCE_MS, &status, NULL) &&
			status == result.wait_status,
		"the handle tells another status");
}

const struct guest_test loop_tests[] = {
	{ .name = "the known allocation is read from outside, within its band",
	  .run = known_allocation },
	{ .name = "three snapshots never fall", .run = three_snapshots },
	{ .name = "it is read by ptrace 20 times, within its band", .run = by_ptrace },
	{ .name = "threads that come and go are read 10 times with 2 CPUs", .run = churn },
	{ .name = "a pid that does not exist is fatal", .run = missing_pid },
	{ .name = "a process without jemalloc is refused", .run = not_jemalloc },
	{ .name = "a worker killed before its marker has exited before", .run = killed_before },
	{ .name = "a worker killed after its marker has exited after", .run = killed_after },
	{ .name = NULL },
};
