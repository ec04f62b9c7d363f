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

#include "base/target.h"

/* Sets `deleted` from what the kernel writes behind the path of a file that is gone, and cuts it
 * off. */
void procfs_strip_deleted(struct target_map *map);

/* Each returns 0 or -EBADMSG. Changes line. */
int procfs_parse_map(char *line, struct target_map *map);
int procfs_parse_stat(const char *text, size_t length, struct task_stat *stat);

#endif
