/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `make bench`: runs every part, or the named ones, and prints one table. Runs in the build
 * directory; the figures go to a JSON file too, from which bench/chart.pl draws.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct part {
	const char *name;
	void (*run)(struct report *report);
} parts[] = {
	{ .name = "wait", .run = bench_wait },   { .name = "threads", .run = bench_threads },
	{ .name = "stops", .run = bench_stops }, { .name = "busy", .run = bench_busy },
	{ .name = "calls", .run = bench_calls }, { .name = "program", .run = bench_program },
	{ .name = "heap", .run = bench_heap },
};

#define PARTS (sizeof parts / sizeof *parts)

const char *bench_probe_path(void)
{
	static const char built[] = "src/tools/probe/.libs/ktstr-jemalloc-probe";

	if (access(built, X_OK))
		return "src/tools/probe/ktstr-jemalloc-probe";
	setenv("LD_LIBRARY_PATH", "src/libktstr-probe/.libs", 1);
	return built;
}

const char *bench_heap_path(void)
{
	static const char built[] = "src/tools/heap/.libs/ktstr-heap";

	return access(built, X_OK) ? "src/tools/heap/ktstr-heap" : built;
}

static const char *baseline;
static char **baseline_environment;

const char *bench_baseline_path(void)
{
	return baseline;
}

char **bench_baseline_environment(void)
{
	return baseline_environment;
}

/* As it is before our own libraries are put into it: the baseline is to find its own. */
static void keep_environment(void)
{
	size_t count = 0;

	while (environ[count])
		count++;
	baseline_environment = calloc(count + 1, sizeof *environ);
	if (!baseline_environment)
		give_up("environment", "out of memory");
	memcpy(baseline_environment, environ, count * sizeof *environ);
}

static bool wanted(const char *name, char *const *names)
{
	for (char *const *one = names; *one; one++)
		if (strcmp(*one, name) == 0)
			return true;
	return !*names;
}

static void print_load(const char *when)
{
	double load[3];

	if (getloadavg(load, 3) == 3)
		printf("Load average %s: %.2f %.2f %.2f\n", when, load[0], load[1], load[2]);
}

int main(int argc, char **argv)
{
	struct report report = { .count = 0 };
	double start = now_us();
	char **names = argv + 2;
	int rc;

	if (argc == 3 && strcmp(argv[1], "--marker-child") == 0)
		bench_marker_child(atol(argv[2]));
	if (argc < 2 || argv[1][0] == '-') {
		fputs("usage: bench FILE.json [--baseline PROGRAM] "
		      "[wait|threads|stops|busy|calls|program|heap]...\n",
		      stderr);
		return 2;
	}
	if (argc > 3 && strcmp(argv[2], "--baseline") == 0) {
		baseline = argv[3];
		names = argv + 4;
		keep_environment();
	}
	printf("Medians, with the value below which 10 %% and 90 %% of the rounds lie. What is "
	       "compared is\n"
	       "measured in turn, in the same rounds; a ratio is the median of the rounds' own "
	       "ratios.\n");
	print_load("before");
	for (size_t i = 0; i < PARTS; i++) {
		if (!wanted(parts[i].name, names))
			continue;
		fprintf(stderr, "bench: %s\n", parts[i].name);
		parts[i].run(&report);
	}
	print_load("after");
	rc = report_write_json(&report, argv[1]);
	if (rc)
		give_up(argv[1], strerror(-rc));
	fprintf(stderr, "bench: %.0f s; the figures are in %s\n", (now_us() - start) / 1e6,
		argv[1]);
	return EXIT_SUCCESS;
}
