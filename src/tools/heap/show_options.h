/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-heap show. */
#ifndef KTSTR_SHOW_OPTIONS_H
#define KTSTR_SHOW_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <ktstr/probe.h>

#define SHOW_ERROR_SIZE 256

/* What tables are sorted by; each has an order of its own where it has no such column. */
enum show_sort {
	SHOW_SORT_DEFAULT,
	SHOW_SORT_ID,
	SHOW_SORT_ALLOCATED,
	SHOW_SORT_ACTIVE,
	SHOW_SORT_DIRTY,
	SHOW_SORT_RETAINED,
	SHOW_SORT_CACHED,
	SHOW_SORT_LIVE,
	SHOW_SORT_UNUSED,
};

struct show_options {
	bool json, bytes, arenas, threads, classes, options, explain, help;
	enum show_sort sort;
	unsigned int top;       /* rows of each table */
	unsigned int watch_sec; /* 0: once */
	char **targets;         /* PIDs or names */
	size_t target_count;
	struct ktstr_probe_options probe;
};

extern const char heap_show_usage[];

/* Returns 0, or -EINVAL with a text. */
int show_options_parse(int argc, char **argv, struct show_options *options,
		       char error[SHOW_ERROR_SIZE]);

#endif
