/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-jemalloc-probe: parsed strictly, checked whole. */
#ifndef KTSTR_PROBE_OPTIONS_H
#define KTSTR_PROBE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktstr/probe.h>

enum options_sort {
	OPTIONS_SORT_TID,
	OPTIONS_SORT_NAME,
	OPTIONS_SORT_ALLOCATED,
	OPTIONS_SORT_DEALLOCATED,
	OPTIONS_SORT_FLOW,
};

struct options {
	pid_t pid;
	unsigned int snapshots;
	unsigned int interval_ms;    /* 0: not given */
	unsigned int abort_after_ms; /* 0: not given */
	bool json;
	bool json_lines; /* a document for each snapshot */
	bool explain;
	bool help;
	bool version;
	enum options_sort sort;
	struct ktstr_probe_options probe; /* jemalloc_path points into argv */
};

#define OPTIONS_ERROR_SIZE 256

/*
 * Fills in options from argv. Returns 0, or -EINVAL with a sentence in error. --help and --version
 * end the reading: what follows them is not looked at. Changes getopt's global state.
 */
int options_parse(int argc, char **argv, struct options *options, char error[OPTIONS_ERROR_SIZE]);

extern const char options_usage[];

#endif
