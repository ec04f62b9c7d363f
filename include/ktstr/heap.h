/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a process's jemalloc has its memory, and who holds it, read from outside and without
 * stopping it: what mallctl's stats.* would say, per arena, per size class and per thread.
 *
 *	struct ktstr_heap *heap;
 *
 *	if (ktstr_heap_take(probe, &heap, &error) == 0) {
 *		const struct ktstr_heap_figure *allocated =
 *			ktstr_heap_total(heap, KTSTR_HEAP_ALLOCATED);
 *
 *		if (allocated->state != KTSTR_HEAP_ABSENT)
 *			use(allocated->value);
 *		ktstr_heap_free(heap);
 *	}
 *
 * The session is one of <ktstr/probe.h>, opened. Everything is read twice: what differs was
 * changing, and the difference is given. A figure that cannot be had with certainty is absent, and
 * says why; it is never 0 instead.
 */
#ifndef KTSTR_HEAP_H
#define KTSTR_HEAP_H

#include <ktstr/probe.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* A process's heap at one moment. Since 0.1. */
struct ktstr_heap;

/* How far a figure can be relied on. Since 0.1. */
enum ktstr_heap_state {
	KTSTR_HEAP_EXACT = 0,   /* "exact": two readings said the same */
	KTSTR_HEAP_MOVING,      /* "moving": they differed, by `drift' */
	KTSTR_HEAP_APPROXIMATE, /* "approximate": `reason' tells what makes it inexact */
	KTSTR_HEAP_ABSENT       /* "absent": `reason' tells why it is not known */
};

/* One figure, in bytes. Since 0.1. */
struct ktstr_heap_figure {
	enum ktstr_heap_state state;
	int64_t value;      /* of the second reading; 0 when absent */
	int64_t drift;      /* how much less the first reading said; 0 when absent */
	const char *reason; /* one line, for APPROXIMATE and ABSENT, else NULL; lives as long as the
			       heap */
};

/* What is counted. Those up to TCACHE are known of each arena, too. Since 0.1. */
enum ktstr_heap_item {
	KTSTR_HEAP_ALLOCATED = 0, /* "allocated": stats.allocated, objects and what caches hold */
	KTSTR_HEAP_ACTIVE,        /* "active": stats.active, the pages of slabs and large objects */
	KTSTR_HEAP_METADATA,      /* "metadata": stats.metadata, base and internal */
	KTSTR_HEAP_RESIDENT,      /* "resident": stats.resident, an upper bound: pages that were
				     never touched are in it */
	KTSTR_HEAP_MAPPED,        /* "mapped": stats.mapped, without what is retained */
	KTSTR_HEAP_RETAINED, /* "retained": stats.retained, address space kept, without memory */
	KTSTR_HEAP_DIRTY,    /* "dirty": freed pages that may still have memory */
	KTSTR_HEAP_MUZZY,    /* "muzzy": freed pages that the kernel may take */
	KTSTR_HEAP_PINNED,   /* "pinned": freed pages that are never returned; jemalloc's
				development version */
	KTSTR_HEAP_SMALL,    /* "small": allocated in slabs */
	KTSTR_HEAP_LARGE,    /* "large": allocated in extents of their own */
	KTSTR_HEAP_BASE,     /* "base": jemalloc's own structures */
	KTSTR_HEAP_INTERNAL, /* "internal": its own allocations; in `allocated', too */
	KTSTR_HEAP_SLABS_UNUSED, /* "slabs_unused": in slabs, and of no object: fragmentation */
	KTSTR_HEAP_LARGE_UNUSED, /* "large_unused": active, and neither slab nor large object */
	KTSTR_HEAP_TCACHE,       /* "tcache": freed objects in thread caches; in `allocated', too */
	KTSTR_HEAP_LIVE,        /* "live": what the living threads allocated less what they freed */
	KTSTR_HEAP_LEFT,        /* "left": the same of threads that have ended; negative where they
				   freed more than they allocated */
	KTSTR_HEAP_RSS,         /* "rss": the process's resident memory, of any origin */
	KTSTR_HEAP_RSS_ANON,    /* "rss_anon": of it that of no file */
	KTSTR_HEAP_RSS_FILE,    /* "rss_file": mapped files */
	KTSTR_HEAP_RSS_SHMEM,   /* "rss_shmem": shared memory */
	KTSTR_HEAP_SWAP,        /* "swap": swapped out, of any origin */
	KTSTR_HEAP_HELD_ACTIVE, /* "held_active": what has memory of `active' */
	KTSTR_HEAP_HELD_FREED,  /* "held_freed": of freed pages, dirty, muzzy, pinned or retained */
	KTSTR_HEAP_HELD_BASE,   /* "held_base": of jemalloc's own structures */
	KTSTR_HEAP_ACTIVE_SWAPPED, /* "active_swapped": of `active', swapped out */
	KTSTR_HEAP_UNTOUCHED       /* "untouched": of `active', never written to: without memory */
};

#define KTSTR_HEAP_ITEMS       28 /* all of them */
#define KTSTR_HEAP_ARENA_ITEMS 16 /* those of arenas */

/* The words above in quotes, static strings; "unknown" for a number not listed. Since 0.1. */
const char *ktstr_heap_state_name(int state);
const char *ktstr_heap_item_name(int item);

/*
 * Reads the heap of the process that probe has opened. The result belongs to the caller:
 * ktstr_heap_free(). Fails when the process ended, when reading is refused, and with tag
 * KTSTR_PROBE_TAG_LAYOUT_UNKNOWN where its jemalloc is older than 5.2 or the layout of its arenas
 * is not certain; error->text tells why. Returns 0 or a negative errno. Since 0.1.
 */
int ktstr_heap_take(struct ktstr_probe *probe, struct ktstr_heap **heap, struct ktstr_error *error);

/* NULL is allowed. Since 0.1. */
void ktstr_heap_free(struct ktstr_heap *heap);

/* A figure of the whole process; of a number that is not listed an absent one. Lives as long as the
   heap. Since 0.1. */
const struct ktstr_heap_figure *ktstr_heap_total(const struct ktstr_heap *heap,
						 enum ktstr_heap_item item);

/* Nanoseconds from the first to the last byte of the reading that counts. Since 0.1. */
int64_t ktstr_heap_span_ns(const struct ktstr_heap *heap);

/* When it was read: CLOCK_REALTIME in nanoseconds. Since 0.1. */
int64_t ktstr_heap_unix_ns(const struct ktstr_heap *heap);

/* Non-zero when two readings of everything were the same. Since 0.1. */
int ktstr_heap_quiet(const struct ktstr_heap *heap);

/* Non-zero when jemalloc was built with statistics (config.stats). Since 0.1. */
int ktstr_heap_has_stats(const struct ktstr_heap *heap);

/* The build whose layout its arenas have, such as "5.3.0". Since 0.1. */
const char *ktstr_heap_layout(const struct ktstr_heap *heap);

/* Bytes of a page as jemalloc was built with. Since 0.1. */
uint64_t ktstr_heap_page(const struct ktstr_heap *heap);

/* One arena. The library allocates these, so that the structure may grow. Since 0.1. */
struct ktstr_heap_arena {
	unsigned int index;                     /* arenas are listed in ascending order */
	char name[33];                          /* arbitrary bytes; "" where it has none */
	unsigned int threads;                   /* bound to it: nthreads */
	unsigned int internal_threads;          /* bound to it for jemalloc's own allocations */
	int64_t dirty_decay_ms, muzzy_decay_ms; /* -1: never, 0: at once */
	uint64_t dirty_npurge, dirty_nmadvise, dirty_purged; /* sweeps, madvise calls, pages */
	uint64_t muzzy_npurge, muzzy_nmadvise, muzzy_purged;
	uint64_t abandoned_vm; /* bytes */
	uint64_t extent_avail; /* unused extent structures */
};

size_t ktstr_heap_arena_count(const struct ktstr_heap *heap);

/* The arena at a place of the list, NULL when place >= count. Lives as long as the heap. Since 0.1.
 */
const struct ktstr_heap_arena *ktstr_heap_get_arena(const struct ktstr_heap *heap, size_t place);

/* A figure of that arena; an absent one for an item that arenas do not have. Since 0.1. */
const struct ktstr_heap_figure *ktstr_heap_arena_figure(const struct ktstr_heap *heap, size_t place,
							enum ktstr_heap_item item);

/* In place of an arena's place: the sum of all. Since 0.1. */
#define KTSTR_HEAP_ALL ((size_t)-1)

/* A size class of slabs. As certain as KTSTR_HEAP_SMALL of the same arena. Since 0.1. */
struct ktstr_heap_bin {
	uint64_t size, slab_size;
	unsigned int regions; /* of a slab */
	unsigned int shards;
	uint64_t nmalloc, ndalloc, nrequests, curregs, nfills, nflushes;
	uint64_t nslabs, nreslabs, curslabs, nonfull_slabs;
};

/* A size class of objects with an extent each. As certain as KTSTR_HEAP_LARGE. Since 0.1. */
struct ktstr_heap_large {
	uint64_t size;
	uint64_t nmalloc, ndalloc, nrequests, nfills, nflushes, curlextents;
};

/* How many size classes there are, whether used or not. Since 0.1. */
size_t ktstr_heap_bin_count(const struct ktstr_heap *heap);
size_t ktstr_heap_large_count(const struct ktstr_heap *heap);

/* NULL when index >= count, or without statistics. Live as long as the heap. Since 0.1. */
const struct ktstr_heap_bin *ktstr_heap_get_bin(const struct ktstr_heap *heap, size_t place,
						size_t index);
const struct ktstr_heap_large *ktstr_heap_get_large(const struct ktstr_heap *heap, size_t place,
						    size_t index);

/* One thread, in ascending order of tid. The library allocates these. Since 0.1. */
struct ktstr_heap_thread {
	pid_t tid;
	int has_name;
	char comm[16];             /* up to 15 arbitrary bytes, NUL-terminated */
	uint64_t start_time;       /* clock ticks since boot; 0 without has_name */
	const char *error_text;    /* why it was not read, else NULL: then the figures are absent */
	int arena, internal_arena; /* indices; -1: none yet */
	int has_cache;             /* it uses a thread cache */
	uint64_t allocated_bytes, deallocated_bytes;
	struct ktstr_heap_figure live;   /* allocated less deallocated */
	struct ktstr_heap_figure tcache; /* bytes in its cache */
	struct ktstr_heap_figure peak;   /* thread.peak.read */
};

size_t ktstr_heap_thread_count(const struct ktstr_heap *heap);
const struct ktstr_heap_thread *ktstr_heap_get_thread(const struct ktstr_heap *heap, size_t index);

/* An option that jemalloc was started with: a leaf config.* or opt.* of mallctl's tree. Since 0.1.
 */
struct ktstr_heap_option {
	const char *name; /* "opt.dirty_decay_ms" */
	int is_text;      /* text is a string, else a number or "true" or "false" */
	const char *text; /* NULL where it could not be read with certainty */
};

size_t ktstr_heap_option_count(const struct ktstr_heap *heap);
const struct ktstr_heap_option *ktstr_heap_get_option(const struct ktstr_heap *heap, size_t index);

/* The text of the option of that name, NULL where it is not known. Since 0.1. */
const char *ktstr_heap_option_text(const struct ktstr_heap *heap, const char *name);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
