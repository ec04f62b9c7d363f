/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel tells of a process below /proc, or below another folder that looks like it (tests).
   Parsers are pure functions on strings. Called by module_list, probe_open and probe_snapshot. */
#ifndef KTSTR_PROCFS_H
#define KTSTR_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One line of maps. `path` points into the text that was parsed. */
struct procfs_map {
	uint64_t start, end, offset, inode;
	unsigned int dev_major, dev_minor;
	char perms[5];
	char *path; /* "" for none; "\012" is turned back; without " (deleted)" */
	int deleted;
};

struct procfs_stat {
	char comm[16];
	char state;
	uint64_t flags;	     /* field 9, PF_… */
	uint64_t start_time; /* field 22 */
};

struct procfs_status {
	pid_t tgid;
	pid_t tracer;
	pid_t inner_id;	     /* NSpid's last number */
	unsigned int levels; /* how many numbers NSpid has */
};

/* Changes line. Returns 0 or -EBADMSG. */
int procfs_parse_map(char *line, struct procfs_map *map);
int procfs_parse_stat(const char *text, size_t length, struct procfs_stat *stat);
int procfs_parse_status(const char *text, struct procfs_status *status);

/* Reads a file relative to proc_fd. *text is NUL-terminated and the caller's to free. */
int procfs_read_file(int proc_fd, const char *path, size_t limit, char **text, size_t *length);

int procfs_read_stat(int proc_fd, pid_t pid, pid_t tid, struct procfs_stat *stat);
int procfs_read_status(int proc_fd, pid_t pid, pid_t tid, struct procfs_status *status);

/* The tids of pid in ascending order; *tids is the caller's to free. */
int procfs_list_tasks(int proc_fd, pid_t pid, pid_t **tids, size_t *count);

#endif
