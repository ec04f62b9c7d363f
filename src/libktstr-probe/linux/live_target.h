/* SPDX-License-Identifier: BSD-2-Clause */
/* A process of this machine as a struct target, examined by system calls and /proc. */
#ifndef KTSTR_LIVE_TARGET_H
#define KTSTR_LIVE_TARGET_H

#include "base/target.h"

/* Nothing is open yet; *target is overwritten. */
void live_target_init(struct target *target);

/* Each opens one of its descriptors. Returns 0 or a negative errno. */
int live_target_open_proc(struct target *target);
int live_target_open_tasks(struct target *target, pid_t pid);

/* Closes what is open, and frees the diagnostics. */
void live_target_close(struct target *target);

#endif
