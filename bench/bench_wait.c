/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wait against the 10 ms poll that it replaces, and the worker against a program that only
 * writes the marker.
 */
#include "config.h"

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/payload.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#define ROUNDS     200u
#define TIMEOUT_MS 10000
#define POLL_NS    10000000L /* the poll of the original */
#define POLL_US    10000.0

/* Creates its marker after delay_us, which holds the time of its creation, and parks. By then the
 * waiter sleeps. */
void bench_marker_child(long delay_us)
{
	const struct timespec delay = { .tv_nsec = delay_us * 1000L };
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE], text[32];
	int fd;

	nanosleep(&delay, NULL);
	(void)ktstr_worker_ready_marker_path((uint32_t)getpid(), path, sizeof path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	snprintf(text, sizeof text, "%.3f\n", now_us());
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

/* A poll may see the marker before its content: that is waited for here, outside of what is
 * measured. */
static double creation_time(const char *path)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	char text[32], *end;

	for (int tries = 0; tries < 1000; tries++) {
		FILE *file = fopen(path, "re");
		size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
		double created_at;

		if (file)
			fclose(file);
		text[size] = '\0';
		created_at = strtod(text, &end);
		if (*end == '\n')
			return created_at;
		nanosleep(&moment, NULL);
	}
	give_up(path, "holds no time");
}

static void wait_by_event(struct ktstr_payload *payload)
{
	struct ktstr_worker_ready_result result;
	struct ktstr_error error;

	if (ktstr_worker_ready_wait(payload, "bench", TIMEOUT_MS, &result, &error))
		give_up("wait", error.text);
	if (result.outcome != KTSTR_WORKER_READY)
		give_up("wait", result.text);
}

static void wait_by_poll(const char *path)
{
	const struct timespec pause_ = { .tv_nsec = POLL_NS };
	struct stat st;

	while (stat(path, &st))
		nanosleep(&pause_, NULL);
}

static struct ktstr_payload *spawn(const char *const argv[],
				   char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE])
{
	struct ktstr_payload *payload;
	struct ktstr_error error;
	pid_t pid = 0;

	if (ktstr_payload_spawn(argv, NULL, &payload, &error))
		give_up("spawn", error.text);
	ktstr_payload_pid(payload, &pid, NULL);
	(void)ktstr_worker_ready_marker_path((uint32_t)pid, path,
					     KTSTR_WORKER_READY_MARKER_PATH_SIZE);
	return payload;
}

/* From the creation of the marker to the return of the wait. */
static double marker_to_return(unsigned int round, int by_poll)
{
	char delay[16], path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	const char *const argv[] = { "/proc/self/exe", "--marker-child", delay, NULL };
	struct ktstr_payload *payload;
	double returned_at, latency;

	snprintf(delay, sizeof delay, "%u",
		 5000 + round * 7919 % 10000); /* across a poll's whole period */
	payload = spawn(argv, path);
	if (by_poll)
		wait_by_poll(path);
	else
		wait_by_event(payload);
	returned_at = now_us();
	latency = returned_at - creation_time(path);
	ktstr_payload_close(payload);
	unlink(path);
	return latency;
}

/* From the return of spawn, which is when exec has succeeded, to the return of the wait. */
static double exec_to_return(const char *program)
{
	const char *const argv[] = { program, "16777216", NULL };
	char path[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	struct ktstr_payload *payload = spawn(argv, path);
	double spawned_at = now_us(), took;

	wait_by_event(payload);
	took = now_us() - spawned_at;
	ktstr_payload_close(payload);
	unlink(path);
	return took;
}

void bench_wait(struct report *report)
{
	struct samples event = { .count = 0 }, poll_ = event, share = event, worker = event,
		       marker = event, ratio = event;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		double by_event = marker_to_return(round, 0), with_jemalloc, without;

		samples_add(&event, by_event);
		samples_add(&share, POLL_US / by_event);
		samples_add(&poll_, marker_to_return(round, 1));
		with_jemalloc = exec_to_return(WORKER);
		without = exec_to_return(MARKER_ONLY);
		samples_add(&worker, with_jemalloc);
		samples_add(&marker, without);
		samples_add(&ratio, with_jemalloc / without);
	}
	report_group(report, "wait", "Wait for the worker");
	report_row(report, "wait_event", "marker created -> wait returns, by event", 0, &event,
		   "us", 200);
	report_row(report, "wait_poll", "marker created -> wait returns, 10 ms poll", 0, &poll_,
		   "us", NO_GOAL);
	report_row(report, "wait_share", "a poll's 10 ms / by event (50 or more wanted)", 0, &share,
		   "x", NO_GOAL);
	report_row(report, "worker", "exec -> wait returns, worker with 16 MiB", 0, &worker, "us",
		   NO_GOAL);
	report_row(report, "marker_only", "exec -> wait returns, marker only", 0, &marker, "us",
		   NO_GOAL);
	report_row(report, "worker_ratio", "worker / marker only", 0, &ratio, "x", 3);
}
