/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several jemallocs in a process is to be read. */
#ifndef KTSTR_JEMALLOC_CHOOSE_H
#define KTSTR_JEMALLOC_CHOOSE_H

#include "jemalloc/find.h"

enum jemalloc_choice {
	JEMALLOC_CHOSEN,
	JEMALLOC_NONE,      /* or wanted is not among them */
	JEMALLOC_AMBIGUOUS, /* several have the wanted path, or malloc leads to none of several */
};

/*
 * The jemalloc to read: the wanted one, else the only one, else the one that the program's malloc
 * resolves to, or its libc's.
 */
enum jemalloc_choice jemalloc_choose(struct target *target, struct jemalloc_candidates *candidates,
				     const char *wanted, const struct jemalloc_candidate **chosen);

#endif
