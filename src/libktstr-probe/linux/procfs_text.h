/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts below /proc: pure parsers, written by hand because a process with 10000 threads has as
 * many stat files and twice as many lines in maps.
 */
#ifndef KTSTR_PROCFS_TEXT_H
#define KTSTR_PROCFS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One line of maps, or the answer to a query. `path` points into what was parsed. */
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
	uint64_t flags;      /* field 9, PF_… */
	uint64_t start_time; /* field 22, in clock ticks since boot */
};

/* Sets `deleted` from what the kernel writes behind the path of a file that is gone, and cuts it
 * off. */
void procfs_strip_deleted(struct procfs_map *map);

/* Each returns 0 or -EBADMSG. Changes line. */
int procfs_parse_map(char *line, struct procfs_map *map);
int procfs_parse_stat(const char *text, size_t length, struct procfs_stat *stat);

#endif
