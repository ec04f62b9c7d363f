/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a session was cancelled: a flag for loops, and a descriptor for poll(2). */
#ifndef KTSTR_CANCELLATION_H
#define KTSTR_CANCELLATION_H

#include <stdatomic.h>
#include <stdbool.h>

struct cancellation {
	atomic_bool requested;
	int fd; /* an eventfd that is readable from then on */
};

static inline bool is_cancelled(const struct cancellation *cancellation)
{
	return atomic_load(&cancellation->requested);
}

#endif
