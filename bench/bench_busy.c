/* SPDX-License-Identifier: BSD-2-Clause */
/* What a target that allocates as fast as it can loses to being sampled. */
#include "config.h"

#include "bench.h"

#include <stdio.h>
#include <time.h>

#include <ktstr/probe.h>

#include "shared/clock.h"
#include "target_run.h"

#define THREADS   8u
#define ROUNDS    20
#define WINDOW_MS 400

static const struct rate {
	const char *key, *label;
	long hertz;
	enum ktstr_probe_thread_pointer choice;
} rates[] = {
	{ .key = "busy_0",
	  .label = "nobody looks",
	  .hertz = 0,
	  .choice = KTSTR_PROBE_THREAD_POINTER_AUTO },
	{ .key = "busy_1",
	  .label = "sampled at 1 Hz",
	  .hertz = 1,
	  .choice = KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	{ .key = "busy_100",
	  .label = "sampled at 100 Hz",
	  .hertz = 100,
	  .choice = KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	{ .key = "busy_1000",
	  .label = "sampled at 1000 Hz",
	  .hertz = 1000,
	  .choice = KTSTR_PROBE_THREAD_POINTER_ROBUST_LIST },
	{ .key = "busy_ptrace_100",
	  .label = "by ptrace at 100 Hz, a session each",
	  .hertz = 100,
	  .choice = KTSTR_PROBE_THREAD_POINTER_PTRACE },
};

#define RATES (sizeof rates / sizeof *rates)

static struct ktstr_probe *open_session(const struct target *target,
					enum ktstr_probe_thread_pointer choice)
{
	struct ktstr_probe_options options = KTSTR_PROBE_OPTIONS_INIT;
	struct ktstr_error error;
	struct ktstr_probe *probe;

	options.thread_pointer = choice;
	if (ktstr_probe_new(&probe, &options, NULL))
		give_up("probe", "no session");
	if (ktstr_probe_open(probe, target->pid, &error))
		give_up("probe", error.text);
	return probe;
}

static void take(struct ktstr_probe *probe)
{
	struct ktstr_probe_snapshot *snapshot;
	struct ktstr_error error;

	if (ktstr_probe_snapshot_take(probe, &snapshot, &error))
		give_up("snapshot", error.text);
	ktstr_probe_snapshot_free(snapshot);
}

/* Samples at a fixed rate for one window, at least once. By ptrace each in a new session, because
 * an old one stops nothing. */
static void sample(const struct target *target, const struct rate *rate)
{
	struct ktstr_probe *probe = open_session(target, rate->choice);
	int64_t next = clock_ns(CLOCK_MONOTONIC);

	for (long i = 0; i == 0 || i < rate->hertz * WINDOW_MS / 1000; i++) {
		struct timespec until;

		take(probe);
		if (rate->choice == KTSTR_PROBE_THREAD_POINTER_PTRACE) {
			ktstr_probe_close(probe);
			probe = open_session(target, rate->choice);
		}
		next += NS_PER_SEC / rate->hertz;
		until = timespec_from_ns(next);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
	ktstr_probe_close(probe);
}

/*
 * Allocations in a second in which the target had a processor or stood still. The time in which it
 * had to wait for a processor is left out: others on the machine cause that, and it hides
 * everything else.
 */
static double speed(struct target *target, const struct rate *rate)
{
	int64_t numbers[3]; /* allocations, nanoseconds, of which waited for a processor */

	target_begin(target, "allocate", WINDOW_MS);
	if (rate->hertz)
		sample(target, rate);
	target_end(target, numbers);
	return (double)numbers[0] / ((double)(numbers[1] - numbers[2]) / (double)NS_PER_SEC);
}

/* Each rate between two windows alone. What those differ by is the noise that the others stand
 * against. */
static void measure(struct target *target, struct samples *speeds, struct samples slowdown[RATES])
{
	double before = speed(target, &rates[0]), after, now;

	for (size_t r = 1; r < RATES; r++) {
		now = speed(target, &rates[r]);
		after = speed(target, &rates[0]);
		samples_add(speeds, before / 1e6);
		samples_add(&slowdown[0], 100 * (1 - after / before));
		samples_add(&slowdown[r], 100 * (1 - now / ((before + after) / 2)));
		before = after;
	}
}

void bench_busy(struct report *report)
{
	struct samples speeds = { .count = 0 }, slowdown[RATES] = { { .count = 0 } };
	struct target target;
	char text[128];

	report_group(report, "busy", "A target that allocates as fast as it can");
	if (target_start(&target, TARGET, THREADS, text, sizeof text)) {
		report_skip(report, "busy", "slowdown", THREADS, text);
		return;
	}
	for (int round = 0; round < ROUNDS; round++)
		measure(&target, &speeds, slowdown);
	target_stop(&target);
	report_row(report, "busy_speed", "pairs of malloc and free, nobody looks", THREADS, &speeds,
		   "/us", NO_GOAL);
	for (size_t r = 0; r < RATES; r++) {
		snprintf(text, sizeof text, "slower: %s", rates[r].label);
		report_row(report, rates[r].key, text, THREADS, &slowdown[r], "%", NO_GOAL);
	}
}
