/* SPDX-License-Identifier: BSD-2-Clause */
/* The file /proc/PID/status, or of a task: what this project asks of it, proc_pid_status(5). */
#ifndef KTSTR_SHARED_PROC_STATUS_H
#define KTSTR_SHARED_PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The four numbers of Uid and of Gid. */
enum {
	PROC_STATUS_REAL,
	PROC_STATUS_EFFECTIVE,
	PROC_STATUS_SAVED,
	PROC_STATUS_FILE_SYSTEM,
	PROC_STATUS_IDS,
};

struct proc_status {
	pid_t tgid, pid, tracer;
	pid_t ns_tid;        /* NSpid's last number: its id in its own pid namespace */
	unsigned int levels; /* how many numbers NSpid has; 1 for a kernel without that line */
	uint32_t uids[PROC_STATUS_IDS], gids[PROC_STATUS_IDS];
	uint64_t cap_permitted, cap_effective;
	int seccomp; /* -1 for a kernel without it */
};

/*
 * Reads the file at a path relative to dir_fd, which may be AT_FDCWD. Uses no heap, although one
 * line, Groups, may be hundreds of kilobytes long. Returns 0; -ESRCH for an empty file, which a
 * task that has ended leaves to whoever has it open; -EBADMSG; or the errno of opening and reading.
 */
int proc_status_read(int dir_fd, const char *path, struct proc_status *status);

/*
 * The parser alone, for a whole text. Returns 0, or -EBADMSG when a line is missing that every
 * kernel writes, or one cannot be understood.
 */
int proc_status_parse(const char *text, struct proc_status *status);

#endif
