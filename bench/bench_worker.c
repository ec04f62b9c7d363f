/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the wait against the 10 ms poll that it replaces, and the worker against a program that
 * only writes the marker. Run by `make bench`; prints medians with their spread, and the ratios.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/*
 * The child: after delay_us it creates its marker, which holds the time of its creation, and parks.
 * By then the waiter sleeps.
 */
__attribute__((noreturn)) static void be_marker_child(long delay_us)
{
	const struct timespec delay = {.tv_nsec = delay_us * 1000L};
	char path[KTSTR_WORKER_READY_PATH_SIZE], text[32];
	int fd;

	nanosleep(&delay, NULL);
	(void)ktstr_worker_ready_path((uint32_t)getpid(), path, sizeof path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	snprintf(text, sizeof text, "%" PRId64 "\n", ktstr_monotonic_now());
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

/* A poll may see the marker before its content: that is waited for here, outside of what is measured. */
static int64_t creation_time(const char *path)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int64_t created_at = 0;

	for (int tries = 0; tries < 1000 && created_at == 0; tries++) {
		FILE *file = fopen(path, "re");

		if (file && fscanf(file, "%" SCNd64, &created_at) != 1)
			nanosleep(&moment, NULL);
		if (file)
			fclose(file);
	}
	if (created_at == 0)
		give_up(path, "holds no time");
	return created_at;
}

static void wait_by_event(struct ktstr_payload *payload, const char *path)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;

	(void)path;
	if (ktstr_worker_ready_wait(payload, "bench", TIMEOUT_MS, &result, &error))
		give_up("wait", error.text);
	if (result.outcome != KTSTR_WORKER_READY)
		give_up("wait", result.text);
}

static void wait_by_poll(struct ktstr_payload *payload, const char *path)
{
	const struct timespec pause_ = {.tv_nsec = POLL_NS};
	struct stat st;

	(void)payload;
	while (stat(path, &st))
		nanosleep(&pause_, NULL);
}

static double measure_wait(const char *what, void (*wait_for)(struct ktstr_payload *, const char *))
{
	struct samples samples = {.count = 0};

	for (unsigned int round = 0; round < ROUNDS; round++) {
		char delay[16], path[KTSTR_WORKER_READY_PATH_SIZE];
		const char *const argv[] = {"/proc/self/exe", "--marker-child", delay, NULL};
		struct ktstr_payload *payload;
		struct ktstr_error error;
		int64_t returned_at;
		pid_t pid = 0;

		snprintf(delay, sizeof delay, "%u", 5000 + round * 7919 % 10000); /* across a poll's whole period */
		if (ktstr_payload_spawn(argv, NULL, &payload, &error))
			give_up("spawn", error.text);
		ktstr_payload_pid(payload, &pid);
		(void)ktstr_worker_ready_path((uint32_t)pid, path, sizeof path);
		wait_for(payload, path);
		returned_at = ktstr_monotonic_now();
		add(&samples, creation_time(path), returned_at);
		ktstr_payload_close(payload);
		unlink(path);
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

	if (argc == 3 && strcmp(argv[1], "--marker-child") == 0)
		be_marker_child(atol(argv[2]));
	if (argc != 3) {
		fprintf(stderr, "usage: bench_worker WORKER MARKER_ONLY\n");
		return 2;
	}

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
