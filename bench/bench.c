/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `make bench`: runs every part, or the named ones, and prints one table. Runs in the build
 * directory; the figures go to a JSON file too, from which bench/chart.pl draws.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct part {
	const char *name;
	void (*run)(struct report *report);
} parts[] = {
	{ "wait", bench_wait }, { "threads", bench_threads }, { "stops", bench_stops },
	{ "busy", bench_busy }, { "calls", bench_calls },     { "program", bench_program },
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

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc <= 2;
}

int main(int argc, char **argv)
{
	struct report report = { .count = 0 };
	double start = now_us();
	int rc;

	if (argc == 3 && strcmp(argv[1], "--marker-child") == 0)
		bench_marker_child(atol(argv[2]));
	if (argc < 2 || argv[1][0] == '-') {
		fputs("usage: bench FILE.json [wait|threads|stops|busy|calls|program]...\n",
		      stderr);
		return 2;
	}
	printf("Medians, with the value below which 10 %% and 90 %% of the rounds lie. What is "
	       "compared is\n"
	       "measured in turn, in the same rounds; a ratio is the median of the rounds' own "
	       "ratios.\n");
	for (size_t i = 0; i < PARTS; i++) {
		if (!wanted(parts[i].name, argc, argv))
			continue;
		fprintf(stderr, "bench: %s\n", parts[i].name);
		parts[i].run(&report);
	}
	rc = report_write_json(&report, argv[1]);
	if (rc)
		give_up(argv[1], strerror(-rc));
	fprintf(stderr, "bench: %.0f s; the figures are in %s\n", (now_us() - start) / 1e6,
		argv[1]);
	return EXIT_SUCCESS;
}
