/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goes the libraries' ways three times in one process; the second time is the one that inject
 * counts and lets fail, the third shows that nothing is spoilt.
 *
 *	driver probe PID auto|robust-list|ptrace|debug SNAPSHOTS [no-names]
 *	driver ready|ready-pid|ready-path|early|late WORKER
 *	driver payload SCRATCH
 *
 * On stdout, of the second round: "reading TID ALLOCATED DEALLOCATED", "unread TID KIND",
 * "snapshot", "failed CODE STEP TEXT", "outcome WORD TEXT", "status N", "output TEXT", "false-ready
 * WHY"; then "again ok" or "again TEXT", and "left FDS BLOCKS CHILDREN", each more than before that
 * round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <ktstr/payload.h>
#include <ktstr/probe.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../open_files.h"
#include "heap_count.h"
#include "mark.h"

#define WAIT_MS 5000
#define LATE_MS 300

/* The command line, by name. */
static struct {
	const char *mode, *worker, *scratch, *thread_pointer;
	pid_t pid;
	int snapshots;
	bool no_names;
} way;

static int round_number, failures;

static void mark(bool on)
{
	if (round_number == 1)
		prctl(MARK_OPTION, on, 0, 0, 0);
}

/* Tells the second round, and in the others what went wrong. Never between mark(true) and
 * mark(false). */
__attribute__((format(printf, 2, 3))) static void tell(bool bad, const char *format, ...)
{
	va_list args;

	failures += bad;
	if (round_number != 1 && !bad)
		return;
	if (round_number != 1)
		printf("again ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- the probe ---- */

static void tell_snapshot(const struct ktstr_probe_snapshot *snapshot)
{
	tell(false, "snapshot");
	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		if (thread->error_kind)
			tell(true, "unread %d %s", (int)thread->tid,
			     ktstr_probe_thread_error_name(thread->error_kind));
		else
			tell(false, "reading %d %" PRIu64 " %" PRIu64, (int)thread->tid,
			     thread->allocated_bytes, thread->deallocated_bytes);
	}
	if (ktstr_probe_snapshot_interrupted(snapshot))
		tell(true, "interrupted");
}

static void go_probe(void)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_probe_snapshot *snapshots[16] = { NULL };
	struct ktstr_error error = { 0 };
	struct ktstr_probe *probe = NULL;
	int rc, taken = 0;

	if (strcmp(way.thread_pointer, "ptrace") == 0)
		options.thread_pointer = KTSTR_PROBE_THREAD_POINTER_PTRACE;
	else if (strcmp(way.thread_pointer, "robust-list") == 0)
		options.thread_pointer = KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST;
	options.no_names = way.no_names;
	mark(true);
	rc = ktstr_probe_new(&probe, &options, NULL);
	if (rc == 0) {
		rc = ktstr_probe_open(probe, way.pid, &error);
		while (rc == 0 && taken < way.snapshots && taken < 16) {
			rc = ktstr_probe_snapshot_take(probe, &snapshots[taken], &error);
			taken += rc == 0;
		}
		ktstr_probe_close(probe);
	} else {
		error = (struct ktstr_error){ .code = rc, .step = "new" };
		snprintf(error.text, sizeof error.text, "ktstr_probe_new: %s", strerror(-rc));
	}
	mark(false);
	for (int i = 0; i < taken; i++) {
		tell_snapshot(snapshots[i]);
		ktstr_probe_snapshot_free(snapshots[i]);
	}
	if (rc)
		tell(true, "failed %s [%s] (%s) %s", strerrorname_np(-rc),
		     ktstr_probe_tag_name(error.tag), error.step, error.text);
	if (rc != error.code)
		tell(true, "failed-error %d is not %d", rc, error.code);
}

/* ---- the wait ---- */

static bool alive(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

static void check_outcome(const struct ktstr_worker_ready_result *result, const char *marker,
			  pid_t pid)
{
	struct stat st;
	bool stands = lstat(marker, &st) == 0;

	tell(false, "outcome %s %s", ktstr_worker_ready_outcome_name(result->outcome),
	     result->text);
	if (result->outcome == KTSTR_WORKER_READY && !stands)
		tell(true, "false-ready there is no %s", marker);
	if (result->outcome == KTSTR_WORKER_READY && !alive(pid))
		tell(true, "false-ready the worker has ended");
	if (result->outcome == KTSTR_WORKER_READY_EXITED_BEFORE && alive(pid))
		tell(true, "false-ready said to have exited, but it lives");
}

static void tell_failed(const char *what, int rc, const struct ktstr_error *error)
{
	if (rc)
		tell(true, "failed %s (%s) %s", strerrorname_np(-rc), what,
		     error ? error->text : "");
}

static void tell_output(int rc, const struct ktstr_payload_captured *output)
{
	tell_failed("output", rc, NULL);
	if (rc == 0)
		tell(false, "output %zu+%" PRIu64 " %.40s", output->size, output->dropped,
		     output->data);
}

static int wait_for(struct ktstr_payload *payload, const char *mode, pid_t pid, const char *marker,
		    struct ktstr_worker_ready_result *result, struct ktstr_error *error)
{
	int limit = strcmp(mode, "late") == 0 ? LATE_MS : WAIT_MS;

	if (strcmp(mode, "ready-pid") == 0)
		return ktstr_worker_ready_wait_pid(pid, "worker", limit, result, error);
	if (strcmp(mode, "ready-path") == 0)
		return ktstr_worker_ready_wait_path(payload, marker, "worker", limit, result,
						    error);
	return ktstr_worker_ready_wait(payload, "worker", limit, result, error);
}

static void end_payload(struct ktstr_payload *payload, bool captured)
{
	struct ktstr_payload_captured output = { .data = "" };
	char text[64] = "";
	int status = 0, rc, rc_output = 0;

	mark(true);
	if (captured) {
		rc_output = ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL);
		if (rc_output == 0)
			snprintf(text, sizeof text, "%.40s", output.data);
	}
	rc = ktstr_payload_kill(payload, &status, NULL);
	ktstr_payload_close(payload);
	mark(false);
	output.data = text;
	if (captured)
		tell_output(rc_output, &output);
	tell_failed("kill", rc, NULL);
	if (rc == 0)
		tell(false, "status %d", status);
}

/* Whatever the wait came to. What it says to have removed is not there any more. */
static void remove_marker(const struct ktstr_worker_ready_result *result, const char *marker)
{
	struct ktstr_error error = { 0 };
	struct stat st;
	int rc;

	mark(true);
	rc = ktstr_worker_ready_marker_remove(result, &error);
	mark(false);
	tell_failed("remove", rc, &error);
	if (rc == 0 && *result->marker_path && lstat(marker, &st) == 0)
		tell(true, "false-ready %s is said to be removed", marker);
	unlink(marker);
}

static void go_ready(void)
{
	const char *mode = way.mode, *path = getenv("FAULTS_MARKER");
	const char *argv[] = { way.worker, strcmp(mode, "early") == 0 ? "0" : "65536", NULL };
	const char *sleeper[] = { "/bin/sleep", "60", NULL };
	char marker[256], variable[300];
	const char *env_set[] = { variable, NULL };
	struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						 .out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
						 .err = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE } };
	bool by_path = strcmp(mode, "ready-path") == 0;
	struct ktstr_worker_ready_result result = { 0 };
	struct ktstr_error error = { 0 };
	struct ktstr_payload *payload = NULL;
	pid_t pid = 0;
	int rc, waited = -1;

	if (by_path) {
		snprintf(marker, sizeof marker, "%s", path ? path : "");
		snprintf(variable, sizeof variable, "%s=%s", KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV,
			 marker);
		unlink(marker);
		options = (struct ktstr_payload_options){ .size = sizeof(
								  struct ktstr_payload_options),
							  .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT,
							  .env_set = env_set };
	}
	mark(strcmp(mode, "ready-pid") != 0);
	rc = ktstr_payload_spawn(strcmp(mode, "late") == 0 ? sleeper : argv, &options, &payload,
				 &error);
	if (rc == 0) {
		ktstr_payload_pid(payload, &pid, NULL);
		if (!by_path)
			(void)ktstr_worker_ready_marker_path((uint32_t)pid, marker, sizeof marker);
		mark(true);
		waited = wait_for(payload, mode, pid, marker, &result, &error);
		mark(false);
		if (waited == 0)
			check_outcome(&result, marker, pid);
		tell_failed("wait", waited, &error);
		end_payload(payload, !by_path);
		remove_marker(&result, marker);
	}
	mark(false);
	tell_failed("spawn", rc, &error);
	if (rc && rc != error.code)
		tell(true, "failed-error %d is not %d", rc, error.code);
}

/* ---- the payload alone: every kind of stream, a directory, output, waits ---- */

static void go_payload(void)
{
	const char *argv[] = { "sh", "-c", "echo said; echo more >&2; read word; exit 7", NULL };
	char file[256];
	struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						 .cwd = "/",
						 .in = { .kind = KTSTR_PAYLOAD_STDIO_NULL },
						 .out = { .kind = KTSTR_PAYLOAD_STDIO_CAPTURE },
						 .err = { .kind = KTSTR_PAYLOAD_STDIO_FILE,
							  .path = file } };
	struct ktstr_payload_captured output = { .data = "" };
	struct ktstr_error error = { 0 };
	struct ktstr_payload *payload = NULL;
	char text[64] = "";
	int rc, tried = 0, waited = 0, status = -1, rc_output = 0;

	snprintf(file, sizeof file, "%s/payload-err", way.scratch);
	mark(true);
	rc = ktstr_payload_spawn(argv, &options, &payload, &error);
	if (rc == 0) {
		tried = ktstr_payload_try_wait(payload, &status, NULL);
		if (tried == -EAGAIN || tried == -EINTR)
			waited = ktstr_payload_wait(payload, WAIT_MS, &status, NULL);
		rc_output = ktstr_payload_output(payload, KTSTR_PAYLOAD_STDOUT, &output, NULL);
		if (rc_output == 0)
			snprintf(text, sizeof text, "%.40s", output.data);
		ktstr_payload_close(payload);
	}
	mark(false);
	tell_failed("spawn", rc, &error);
	if (rc)
		return;
	text[strcspn(text, "\n")] = '\0';
	output.data = text;
	tell_output(rc_output, &output);
	if (tried && tried != -EAGAIN)
		tell_failed("try_wait", tried, NULL);
	tell_failed("wait", waited, NULL);
	if (waited == 0)
		tell(status != 7 << 8, "status %d", status);
	if (rc_output == 0 && output.dropped == 0 && strcmp(text, "said") != 0)
		tell(true, "lost output");
}

/* ---- around ---- */

/* Reaped: 0 when there is none left. */
static int children(void)
{
	siginfo_t info;
	int count = 0;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0) {
		count++;
		if (info.si_pid == 0)
			break; /* one that still runs: inject ends it */
	}
	return count;
}

int main(int argc, char **argv)
{
	void (*go)(void) = go_ready;
	int fds = 0, left = 0;
	long blocks = 0;

	if (argc < 3)
		return 2;
	way.mode = argv[1];
	way.worker = way.scratch = argv[2];
	if (strcmp(way.mode, "payload") == 0) {
		go = go_payload;
	} else if (strcmp(way.mode, "probe") == 0) {
		if (argc < 5)
			return 2;
		go = go_probe;
		way.pid = (pid_t)atoi(argv[2]);
		way.thread_pointer = argv[3];
		way.snapshots = atoi(argv[4]);
		way.no_names = argc > 5;
	}
	heap_settle();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("begin\n"); /* stdout has its buffer */
	for (round_number = 0; round_number < 3; round_number++) {
		fds = open_files();
		blocks = heap_blocks();
		failures = 0;
		go();
		if (round_number == 1)
			printf("left %d %ld %d\n", open_files() - fds, heap_blocks() - blocks,
			       children());
		else
			left += failures;
	}
	printf("again %s\n", left ? "bad" : "ok");
	return 0;
}
