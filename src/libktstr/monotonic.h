/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines on CLOCK_MONOTONIC, in nanoseconds. */
#ifndef KTSTR_MONOTONIC_H
#define KTSTR_MONOTONIC_H

#include <stdint.h>
#include <time.h>

/* A deadline that never comes. */
#define KTSTR_NEVER INT64_MAX

/* Nanoseconds on CLOCK_MONOTONIC now. */
int64_t ktstr_monotonic_now(void);

/* The deadline timeout_ms milliseconds from now; KTSTR_NEVER for a negative timeout. */
int64_t ktstr_deadline_after_ms(int timeout_ms);

/*
 * What is left until the deadline, for ppoll(2): never negative. Returns NULL, which ppoll takes
 * for "without end", when the deadline is KTSTR_NEVER; otherwise `left`.
 */
const struct timespec *ktstr_time_left(int64_t deadline, struct timespec *left);

#endif
