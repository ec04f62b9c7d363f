/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole program, ktstr-jemalloc-probe --json from fork to exit, on the targets that matter, and
 * the resolution of a large stripped executable.
 */
#include "config.h"

#include "bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

extern char **environ;

/* Milliseconds from fork to the reaped child; its output goes to a file in memory. */
static double run(const char *const argv[])
{
	int out = memfd_create("bench", MFD_CLOEXEC), status, rc;
	posix_spawn_file_actions_t actions;
	double start;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	start = now_us();
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	if (out < 0 || rc || waitpid(pid, &status, 0) != pid || status != 0)
		give_up(argv[0], rc ? strerror(rc) : "it failed");
	start = (now_us() - start) / US_PER_MS;
	posix_spawn_file_actions_destroy(&actions);
	close(out);
	return start;
}

/* What is run in turn: ktstr-jemalloc-probe on a pid, or something to compare with. */
struct subject {
	const char *key, *label;
	unsigned int threads; /* to be started as parked threads of `path` */
	const char *path;
	double goal;
	struct samples samples;
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

static void run_in_turn(struct subject *subjects, size_t count)
{
	const char *program = bench_probe_path();

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < count; i++) {
			struct subject *subject = &subjects[i];
			const char *const nothing[] = { "true", NULL }, *const version[] = {
				program, "--version", NULL
			};
			const char *const probe[] = { program, "--json", "-p", subject->pid, NULL };

			if (!subject->text[0])
				samples_add(&subject->samples, run(i == FLOOR           ? nothing
								   : i == PRINT_VERSION ? version
											: probe));
		}
	}
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
		if (subject->path && subject->pid[0])
			target_stop(&subject->target);
		ktstr_payload_close(subject->payload);
	}
	on_large(report);
}
