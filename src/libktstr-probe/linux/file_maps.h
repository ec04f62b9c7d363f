/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings of files in a process: one query each where the kernel answers those, else all of
 * maps.
 */
#ifndef KTSTR_FILE_MAPS_H
#define KTSTR_FILE_MAPS_H

#include <sys/types.h>

#include "linux/procfs_text.h"

/* Returns 0, or a negative errno that ends the walk. The map, its path too, is gone after the call.
 */
typedef int (*file_maps_visit)(void *context, const struct procfs_map *map);

/*
 * Visits every mapping with an inode in ascending order. Returns 0, a negative errno, or what visit
 * returned; *unread tells whether it was the memory map itself that could not be read.
 */
int file_maps_walk(int proc_fd, pid_t tid, file_maps_visit visit, void *context, int *unread);

#endif
