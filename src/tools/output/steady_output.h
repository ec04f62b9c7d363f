/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream whose writes no signal cuts short: stdio drops what was left of a write that a handler
 * interrupted, and what was a document then is none. A reader that takes nothing any more holds it
 * up until a stop was asked for and stall_ms have passed.
 */
#ifndef KTSTR_STEADY_OUTPUT_H
#define KTSTR_STEADY_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* The first four are the caller's to set. */
struct steady_output {
	int fd;
	const sigset_t *stop_signals; /* those whose handlers set *stopped */
	const volatile sig_atomic_t *stopped;
	int stall_ms;
	bool stallable; /* of a kind that may hold a write up */
	int error;      /* of the first write that failed, a negative errno, else 0. -ETIMEDOUT:
			   nothing was taken for stall_ms. From then on nothing is written. */
};

/* Returns a stream, or NULL with errno set. `output` must live as long as the stream. */
FILE *steady_output_open(struct steady_output *output);

#endif
