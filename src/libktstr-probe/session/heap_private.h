/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a heap. */
#ifndef KTSTR_HEAP_PRIVATE_H
#define KTSTR_HEAP_PRIVATE_H

#include "jemalloc/heap_items.h"
#include "jemalloc/heap_reading.h"
#include "jemalloc/options.h"
#include "session/session.h"
#include "session/snapshot.h"

struct heap_arena {
	struct ktstr_heap_arena arena;
	struct ktstr_heap_figure figures[KTSTR_HEAP_ITEMS];
	struct ktstr_heap_bin *bins; /* NULL without statistics */
	struct ktstr_heap_large *large;
};

struct ktstr_heap {
	struct heap_place place;
	struct heap_layout layout; /* place.layout, corrected for this build */
	struct ktstr_heap_figure totals[KTSTR_HEAP_ITEMS];
	int64_t span_ns, unix_ns;
	bool quiet, has_stats;
	struct heap_arena *arenas; /* one more than there are: the sum of all */
	size_t arena_count;
	struct ktstr_heap_thread *threads;
	size_t thread_count;
	struct options_in_force in_force;
	struct ktstr_heap_option *options; /* in_force's, as callers see them */
	size_t option_count;
};

/* Where the program's own code has the threads' counters, and arena: their offsets in tsd_s. */
struct heap_counters {
	bool known, knows_arena;
	uint64_t allocated, deallocated, arena;
};

/* Asks the code: fills in the options. Returns 0, or out of memory. */
int heap_ask_code(struct ktstr_probe *probe, const struct elf_image *image, struct ktstr_heap *heap,
		  struct heap_counters *counters, struct ktstr_error *error);

/*
 * The threads' balance stands and falls with the counters: where the program's own code takes them
 * from another place than the session does, nothing here is right. Before 5.3 tsd_s begins with its
 * state, later only the distance of the two is known.
 */
int heap_check_counters(struct ktstr_probe *probe, const struct heap_place *place,
			const struct heap_counters *counters, struct ktstr_error *error);

/* The failures that several steps have. Return their code. */
int heap_layout_unknown(struct ktstr_probe *probe, struct ktstr_error *error, const char *why);
int heap_changed(const struct ktstr_probe *probe, struct ktstr_error *error);

/*
 * What the kernel has of it: the process's memory as a whole, and which of jemalloc's pages have
 * any. Needs the totals and the list of arenas; what cannot be told is absent.
 */
void heap_set_memory(struct ktstr_probe *probe, struct ktstr_heap *heap);

/*
 * Fills in the heap from two readings; doubts comes with what is known besides. The threads' names
 * are those of the snapshot, which the reader's states were made from. Returns 0 or -ENOMEM.
 */
int heap_build(struct ktstr_heap *heap, const struct heap_reader *reader,
	       const struct heap_reading readings[2], const struct ktstr_probe_snapshot *snapshot,
	       struct heap_doubts *doubts);

#endif
