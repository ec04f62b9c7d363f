/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread's arenas and caches. Pure. */
#include "config.h"

#include "jemalloc/caches.h"

#include <string.h>

#define BIN_SIZE      24 /* struct cache_bin_s */
/* From 5.3 on: stack_head, and the low 16 bits of where the stack is full and where it is empty. */
#define BIN_FULL      18
#define BIN_EMPTY     20
/* Before: ncached, a 32-bit number. */
#define BIN_NCACHED   4
#define NCACHED_LIMIT 65536

/* struct cache_bin_array_descriptor_s: the link {next, previous} stands before `bins'. */
#define DESC_BINS 16

#define STATE_USED  2 /* tsd_state_nominal_max: tsd.h */
#define STATE_LIMIT 6 /* tsd_state_uninitialized */

static void include(struct cache_plan *plan, int64_t *end, int64_t offset, int64_t size)
{
	plan->first = offset < plan->first ? offset : plan->first;
	*end = offset + size > *end ? offset + size : *end;
}

void cache_plan_make(const struct heap_layout *layout, int64_t allocated, int64_t deallocated,
		     struct cache_plan *plan)
{
	int64_t end = 1;

	*plan = (struct cache_plan){ .layout = layout,
				     .allocated = allocated,
				     .deallocated = deallocated };
	include(plan, &end, allocated, 8);
	include(plan, &end, deallocated, 8);
	include(plan, &end, layout->tsd.iarena, 8);
	include(plan, &end, layout->tsd.arena, 8);
	include(plan, &end, layout->tsd.desc_bins - DESC_BINS, DESC_BINS + 8);
	include(plan, &end, layout->tsd.slow_arena, 8);
	include(plan, &end, layout->tsd.bins, (int64_t)layout->tsd.bins_count * BIN_SIZE);
	if (layout->tsd.slow_tcache)
		include(plan, &end, layout->tsd.slow_tcache, 8);
	if (layout->tsd.peak)
		include(plan, &end, layout->tsd.peak, 16);
	if (layout->tsd.bins_large)
		include(plan, &end, layout->tsd.bins_large,
			(int64_t)layout->tsd.large_count * BIN_SIZE);
	plan->size = (size_t)(end - plan->first);
}

struct target_range cache_range(const struct cache_plan *plan, uint64_t state,
				unsigned char *buffer)
{
	return (struct target_range){ .address = state + (uint64_t)plan->first,
				      .buffer = buffer,
				      .size = plan->size };
}

static const unsigned char *at(const struct cache_plan *plan, const unsigned char *buffer,
			       int64_t offset)
{
	return buffer + (offset - plan->first);
}

static uint64_t word(const struct cache_plan *plan, const unsigned char *buffer, int64_t offset)
{
	uint64_t value;

	memcpy(&value, at(plan, buffer, offset), sizeof value);
	return value;
}

/* Bytes in one cache bin from 5.3 on: a stack that grows down from `empty' to `full'. */
static enum cache_verdict take_stack(const unsigned char *bin, size_t index, uint64_t *bytes)
{
	uint16_t full, empty, used;
	uint64_t head;

	memcpy(&head, bin, sizeof head);
	memcpy(&full, bin + BIN_FULL, sizeof full);
	memcpy(&empty, bin + BIN_EMPTY, sizeof empty);
	if (head == 0)
		return CACHE_READ; /* not set up: it holds nothing */
	used = (uint16_t)(empty - (uint16_t)head);
	if (head % 8 || used % 8 || used > (uint16_t)(empty - full))
		return CACHE_FOREIGN;
	if (used)
		*bytes += used / 8 * size_class(index);
	return CACHE_READ;
}

static enum cache_verdict take_count(const unsigned char *bin, uint64_t size, uint64_t *bytes)
{
	uint32_t cached;

	memcpy(&cached, bin + BIN_NCACHED, sizeof cached);
	if (cached > NCACHED_LIMIT || (cached && size == 0))
		return CACHE_FOREIGN;
	*bytes += cached * size;
	return CACHE_READ;
}

static enum cache_verdict take_bins(const struct cache_plan *plan,
				    const struct size_classes *classes, const unsigned char *buffer,
				    uint64_t *bytes)
{
	const struct heap_layout *layout = plan->layout;
	enum cache_verdict verdict = CACHE_READ;

	for (size_t i = 0; verdict == CACHE_READ && i < layout->tsd.bins_count; i++) {
		const unsigned char *bin =
			at(plan, buffer, layout->tsd.bins + (int64_t)i * BIN_SIZE);

		verdict = layout->before_53 ? take_count(bin, size_class(i), bytes)
					    : take_stack(bin, i, bytes);
	}
	for (size_t i = 0; verdict == CACHE_READ && i < layout->tsd.large_count; i++)
		verdict =
			take_count(at(plan, buffer, layout->tsd.bins_large + (int64_t)i * BIN_SIZE),
				   size_class_large(classes, i), bytes);
	return verdict;
}

/* The cache's pointers into its own tsd_s. */
static bool signs_hold(const struct cache_plan *plan, uint64_t state, const unsigned char *buffer,
		       const struct cache_figures *figures)
{
	const struct heap_layout *layout = plan->layout;
	uint64_t bins = word(plan, buffer, layout->tsd.desc_bins);

	/* Without statistics a cache has no descriptor: from 5.3 on the other signs are enough. */
	if (bins != state + (uint64_t)(int64_t)layout->tsd.bins &&
	    (bins || !layout->tsd.slow_tcache))
		return false;
	if (layout->tsd.slow_tcache && word(plan, buffer, layout->tsd.slow_tcache) !=
					       state + (uint64_t)(int64_t)layout->tsd.tcache)
		return false;
	return figures->arena == 0 || word(plan, buffer, layout->tsd.slow_arena) == figures->arena;
}

/* thread.peak.read: peak_event.c, peak.h. */
static void take_peak(const struct cache_plan *plan, const unsigned char *buffer,
		      struct cache_figures *figures)
{
	uint64_t live = figures->allocated - figures->deallocated, highest, adjustment;

	if (!plan->layout->tsd.peak)
		return;
	highest = word(plan, buffer, plan->layout->tsd.peak);
	adjustment = word(plan, buffer, plan->layout->tsd.peak + 8);
	/* Both wrap: a thread that frees what others allocated has a negative balance. */
	if ((int64_t)(live - adjustment) > (int64_t)highest)
		highest = live - adjustment;
	figures->peak = highest;
	figures->has_peak = (int64_t)highest >= 0;
}

enum cache_verdict cache_take(const struct cache_plan *plan, const struct size_classes *classes,
			      uint64_t state, const unsigned char *buffer,
			      struct cache_figures *figures)
{
	const struct heap_layout *layout = plan->layout;
	unsigned char tsd_state = *at(plan, buffer, 0);

	*figures = (struct cache_figures){
		.allocated = word(plan, buffer, plan->allocated),
		.deallocated = word(plan, buffer, plan->deallocated),
	};
	if (tsd_state > STATE_LIMIT)
		return CACHE_FOREIGN;
	if (tsd_state > STATE_USED)
		return CACHE_NONE;
	figures->arena = word(plan, buffer, layout->tsd.arena);
	figures->iarena = word(plan, buffer, layout->tsd.iarena);
	take_peak(plan, buffer, figures);
	/* tcache_arena_dissociate: a thread whose cache is off, or flushed for good, has none. */
	figures->enabled = word(plan, buffer, layout->tsd.slow_arena) != 0;
	if (!figures->enabled)
		return CACHE_NONE;
	if (!signs_hold(plan, state, buffer, figures))
		return CACHE_FOREIGN;
	figures->cache = state + (uint64_t)(int64_t)(layout->tsd.desc_bins - DESC_BINS);
	figures->next_cache = word(plan, buffer, layout->tsd.desc_bins - DESC_BINS);
	return take_bins(plan, classes, buffer, &figures->bytes);
}
