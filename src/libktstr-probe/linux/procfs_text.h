/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of /proc/PID/maps: a pure parser, written by hand because a process with 10000 threads
 * has twice as many.
 */
#ifndef KTSTR_PROCFS_TEXT_H
#define KTSTR_PROCFS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

/* Sets `deleted` from what the kernel writes behind the path of a file that is gone, and cuts it
 * off. */
void procfs_strip_deleted(struct target_map *map);

/* Returns 0 or -EBADMSG. Changes line. */
int procfs_parse_map(char *line, struct target_map *map);

#endif
