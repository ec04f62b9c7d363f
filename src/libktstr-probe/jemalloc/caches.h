/* SPDX-License-Identifier: BSD-2-Clause */
/* What a thread's tsd_s says of the heap: its arenas, its caches, its peak. */
#ifndef KTSTR_CACHES_H
#define KTSTR_CACHES_H

#include "base/target.h"
#include "jemalloc/heap_layout.h"
#include "jemalloc/size_classes.h"

/* Which part of tsd_s is read, counted from `state'. */
struct cache_plan {
	const struct heap_layout *layout;
	int64_t first; /* of the one range, from state */
	size_t size;
	int64_t allocated, deallocated; /* from state */
};

enum cache_verdict {
	CACHE_NONE,    /* the thread has not used jemalloc, or uses no cache */
	CACHE_READ,    /* figures are valid */
	CACHE_TORN,    /* it was being changed: read again */
	CACHE_FOREIGN, /* it points at something else */
};

struct cache_figures {
	uint64_t allocated, deallocated;
	uint64_t arena, iarena; /* addresses, 0: none */
	bool enabled;
	uint64_t cache,
		next_cache; /* addresses of its descriptor and of the next in the arena's ring */
	uint64_t bytes;     /* in its caches */
	uint64_t peak;      /* thread.peak.read */
	bool has_peak;
};

/* The counters' offsets are the probe's, from `state'. */
void cache_plan_make(const struct heap_layout *layout, int64_t allocated, int64_t deallocated,
		     struct cache_plan *plan);

struct target_range cache_range(const struct cache_plan *plan, uint64_t state,
				unsigned char *buffer);

/* state: the address of tsd_s.state, which buffer was read around. */
enum cache_verdict cache_take(const struct cache_plan *plan, const struct size_classes *classes,
			      uint64_t state, const unsigned char *buffer,
			      struct cache_figures *figures);

#endif
