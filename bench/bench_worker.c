/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the wait against the 10 ms poll that it replaces, and the worker against a program that
 * only writes the marker. Run by `make bench`; prints medians with their spread, and the ratios.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/payload.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#include "monotonic.h"

#define ROUNDS 200
#define TIMEOUT_MS 10000
#define POLL_NS 10000000L /* the poll of the original */
#define NS_PER_US 1e3

struct samples {
	double us[ROUNDS];
	size_t count;
};

__attribute__((noreturn)) static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const struct samples *samples, double q)
{
	return samples->us[(size_t)(q * (double)(samples->count - 1) + 0.5)];
}

static double report(const char *what, struct samples *samples)
{
	qsort(samples->us, samples->count, sizeof *samples->us, compare);
	printf("%-44s %10.1f %10.1f %10.1f\n", what, quantile(samples, 0.5), quantile(samples, 0.1),
	       quantile(samples, 0.9));
	return quantile(samples, 0.5);
}

static void add(struct samples *samples, int64_t from, int64_t to)
{
	samples->us[samples->count++] = (double)(to - from) / NS_PER_US;
}

/* When the child has created its marker, for its parent to read. */
static _Atomic int64_t *created_at;

/* A child that creates its marker after a while, so that the waiter sleeps by then. */
static pid_t fork_marker_child(unsigned int round)
{
	const struct timespec while_ = {.tv_nsec = 5000000L + (long)(round * 7919u % 10000u) * 1000L};
	char path[KTSTR_WORKER_READY_PATH_SIZE];
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		give_up("fork", strerror(errno));
	if (pid > 0)
		return pid;
	nanosleep(&while_, NULL);
	(void)ktstr_worker_ready_path((uint32_t)getpid(), path, sizeof path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	atomic_store(created_at, ktstr_monotonic_now());
	if (fd < 0 || write(fd, "ready\n", 6) != 6)
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

static void end_marker_child(pid_t pid)
{
	char path[KTSTR_WORKER_READY_PATH_SIZE];

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	(void)ktstr_worker_ready_path((uint32_t)pid, path, sizeof path);
	unlink(path);
}

static int64_t wait_by_event(pid_t pid)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;

	if (ktstr_worker_ready_wait_pid(pid, "bench", TIMEOUT_MS, &result, &error))
		give_up("wait", error.text);
	if (result.outcome != KTSTR_WORKER_READY)
		give_up("wait", result.text);
	return ktstr_monotonic_now();
}

static int64_t wait_by_poll(pid_t pid)
{
	const struct timespec pause_ = {.tv_nsec = POLL_NS};
	char path[KTSTR_WORKER_READY_PATH_SIZE];
	struct stat st;

	(void)ktstr_worker_ready_path((uint32_t)pid, path, sizeof path);
	while (stat(path, &st))
		nanosleep(&pause_, NULL);
	return ktstr_monotonic_now();
}

static double measure_wait(const char *what, int64_t (*wait_for)(pid_t))
{
	struct samples samples = {.count = 0};

	for (unsigned int round = 0; round < ROUNDS; round++) {
		pid_t pid = fork_marker_child(round);
		int64_t returned_at = wait_for(pid);

		add(&samples, atomic_load(created_at), returned_at);
		end_marker_child(pid);
	}
	return report(what, &samples);
}

/* From the return of spawn, which is when exec has succeeded, to the return of the wait. */
static double measure_program(const char *what, const char *program)
{
	const char *const argv[] = {program, "16777216", NULL};
	struct samples samples = {.count = 0};

	for (int round = 0; round < ROUNDS; round++) {
		struct ktstr_worker_ready_result result;
		struct ktstr_payload *payload;
		struct ktstr_error error;
		pid_t pid;
		int64_t spawned_at;
		char path[KTSTR_WORKER_READY_PATH_SIZE];

		if (ktstr_payload_spawn(argv, NULL, &payload, &error))
			give_up("spawn", error.text);
		spawned_at = ktstr_monotonic_now();
		if (ktstr_worker_ready_wait(payload, "bench", TIMEOUT_MS, &result, &error))
			give_up("wait", error.text);
		add(&samples, spawned_at, ktstr_monotonic_now());
		if (result.outcome != KTSTR_WORKER_READY)
			give_up("wait", result.text);
		if (ktstr_payload_pid(payload, &pid) == 0 &&
		    ktstr_worker_ready_path((uint32_t)pid, path, sizeof path) == 0)
			unlink(path);
		ktstr_payload_close(payload);
	}
	return report(what, &samples);
}

int main(int argc, char **argv)
{
	double event, poll_, worker, floor_;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_worker WORKER MARKER_ONLY\n");
		return 2;
	}
	created_at = mmap(NULL, sizeof *created_at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (created_at == MAP_FAILED)
		give_up("mmap", strerror(errno));

	printf("%-44s %10s %10s %10s\n", "microseconds, 200 rounds each", "median", "10 %", "90 %");
	event = measure_wait("marker created -> wait returns, event", wait_by_event);
	poll_ = measure_wait("marker created -> wait returns, 10 ms poll", wait_by_poll);
	worker = measure_program("exec -> wait returns, worker with 16 MiB", argv[1]);
	floor_ = measure_program("exec -> wait returns, marker only", argv[2]);
	printf("wait: the 10 ms period is %.0f times the event's latency (wanted: 50 or more); the poll's own "
	       "median is %.0f times it\n",
	       1e4 / event, poll_ / event);
	printf("worker: %.2f times the program that only writes the marker (wanted: 3 or less)\n", worker / floor_);
	return EXIT_SUCCESS;
}
