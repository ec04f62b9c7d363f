/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several jemallocs in a process is to be read. */
#ifndef KTSTR_JEMALLOC_CHOOSE_H
#define KTSTR_JEMALLOC_CHOOSE_H

#include "jemalloc/find.h"

/*
 * The jemalloc to read: the wanted one, else the only one, else the one that the program's malloc
 * resolves to, or its libc's, else the first, which is the executable's if that has one. NULL:
 * none, or wanted is not among them.
 */
const struct jemalloc_candidate *jemalloc_choose(struct target *target,
						 struct jemalloc_candidates *candidates,
						 const char *wanted);

#endif
