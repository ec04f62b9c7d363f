/* SPDX-License-Identifier: BSD-2-Clause */
/* Being asked to stop, and the time between two readings. */
#ifndef KTSTR_HEAP_PAUSE_H
#define KTSTR_HEAP_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM ask to stop, and call on_stop(context), which must be safe in a
 * signal handler; NULL: nothing more. */
void pause_install(void (*on_stop)(void *context), void *context);

/* Has one of them come? */
bool pause_is_stopped(void);

/* Returns once the time has come, on CLOCK_MONOTONIC, or a stop was asked for; no signal can slip
 * in between. */
void pause_until(int64_t due_ns);

#endif
