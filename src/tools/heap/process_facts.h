/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of a process beside its heap. */
#ifndef KTSTR_PROCESS_FACTS_H
#define KTSTR_PROCESS_FACTS_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_CGROUP_SIZE 4096

struct process_facts {
	char exe[PATH_MAX];               /* "" where it may not be read */
	char cgroup[PROCESS_CGROUP_SIZE]; /* its path; "" where that cannot be read */
	int64_t rss_bytes;                /* -1 where that cannot be read */
};

void process_facts_read(pid_t pid, struct process_facts *facts);

/* The path in the unified hierarchy, or where that is not used, as with version 1, in that of the
 * memory controller. text: of /proc/PID/cgroup, cgroups(7). "" for none. */
void process_cgroup_parse(const char *text, char cgroup[PROCESS_CGROUP_SIZE]);
void process_cgroup_read(pid_t pid, char cgroup[PROCESS_CGROUP_SIZE]);

#endif
