/* SPDX-License-Identifier: BSD-2-Clause */
/* A search of each thread's tsd_s, around its state. */
#include "config.h"

#include "jemalloc/heap_solver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_LIMIT 32
#define BEFORE        2048 /* bytes around `state' that are looked at: what is needed is there */
#define BEHIND        2048
#define WINDOW        (BEFORE + BEHIND)
#define STATE_USED    2 /* tsd_state_nominal_max: tsd.h */

/* Where the two parts of a cache are, counted from `state'. */
struct cache_place {
	int32_t desc_bins, bins;
};

static uint64_t word_at(const unsigned char *window, int32_t offset)
{
	uint64_t value;

	memcpy(&value, window + BEFORE + offset, sizeof value);
	return value;
}

static bool fits(int32_t offset)
{
	return offset >= -BEFORE && offset <= BEHIND - (int32_t)sizeof(uint64_t);
}

/* Does tcache_slow's descriptor stand there? It points to the bins, which are in tsd_s, too;
 * beside it stand the cache's arena, and the cache. */
static bool is_cache(const struct heap_layout *layout, const unsigned char *window, uint64_t state,
		     int32_t desc_bins, struct cache_place *place)
{
	int32_t arena = desc_bins + layout->tsd.slow_arena - layout->tsd.desc_bins;
	int32_t cache = desc_bins + layout->tsd.slow_tcache - layout->tsd.desc_bins;
	uint64_t bins = word_at(window, desc_bins);

	if (!fits(arena) || !fits(cache) || bins % 8 || bins - state + BEFORE >= WINDOW)
		return false;
	*place = (struct cache_place){ desc_bins, (int32_t)(int64_t)(bins - state) };
	if (word_at(window, arena) != word_at(window, layout->tsd.arena))
		return false;
	/* Before 5.3 the descriptor stands in the cache, and it all moves as one. */
	if (layout->before_53)
		return place->bins - desc_bins == layout->tsd.bins - layout->tsd.desc_bins;
	return word_at(window, cache) ==
	       bins - (uint64_t)(int64_t)(layout->tsd.bins - layout->tsd.tcache);
}

/* How many places there are in one thread; the last of them. */
static size_t look(const struct heap_layout *layout, const unsigned char *window, uint64_t state,
		   struct cache_place *place)
{
	size_t count = 0;

	if (window[BEFORE] > STATE_USED || word_at(window, layout->tsd.arena) == 0)
		return 0;
	for (int32_t at = -BEFORE; fits(at); at += 8) {
		struct cache_place found;

		if (is_cache(layout, window, state, at, &found)) {
			*place = found;
			count++;
		}
	}
	return count;
}

static int read_windows(struct target *target, const struct heap_start *start, size_t count,
			unsigned char *windows, struct target_range *ranges)
{
	for (size_t i = 0; i < count; i++)
		if (start->states[i] >= BEFORE)
			ranges[i] = (struct target_range){ .address = start->states[i] - BEFORE,
							   .buffer = windows + i * WINDOW,
							   .size = WINDOW };
	return target_read(target, ranges, count);
}

int heap_solver_caches(struct target *target, const struct heap_start *start,
		       struct heap_layout *layout, bool *moved)
{
	size_t count = start->state_count < THREADS_LIMIT ? start->state_count : THREADS_LIMIT;
	struct target_range *ranges = calloc(count + 1, sizeof *ranges);
	unsigned char *windows = calloc(count + 1, WINDOW);
	struct cache_place place = { 0, 0 }, one;
	size_t agreeing = 0, differing = 0;
	int rc = ranges && windows ? 0 : -ENOMEM;

	*moved = false;
	if (rc == 0 && fits(layout->tsd.arena))
		rc = read_windows(target, start, count, windows, ranges);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		size_t found = ranges[i].size && !ranges[i].error
				       ? look(layout, windows + i * WINDOW, start->states[i], &one)
				       : 0;

		if (found == 0)
			continue;
		if (agreeing == 0)
			place = one;
		if (found == 1 && one.desc_bins == place.desc_bins && one.bins == place.bins)
			agreeing++;
		else
			differing++;
	}
	if (rc == 0 && agreeing && !differing &&
	    (place.desc_bins != layout->tsd.desc_bins || place.bins != layout->tsd.bins)) {
		int32_t slow = place.desc_bins - layout->tsd.desc_bins;
		int32_t cache = place.bins - layout->tsd.bins;

		layout->tsd.desc_bins += slow;
		layout->tsd.slow_arena += slow;
		layout->tsd.slow_tcache += layout->tsd.slow_tcache ? slow : 0;
		layout->tsd.bins_large += layout->tsd.bins_large ? slow : 0;
		layout->tsd.tcache += cache;
		layout->tsd.bins += cache;
		*moved = true;
	}
	free(ranges);
	free(windows);
	return rc;
}
