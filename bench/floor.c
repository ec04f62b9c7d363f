/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor: the bare system calls that any program must make to read the same counters, without
 * the probe's code and without a check of what was read.
 */
#include "config.h"

#include "floor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "samples.h"

#define RANGES_PER_CALL 1024 /* UIO_MAXIOV, include/uapi/linux/uio.h */
#define STRIDE          64   /* a cache line: local memory costs as little as it can */

void floor_open(struct floor *floor, const struct target *target, size_t threads)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task", (int)target->pid);
	*floor = (struct floor){ .target = target,
				 .room = threads,
				 .task_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	floor->tids = calloc(threads, sizeof *floor->tids);
	floor->heads = calloc(threads, sizeof *floor->heads);
	floor->bytes = calloc(threads, STRIDE);
	if (floor->task_fd < 0 || !floor->tids || !floor->heads || !floor->bytes)
		give_up("floor", strerror(errno));
}

void floor_close(struct floor *floor)
{
	close(floor->task_fd);
	free(floor->tids);
	free(floor->heads);
	free(floor->bytes);
}

void floor_list(struct floor *floor)
{
	_Alignas(struct dirent64) char entries[32768];
	int fd = openat(floor->task_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t size;

	floor->count = 0;
	while ((size = getdents64(fd, entries, sizeof entries)) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(entries + at);

			if (entry->d_name[0] != '.' && floor->count < floor->room)
				floor->tids[floor->count++] = (pid_t)atoi(entry->d_name);
			at += entry->d_reclen;
		}
	}
	close(fd);
	if (size < 0 || floor->count != floor->room)
		give_up("floor", "the task directory does not show the target's threads");
}

void floor_robust_lists(struct floor *floor)
{
	size_t size;

	for (size_t i = 0; i < floor->count; i++)
		if (syscall(SYS_get_robust_list, floor->tids[i], &floor->heads[i], &size))
			give_up("get_robust_list", strerror(errno));
}

void floor_counters(struct floor *floor)
{
	struct iovec local[RANGES_PER_CALL], remote[RANGES_PER_CALL];

	for (size_t at = 0; at < floor->count; at += RANGES_PER_CALL) {
		size_t count = floor->count - at < RANGES_PER_CALL ? floor->count - at
								   : RANGES_PER_CALL;

		for (size_t i = 0; i < count; i++) {
			uint64_t pointer = floor->heads[at + i] - (uint64_t)floor->target->head;

			local[i] = (struct iovec){ floor->bytes + (at + i) * STRIDE,
						   FLOOR_COUNTERS_SIZE };
			remote[i] = (struct iovec){
				(void *)(uintptr_t)(pointer + (uint64_t)floor->target->counters),
				FLOOR_COUNTERS_SIZE
			};
		}
		if (process_vm_readv(floor->target->pid, local, count, remote, count, 0) !=
		    (ssize_t)(count * FLOOR_COUNTERS_SIZE))
			give_up("process_vm_readv", strerror(errno));
	}
}

void floor_names(struct floor *floor)
{
	char path[32], text[1024];

	for (size_t i = 0; i < floor->count; i++) {
		int fd;

		snprintf(path, sizeof path, "%d/stat", (int)floor->tids[i]);
		fd = openat(floor->task_fd, path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof text) <= 0)
			give_up("stat", strerror(errno));
		close(fd);
	}
}

uint64_t floor_allocated(const struct floor *floor, size_t index)
{
	uint64_t value;

	memcpy(&value, floor->bytes + index * STRIDE, sizeof value);
	return value;
}
