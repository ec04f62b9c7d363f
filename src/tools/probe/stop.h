/* SPDX-License-Identifier: BSD-2-Clause */
/* What ends the program early: SIGINT, SIGTERM, and the deadline, which is SIGALRM. */
#ifndef KTSTR_PROBE_STOP_H
#define KTSTR_PROBE_STOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <ktstr/probe.h>

extern volatile sig_atomic_t stop_requested;
extern volatile sig_atomic_t stop_deadline_passed;

/* The signals whose handler sets these. Empty before stop_install. */
extern sigset_t stop_signals;

/*
 * From now on these signals cancel the session, which must live as long as the process: a late one
 * may come at any time. abort_after_ms: the deadline, 0 for none.
 */
void stop_install(struct ktstr_probe *session, unsigned int abort_after_ms);

/* Returns at that time on CLOCK_MONOTONIC, or when a stop is requested. */
void stop_wait_until(int64_t deadline);

#endif
