/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes one process in many sessions at once, from threads of their own, each in its own way,
 * while others are cancelled from yet another thread.
 *
 *	many_sessions PID ROUNDS
 *
 * On stdout: a line "thread TID ALLOCATED DEALLOCATED" for each reading that differs from those
 * before, "failure TAG: TEXT" and "error KIND: TEXT" for what failed without having been
 * cancelled; at the end "isolation HOW" for each way of reading files that was taken, "completed
 * N", "cancelled N" and "descriptors MORE-THAN-AT-THE-START".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <ktstr/probe.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../open_files.h"

#define SNAPSHOTS 3

/* Of one process a single session at a time may stop threads: ptrace(2) has room for one tracer. */
static const struct ktstr_probe_options ways[] = {
	{ .size = sizeof *ways },
	{ .size = sizeof *ways, .debuginfo = KTSTR_PROBE_DEBUGINFO_OFF },
	{ .size = sizeof *ways, .no_names = 1 },
	{ .size = sizeof *ways, .thread_pointer = KTSTR_PROBE_THREAD_POINTER_PTRACE },
	{ .size = sizeof *ways },
	{ .size = sizeof *ways, .thread_pointer = KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	{ .size = sizeof *ways, .no_names = 1, .debuginfo = KTSTR_PROBE_DEBUGINFO_OFF },
};
#define THREADS (sizeof ways / sizeof *ways)

static pid_t target;
static long rounds;
static atomic_ulong completed, cancelled, running;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* what stands below */
static struct ktstr_probe *exposed[THREADS];             /* to be cancelled */
static char seen[1024][256];
static size_t seen_count;

__attribute__((format(printf, 1, 2))) static void tell_once(const char *format, ...)
{
	char line[sizeof *seen];
	va_list args;
	size_t i = 0;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	while (i < seen_count && strcmp(seen[i], line) != 0)
		i++;
	if (i == seen_count) {
		if (seen_count == sizeof seen / sizeof *seen)
			abort(); /* far more than there can be */
		strcpy(seen[seen_count++], line);
		puts(line);
	}
	pthread_mutex_unlock(&lock);
}

static void tell_snapshot(const struct ktstr_probe_snapshot *snapshot)
{
	for (size_t i = 0; i < ktstr_probe_snapshot_count(snapshot); i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		if (!thread->error_kind)
			tell_once("thread %d %" PRIu64 " %" PRIu64, (int)thread->tid,
				  thread->allocated_bytes, thread->deallocated_bytes);
		else if (!ktstr_probe_snapshot_interrupted(snapshot))
			tell_once("error %s: %s", ktstr_probe_thread_error_name(thread->error_kind),
				  thread->error_text);
	}
}

/* Its first line "isolation: PATH: HOW". */
static void tell_isolation(struct ktstr_probe *session)
{
	const char *line = strstr(ktstr_probe_explain(session), "isolation: "),
		   *how = line ? strstr(line + 11, ": ") : NULL;

	if (how)
		tell_once("isolation %.*s", (int)strcspn(how + 2, "\n"), how + 2);
}

/* Returns whether it was cancelled. to_the_end: it goes on until it is. */
static bool look(struct ktstr_probe *session, bool to_the_end)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	int rc = ktstr_probe_open(session, target, &error);
	bool interrupted = false;

	tell_isolation(session);
	for (int i = 0; rc == 0 && !interrupted && (to_the_end || i < SNAPSHOTS); i++) {
		rc = ktstr_probe_snapshot_take(session, &snapshot, &error);
		if (rc)
			break;
		interrupted = ktstr_probe_snapshot_interrupted(snapshot);
		tell_snapshot(snapshot);
		ktstr_probe_snapshot_free(snapshot);
	}
	if (rc && !(to_the_end && rc == -ECANCELED))
		tell_once("failure %s: %s", ktstr_probe_tag_name(error.tag), error.text);
	return interrupted || rc == -ECANCELED;
}

static void expose(size_t index, struct ktstr_probe *session)
{
	pthread_mutex_lock(&lock);
	exposed[index] = session;
	pthread_mutex_unlock(&lock);
}

/* The even ones come to their end, the odd ones are cancelled. */
static void *run_sessions(void *argument)
{
	size_t index = (size_t)(uintptr_t)argument;
	struct ktstr_probe *session;

	for (long i = 0; i < rounds; i++) {
		if (ktstr_probe_new(&session, &ways[index], NULL)) {
			tell_once("failure no session");
			break;
		}
		if (index % 2)
			expose(index, session);
		atomic_fetch_add(look(session, index % 2) ? &cancelled : &completed, 1);
		expose(index, NULL);
		ktstr_probe_close(session);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/* At any moment: after a while that differs from time to time. */
static void cancel_some(void)
{
	unsigned int seed = 1;

	while (atomic_load(&running)) {
		size_t index = (size_t)rand_r(&seed) % THREADS;

		usleep((useconds_t)(rand_r(&seed) % 5000));
		pthread_mutex_lock(&lock);
		if (exposed[index])
			ktstr_probe_cancel(exposed[index]);
		pthread_mutex_unlock(&lock);
	}
}

int main(int argc, char **argv)
{
	int at_start = open_files();
	pthread_t threads[THREADS];

	if (argc != 3)
		return 2;
	target = (pid_t)strtol(argv[1], NULL, 10);
	rounds = strtol(argv[2], NULL, 10);
	atomic_store(&running, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run_sessions, (void *)(uintptr_t)i))
			return 1;
	cancel_some();
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("completed %lu\ncancelled %lu\ndescriptors %d\n", atomic_load(&completed),
	       atomic_load(&cancelled), open_files() - at_start);
	return 0;
}
