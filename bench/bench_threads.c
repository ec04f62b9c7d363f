/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each step of a session costs for 1 to 10000 parked threads, beside the bare system calls for
 * the same result in the same rounds.
 */
#include "config.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <ktstr/probe.h>

#include "floor.h"
#include "target_run.h"

static const struct size {
	unsigned int threads, rounds;
} sizes[] = { { 1, 400 }, { 10, 400 }, { 100, 200 }, { 1000, 150 }, { 4000, 40 }, { 10000, 15 } };

/* One round's microseconds. */
struct round {
	double list, pointers, counters, names; /* the bare calls */
	double open, first, warm, named;        /* the probe */
};

enum column {
	FLOOR_LIST,
	FLOOR_POINTERS,
	FLOOR_COUNTERS,
	FLOOR_NAMES,
	FLOOR_KEPT,
	FLOOR_FRESH,
	OPEN,
	FIRST,
	POINTERS,
	WARM,
	NAMED,
	NAMES,
	FIRST_TO_FRESH,
	WARM_TO_KEPT,
	WARM_TO_FRESH,
	WARM_TO_COUNTERS,
	NAMED_TO_FRESH,
	NAMED_TO_KEPT,
	NAMED_TO_NAMES,
	COLUMNS
};

static const struct {
	const char *key, *label, *unit;
	double goal; /* for 1000 threads */
} columns[COLUMNS] = {
	[FLOOR_LIST] = { "floor_list", "bare: getdents64 of task/", "us", NO_GOAL },
	[FLOOR_POINTERS] = { "floor_pointers", "bare: get_robust_list each", "us", NO_GOAL },
	[FLOOR_COUNTERS] = { "floor_counters", "bare: process_vm_readv, 24 bytes each", "us",
			     NO_GOAL },
	[FLOOR_NAMES] = { "floor_names", "bare: open, read, close of each stat", "us", NO_GOAL },
	[FLOOR_KEPT] = { "floor_kept", "floor K: getdents64 + process_vm_readv", "us", NO_GOAL },
	[FLOOR_FRESH] = { "floor_fresh", "floor F: K + get_robust_list each", "us", NO_GOAL },
	[OPEN] = { "open", "probe: open a session (resolve)", "us", NO_GOAL },
	[FIRST] = { "first", "probe: first snapshot, no names", "us", NO_GOAL },
	[POINTERS] = { "pointers", "probe: thread pointers (first - next)", "us", NO_GOAL },
	[WARM] = { "warm", "probe: next snapshot, no names", "us", NO_GOAL },
	[NAMED] = { "named", "probe: next snapshot, with names", "us", NO_GOAL },
	[NAMES] = { "names", "probe: names alone (with - without)", "us", NO_GOAL },
	[FIRST_TO_FRESH] = { "first_to_fresh", "first snapshot, no names / floor F", "x", 1.5 },
	[WARM_TO_KEPT] = { "warm_to_kept", "next snapshot, no names / floor K", "x", 1.5 },
	[WARM_TO_FRESH] = { "warm_to_fresh", "next snapshot, no names / floor F", "x", 1.5 },
	[WARM_TO_COUNTERS] = { "warm_to_counters", "next snapshot, no names / process_vm_readv",
			       "x", NO_GOAL },
	[NAMED_TO_FRESH] = { "named_to_fresh", "with names / floor F", "x", 8 },
	[NAMED_TO_KEPT] = { "named_to_kept", "with names / floor K", "x", 8 },
	[NAMED_TO_NAMES] = { "named_to_names", "with names / (floor K + bare names)", "x",
			     NO_GOAL },
};

static struct ktstr_probe *open_session(const struct target *target, int no_names)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_error error;
	struct ktstr_probe *probe;

	options.no_names = no_names;
	if (ktstr_probe_new(&probe, &options, NULL))
		give_up("probe", "no session");
	if (ktstr_probe_open(probe, target->pid, &error))
		give_up("probe", error.text);
	return probe;
}

/* One snapshot's time. The floor and the probe must have read the same. */
static double take(struct ktstr_probe *probe, const struct floor *floor)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;
	struct stopwatch stopwatch = stopwatch_start();
	double took;

	if (ktstr_probe_snapshot_take(probe, &snapshot, &error))
		give_up("snapshot", error.text);
	took = stopwatch_us(&stopwatch);
	if (ktstr_probe_snapshot_read_count(snapshot) != floor->count)
		give_up("snapshot", "not every thread was read");
	for (size_t i = 0, at = 0; i < floor->count; i++) {
		const struct ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(snapshot, i);

		/* By tid there, by age in the task directory: the same order until the kernel
		 * starts over at low tids. */
		for (size_t tries = 0; thread->tid != floor->tids[at] && tries < floor->count;
		     tries++)
			at = (at + 1) % floor->count;
		if (thread->tid != floor->tids[at] ||
		    thread->allocated_bytes != floor_allocated(floor, at))
			give_up("snapshot", "it differs from what the bare system calls read");
	}
	ktstr_probe_snapshot_free(snapshot);
	return took;
}

static double time_of(void (*call)(struct floor *), struct floor *floor)
{
	struct stopwatch stopwatch = stopwatch_start();

	call(floor);
	return stopwatch_us(&stopwatch);
}

static struct round one_round(const struct target *target, struct floor *floor,
			      struct ktstr_probe *named)
{
	struct round round;
	struct stopwatch stopwatch;
	struct ktstr_probe *probe;

	round.list = time_of(floor_list, floor);
	round.pointers = time_of(floor_robust_lists, floor);
	round.counters = time_of(floor_counters, floor);
	stopwatch = stopwatch_start();
	probe = open_session(target, 1);
	round.open = stopwatch_us(&stopwatch);
	round.first = take(probe, floor);
	round.warm = take(probe, floor);
	ktstr_probe_close(probe);
	round.named = take(named, floor);
	round.names = time_of(floor_names, floor);
	return round;
}

static void add(struct samples samples[COLUMNS], const struct round *round)
{
	double kept = round->list + round->counters, fresh = kept + round->pointers;
	const double values[COLUMNS] = {
		[FLOOR_LIST] = round->list,
		[FLOOR_POINTERS] = round->pointers,
		[FLOOR_COUNTERS] = round->counters,
		[FLOOR_NAMES] = round->names,
		[FLOOR_KEPT] = kept,
		[FLOOR_FRESH] = fresh,
		[OPEN] = round->open,
		[FIRST] = round->first,
		[POINTERS] = round->first - round->warm,
		[WARM] = round->warm,
		[NAMED] = round->named,
		[NAMES] = round->named - round->warm,
		[FIRST_TO_FRESH] = round->first / fresh,
		[WARM_TO_KEPT] = round->warm / kept,
		[WARM_TO_FRESH] = round->warm / fresh,
		[WARM_TO_COUNTERS] = round->warm / round->counters,
		[NAMED_TO_FRESH] = round->named / fresh,
		[NAMED_TO_KEPT] = round->named / kept,
		[NAMED_TO_NAMES] = round->named / (kept + round->names),
	};

	for (size_t c = 0; c < COLUMNS; c++)
		samples_add(&samples[c], values[c]);
}

static void measure(const struct size *size, struct target *target, struct samples samples[COLUMNS])
{
	struct ktstr_probe *named = open_session(target, 0);
	struct floor floor;

	floor_open(&floor, target, size->threads);
	for (unsigned int i = 0; i <= size->rounds; i++) {
		struct round round = one_round(target, &floor, named);

		if (i > 0) /* the first one fills the kernel's caches */
			add(samples, &round);
	}
	floor_close(&floor);
	ktstr_probe_close(named);
}

void bench_threads(struct report *report)
{
	report_group(report, "threads", "Parked threads");
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		struct samples samples[COLUMNS] = { { .count = 0 } };
		unsigned int threads = sizes[s].threads;
		struct target target;
		char text[128];

		fprintf(stderr, "bench: threads: %u\n", threads);
		if (target_start(&target, TARGET, threads, text, sizeof text)) {
			report_skip(report, "threads", "the steps of a session", threads, text);
			continue;
		}
		measure(&sizes[s], &target, samples);
		target_stop(&target);
		printf("\n");
		for (size_t c = 0; c < COLUMNS; c++)
			report_row(report, columns[c].key, columns[c].label, threads, &samples[c],
				   columns[c].unit, threads == 1000 ? columns[c].goal : NO_GOAL);
	}
	report_note("Floor F is what a program must call that comes anew; floor K when it knows "
		    "each thread's pointer.");
	report_note("Times without what this thread waited for a processor that others had.");
	report_note("The floors verify nothing and read 24 bytes; the probe also reads what shows "
		    "each thread's identity.");
}
