/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of a process beside its heap. */
#include "config.h"

#include "src/tools/heap/process_facts.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/decimal.h"

#define CGROUP_TEXT_SIZE 16384

/* As much of the file as fits, NUL-terminated. */
static void read_text(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	while (fd >= 0 && length < size - 1 &&
	       (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
}

/* Is "memory" one of the controllers, which commas separate? */
static bool has_memory(const char *controllers, const char *end)
{
	static const char name[] = "memory";
	const size_t length = sizeof name - 1;

	for (const char *at = controllers; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - at) == length && memcmp(at, name, length) == 0)
			return true;
		at = stop + 1;
	}
	return false;
}

/* Each line: hierarchy-ID:controller-list:cgroup-path. The unified one has the id 0. */
void process_cgroup_parse(const char *text, char cgroup[PROCESS_CGROUP_SIZE])
{
	bool has_controller = false;

	cgroup[0] = '\0';
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');
		const char *first = memchr(line, ':', (size_t)(end - line));
		const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1))
					   : NULL;
		bool is_unified = second && second == first + 1 && line[0] == '0';

		if (second && (has_memory(first + 1, second) || (is_unified && !has_controller))) {
			has_controller |= !is_unified;
			snprintf(cgroup, PROCESS_CGROUP_SIZE, "%.*s", (int)(end - second - 1),
				 second + 1);
		}
		line = *end ? end + 1 : end;
	}
}

void process_cgroup_read(pid_t pid, char cgroup[PROCESS_CGROUP_SIZE])
{
	char text[CGROUP_TEXT_SIZE];

	read_text(pid, "cgroup", text, sizeof text);
	process_cgroup_parse(text, cgroup);
}

/* The second number of statm, in pages: proc_pid_statm(5). */
static int64_t read_rss(pid_t pid)
{
	char text[256];
	uint64_t pages;
	const char *rest;

	read_text(pid, "statm", text, sizeof text);
	rest = decimal_prefix(text, &pages);
	rest = rest && *rest == ' ' ? decimal_prefix(rest + 1, &pages) : NULL;
	return rest && pages <= (uint64_t)(INT64_MAX / 65536) ? (int64_t)pages * getpagesize() : -1;
}

void process_facts_read(pid_t pid, struct process_facts *facts)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	length = readlink(path, facts->exe, sizeof facts->exe - 1);
	facts->exe[length > 0 ? length : 0] = '\0';
	process_cgroup_read(pid, facts->cgroup);
	facts->rss_bytes = read_rss(pid);
}
