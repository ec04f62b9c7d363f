/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines on CLOCK_MONOTONIC, in nanoseconds. */
#include "monotonic.h"

#include <stddef.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS  INT64_C(1000000)

int64_t ktstr_monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: a valid clock and pointer */
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

int64_t ktstr_deadline_after_ms(int timeout_ms)
{
	return timeout_ms < 0 ? KTSTR_NEVER : ktstr_monotonic_now() + timeout_ms * NS_PER_MS;
}

const struct timespec *ktstr_time_left(int64_t deadline, struct timespec *left)
{
	int64_t ns;

	if (deadline == KTSTR_NEVER)
		return NULL;
	ns = deadline - ktstr_monotonic_now();
	if (ns < 0)
		ns = 0;
	left->tv_sec = (time_t)(ns / NS_PER_SEC);
	left->tv_nsec = (long)(ns % NS_PER_SEC);
	return left;
}
