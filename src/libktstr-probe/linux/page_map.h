/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a process have memory: /proc/PID/pagemap, as far as its user may see it without
 * privileges.
 */
#ifndef KTSTR_PAGE_MAP_H
#define KTSTR_PAGE_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct page_map {
	int fd;
	bool has_scan; /* PAGEMAP_SCAN, from Linux 6.7 on, which also tells pages of zeros */
};

enum page_state {
	PAGE_PRESENT,
	PAGE_ZERO, /* read and never written to: the kernel's one page of zeros, in no RSS */
	PAGE_SWAPPED,
	PAGE_STATES
};

/* Some adjacent pages of one state. Those that have no memory are not visited. */
typedef void (*page_visit)(void *context, uint64_t start, uint64_t end, enum page_state state);

/* Of the process whose /proc/PID/task is open, through one of its tasks. */
int page_map_open(int task_fd, pid_t tid, struct page_map *map);
void page_map_close(struct page_map *map);

/* start and end are multiples of the page size; in ascending order. Returns 0 or a negative errno.
 */
int page_map_walk(const struct page_map *map, uint64_t start, uint64_t end, page_visit visit,
		  void *context);

#endif
