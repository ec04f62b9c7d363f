/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process a session looks at. */
#ifndef KTSTR_PROCESS_H
#define KTSTR_PROCESS_H

#include "session/error.h"
#include "session/identity.h"

/* Looks for the process, and pins its memory. Returns 0, or a negative errno with the error filled
 * in. */
int process_open(struct target *target, struct identity *identity, pid_t pid,
		 struct ktstr_error *error);

#endif
