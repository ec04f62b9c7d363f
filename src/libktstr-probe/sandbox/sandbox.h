/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs what reads a hostile file in a short-lived child that can do no more than read what it has
 * open and write one answer. Knows nothing of files.
 */
#ifndef KTSTR_SANDBOX_H
#define KTSTR_SANDBOX_H

#include "sandbox/sandbox_work.h"

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
