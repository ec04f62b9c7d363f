/* SPDX-License-Identifier: BSD-2-Clause */
/* Which processes a word on the command line names. */
#ifndef KTSTR_FIND_PROCESS_H
#define KTSTR_FIND_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * A PID is that process, anything else the processes of that name (their comm). *pids is the
 * caller's to free. Returns 0, -ENOENT for none of that name, or what reading /proc gave.
 */
int find_processes(const char *word, pid_t **pids, size_t *count);

/* The process's name, "?" where it cannot be read. */
void process_name(pid_t pid, char name[16]);

#endif
