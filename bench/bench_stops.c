/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Robust lists against ptrace: what a first snapshot takes, and how long the target stands still
 * meanwhile, which a thread of the target sees as gaps in the clock that it reads without a pause.
 */
#include "config.h"

#include "bench.h"

#include <stdio.h>

#include <ktstr/probe.h>

#include "target_run.h"

#define THREADS   1000u
#define ROUNDS    25
#define WINDOW_MS 150
#define NS_PER_US 1e3

enum method { NOTHING, ROBUST_LIST, PTRACE, METHODS };

static const struct {
	const char *time_key, *time, *gap_key, *gap, *stopped_key, *stopped;
	enum ktstr_probe_thread_pointer choice;
} methods[METHODS] = {
	[NOTHING] = { NULL, NULL, "gap_idle", "longest gap in 150 ms, nobody looks", "stopped_idle",
		      "gaps - waits for a processor, nobody looks",
		      KTSTR_PROBE_THREAD_POINTER_AUTO },
	[ROBUST_LIST] = { "first_robust", "first snapshot, robust list (default)", "gap_robust",
			  "longest gap in 150 ms, robust list", "stopped_robust",
			  "gaps - waits for a processor, robust list",
			  KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	[PTRACE] = { "first_ptrace", "first snapshot, ptrace", "gap_ptrace",
		     "longest gap in 150 ms, ptrace", "stopped_ptrace",
		     "gaps - waits for a processor, ptrace", KTSTR_PROBE_THREAD_POINTER_PTRACE },
};

/* A fresh session's first snapshot, without names. */
static double first_snapshot(const struct target *target, enum ktstr_probe_thread_pointer choice)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	struct ktstr_probe *probe;
	struct stopwatch stopwatch;
	double took;

	options.no_names = 1;
	options.thread_pointer = choice;
	if (ktstr_probe_new(&probe, &options, NULL))
		give_up("probe", "no session");
	if (ktstr_probe_open(probe, target->pid, &error))
		give_up("probe", error.text);
	stopwatch = stopwatch_start();
	if (ktstr_probe_snapshot_take(probe, &snapshot, &error))
		give_up("snapshot", error.text);
	took = stopwatch_us(&stopwatch);
	if (ktstr_probe_snapshot_read_count(snapshot) != THREADS)
		give_up("snapshot", "not every thread was read");
	ktstr_probe_snapshot_free(snapshot);
	ktstr_probe_close(probe);
	return took;
}

void bench_stops(struct report *report)
{
	struct samples took[METHODS] = { { .count = 0 } }, gap[METHODS] = { { .count = 0 } },
		       stopped[METHODS] = { { .count = 0 } };
	struct target target;
	char text[128];

	report_group(report, "stops", "1000 threads, one of which watches the clock");
	if (target_start(&target, TARGET, THREADS, text, sizeof text)) {
		report_skip(report, "stops", "stops", THREADS, text);
		return;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int m = 0; m < METHODS; m++) {
			int64_t numbers[3]; /* sum of gaps, the greatest, time spent waiting for a
					       processor */

			target_begin(&target, "spin", WINDOW_MS);
			if (m != NOTHING)
				samples_add(&took[m], first_snapshot(&target, methods[m].choice));
			target_end(&target, numbers);
			samples_add(&gap[m], (double)numbers[1] / NS_PER_US);
			samples_add(&stopped[m], (double)(numbers[0] - numbers[2]) / NS_PER_US);
		}
	}
	target_stop(&target);
	for (int m = ROBUST_LIST; m < METHODS; m++)
		report_row(report, methods[m].time_key, methods[m].time, THREADS, &took[m], "us",
			   NO_GOAL);
	for (int m = 0; m < METHODS; m++)
		report_row(report, methods[m].gap_key, methods[m].gap, THREADS, &gap[m], "us",
			   NO_GOAL);
	for (int m = 0; m < METHODS; m++)
		report_row(report, methods[m].stopped_key, methods[m].stopped, THREADS, &stopped[m],
			   "us", NO_GOAL);
	report_note("Gaps of 20 us and more. What is left with nobody looking is the machine's own "
		    "noise.");
}
