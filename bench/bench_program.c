/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole program, ktstr-jemalloc-probe --json from fork to exit, on the targets that matter, and
 * the resolution of a large stripped executable.
 */
#include "config.h"

#include "bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktstr/payload.h>
#include <ktstr/probe.h>
#include <ktstr/worker_ready.h>
#include <ktstr/worker_ready_wait.h>

#include "target_run.h"

#define TIMEOUT_MS 10000
#define US_PER_MS  1e3
#define ROUNDS     40

enum { FLOOR, PRINT_VERSION, ON_WORKER, ON_REDIS };

static double cpu_ms(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / US_PER_MS;
}

/* Its output goes to a file in memory. */
struct bench_run bench_run(const char *const argv[], char **environment)
{
	int out = memfd_create("bench", MFD_CLOEXEC), status, rc;
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	struct bench_run cost;
	double start;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	start = now_us();
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
			  environment);
	if (out < 0 || rc || wait4(pid, &status, 0, &usage) != pid || status != 0)
		give_up(argv[0], rc ? strerror(rc) : "it failed");
	cost.ms = (now_us() - start) / US_PER_MS;
	cost.cpu_ms = cpu_ms(&usage);
	posix_spawn_file_actions_destroy(&actions);
	close(out);
	return cost;
}

/* What is run in turn: ktstr-jemalloc-probe on a pid, or something to compare with. */
struct subject {
	const char *key, *label;
	unsigned int threads; /* to be started as parked threads of `path` */
	const char *path;
	double goal;
	struct samples samples;
	struct samples baseline, wall_ratio, cpu_ratio;
	struct target target;
	struct ktstr_payload *payload;
	char pid[16]; /* "": not started */
	char text[128];
};

static void start_target(struct subject *subject)
{
	if (target_start(&subject->target, subject->path, subject->threads, subject->text,
			 sizeof subject->text) == 0)
		snprintf(subject->pid, sizeof subject->pid, "%d", (int)subject->target.pid);
}

static void start_worker(struct subject *subject)
{
	static const char *const argv[] = { WORKER, "16777216", NULL };
	struct ktstr_worker_ready_result ready;
	char marker[KTSTR_WORKER_READY_MARKER_PATH_SIZE];
	struct ktstr_error error;
	pid_t pid = 0;

	if (ktstr_payload_spawn(argv, NULL, &subject->payload, &error) ||
	    ktstr_worker_ready_wait(subject->payload, "bench", TIMEOUT_MS, &ready, &error))
		give_up("worker", error.text);
	ktstr_payload_pid(subject->payload, &pid, NULL);
	snprintf(subject->pid, sizeof subject->pid, "%d", (int)pid);
	if (ktstr_worker_ready_marker_path((uint32_t)pid, marker, sizeof marker) == 0)
		unlink(marker);
}

/* It listens nowhere but on a socket in a directory of its own, and keeps nothing. */
static void start_redis(struct subject *subject)
{
	char directory[] = "/tmp/ktstr-bench-XXXXXX", path[64];
	const char *const argv[] = {
		"redis-server", "--port", "0",           "--unixsocket", path,
		"--save",       "",       "--daemonize", "no",           NULL
	};
	const struct ktstr_payload_options options = { .size = sizeof(struct ktstr_payload_options),
						       .flags = KTSTR_PAYLOAD_DIE_WITH_PARENT };
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct ktstr_error error;
	pid_t pid = 0;

	if (!mkdtemp(directory))
		give_up("mkdtemp", strerror(errno));
	snprintf(path, sizeof path, "%s/socket", directory);
	if (ktstr_payload_spawn(argv, &options, &subject->payload, &error)) {
		snprintf(subject->text, sizeof subject->text, "redis-server is not installed");
	} else {
		for (int i = 0; i < TIMEOUT_MS && access(path, F_OK); i++)
			nanosleep(&moment, NULL);
		ktstr_payload_pid(subject->payload, &pid, NULL);
		snprintf(subject->pid, sizeof subject->pid, "%d", (int)pid);
	}
	unlink(path);
	rmdir(directory);
}

/* The program with the options of one subject. */
static struct bench_run run_probe(const struct subject *subject, const char *program, bool version,
				  char **environment)
{
	const char *const probe[] = { program, version ? "--version" : "--json",
				      version ? NULL : "-p", subject->pid, NULL };

	return bench_run(probe, environment);
}

static void run_one(struct subject *subject, bool version)
{
	struct bench_run ours = run_probe(subject, bench_probe_path(), version, environ), other;

	samples_add(&subject->samples, ours.ms);
	if (!bench_baseline_path())
		return;
	other = run_probe(subject, bench_baseline_path(), version, bench_baseline_environment());
	samples_add(&subject->baseline, other.ms);
	samples_add(&subject->wall_ratio, ours.ms / other.ms);
	samples_add(&subject->cpu_ratio, ours.cpu_ms / other.cpu_ms);
}

static void run_in_turn(struct subject *subjects, size_t count)
{
	static const char *const nothing[] = { "true", NULL };

	bench_probe_path(); /* puts our library into the environment */
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < count; i++) {
			if (subjects[i].text[0])
				continue;
			if (i == FLOOR)
				samples_add(&subjects[i].samples, bench_run(nothing, environ).ms);
			else
				run_one(&subjects[i], i == PRINT_VERSION);
		}
}

static void report_baseline(struct report *report, struct subject *subject)
{
	char key[64];

	if (!subject->baseline.count)
		return;
	snprintf(key, sizeof key, "%s_baseline", subject->key);
	report_row(report, key, "  the baseline", subject->threads, &subject->baseline, "ms",
		   NO_GOAL);
	snprintf(key, sizeof key, "%s_to_baseline", subject->key);
	report_row(report, key, "  ours / the baseline", subject->threads, &subject->wall_ratio,
		   "x", NO_GOAL);
	snprintf(key, sizeof key, "%s_cpu_to_baseline", subject->key);
	report_row(report, key, "  ours / the baseline, processor time", subject->threads,
		   &subject->cpu_ratio, "x", NO_GOAL);
}

static void on_large(struct report *report)
{
	struct samples samples = { .count = 0 };
	struct ktstr_error error;
	struct target target;
	char text[128];

	if (target_start(&target, TARGET_LARGE, 1, text, sizeof text))
		give_up(TARGET_LARGE, text);
	for (int i = 0; i < 50; i++) {
		double start = now_us();
		struct ktstr_probe *probe;

		if (ktstr_probe_new(&probe, NULL, NULL) ||
		    ktstr_probe_open(probe, target.pid, &error))
			give_up("probe", error.text);
		samples_add(&samples, (now_us() - start) / US_PER_MS);
		ktstr_probe_close(probe);
	}
	report_row(report, "open_large", "open a session: 100 MB stripped executable", 1, &samples,
		   "ms", 10);
	target_stop(&target);
}

void bench_program(struct report *report)
{
	struct subject subjects[] = {
		[FLOOR] = { .key = "program_true", .label = "floor: true(1)" },
		[PRINT_VERSION] = { .key = "program_version", .label = "the probe's --version" },
		[ON_WORKER] = { .key = "program_worker", .label = "the worker", .goal = 5 },
		[ON_REDIS] = { .key = "program_redis",
			       .label = "redis-server (shared, stripped jemalloc)",
			       .goal = 5 },
		{ .key = "program_1000",
		  .label = "parked threads",
		  .threads = 1000,
		  .path = TARGET,
		  .goal = 12 },
		{ .key = "program_4000",
		  .label = "parked threads",
		  .threads = 4000,
		  .path = TARGET,
		  .goal = 50 },
		{ .key = "program_large",
		  .label = "100 MB stripped executable",
		  .threads = 1,
		  .path = TARGET_LARGE },
	};
	size_t count = sizeof subjects / sizeof *subjects;

	report_group(report, "program", "The whole program, fork to exit");
	start_worker(&subjects[ON_WORKER]);
	start_redis(&subjects[ON_REDIS]);
	for (size_t i = 0; i < count; i++)
		if (subjects[i].path)
			start_target(&subjects[i]);
	run_in_turn(subjects, count);
	for (size_t i = 0; i < count; i++) {
		struct subject *subject = &subjects[i];

		if (subject->text[0])
			report_skip(report, subject->key, subject->label, subject->threads,
				    subject->text);
		else
			report_row(report, subject->key, subject->label, subject->threads,
				   &subject->samples, "ms", subject->goal);
		report_baseline(report, subject);
		if (subject->path && subject->pid[0])
			target_stop(&subject->target);
		ktstr_payload_close(subject->payload);
	}
	on_large(report);
}
