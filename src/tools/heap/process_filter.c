/* SPDX-License-Identifier: BSD-2-Clause */
/* Which processes of a host the command line wants. */
#include "config.h"

#include "src/tools/heap/process_filter.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "shared/decimal.h"
#include "src/tools/heap/process_facts.h"

/* TASK_COMM_LEN less the NUL: what the kernel keeps of a name. */
#define COMM_LENGTH 15

bool process_filter_is_named(const char *word, pid_t pid, const char *comm)
{
	uint64_t number;

	return decimal_parse(word, 1, INT_MAX, &number) == 0
		       ? (pid_t)number == pid
		       : strncmp(word, comm, COMM_LENGTH) == 0;
}

int process_filter_wants(void *context, pid_t pid, const char *comm)
{
	const struct process_filter *filter = context;
	char cgroup[PROCESS_CGROUP_SIZE];
	bool wanted = filter->word_count == 0;

	for (size_t i = 0; !wanted && i < filter->word_count; i++)
		wanted = process_filter_is_named(filter->words[i], pid, comm);
	if (wanted && filter->comm)
		wanted = fnmatch(filter->comm, comm, 0) == 0;
	if (wanted && filter->cgroup) {
		process_cgroup_read(pid, cgroup);
		wanted = fnmatch(filter->cgroup, cgroup, 0) == 0;
	}
	return wanted;
}
