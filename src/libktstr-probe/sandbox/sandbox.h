/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs what reads a hostile file in a short-lived child that can do no more than read what it has
 * open and write one answer. Knows nothing of files.
 */
#ifndef KTSTR_SANDBOX_H
#define KTSTR_SANDBOX_H

#include <stddef.h>

struct sandbox {
	int off;                  /* run it all in this process */
	int cancel_fd;            /* readable: end early; -1: none */
	unsigned int cpu_seconds; /* of processor time for the child */
	unsigned int wall_ms;     /* for all of it */
	size_t memory;            /* bytes that the child may allocate beyond what it began with */
};

/* For honest files a thousand times more than they need; the readers' own limits are below. */
#define SANDBOX_INIT(is_off, cancel)                        \
	{                                                   \
		is_off, cancel, 3, 20000, (size_t)192 << 20 \
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

/*
 * Returns 0 when an answer of that size came: nothing else of it is checked here. Otherwise a
 * negative errno: -ECANCELED, -ETIMEDOUT, -EIO for a child that died, -EBADMSG for an answer of
 * another size, -EAGAIN where no child could be made. reason says which way was taken, or what
 * became of the child. Blocks all signals until the child has ended: `wall_ms` at most.
 */
int sandbox_run(const struct sandbox *isolation, const struct sandbox_work *work, void *answer,
		size_t size, char reason[SANDBOX_REASON_SIZE]);

/* NULL, or why there is never a child in this build. */
const char *sandbox_missing(void);

#endif
