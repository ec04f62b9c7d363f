/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's arenas in the target: what of each is read, whether what was read is an arena at all,
 * and what it says. Reading is the caller's, so that arenas and threads can be read in one batch.
 */
#ifndef KTSTR_ARENAS_H
#define KTSTR_ARENAS_H

#include "base/target.h"
#include "jemalloc/heap_layout.h"
#include "jemalloc/size_classes.h"

#define ARENAS_LIMIT      4095 /* MALLOCX_ARENA_LIMIT: arenas[] has that many entries */
#define ARENA_NAME_SIZE   32   /* ARENA_NAME_LEN of 5.3.1 */
#define ARENA_BASE_WORDS  8    /* where the words of base_s begin, behind its index */
#define ARENA_PIECE_LIMIT 32   /* arena_plan_make adds 28 */

/* Which bytes of an arena are read, and where they stand in the buffer. */
struct arena_plan {
	const struct heap_layout *layout;
	const struct size_classes *classes; /* NULL: the signs alone */
	struct arena_piece {
		uint32_t offset, size;
		size_t at;
	} pieces[ARENA_PIECE_LIMIT];
	size_t count;
	size_t base_at, bins_at; /* base_s: its index, then its words of statistics; the bins */
	size_t large;            /* large classes that are read: of the others there is nothing */
	size_t size;             /* of one arena's buffer */
};

struct arena_ref {
	uint64_t address, base;
	uint32_t index;
	uint64_t *bins; /* before 5.3: where each class's bins stand; else NULL */
};

struct arena_list {
	struct arena_ref *refs;
	size_t count;
};

struct arena_large {
	uint64_t nmalloc, ndalloc, nrequests, nfills, nflushes, active_bytes;
};

/* What one arena says. Byte sizes are bytes, pages are pages. */
struct arena_figures {
	uint32_t index;
	uint32_t nthreads, internal_threads;
	char name[ARENA_NAME_SIZE + 1];
	bool used_hpa;
	uint64_t nactive, npages[HEAP_ECACHES];
	int64_t decay_ms[2];
	uint64_t decay_stats[2][3]; /* npurge, nmadvise, purged of dirty and muzzy */
	uint64_t internal, pac_mapped, abandoned_vm, edata_avail;
	uint64_t base_allocated, base_resident, base_mapped, n_thp;
	/* summed up */
	uint64_t small, slabs, large, large_count;
	uint64_t bins[SIZE_CLASSES_BINS_LIMIT][HEAP_BIN_WORDS];
	struct arena_large large_bins[SIZE_CLASSES_TOTAL];
};

void arena_plan_make(const struct heap_layout *layout, const struct size_classes *classes,
		     struct arena_plan *plan);

/* How many ranges an arena takes at most. */
#define ARENA_RANGE_LIMIT (ARENA_PIECE_LIMIT + 2 + SIZE_CLASSES_BINS_LIMIT)

/* Adds the ranges of one arena, its buffer of plan->size bytes given. Returns how many. */
size_t arena_ranges(const struct arena_plan *plan, const struct arena_ref *ref,
		    unsigned char *buffer, struct target_range *ranges);

/*
 * The signs that cannot be torn, as nothing in them changes while the arena lives: pointers of the
 * arena to itself, its index in several places, states, the decay's arithmetic. index is what
 * arenas[] says, or negative: any. Whether they hold; *index is then the arena's.
 */
bool arena_signs_hold(const struct arena_plan *plan, const struct arena_ref *ref,
		      const unsigned char *buffer, int64_t *index);

/* The pointer to its base_s that an arena holds, twice where it stands twice; 0: they differ. */
uint64_t arena_base(const struct arena_plan *plan, const unsigned char *buffer);

/* The address of a cache's descriptor, 0: no cache is bound to it. Needs a plan with classes. */
uint64_t arena_first_cache(const struct arena_plan *plan, const unsigned char *buffer);

/* Likewise. */
void arena_take(const struct arena_plan *plan, const unsigned char *buffer,
		struct arena_figures *figures);

/*
 * The sums that jemalloc keeps in two ways: regions, slabs, and the active pages. Torn while the
 * arena is in use. with_stats: config.stats. Returns NULL, or which does not hold.
 */
const char *arena_sums_differ(const struct size_classes *classes,
			      const struct arena_figures *figures, bool with_stats);

/*
 * Fills in a list from the words of arenas[]: reads the head of each arena and takes none that does
 * not show every sign. Returns 0, a negative errno, or -EBADMSG with *reason set.
 */
int arena_list_read(struct target *target, const struct heap_layout *layout,
		    const uint64_t words[ARENAS_LIMIT], struct arena_list *list,
		    const char **reason);
void arena_list_free(struct arena_list *list);

/* Is what stands in arenas[] still this list? Returns 0, -ESTALE, or what reading gave. */
int arena_list_check(struct target *target, uint64_t arenas, const struct arena_list *list);

#endif
