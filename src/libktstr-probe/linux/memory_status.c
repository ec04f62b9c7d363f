/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of /proc/PID/status that count memory. */
#include "config.h"

#include "linux/memory_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/procfs.h"
#include "shared/decimal.h"

#define STATUS_LIMIT 65536
#define KIB          1024
#define KIB_LIMIT    (INT64_MAX / KIB)

int memory_status_line(const char *text, const char *name, uint64_t *bytes)
{
	const char *line = strstr(text, name);
	uint64_t kib;

	if (!line || (line != text && line[-1] != '\n'))
		return -EBADMSG;
	line += strlen(name);
	line += strspn(line, " \t");
	line = decimal_prefix(line, &kib);
	if (!line || kib > KIB_LIMIT || strncmp(line, " kB\n", 4) != 0)
		return -EBADMSG;
	*bytes = kib * KIB;
	return 0;
}

int memory_status_parse(const char *text, struct memory_status *status)
{
	struct memory_status found;
	const struct {
		const char *name;
		uint64_t *bytes;
	} lines[] = {
		{ "VmRSS:", &found.rss },    { "RssAnon:", &found.anon },
		{ "RssFile:", &found.file }, { "RssShmem:", &found.shmem },
		{ "VmSwap:", &found.swap },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		int rc = memory_status_line(text, lines[i].name, lines[i].bytes);

		if (rc)
			return rc;
	}
	*status = found;
	return 0;
}

int memory_status_read(int task_fd, pid_t tid, struct memory_status *status)
{
	char path[32], *text;
	size_t length;
	int rc;

	snprintf(path, sizeof path, "%d/status", (int)tid);
	rc = procfs_read_file(task_fd, path, STATUS_LIMIT, &text, &length);
	if (rc)
		return rc;
	rc = memory_status_parse(text, status);
	free(text);
	return rc;
}
