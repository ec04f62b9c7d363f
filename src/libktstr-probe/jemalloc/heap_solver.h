/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds whose struct tsd_s was changed: where the arena and the cache are in it, by the program's
 * own code and by the pointers with which a cache refers to itself.
 */
#ifndef KTSTR_HEAP_SOLVER_H
#define KTSTR_HEAP_SOLVER_H

#include "jemalloc/heap_scan.h"

/*
 * The cache's place, for a layout whose arenas were found: corrects layout->tsd where every thread
 * that has a cache shows one other place for it, and the same. Returns 0, also where there is
 * nothing to correct, or a negative errno. *moved: it was corrected.
 */
int heap_solver_caches(struct target *target, const struct heap_start *start,
		       struct heap_layout *layout, bool *moved);

#endif
