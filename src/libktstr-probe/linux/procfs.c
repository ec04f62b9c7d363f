/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of a process below /proc, or below another directory that looks like it
 * (tests).
 */
#include "config.h"

#include "linux/procfs.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK      65536
#define AUXV_LIMIT 65536

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

int procfs_read_fd(int fd, size_t limit, char **text, size_t *length)
{
	size_t size = 0, used = 0;
	char *buffer = NULL, *larger;
	ssize_t n = 0;

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
	if (n < 0) {
		free(buffer);
		return (int)n;
	}
	buffer[used] = '\0';
	*text = buffer;
	*length = used;
	return 0;
}

int procfs_read_file(int proc_fd, const char *path, size_t limit, char **text, size_t *length)
{
	int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return -errno;
	rc = procfs_read_fd(fd, limit, text, length);
	close(fd);
	return rc;
}

pid_t procfs_own_pid(int proc_fd)
{
	char text[16] = "";

	if (readlinkat(proc_fd, "self", text, sizeof text - 1) < 0)
		return -errno;
	return (pid_t)strtol(text, NULL, 10);
}

/* create_elf_tables() in fs/binfmt_elf.c: words as wide as the program's. Types are small numbers,
 * so that only two words of a 32-bit program make a large one. */
static bool has_narrow_words(const char *auxv, size_t length)
{
	uint64_t type = 0;

	memcpy(&type, auxv, length < sizeof type ? length : sizeof type);
	return type > UINT32_MAX;
}

static uint64_t auxv_word(const char *auxv, size_t index, size_t width)
{
	uint64_t word;
	uint32_t narrow;

	memcpy(&narrow, auxv + index * width, sizeof narrow);
	if (width == sizeof narrow)
		return narrow;
	memcpy(&word, auxv + index * width, sizeof word);
	return word;
}

int procfs_read_auxv(int proc_fd, pid_t pid, uint64_t type, uint64_t *value)
{
	char path[32], *text;
	size_t length, width;
	int rc;

	*value = 0;
	snprintf(path, sizeof path, "%d/auxv", (int)pid);
	rc = procfs_read_file(proc_fd, path, AUXV_LIMIT, &text, &length);
	if (rc)
		return rc;
	width = has_narrow_words(text, length) ? sizeof(uint32_t) : sizeof(uint64_t);
	for (size_t i = 0; (i + 2) * width <= length; i += 2) {
		if (auxv_word(text, i, width) == AT_NULL)
			break;
		if (auxv_word(text, i, width) == type)
			*value = auxv_word(text, i + 1, width);
	}
	free(text);
	return length ? 0 : -ESRCH;
}

int procfs_open_tasks(int proc_fd, pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "%d/task", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int procfs_open_stat(int task_fd, pid_t tid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "%d/stat", (int)tid);
	fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int procfs_reread_stat(int fd, struct task_stat *stat)
{
	char text[1024];
	/* One read from the start: the kernel makes this file anew, and in one piece. */
	ssize_t n = pread(fd, text, sizeof text, 0);

	if (n <= 0)
		return n ? -errno : -ESRCH;
	return proc_stat_parse(text, (size_t)n, stat);
}

int procfs_read_stat(int task_fd, pid_t tid, struct task_stat *stat)
{
	int fd = procfs_open_stat(task_fd, tid), rc;

	if (fd < 0)
		return fd;
	rc = procfs_reread_stat(fd, stat);
	close(fd);
	return rc;
}

int procfs_read_status(int task_fd, pid_t tid, struct proc_status *status)
{
	char path[32];

	snprintf(path, sizeof path, "%d/status", (int)tid);
	return proc_status_read(task_fd, path, status);
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

int procfs_list_tasks(int task_fd, pid_t **tids, size_t *count)
{
	_Alignas(struct dirent64) char entries[32768];
	size_t room = 0;
	ssize_t n;
	int rc = 0;

	*tids = NULL;
	*count = 0;
	if (lseek(task_fd, 0, SEEK_SET) < 0)
		return -errno;
	while (rc == 0 && (n = getdents64(task_fd, entries, sizeof entries)) != 0)
		rc = n < 0 ? -errno : add_entries(entries, (size_t)n, tids, count, &room);
	if (rc == 0 && *count == 0)
		rc = -ESRCH;
	if (rc) {
		free(*tids);
		*tids = NULL;
		*count = 0;
		return rc;
	}
	for (size_t i = 1; i < *count; i++)
		if ((*tids)[i - 1] > (*tids)[i]) { /* seldom: the kernel lists them as they began */
			qsort(*tids, *count, sizeof **tids, by_number);
			break;
		}
	return 0;
}
