/* SPDX-License-Identifier: BSD-2-Clause */
/* Cheap signs that a process may run other code than before. */
#include "config.h"

#include "linux/program_mark.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/procfs.h"
#include "shared/decimal.h"

/* Groups may list 65536 ids. */
#define STATUS_LIMIT (1 << 20)

static int parse_kib(const char *status, const char *name, uint64_t *kib)
{
	const char *line = strstr(status, name);

	if (!line)
		return -EBADMSG;
	line += strlen(name);
	line += strspn(line, " \t");
	line = decimal_prefix(line, kib);
	return line && strncmp(line, " kB\n", 4) == 0 ? 0 : -EBADMSG;
}

int program_mark_parse(const char *status, struct program_mark *mark)
{
	uint64_t program, libraries;
	int rc = parse_kib(status, "\nVmExe:", &program);

	if (rc == 0)
		rc = parse_kib(status, "\nVmLib:", &libraries);
	if (rc == 0)
		mark->code_kib = program + libraries;
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
	return a->code_kib == b->code_kib && a->random_address == b->random_address;
}
