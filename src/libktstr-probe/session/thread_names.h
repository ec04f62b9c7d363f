/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and start times of the threads of a snapshot. */
#ifndef KTSTR_THREAD_NAMES_H
#define KTSTR_THREAD_NAMES_H

#include "session/session.h"

/*
 * One file a thread: this costs more than all counters together, so with many threads several of
 * ours share the work. A tid that a younger thread has by now is told by its start time: that entry
 * becomes an error. After ktstr_probe_cancel() the rest stays without names, and the snapshot is
 * marked.
 */
void thread_names_read(struct ktstr_probe *probe, struct ktstr_probe_snapshot *snapshot);

#endif
