/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and deadlines, in nanoseconds. */
#include "shared/clock.h"

#include <limits.h>
#include <stddef.h>

int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now); /* cannot fail: a valid clock and pointer */
	return timespec_to_ns(&now);
}

int64_t timespec_to_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * NS_PER_SEC + time->tv_nsec;
}

struct timespec timespec_from_ns(int64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_SEC),
				  .tv_nsec = (long)(ns % NS_PER_SEC) };
}

int64_t deadline_after_ms(int timeout_ms)
{
	return timeout_ms < 0 ? DEADLINE_NEVER : clock_ns(CLOCK_MONOTONIC) + timeout_ms * NS_PER_MS;
}

static int64_t left_ns(int64_t deadline)
{
	int64_t left = deadline - clock_ns(CLOCK_MONOTONIC);

	return left > 0 ? left : 0;
}

const struct timespec *deadline_left(int64_t deadline, struct timespec *left)
{
	if (deadline == DEADLINE_NEVER)
		return NULL;
	*left = timespec_from_ns(left_ns(deadline));
	return left;
}

int deadline_left_ms(int64_t deadline)
{
	int64_t left;

	if (deadline == DEADLINE_NEVER)
		return -1;
	left = (left_ns(deadline) + NS_PER_MS - 1) / NS_PER_MS;
	return left < INT_MAX ? (int)left : INT_MAX;
}
