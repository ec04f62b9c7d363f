/* SPDX-License-Identifier: BSD-2-Clause */
/* From what the arenas and threads say to the figures of <ktstr/heap.h>. Pure. */
#ifndef KTSTR_HEAP_ITEMS_H
#define KTSTR_HEAP_ITEMS_H

#include "jemalloc/arenas.h"
#include <ktstr/heap.h>

/* The items of one arena; tcache: bytes in the caches of its threads. */
void heap_items_of_arena(const struct heap_layout *layout, const struct size_classes *classes,
			 const struct arena_figures *figures, uint64_t tcache,
			 int64_t items[KTSTR_HEAP_ITEMS]);

/* Adds b's counts to a's, and its bins' and large classes'. */
void heap_figures_add(struct arena_figures *a, const struct arena_figures *b);

/* What is known of the process, besides two readings, that makes figures inexact or unknown. */
struct heap_doubts {
	bool without_stats;   /* config.stats is false */
	bool profiled;        /* opt.prof: objects are moved behind the counters' back */
	bool profile_unknown; /* whether it is could not be read */
	bool used_hpa;        /* ever_used_hpa in an arena */
	bool other_caches;    /* caches that are no thread's own: tcache.create */
	bool torn;            /* sums that are kept twice differ: a thread is in an allocation */
	bool threads_changed; /* threads began or ended meanwhile */
	bool arenas_changed;  /* arenas were made meanwhile */
	size_t unread;        /* threads that were not read */
};

/* The state of each item from the values of two readings, the second of which counts. */
void heap_items_set_states(const int64_t first[KTSTR_HEAP_ITEMS],
			   const int64_t second[KTSTR_HEAP_ITEMS], const struct heap_doubts *doubts,
			   struct ktstr_heap_figure figures[KTSTR_HEAP_ITEMS]);

struct ktstr_heap_figure heap_figure_absent(const char *reason);
struct ktstr_heap_figure heap_figure_of(int64_t first, int64_t second);

#endif
