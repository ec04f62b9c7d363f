/* SPDX-License-Identifier: BSD-2-Clause */
/* PIDs and names. */
#include "config.h"

#include "src/tools/heap/find_process.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/decimal.h"

void process_name(pid_t pid, char name[16])
{
	char path[32];
	size_t length;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	in = fopen(path, "re");
	length = in ? fread(name, 1, 15, in) : 0;
	if (in)
		fclose(in);
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (length == 0)
		memcpy(name, "?", sizeof "?");
}

static int add(pid_t **pids, size_t *count, pid_t pid)
{
	pid_t *more = realloc(*pids, (*count + 1) * sizeof *more);

	if (!more)
		return -ENOMEM;
	more[(*count)++] = pid;
	*pids = more;
	return 0;
}

static int find_named(const char *name, pid_t **pids, size_t *count)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int rc = 0;

	if (!proc)
		return -errno;
	while (rc == 0 && (entry = readdir(proc))) {
		char comm[16];
		uint64_t pid;

		if (decimal_parse(entry->d_name, 1, INT_MAX, &pid) || (pid_t)pid == getpid())
			continue;
		process_name((pid_t)pid, comm);
		if (strncmp(comm, name, sizeof comm - 1) == 0)
			rc = add(pids, count, (pid_t)pid);
	}
	closedir(proc);
	return rc ? rc : *count ? 0 : -ENOENT;
}

int find_processes(const char *word, pid_t **pids, size_t *count)
{
	uint64_t pid;
	int rc;

	*pids = NULL;
	*count = 0;
	rc = decimal_parse(word, 1, INT_MAX, &pid) == 0 ? add(pids, count, (pid_t)pid)
							: find_named(word, pids, count);
	if (rc)
		free(*pids);
	return rc;
}
