/* SPDX-License-Identifier: BSD-2-Clause */
/* Which processes of a host the command line wants. */
#ifndef KTSTR_PROCESS_FILTER_H
#define KTSTR_PROCESS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_filter {
	char **words; /* PIDs and names; none: all processes */
	size_t word_count;
	const char *cgroup, *comm; /* patterns of fnmatch(3), or NULL */
};

/* For ktstr_host_options.wants: context is a struct process_filter. */
int process_filter_wants(void *filter, pid_t pid, const char *comm);

/* Does the word name this process: its pid, or its name? */
bool process_filter_is_named(const char *word, pid_t pid, const char *comm);

#endif
