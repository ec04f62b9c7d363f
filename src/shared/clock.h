/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and deadlines, in nanoseconds. A deadline is on CLOCK_MONOTONIC. */
#ifndef KTSTR_SHARED_CLOCK_H
#define KTSTR_SHARED_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS  INT64_C(1000000)

/* A deadline that never comes. */
#define DEADLINE_NEVER INT64_MAX

/* What the clock shows now. */
int64_t clock_ns(clockid_t clock);

int64_t timespec_to_ns(const struct timespec *time);
struct timespec timespec_from_ns(int64_t ns); /* ns is not negative */

/* timeout_ms milliseconds from now; DEADLINE_NEVER for a negative timeout. */
int64_t deadline_after_ms(int timeout_ms);

/*
 * What is left until the deadline, for ppoll(2): never negative. Returns NULL, which ppoll takes
 * for "no timeout", when the deadline is DEADLINE_NEVER; otherwise `left`.
 */
const struct timespec *deadline_left(int64_t deadline, struct timespec *left);

/* The same for poll(2), rounded up: 0 when the deadline has passed, -1 for DEADLINE_NEVER. */
int deadline_left_ms(int64_t deadline);

#endif
