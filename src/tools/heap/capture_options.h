/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of ktstr-heap capture. */
#ifndef KTSTR_CAPTURE_OPTIONS_H
#define KTSTR_CAPTURE_OPTIONS_H

#include <stdbool.h>

#include "src/tools/heap/process_filter.h"

#define CAPTURE_ERROR_SIZE 256

struct capture_options {
	const char *output; /* NULL: standard output */
	struct process_filter filter;
	bool heap, help;
	unsigned int every_sec; /* 0: once */
	unsigned int count;     /* 0: until it is stopped */
	unsigned int keep;      /* 0: captures are appended */
};

/* Returns 0, or -EINVAL with a text. */
int capture_options_parse(int argc, char **argv, struct capture_options *options,
			  char error[CAPTURE_ERROR_SIZE]);

#endif
