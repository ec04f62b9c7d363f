/* SPDX-License-Identifier: BSD-2-Clause */
/* The exit codes, and the tagged lines on the standard error that consumers match. */
#ifndef KTSTR_PROBE_REPORT_H
#define KTSTR_PROBE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "src/tools/probe/run.h"

enum {
	EXIT_READ = 0,
	EXIT_NOTHING_READ = 1,
	EXIT_USAGE = 2,
};

/* complete: all of the output is out. */
int report_exit_code(const struct run *run, bool complete);

/* Nothing was read, or the output is not complete. */
void report_fatal(FILE *out, int tag, const char *text);

/* code: the negative errno of the write that failed. */
void report_unwritten(FILE *out, int code);

/* What was read is out, and stays good: that is not fatal. text: why there is no more. */
void report_last_snapshot(FILE *out, const struct run *run, const char *text);

void report_all_failed(FILE *out, const struct run *run);
void report_deadline(FILE *out, const struct run *run);

#endif
