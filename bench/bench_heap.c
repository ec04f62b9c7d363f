/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ktstr-heap show from fork to exit, beside the probe on the same target in the same rounds: what
 * the arenas, caches, options and pages cost more than the threads' counters.
 */
#include "config.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "target_run.h"

#define ROUNDS 40

static const struct size {
	const char *arenas, *key;
	unsigned int threads;
	double more_goal, goal;
} sizes[] = {
	{ "narenas:8", "8", 33, 2, NO_GOAL },
	{ "narenas:256", "256", 1000, NO_GOAL, 25 },
};

struct rows {
	struct samples more, whole, more_cpu, whole_cpu;
};

static void measure(const struct target *target, struct rows *rows)
{
	char pid[16];
	const char *const show[] = { bench_heap_path(), "show", pid, NULL };
	const char *const probe[] = { bench_probe_path(), "-p", pid, NULL };

	snprintf(pid, sizeof pid, "%d", (int)target->pid);
	for (int i = 0; i <= ROUNDS; i++) {
		struct bench_run heap = bench_run(show, environ),
				 counters = bench_run(probe, environ);

		if (i == 0) /* it fills the kernel's caches */
			continue;
		samples_add(&rows->more, heap.ms - counters.ms);
		samples_add(&rows->whole, heap.ms);
		samples_add(&rows->more_cpu, heap.cpu_ms - counters.cpu_ms);
		samples_add(&rows->whole_cpu, heap.cpu_ms);
	}
}

static void report_size(struct report *report, const struct size *size, struct rows *rows)
{
	struct {
		const char *key, *label;
		struct samples *samples;
		double goal;
	} lines[] = {
		{ "more", "more than the probe", &rows->more, size->more_goal },
		{ "whole", "the whole program", &rows->whole, size->goal },
		{ "more_cpu", "more than the probe, on the CPU", &rows->more_cpu, NO_GOAL },
		{ "whole_cpu", "the whole program, on the CPU", &rows->whole_cpu, NO_GOAL },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		char key[32], label[64];

		snprintf(key, sizeof key, "heap_%s_%s", size->key, lines[i].key);
		snprintf(label, sizeof label, "%s arenas: %s", size->key, lines[i].label);
		report_row(report, key, label, size->threads, lines[i].samples, "ms",
			   lines[i].goal);
	}
}

void bench_heap(struct report *report)
{
	report_group(report, "heap", "ktstr-heap show, fork to exit");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct rows rows = { .more = { .count = 0 } };
		struct target target;
		char text[128];

		setenv("MALLOC_CONF", sizes[i].arenas, 1);
		if (target_start(&target, TARGET, sizes[i].threads, text, sizeof text)) {
			report_skip(report, sizes[i].key, "ktstr-heap show", sizes[i].threads,
				    text);
			continue;
		}
		unsetenv("MALLOC_CONF");
		measure(&target, &rows);
		report_size(report, &sizes[i], &rows);
		target_stop(&target);
	}
	unsetenv("MALLOC_CONF");
}
