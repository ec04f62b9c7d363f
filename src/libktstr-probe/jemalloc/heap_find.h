/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the heap's figures are in a target: which layout its arenas have, where arenas[] is, and
 * its size classes. Started from its threads, each of which points to its arena.
 */
#ifndef KTSTR_HEAP_FIND_H
#define KTSTR_HEAP_FIND_H

#include "jemalloc/heap_scan.h"

struct heap_place {
	const struct heap_layout *layout;
	struct size_classes classes;
	uint64_t arenas;        /* address of arenas[] */
	struct arena_list list; /* what stands in it */
	char how[192];          /* what was found, or why nothing was */
};

/*
 * Tries every row of a table of layouts: exactly one must fit. Returns 0, -ENODATA where nothing is
 * certain (how tells why), or what reading gave. On success the caller frees place->list.
 */
int heap_find(struct target *target, const struct heap_start *start,
	      const struct heap_layout *table, size_t rows, struct heap_place *place);

#endif
