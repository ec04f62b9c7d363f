/* SPDX-License-Identifier: BSD-2-Clause */
/* Was a thread left out of the list that a snapshot was taken from? */
#ifndef KTSTR_MISSED_TASKS_H
#define KTSTR_MISSED_TASKS_H

#include "session/session.h"

/* Non-zero when a thread that had begun before the snapshot is not in it. */
int missed_tasks(struct ktstr_probe *probe, const struct ktstr_probe_snapshot *snapshot);

#endif
