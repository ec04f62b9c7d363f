/* SPDX-License-Identifier: BSD-2-Clause */
/* Running the probe inside the guest, and reading its text. */
#include "config.h"

#include "guest_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void keep(struct ktstr_payload *payload, enum ktstr_payload_output_stream stream, char *text,
		 size_t size)
{
	struct ktstr_payload_captured output;

	require(!ktstr_payload_output(payload, stream, &output, NULL), "no output was captured");
	require(output.size < size, "%zu bytes of output are too many", output.size);
	memcpy(text, output.data, output.size + 1);
}

void probe_argv(struct probe_run *run, const char *const argv[])
{
	pid_t pid;
	struct ktstr_payload *payload = start(argv, &pid);

	require(!ktstr_payload_wait(payload, PATIENCE_MS, &run->status, NULL),
		"the probe does not end");
	keep(payload, KTSTR_PAYLOAD_STDOUT, run->out, sizeof run->out);
	keep(payload, KTSTR_PAYLOAD_STDERR, run->err, sizeof run->err);
	ktstr_payload_close(payload);
}

void probe(struct probe_run *run, pid_t pid, const char *const more[])
{
	const char *argv[8] = { PROBE_PATH, "-p" };
	char number[16];
	int count = 3;

	snprintf(number, sizeof number, "%d", (int)pid);
	argv[2] = number;
	for (; more && *more && count < 7; more++)
		argv[count++] = *more;
	argv[count] = NULL;
	probe_argv(run, argv);
}

/* The first line behind the head of the n-th snapshot, or NULL. */
static const char *snapshot_lines(const struct probe_run *run, int snapshot)
{
	const char *at = run->out;

	for (int i = 0; at && i <= snapshot; i++) {
		at = strstr(at, "\n--- snapshot ");
		at = at ? strchr(at + 1, '\n') : NULL;
	}
	return at;
}

/* Calls for the next line of a thread in this snapshot; at stands on a newline. */
static const char *next_thread(const char *at, struct probe_thread *thread)
{
	int tid;

	if (!at ||
	    sscanf(at, "\ntid=%d comm=%*s allocated_bytes=%" SCNu64 " deallocated_bytes=%" SCNu64,
		   &tid, &thread->allocated, &thread->deallocated) != 3)
		return NULL;
	thread->tid = tid;
	return strchr(at + 1, '\n');
}

bool probe_find(const struct probe_run *run, int snapshot, pid_t tid, struct probe_thread *thread)
{
	const char *at = snapshot_lines(run, snapshot);

	while ((at = next_thread(at, thread)))
		if (thread->tid == tid)
			return true;
	return false;
}

int probe_count(const struct probe_run *run, int snapshot)
{
	const char *at = snapshot_lines(run, snapshot);
	struct probe_thread thread;
	int count = 0;

	while ((at = next_thread(at, &thread)))
		count++;
	return count;
}

void require_in_band(const struct probe_run *run, int snapshot, pid_t pid, uint64_t bytes,
		     uint64_t band)
{
	struct probe_thread thread;

	require(WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0,
		"the probe ended with wait status %#x: %s%s", (unsigned)run->status, run->out,
		run->err);
	require(probe_find(run, snapshot, pid, &thread), "thread %d was not read: %s%s", (int)pid,
		run->out, run->err);
	require(thread.allocated >= bytes && thread.allocated <= bytes + band &&
			thread.deallocated <= band,
		"%" PRIu64 " bytes allocated and %" PRIu64 " freed, where %" PRIu64
		" and at most %" PRIu64 " more are known",
		thread.allocated, thread.deallocated, bytes, band);
}

void require_known(pid_t pid)
{
	struct probe_run run;

	probe(&run, pid, NULL);
	require_in_band(&run, 0, pid, BYTES, BAND);
	require(probe_count(&run, 0) == 1, "more than the one thread: %s", run.out);
}

void require_fatal(const struct probe_run *run, const char *tag, const char *part)
{
	char line[64];
	size_t size = (size_t)snprintf(line, sizeof line, "ktstr-probe-fatal: %s\n", tag);

	printf("%s", run->err);
	require(WIFEXITED(run->status) && WEXITSTATUS(run->status) == 1,
		"the probe ended with wait status %#x, where it should refuse: %s",
		(unsigned)run->status, run->out);
	require(strncmp(run->err, line, size) == 0, "this is not %s", line);
	require(strncmp(run->err + size, "error: ", 7) == 0 && strstr(run->err, part),
		"\"%s\" is not told", part);
	require(run->out[0] == '\0', "a refusal with output: %s", run->out);
}
