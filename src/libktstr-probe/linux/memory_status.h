/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel says of a process's memory as a whole: the lines Vm… and Rss… of its status. */
#ifndef KTSTR_MEMORY_STATUS_H
#define KTSTR_MEMORY_STATUS_H

#include <stdint.h>
#include <sys/types.h>

struct memory_status {
	uint64_t rss, anon, file, shmem, swap; /* bytes */
};

/* Pure: one line, such as "VmRSS:\t    1234 kB\n", in bytes. Returns 0, or -EBADMSG where it is
 * missing or no number. */
int memory_status_line(const char *text, const char *name, uint64_t *bytes);

/* Pure: returns 0, or -EBADMSG where a line is missing or no number. */
int memory_status_parse(const char *text, struct memory_status *status);

/* Of the process whose /proc/PID/task is open, through one of its tasks. */
int memory_status_read(int task_fd, pid_t tid, struct memory_status *status);

#endif
