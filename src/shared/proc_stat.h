/* SPDX-License-Identifier: BSD-2-Clause */
/* The file /proc/PID/stat, or of a task: what this project asks of it, proc_pid_stat(5). */
#ifndef KTSTR_SHARED_PROC_STAT_H
#define KTSTR_SHARED_PROC_STAT_H

#include <stddef.h>
#include <stdint.h>

struct task_stat {
	char comm[16];
	char state;
	uint64_t parent;     /* field 4, a pid */
	uint64_t flags;      /* field 9, PF_… */
	uint64_t start_time; /* field 22, in clock ticks since boot */
};

/*
 * The text need not end in a NUL, but each field that is read must be followed by another. Returns
 * 0 or -EBADMSG.
 */
int proc_stat_parse(const char *text, size_t length, struct task_stat *stat);

#endif
