/* SPDX-License-Identifier: BSD-2-Clause */
/* What a heap says. Public. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "session/heap_private.h"

static const char *const state_names[] = {
	[KTSTR_HEAP_EXACT] = "exact",
	[KTSTR_HEAP_MOVING] = "moving",
	[KTSTR_HEAP_APPROXIMATE] = "approximate",
	[KTSTR_HEAP_ABSENT] = "absent",
};

static const char *const item_names[KTSTR_HEAP_ITEMS] = {
	[KTSTR_HEAP_ALLOCATED] = "allocated",
	[KTSTR_HEAP_ACTIVE] = "active",
	[KTSTR_HEAP_METADATA] = "metadata",
	[KTSTR_HEAP_RESIDENT] = "resident",
	[KTSTR_HEAP_MAPPED] = "mapped",
	[KTSTR_HEAP_RETAINED] = "retained",
	[KTSTR_HEAP_DIRTY] = "dirty",
	[KTSTR_HEAP_MUZZY] = "muzzy",
	[KTSTR_HEAP_PINNED] = "pinned",
	[KTSTR_HEAP_SMALL] = "small",
	[KTSTR_HEAP_LARGE] = "large",
	[KTSTR_HEAP_BASE] = "base",
	[KTSTR_HEAP_INTERNAL] = "internal",
	[KTSTR_HEAP_SLABS_UNUSED] = "slabs_unused",
	[KTSTR_HEAP_LARGE_UNUSED] = "large_unused",
	[KTSTR_HEAP_TCACHE] = "tcache",
	[KTSTR_HEAP_LIVE] = "live",
	[KTSTR_HEAP_LEFT] = "left",
	[KTSTR_HEAP_RSS] = "rss",
	[KTSTR_HEAP_RSS_ANON] = "rss_anon",
	[KTSTR_HEAP_RSS_FILE] = "rss_file",
	[KTSTR_HEAP_RSS_SHMEM] = "rss_shmem",
	[KTSTR_HEAP_SWAP] = "swap",
	[KTSTR_HEAP_HELD_ACTIVE] = "held_active",
	[KTSTR_HEAP_HELD_FREED] = "held_freed",
	[KTSTR_HEAP_HELD_BASE] = "held_base",
	[KTSTR_HEAP_ACTIVE_SWAPPED] = "active_swapped",
	[KTSTR_HEAP_UNTOUCHED] = "untouched",
};

static const struct ktstr_heap_figure not_listed = {
	.state = KTSTR_HEAP_ABSENT,
	.reason = "no such figure is kept here",
};

const char *ktstr_heap_state_name(int state)
{
	return state < 0 || state > KTSTR_HEAP_ABSENT ? "unknown" : state_names[state];
}

const char *ktstr_heap_item_name(int item)
{
	return item < 0 || item >= KTSTR_HEAP_ITEMS ? "unknown" : item_names[item];
}

static void free_arena(struct heap_arena *arena)
{
	free(arena->bins);
	free(arena->large);
}

void ktstr_heap_free(struct ktstr_heap *heap)
{
	if (!heap)
		return;
	for (size_t i = 0; heap->arenas && i <= heap->arena_count; i++)
		free_arena(&heap->arenas[i]);
	free(heap->arenas);
	free(heap->threads);
	free(heap->options);
	options_free(&heap->in_force);
	free(heap);
}

const struct ktstr_heap_figure *ktstr_heap_total(const struct ktstr_heap *heap,
						 enum ktstr_heap_item item)
{
	return heap && (unsigned int)item < KTSTR_HEAP_ITEMS ? &heap->totals[item] : &not_listed;
}

int64_t ktstr_heap_span_ns(const struct ktstr_heap *heap)
{
	return heap ? heap->span_ns : 0;
}

int64_t ktstr_heap_unix_ns(const struct ktstr_heap *heap)
{
	return heap ? heap->unix_ns : 0;
}

int ktstr_heap_quiet(const struct ktstr_heap *heap)
{
	return heap ? heap->quiet : 0;
}

int ktstr_heap_has_stats(const struct ktstr_heap *heap)
{
	return heap ? heap->has_stats : 0;
}

const char *ktstr_heap_layout(const struct ktstr_heap *heap)
{
	return heap ? heap->place.layout->build : NULL;
}

uint64_t ktstr_heap_page(const struct ktstr_heap *heap)
{
	return heap ? heap->place.classes.page : 0;
}

size_t ktstr_heap_arena_count(const struct ktstr_heap *heap)
{
	return heap ? heap->arena_count : 0;
}

const struct ktstr_heap_arena *ktstr_heap_get_arena(const struct ktstr_heap *heap, size_t place)
{
	return heap && place < heap->arena_count ? &heap->arenas[place].arena : NULL;
}

const struct ktstr_heap_figure *ktstr_heap_arena_figure(const struct ktstr_heap *heap, size_t place,
							enum ktstr_heap_item item)
{
	return heap && place < heap->arena_count && (unsigned int)item < KTSTR_HEAP_ARENA_ITEMS
		       ? &heap->arenas[place].figures[item]
		       : &not_listed;
}

size_t ktstr_heap_bin_count(const struct ktstr_heap *heap)
{
	return heap ? heap->place.classes.bins : 0;
}

size_t ktstr_heap_large_count(const struct ktstr_heap *heap)
{
	return heap ? heap->place.classes.large : 0;
}

/* The sum of all stands behind the last arena. */
static const struct heap_arena *find_arena(const struct ktstr_heap *heap, size_t place)
{
	if (!heap)
		return NULL;
	if (place == KTSTR_HEAP_ALL)
		return &heap->arenas[heap->arena_count];
	return heap && place < heap->arena_count ? &heap->arenas[place] : NULL;
}

const struct ktstr_heap_bin *ktstr_heap_get_bin(const struct ktstr_heap *heap, size_t place,
						size_t index)
{
	const struct heap_arena *arena = find_arena(heap, place);

	return arena && arena->bins && index < heap->place.classes.bins ? &arena->bins[index]
									: NULL;
}

const struct ktstr_heap_large *ktstr_heap_get_large(const struct ktstr_heap *heap, size_t place,
						    size_t index)
{
	const struct heap_arena *arena = find_arena(heap, place);

	return arena && arena->large && index < heap->place.classes.large ? &arena->large[index]
									  : NULL;
}

size_t ktstr_heap_thread_count(const struct ktstr_heap *heap)
{
	return heap ? heap->thread_count : 0;
}

const struct ktstr_heap_thread *ktstr_heap_get_thread(const struct ktstr_heap *heap, size_t index)
{
	return heap && index < heap->thread_count ? &heap->threads[index] : NULL;
}

size_t ktstr_heap_option_count(const struct ktstr_heap *heap)
{
	return heap ? heap->option_count : 0;
}

const struct ktstr_heap_option *ktstr_heap_get_option(const struct ktstr_heap *heap, size_t index)
{
	return heap && index < heap->option_count ? &heap->options[index] : NULL;
}

const char *ktstr_heap_option_text(const struct ktstr_heap *heap, const char *name)
{
	for (size_t i = 0; name && i < ktstr_heap_option_count(heap); i++)
		if (strcmp(heap->options[i].name, name) == 0)
			return heap->options[i].text;
	return NULL;
}
