/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings of files in a process: one query each where the kernel answers those, else all of
 * maps.
 */
#ifndef KTSTR_FILE_MAPS_H
#define KTSTR_FILE_MAPS_H

#include <sys/types.h>

#include "base/target.h"

/*
 * Visits every mapping with an inode in ascending order. Returns 0, a negative errno, or what visit
 * returned; *unread: it was the memory map itself that could not be read.
 */
int file_maps_walk(int proc_fd, pid_t tid, target_map_visit visit, void *context, bool *unread);

#endif
