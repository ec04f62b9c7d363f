/* SPDX-License-Identifier: BSD-2-Clause */
/* The snapshots of one run and their output, apart from signals and exit codes. */
#ifndef KTSTR_PROBE_RUN_H
#define KTSTR_PROBE_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "output/steady_output.h"
#include "src/tools/probe/options.h"
#include "src/tools/probe/render_json.h"
#include "src/tools/probe/render_text.h"
#include <ktstr/probe.h>

/* What the main thread does, for the one that ends the program hard. */
enum run_place {
	RUN_AT_WORK,    /* it may be in the midst of its output */
	RUN_IN_LIBRARY, /* it is not */
	RUN_CLOSED,     /* the output is complete */
};

struct run {
	struct options options;
	struct ktstr_probe *session;
	FILE *out;
	struct steady_output output;
	struct render_json json;
	struct render_text text;
	atomic_int place; /* enum run_place */
	unsigned int taken;
	size_t read;      /* readings that succeeded, over all snapshots */
	bool interrupted; /* snapshots or threads are missing */
	bool in_part;     /* threads are missing from the last snapshot */
};

/* Everything but options and session must be 0. Opens run->out on the standard output. Returns 0 or
 * a negative errno. */
int run_begin(struct run *run, int64_t started_unix_ns, int64_t started_monotonic_ns);

/*
 * Opens the session and takes the snapshots. Returns 0, or a negative errno when the output failed.
 * What failed in the library is in *error; error->code is 0 if nothing did.
 */
int run_take_all(struct run *run, struct ktstr_error *error);

/* Completes the output. Returns 0, or a negative errno when that or an earlier write failed. */
int run_finish_output(struct run *run);

#endif
