/* SPDX-License-Identifier: BSD-2-Clause */
/* Cheap signs that a process may run other code than before. */
#include "config.h"

#include "linux/program_mark.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#include "linux/memory_status.h"
#include "linux/procfs.h"

/* Groups may list 65536 ids. */
#define STATUS_LIMIT (1 << 20)

int program_mark_parse(const char *status, struct program_mark *mark)
{
	uint64_t program, libraries;
	int rc = memory_status_line(status, "VmExe:", &program);

	if (rc == 0)
		rc = memory_status_line(status, "VmLib:", &libraries);
	if (rc == 0)
		mark->code_bytes = program + libraries;
	return rc;
}

int program_mark_read(int proc_fd, pid_t pid, struct program_mark *mark)
{
	char path[32], *status;
	size_t length;
	int rc;

	snprintf(path, sizeof path, "%d/status", (int)pid);
	rc = procfs_read_file(proc_fd, path, STATUS_LIMIT, &status, &length);
	if (rc)
		return rc;
	rc = program_mark_parse(status, mark);
	free(status);
	return rc ? rc : procfs_read_auxv(proc_fd, pid, AT_RANDOM, &mark->random_address);
}

bool program_mark_equals(const struct program_mark *a, const struct program_mark *b)
{
	return a->code_bytes == b->code_bytes && a->random_address == b->random_address;
}
