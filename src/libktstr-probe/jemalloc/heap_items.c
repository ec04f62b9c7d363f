/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures, and how far each can be relied on. */
#include "config.h"

#include "jemalloc/heap_items.h"

static const char without_stats[] = "jemalloc was built without statistics (config.stats is false)";
static const char profiled[] =
	"profiling is on (opt.prof): sampled objects are larger than the threads' counters say";
static const char profile_unknown[] =
	"whether profiling is on (opt.prof) could not be read: if it is, this is inexact";
static const char used_hpa[] =
	"an arena has used huge-page slabs (opt.hpa): their dirty pages are counted elsewhere";
static const char threads_changed[] = "threads began or ended while it was read";
static const char arenas_changed[] = "arenas were made or reset while it was read";
static const char other_caches[] =
	"there are caches that are no thread's own (tcache.create): what is in them counts as left";
static const char unread[] = "not every thread could be read";

/* What remains without statistics: all other counts are compiled out, and read 0. */
static const bool counted_always[KTSTR_HEAP_ITEMS] = {
	[KTSTR_HEAP_ACTIVE] = true,   [KTSTR_HEAP_RETAINED] = true,  [KTSTR_HEAP_DIRTY] = true,
	[KTSTR_HEAP_MUZZY] = true,    [KTSTR_HEAP_PINNED] = true,    [KTSTR_HEAP_TCACHE] = true,
	[KTSTR_HEAP_LIVE] = true,     [KTSTR_HEAP_RSS] = true,       [KTSTR_HEAP_RSS_ANON] = true,
	[KTSTR_HEAP_RSS_FILE] = true, [KTSTR_HEAP_RSS_SHMEM] = true, [KTSTR_HEAP_SWAP] = true,
};

void heap_items_of_arena(const struct heap_layout *layout, const struct size_classes *classes,
			 const struct arena_figures *figures, uint64_t tcache,
			 int64_t items[KTSTR_HEAP_ITEMS])
{
	uint64_t active = figures->nactive * classes->page;
	uint64_t resident_pages =
		figures->nactive + figures->npages[HEAP_DIRTY] + figures->npages[HEAP_PINNED];

	if (layout->before_53) /* later muzzy pages are not counted */
		resident_pages += figures->npages[HEAP_MUZZY];
	for (size_t i = 0; i < KTSTR_HEAP_ITEMS; i++)
		items[i] = 0;
	items[KTSTR_HEAP_SMALL] = (int64_t)figures->small;
	items[KTSTR_HEAP_LARGE] = (int64_t)figures->large;
	items[KTSTR_HEAP_ALLOCATED] = (int64_t)(figures->small + figures->large);
	items[KTSTR_HEAP_ACTIVE] = (int64_t)active;
	items[KTSTR_HEAP_BASE] = (int64_t)figures->base_allocated;
	items[KTSTR_HEAP_INTERNAL] = (int64_t)figures->internal;
	items[KTSTR_HEAP_METADATA] = (int64_t)(figures->base_allocated + figures->internal);
	items[KTSTR_HEAP_RESIDENT] =
		(int64_t)(figures->base_resident + resident_pages * classes->page);
	items[KTSTR_HEAP_MAPPED] = (int64_t)(figures->base_mapped + figures->pac_mapped);
	items[KTSTR_HEAP_RETAINED] = (int64_t)(figures->npages[HEAP_RETAINED] * classes->page);
	items[KTSTR_HEAP_DIRTY] = (int64_t)(figures->npages[HEAP_DIRTY] * classes->page);
	items[KTSTR_HEAP_MUZZY] = (int64_t)(figures->npages[HEAP_MUZZY] * classes->page);
	items[KTSTR_HEAP_PINNED] = (int64_t)(figures->npages[HEAP_PINNED] * classes->page);
	items[KTSTR_HEAP_SLABS_UNUSED] = (int64_t)(figures->slabs - figures->small);
	items[KTSTR_HEAP_LARGE_UNUSED] = (int64_t)(active - figures->slabs - figures->large);
	items[KTSTR_HEAP_TCACHE] = (int64_t)tcache;
}

void heap_figures_add(struct arena_figures *a, const struct arena_figures *b)
{
	for (size_t i = 0; i < SIZE_CLASSES_BINS_LIMIT; i++)
		for (size_t w = 0; w < HEAP_BIN_WORDS; w++)
			a->bins[i][w] += b->bins[i][w];
	for (size_t i = 0; i < SIZE_CLASSES_TOTAL; i++) {
		a->large_bins[i].nmalloc += b->large_bins[i].nmalloc;
		a->large_bins[i].ndalloc += b->large_bins[i].ndalloc;
		a->large_bins[i].nrequests += b->large_bins[i].nrequests;
		a->large_bins[i].nfills += b->large_bins[i].nfills;
		a->large_bins[i].nflushes += b->large_bins[i].nflushes;
		a->large_bins[i].active_bytes += b->large_bins[i].active_bytes;
	}
}

struct ktstr_heap_figure heap_figure_absent(const char *reason)
{
	return (struct ktstr_heap_figure){ .state = KTSTR_HEAP_ABSENT, .reason = reason };
}

struct ktstr_heap_figure heap_figure_of(int64_t first, int64_t second)
{
	return (struct ktstr_heap_figure){
		.state = first == second ? KTSTR_HEAP_EXACT : KTSTR_HEAP_MOVING,
		.value = second,
		.drift = second - first,
	};
}

/* Summed up from what the threads say: without one of them it would be too little. */
static bool is_of_threads(size_t item)
{
	return item == KTSTR_HEAP_LIVE || item == KTSTR_HEAP_LEFT || item == KTSTR_HEAP_TCACHE;
}

static const char *doubt_of(size_t item, const struct heap_doubts *doubts)
{
	if (doubts->arenas_changed && item < KTSTR_HEAP_RSS)
		return arenas_changed;
	if (is_of_threads(item) && doubts->threads_changed)
		return threads_changed;
	if ((item == KTSTR_HEAP_LEFT || item == KTSTR_HEAP_TCACHE) && doubts->other_caches)
		return other_caches;
	if (item == KTSTR_HEAP_LEFT && doubts->profiled)
		return profiled;
	if (item == KTSTR_HEAP_LEFT && doubts->profile_unknown)
		return profile_unknown;
	if ((item == KTSTR_HEAP_DIRTY || item == KTSTR_HEAP_RESIDENT) && doubts->used_hpa)
		return used_hpa;
	return NULL;
}

void heap_items_set_states(const int64_t first[KTSTR_HEAP_ITEMS],
			   const int64_t second[KTSTR_HEAP_ITEMS], const struct heap_doubts *doubts,
			   struct ktstr_heap_figure figures[KTSTR_HEAP_ITEMS])
{
	for (size_t i = 0; i < KTSTR_HEAP_ITEMS; i++) {
		const char *doubt = doubt_of(i, doubts);

		if (doubts->without_stats && !counted_always[i]) {
			figures[i] = heap_figure_absent(without_stats);
		} else if (is_of_threads(i) && doubts->unread) {
			figures[i] = heap_figure_absent(unread);
		} else {
			figures[i] = heap_figure_of(first[i], second[i]);
			if (doubts->torn)
				figures[i].state = KTSTR_HEAP_MOVING;
			if (doubt) {
				figures[i].state = KTSTR_HEAP_APPROXIMATE;
				figures[i].reason = doubt;
			}
		}
	}
}
