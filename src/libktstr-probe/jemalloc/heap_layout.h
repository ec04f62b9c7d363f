/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where jemalloc keeps the figures of its heap: the members of tsd_s, arena_s, bin_s and base_s
 * that are read, for each build that was measured. tsd_s is counted from its member `state', which
 * is where the tsd was verified: some builds have more in front of it.
 */
#ifndef KTSTR_HEAP_LAYOUT_H
#define KTSTR_HEAP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_LAYOUT_NONE UINT32_MAX /* no such member in this build */

/* jemalloc's extent_state_t: the values that stand in an ecache (extent_structs.h, edata.h). */
enum heap_ecache { HEAP_DIRTY, HEAP_MUZZY, HEAP_RETAINED, HEAP_PINNED, HEAP_ECACHES };

struct heap_ecache_layout {
	uint32_t npages, guarded_npages, state, ind;
};

struct heap_layout {
	const char *build;
	bool before_53; /* bins are reached through pointers, extents have no ind of their own */

	/* struct tsd_s; counted from `state' */
	struct {
		int32_t iarena, arena;
		int32_t desc_bins;    /* tcache_slow.cache_bin_array_descriptor.bins */
		int32_t slow_arena;   /* tcache_slow.arena */
		int32_t slow_tcache;  /* tcache_slow.tcache; 0: none */
		int32_t tcache;       /* what slow_tcache points to */
		int32_t bins;         /* the cache bins; before 5.3 those of small classes */
		int32_t bins_large;   /* before 5.3; 0: large classes follow in `bins' */
		int32_t peak;         /* cur_max, adjustment; 0: none */
		uint32_t allocated;   /* thread_allocated, counted from the start of tsd_s */
		uint32_t bins_count;  /* as many as there is room for */
		uint32_t large_count; /* before 5.3 */
	} tsd;

	/* struct arena_s */
	struct {
		uint32_t size, nthreads, ind, base, name, bins, nactive;
		uint32_t shard_ind, shard_base, shard_stats, pac_stats_pointer, pac_edata_cache;
		uint32_t edata_cache, edata_avail, ever_used_hpa;
		uint32_t emap;    /* pa_shard.emap; NONE: its tree is not known */
		uint32_t desc_ql; /* cache_bin_array_descriptor_ql: the caches bound to it */
		struct heap_ecache_layout ecache[HEAP_ECACHES];
		uint32_t decay_dirty, decay_muzzy; /* time_ms; the interval 8 bytes behind */
		uint32_t stats, internal, lstats;
		uint32_t pac_stats; /* what pac_stats_pointer points to */
		uint32_t pa_shard_stats;
		uint32_t decay_stats; /* npurge, nmadvise, purged: dirty's, then muzzy's */
		uint32_t mapped, abandoned_vm;
	} arena;

	struct {
		uint32_t size, nmalloc, ndalloc, active_bytes, nrequests, nfills, nflushes;
	} lstats; /* struct arena_stats_large_s */

	struct {
		uint32_t size, stats; /* bin_stats_s: ten words, see HEAP_BIN_… */
	} bin;

	struct {
		uint32_t ind, allocated, resident, mapped, n_thp;
		uint32_t blocks;    /* struct base_block_s: size, next */
		uint32_t emap_root; /* in struct emap_s: rtree.root */
	} base;                     /* struct base_s; ind: ehooks.ind */
};

/* The words of struct bin_stats_s, the same in every release read here. */
enum {
	HEAP_BIN_NMALLOC,
	HEAP_BIN_NDALLOC,
	HEAP_BIN_NREQUESTS,
	HEAP_BIN_CURREGS,
	HEAP_BIN_NFILLS,
	HEAP_BIN_NFLUSHES,
	HEAP_BIN_NSLABS,
	HEAP_BIN_RESLABS,
	HEAP_BIN_CURSLABS,
	HEAP_BIN_NONFULL,
	HEAP_BIN_WORDS
};

/* The measured builds: heap_layout_table.c. x86_64 only. */
extern const struct heap_layout heap_layout_table[];
extern const size_t heap_layout_rows;

#endif
