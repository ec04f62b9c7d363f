/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done in a sandbox, and within which limits. */
#ifndef KTSTR_SANDBOX_WORK_H
#define KTSTR_SANDBOX_WORK_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox {
	bool is_off;              /* run it all in this process */
	int cancel_fd;            /* readable: end early; -1: none */
	unsigned int cpu_seconds; /* of processor time for the child */
	unsigned int wall_ms;     /* for all of it */
	size_t memory;            /* bytes that the child may allocate beyond what it began with */
};

/* For honest files a thousand times more than they need; the readers' own limits are below. */
#define SANDBOX_INIT(no_child, cancel)                                                           \
	{                                                                                        \
		.is_off = (no_child), .cancel_fd = (cancel), .cpu_seconds = 3, .wall_ms = 20000, \
		.memory = (size_t)192 << 20,                                                     \
	}

/*
 * The two steps. They may allocate, and share nothing with the caller but what the caller had
 * before: what they write is seen by nobody unless it is in the answer.
 */
struct sandbox_work {
	void *context;
	int open_fd; /* the only descriptor that `open` is left with, -1: none */
	/* Opens what is to be read, with the caller's rights. Looks into nothing. */
	void (*open)(void *context);
	/* Reads it, without rights, and fills in the answer, which was zeroed. */
	void (*read)(void *context, void *answer);
	/* Closes it; in a child that is left to its end. */
	void (*close)(void *context);
};

#define SANDBOX_ANSWER_LIMIT 2048
#define SANDBOX_REASON_SIZE  192

#endif
