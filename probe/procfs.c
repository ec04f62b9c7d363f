/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells of a process below /proc, or below another folder that looks like it (tests).
   Parsers are pure functions on strings. Called by module_list, probe_open and probe_snapshot. */
#include "config.h"

#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536
#define STATUS_LIMIT (1u << 20)

static const char deleted_mark[] = " (deleted)";

/* proc(5): a newline in a path is shown as \012. */
static void unescape(char *path)
{
	char *out = path;

	for (char *in = path; *in; out++) {
		if (strncmp(in, "\\012", 4) == 0) {
			*out = '\n';
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

int procfs_parse_map(char *line, struct procfs_map *map)
{
	unsigned long long start, end, offset, inode;
	int path_at = 0;
	size_t length;

	if (sscanf(line, "%llx-%llx %4[-rwxps] %llx %x:%x %llu%n", &start, &end, map->perms, &offset,
		   &map->dev_major, &map->dev_minor, &inode, &path_at) != 7 || start > end ||
	    strlen(map->perms) != 4)
		return -EBADMSG;
	map->start = start;
	map->end = end;
	map->offset = offset;
	map->inode = inode;
	map->path = line + path_at;
	while (*map->path == ' ')
		map->path++;
	length = strlen(map->path);
	map->deleted = length >= sizeof deleted_mark &&
		       strcmp(map->path + length - (sizeof deleted_mark - 1), deleted_mark) == 0;
	if (map->deleted)
		map->path[length - (sizeof deleted_mark - 1)] = '\0';
	unescape(map->path);
	return 0;
}

int procfs_parse_stat(const char *text, size_t length, struct procfs_stat *stat)
{
	/* The name may hold anything, also ')' and newlines: it ends at the last ')'. */
	const char *open = memchr(text, '(', length), *close = memrchr(text, ')', length);
	unsigned long long flags, start_time;
	size_t size;

	if (!open || !close || close < open)
		return -EBADMSG;
	size = (size_t)(close - open - 1);
	if (size >= sizeof stat->comm)
		size = sizeof stat->comm - 1;
	memset(stat->comm, 0, sizeof stat->comm);
	memcpy(stat->comm, open + 1, size);
	/* proc_pid_stat(5): state is field 3, flags 9, starttime 22. */
	if (sscanf(close + 1,
		   " %c %*d %*d %*d %*d %*d %llu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &stat->state, &flags, &start_time) != 3)
		return -EBADMSG;
	stat->flags = flags;
	stat->start_time = start_time;
	return 0;
}

static int status_number(const char *text, const char *key, long *number)
{
	const char *found = strstr(text, key);
	char *end;

	if (!found)
		return -EBADMSG;
	found += strlen(key);
	*number = strtol(found, &end, 10);
	return end == found ? -EBADMSG : 0;
}

int procfs_parse_status(const char *text, struct procfs_status *status)
{
	const char *numbers = strstr(text, "\nNSpid:");
	long tgid, tracer, id;
	char *end;

	if (status_number(text, "\nTgid:", &tgid) || status_number(text, "\nTracerPid:", &tracer))
		return -EBADMSG;
	*status = (struct procfs_status){ .tgid = (pid_t)tgid, .tracer = (pid_t)tracer };
	if (!numbers) { /* a kernel without pid namespaces */
		if (status_number(text, "\nPid:", &id))
			return -EBADMSG;
		status->inner_id = (pid_t)id;
		status->levels = 1;
		return 0;
	}
	numbers += strlen("\nNSpid:");
	while (*numbers && *numbers != '\n') {
		id = strtol(numbers, &end, 10);
		if (end == numbers)
			break;
		status->inner_id = (pid_t)id;
		status->levels++;
		numbers = end;
	}
	return status->levels ? 0 : -EBADMSG;
}

/* The whole file into buffer: as many bytes as there are, at most size. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, buffer + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int procfs_read_file(int proc_fd, const char *path, size_t limit, char **text, size_t *length)
{
	size_t size = 0, used = 0;
	char *buffer = NULL, *larger;
	ssize_t n = 0;
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	do {
		size += CHUNK;
		larger = realloc(buffer, size + 1);
		if (!larger) {
			n = -ENOMEM;
			break;
		}
		buffer = larger;
		n = read_all(fd, buffer + used, size - used);
		used += n > 0 ? (size_t)n : 0;
		if (used > limit)
			n = -EFBIG;
	} while (n >= 0 && used == size);
	close(fd);
	if (n < 0) {
		free(buffer);
		return (int)n;
	}
	buffer[used] = '\0';
	*text = buffer;
	*length = used;
	return 0;
}

static ssize_t read_task_file(int proc_fd, pid_t pid, pid_t tid, const char *name, char *buffer, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%d/task/%d/%s", (int)pid, (int)tid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buffer, size - 1); /* one read: the kernel makes these files in one piece */
	n = n < 0 ? -errno : n;
	close(fd);
	if (n >= 0)
		buffer[n] = '\0';
	return n == 0 ? -ESRCH : n;
}

int procfs_read_stat(int proc_fd, pid_t pid, pid_t tid, struct procfs_stat *stat)
{
	char text[1024];
	ssize_t n = read_task_file(proc_fd, pid, tid, "stat", text, sizeof text);

	return n < 0 ? (int)n : procfs_parse_stat(text, (size_t)n, stat);
}

int procfs_read_status(int proc_fd, pid_t pid, pid_t tid, struct procfs_status *status)
{
	char path[64], *text;
	size_t length;
	int rc;

	/* NSpid stands behind Groups, which may hold 65536 numbers (NGROUPS_MAX). */
	snprintf(path, sizeof path, "%d/task/%d/status", (int)pid, (int)tid);
	rc = procfs_read_file(proc_fd, path, STATUS_LIMIT, &text, &length);
	if (rc)
		return rc;
	rc = length ? procfs_parse_status(text, status) : -ESRCH;
	free(text);
	return rc;
}

static int by_number(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

/* Appends the numeric names of one getdents64 answer. */
static int add_entries(const char *entries, size_t size, pid_t **tids, size_t *count, size_t *room)
{
	for (size_t at = 0; at < size;) {
		const struct dirent64 *entry = (const void *)(entries + at);
		char *end;
		long tid = strtol(entry->d_name, &end, 10);

		at += entry->d_reclen;
		if (*end || end == entry->d_name || tid <= 0)
			continue;
		if (*count == *room) {
			size_t larger = *room ? *room * 2 : 256;
			pid_t *grown = reallocarray(*tids, larger, sizeof **tids);

			if (!grown)
				return -ENOMEM;
			*tids = grown;
			*room = larger;
		}
		(*tids)[(*count)++] = (pid_t)tid;
	}
	return 0;
}

int procfs_list_tasks(int proc_fd, pid_t pid, pid_t **tids, size_t *count)
{
	_Alignas(struct dirent64) char entries[32768];
	char path[32];
	size_t room = 0;
	ssize_t n;
	int fd, rc = 0;

	*tids = NULL;
	*count = 0;
	snprintf(path, sizeof path, "%d/task", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (rc == 0 && (n = getdents64(fd, entries, sizeof entries)) != 0)
		rc = n < 0 ? -errno : add_entries(entries, (size_t)n, tids, count, &room);
	close(fd);
	if (rc == 0 && *count == 0)
		rc = -ESRCH;
	if (rc) {
		free(*tids);
		*tids = NULL;
		*count = 0;
		return rc;
	}
	qsort(*tids, *count, sizeof **tids, by_number);
	return 0;
}
