/* SPDX-License-Identifier: BSD-2-Clause */
/* A search of the module's writable memory for what has no pointer to it: arenas[], bin_infos[]. */
#ifndef KTSTR_HEAP_SCAN_H
#define KTSTR_HEAP_SCAN_H

#include "base/target.h"
#include "jemalloc/arenas.h"
#include "jemalloc/heap_layout.h"
#include "jemalloc/size_classes.h"

struct heap_span {
	uint64_t address, size;
};

/* What is known before: where tsd_s.state is in each thread, and the module's writable memory. */
struct heap_start {
	const uint64_t *states;
	size_t state_count;
	bool knows_arena; /* its offset from state, by the program's own code */
	int32_t arena;
	const struct heap_span *writable;
	size_t span_count;
};

/* The arena that one thread or more use, and its index. */
struct heap_seed {
	uint64_t arena;
	uint32_t index;
};

struct heap_scan {
	uint64_t arenas;        /* 0: not found */
	struct arena_list list; /* what stands there; the caller frees it, whatever was found */
	struct size_classes classes;
	bool has_classes, has_sizes;          /* bin_infos[], sz_index2size_tab[] */
	bool several_arenas, several_classes; /* found twice, and different */
	unsigned int tries;                   /* places that were looked at more closely */
};

/* Returns 0 or a negative errno; -EFBIG where there is more to search than in any honest module. */
int heap_scan(struct target *target, const struct heap_start *start,
	      const struct heap_layout *layout, const struct heap_seed *seeds, size_t seed_count,
	      struct heap_scan *scan);

#endif
