/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes a short-lived program from its start to its end, again and again, each round in sessions
 * of its own, as fast as the library allows.
 *
 *	probe_rounds ROUNDS PROGRAM [ARGUMENT...]
 *
 * On stdout: a line "KIND NAME ALLOCATED DEALLOCATED" for each reading ("main" or "other") that
 * differs from those before, "failure TAG" and "thread KIND" likewise, and at the end "opened N",
 * "readings N", "descriptors MORE-THAN-AT-THE-START" and "grown KIB".
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <ktstr/probe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../open_files.h"

static char seen[4096][96];
static size_t seen_count;
static unsigned long opened, readings;

static void tell_once(const char *line)
{
	for (size_t i = 0; i < seen_count; i++)
		if (strcmp(seen[i], line) == 0)
			return;
	if (seen_count == sizeof seen / sizeof *seen) {
		puts("failure too-many-different-lines");
		exit(1);
	}
	snprintf(seen[seen_count++], sizeof *seen, "%s", line);
	puts(line);
}

static void tell_snapshot(pid_t pid, const struct ktstr_probe_snapshot *snapshot)
{
	char line[96];

	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		if (thread->error_kind)
			snprintf(line, sizeof line, "thread %s",
				 ktstr_probe_thread_error_name(thread->error_kind));
		else
			snprintf(line, sizeof line, "%s %s %" PRIu64 " %" PRIu64,
				 thread->tid == pid ? "main" : "other",
				 thread->has_name ? thread->comm : "?", thread->allocated_bytes,
				 thread->deallocated_bytes);
		tell_once(line);
		readings += !thread->error_kind;
	}
}

/* One session: until the program has ended or has become another. */
static void probe(pid_t pid)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	struct ktstr_probe *session;
	char line[96];
	int rc;

	if (ktstr_probe_new(&session, NULL, NULL)) {
		puts("failure no-session");
		exit(1);
	}
	rc = ktstr_probe_open(session, pid, &error);
	opened += rc == 0;
	while (rc == 0) {
		rc = ktstr_probe_snapshot_take(session, &snapshot, &error);
		if (rc == 0) {
			tell_snapshot(pid, snapshot);
			ktstr_probe_snapshot_free(snapshot);
		}
	}
	snprintf(line, sizeof line, "failure %s", ktstr_probe_tag_name(error.tag));
	tell_once(line);
	if (error.tag == KTSTR_PROBE_TAG_OTHER) {
		snprintf(line, sizeof line, "why %s, errno %d", error.step, -error.code);
		tell_once(line);
	}
	ktstr_probe_close(session);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *in = fopen("/proc/self/statm", "r");

	if (in) {
		if (fscanf(in, "%*d %ld", &pages) != 1)
			pages = 0;
		fclose(in);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
	int at_start = open_files();
	long warm_kib = 0, rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

	for (long round = 0; round < rounds; round++) {
		siginfo_t ended = { .si_pid = 0 };
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			execv(argv[2], argv + 2);
			_exit(127);
		}
		if (pid < 0) {
			puts("failure fork");
			return 1;
		}
		/* Not reaped while it is probed: the pid stays its own. */
		while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		       !ended.si_pid)
			probe(pid);
		probe(pid); /* the zombie */
		waitpid(pid, NULL, 0);
		if (round == rounds / 10)
			warm_kib = resident_kib();
	}
	printf("opened %lu\nreadings %lu\ndescriptors %d\ngrown %ld\n", opened, readings,
	       open_files() - at_start, resident_kib() - warm_kib);
	return 0;
}
