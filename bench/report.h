/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench's one table, on stdout as it grows, and the JSON file that is written at the end. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "samples.h"

#define NO_GOAL 0.0

struct report_row {
	char *group, *key, *label, *unit;
	unsigned int threads; /* of the target; 0: does not apply */
	double median, low, high, goal;
	size_t rounds;
	char *skipped; /* why there is no value, or NULL */
};

struct report {
	struct report_row *rows;
	size_t count;
	const char *group;
};

/* A heading; rows belong to it from here on. `key` is its name in the JSON. */
void report_group(struct report *report, const char *key, const char *title);

/* One row, printed at once. Empties samples. goal: the most that is wanted, or NO_GOAL. */
void report_row(struct report *report, const char *key, const char *label, unsigned int threads,
		struct samples *samples, const char *unit, double goal);

/* A row that cannot be measured here. */
void report_skip(struct report *report, const char *key, const char *label, unsigned int threads,
		 const char *reason);

/* A line of text below the rows of a group; not in the JSON. */
void report_note(const char *text);

/* Returns 0 or a negative errno. */
int report_write_json(const struct report *report, const char *path);

#endif
