/* SPDX-License-Identifier: BSD-2-Clause */
/* Was a thread left out of the list that a snapshot was taken from? */
#ifndef KTSTR_MISSED_TASKS_H
#define KTSTR_MISSED_TASKS_H

#include "base/target.h"
#include "session/snapshot.h"

/* Is a thread that had begun before the snapshot not in it? */
bool missed_tasks(struct target *target, const struct ktstr_probe_snapshot *snapshot);

#endif
