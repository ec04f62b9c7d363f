/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the bench looks at from outside: a jemalloc process that parks N threads, spins on a clock,
 * or allocates as fast as it can. Parked and busy are ended by a
 * signal.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <jemalloc/jemalloc.h>

#include "shared/clock.h"

#define STACK_BYTES   65536
#define HISTORY_BYTES 1024
#define GAP_NS        INT64_C(20000) /* shorter than any stop, longer than most interrupts */
#define SPIN_LIVE     64             /* blocks that the busy target holds at a time */

static pthread_barrier_t all_here;

__attribute__((noreturn)) static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "target: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void *park(void *argument)
{
	/* Stored through a volatile pointer, so that the allocation is not optimised away. */
	void *volatile block = malloc(HISTORY_BYTES);

	(void)argument;
	if (!block)
		give_up("malloc", "out of memory");
	free(block);
	pthread_barrier_wait(&all_here);
	for (;;)
		pause();
	return NULL;
}

/* The main thread is the first of `threads`. */
static void start_parked(unsigned int threads)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *volatile block = malloc(HISTORY_BYTES);
	int rc;

	free(block);
	pthread_barrier_init(&all_here, NULL, threads);
	pthread_attr_init(&attr);
	rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned int i = 1; i < threads && rc == 0; i++)
		rc = pthread_create(&thread, &attr, park, NULL);
	if (rc)
		give_up("pthread_create", strerror(rc));
	pthread_barrier_wait(&all_here);
}

/* Where the counters and the robust list are, relative to the thread pointer: what the floor must
 * know. */
static void say_ready(void)
{
	uintptr_t self = (uintptr_t)__builtin_thread_pointer();
	uint64_t *allocated = NULL, *deallocated = NULL;
	size_t size = sizeof allocated;
	uintptr_t head = 0;

	if (mallctl("thread.allocatedp", &allocated, &size, NULL, 0) ||
	    mallctl("thread.deallocatedp", &deallocated, &size, NULL, 0) ||
	    deallocated - allocated != 2)
		give_up("jemalloc", "its counters are not as the bench expects them");
	if (syscall(SYS_get_robust_list, 0, &head, &size))
		give_up("get_robust_list", strerror(errno));
	printf("ready %" PRId64 " %" PRId64 "\n", (int64_t)((uintptr_t)allocated - self),
	       (int64_t)(head - self));
}

/* One block in turn is freed and allocated anew, in sizes that the thread cache serves. */
static uint64_t allocate_for(int64_t until)
{
	static void *volatile blocks[SPIN_LIVE];
	uint64_t rounds = 0;

	do {
		for (int i = 0; i < 1000; i++, rounds++) {
			free(blocks[rounds % SPIN_LIVE]);
			blocks[rounds % SPIN_LIVE] = malloc(16 + rounds % 1000);
		}
	} while (clock_ns(CLOCK_MONOTONIC) < until);
	return rounds;
}

/* How long this thread was kept from running while it could have: proc_pid_schedstat, second
 * number. */
static int64_t waited_for_cpu_ns(void)
{
	int64_t on_cpu = 0, waited = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (file && fscanf(file, "%" SCNd64 " %" SCNd64, &on_cpu, &waited) != 2)
		waited = 0;
	if (file)
		fclose(file);
	return waited;
}

/* Answers "sum of gaps, greatest gap, time waited for a processor", in nanoseconds. */
static void spin(int64_t window_ns)
{
	int64_t waited = waited_for_cpu_ns(), start = clock_ns(CLOCK_MONOTONIC), before = start,
		sum = 0, greatest = 0;

	while (before < start + window_ns) {
		int64_t now = clock_ns(CLOCK_MONOTONIC), gap = now - before;

		before = now;
		if (gap > GAP_NS)
			sum += gap;
		if (gap > greatest)
			greatest = gap;
	}
	printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", sum, greatest,
	       waited_for_cpu_ns() - waited);
}

/* Answers "allocations, nanoseconds of wall time, of which waited for a processor". */
static void allocate(int64_t window_ns)
{
	int64_t waited = waited_for_cpu_ns(), start = clock_ns(CLOCK_MONOTONIC);
	uint64_t rounds = allocate_for(start + window_ns);
	int64_t took = clock_ns(CLOCK_MONOTONIC) - start;

	printf("%" PRIu64 " %" PRId64 " %" PRId64 "\n", rounds, took, waited_for_cpu_ns() - waited);
}

/* Then each line on stdin is a job for the main thread: "spin MS" or "allocate MS". */
int main(int argc, char **argv)
{
	unsigned int threads = argc == 2 ? (unsigned int)atoi(argv[1]) : 0;
	static char in[256], out[256];
	char line[64], job[16];
	int ms;

	if (threads == 0) {
		fprintf(stderr, "usage: target THREADS\n");
		return 2;
	}
	/* Once it is ready it allocates nothing more, unless it is told to. */
	setvbuf(stdin, in, _IOFBF, sizeof in);
	setvbuf(stdout, out, _IOLBF, sizeof out);
	start_parked(threads);
	say_ready();
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%15s %d", job, &ms) != 2)
			return 2;
		if (strcmp(job, "spin") == 0)
			spin(ms * NS_PER_MS);
		else
			allocate(ms * NS_PER_MS);
	}
	return EXIT_SUCCESS;
}
