/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc counts pages by what they are used for, the kernel counts those that have memory. Both
 * are brought together by address: its tree of extents, and the process's pagemap.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "jemalloc/extents.h"
#include "linux/memory_status.h"
#include "linux/page_map.h"
#include "session/heap_private.h"

/* Extents with less between them are looked at in one go: what lies between does no harm. */
#define GAP         (UINT64_C(4) << 20)
/* More would take seconds. */
#define BYTES_LIMIT (UINT64_C(256) << 30)

struct held {
	const struct extents *extents;
	uint64_t bytes[EXTENT_KINDS][PAGE_STATES];
};

static void set_status(struct ktstr_probe *probe, struct ktstr_heap *heap)
{
	static const char lagging[] = "the kernel counts the pages of each CPU in batches";
	static const char unread[] = "/proc/PID/status does not say it";
	struct memory_status status;
	int rc = memory_status_read(probe->target.task_fd, target_living_task(&probe->target),
				    &status);
	const struct {
		enum ktstr_heap_item item;
		uint64_t bytes;
	} lines[] = {
		{ KTSTR_HEAP_RSS, status.rss },       { KTSTR_HEAP_RSS_ANON, status.anon },
		{ KTSTR_HEAP_RSS_FILE, status.file }, { KTSTR_HEAP_RSS_SHMEM, status.shmem },
		{ KTSTR_HEAP_SWAP, status.swap },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		heap->totals[lines[i].item] =
			rc ? heap_figure_absent(unread)
			   : (struct ktstr_heap_figure){ .state = KTSTR_HEAP_APPROXIMATE,
							 .value = (int64_t)lines[i].bytes,
							 .reason = lagging };
}

struct part_visit {
	void (*visit)(void *context, uint64_t start, uint64_t end);
	void *context;
};

static void visit_part(void *context, uint64_t start, uint64_t end, enum page_state state)
{
	const struct part_visit *part = context;

	if (state != PAGE_ZERO)
		part->visit(part->context, start, end);
}

static int walk_memory(void *context, uint64_t start, uint64_t end,
		       void (*visit)(void *context, uint64_t start, uint64_t end), void *visitor)
{
	struct part_visit part = { .visit = visit, .context = visitor };

	return page_map_walk(context, start, end, visit_part, &part);
}

static void count_pages(void *context, uint64_t start, uint64_t end, enum page_state state)
{
	struct held *held = context;

	for (size_t i = extents_find(held->extents, start);
	     i < held->extents->count && held->extents->list[i].start < end; i++) {
		const struct extent *extent = &held->extents->list[i];
		uint64_t from = extent->start > start ? extent->start : start;
		uint64_t to = extent->end < end ? extent->end : end;

		held->bytes[extent->kind][state] += to - from;
	}
}

static int count_held(const struct page_map *map, struct held *held)
{
	const struct extents *extents = held->extents;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < extents->count;) {
		uint64_t start = extents->list[i].start, end = extents->list[i].end;

		for (i++; i < extents->count && extents->list[i].start - end < GAP; i++)
			end = extents->list[i].end;
		rc = page_map_walk(map, start, end, count_pages, held);
	}
	return rc;
}

/* Does the tree say what the arenas count? NULL, or what is wrong. *near: nearly. */
static const char *sums_differ(const struct ktstr_heap *heap, const struct extents *extents,
			       bool *near)
{
	static const struct {
		enum ktstr_heap_item item;
		enum extent_kind kind;
	} pairs[] = {
		{ KTSTR_HEAP_ACTIVE, EXTENT_ACTIVE },     { KTSTR_HEAP_DIRTY, EXTENT_DIRTY },
		{ KTSTR_HEAP_MUZZY, EXTENT_MUZZY },       { KTSTR_HEAP_PINNED, EXTENT_PINNED },
		{ KTSTR_HEAP_RETAINED, EXTENT_RETAINED },
	};
	uint64_t off = 0, sum = 0;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		uint64_t counted = (uint64_t)heap->totals[pairs[i].item].value;
		uint64_t found = extents->bytes[pairs[i].kind];

		sum += counted;
		off += counted > found ? counted - found : found - counted;
	}
	*near = off <= sum / 20;
	return off ? "its tree of extents holds other pages than its arenas count" : NULL;
}

static void set_all(struct ktstr_heap *heap, struct ktstr_heap_figure figure)
{
	for (int i = KTSTR_HEAP_HELD_ACTIVE; i <= KTSTR_HEAP_UNTOUCHED; i++)
		heap->totals[i] = figure;
}

static void set_held(struct ktstr_heap *heap, const struct extents *extents,
		     const struct held *held, const char *doubt)
{
	const uint64_t(*bytes)[PAGE_STATES] = held->bytes;
	uint64_t freed = bytes[EXTENT_DIRTY][PAGE_PRESENT] + bytes[EXTENT_MUZZY][PAGE_PRESENT] +
			 bytes[EXTENT_PINNED][PAGE_PRESENT] + bytes[EXTENT_RETAINED][PAGE_PRESENT];
	uint64_t active = bytes[EXTENT_ACTIVE][PAGE_PRESENT];
	uint64_t swapped = bytes[EXTENT_ACTIVE][PAGE_SWAPPED];
	const struct {
		enum ktstr_heap_item item;
		uint64_t bytes;
	} found[] = {
		{ KTSTR_HEAP_HELD_ACTIVE, active },
		{ KTSTR_HEAP_HELD_FREED, freed },
		{ KTSTR_HEAP_HELD_BASE, bytes[EXTENT_BASE][PAGE_PRESENT] },
		{ KTSTR_HEAP_ACTIVE_SWAPPED, swapped },
		{ KTSTR_HEAP_UNTOUCHED, extents->bytes[EXTENT_ACTIVE] - active - swapped },
	};

	for (size_t i = 0; i < sizeof found / sizeof *found; i++)
		heap->totals[found[i].item] = (struct ktstr_heap_figure){
			.state = doubt ? KTSTR_HEAP_APPROXIMATE : KTSTR_HEAP_EXACT,
			.value = (int64_t)found[i].bytes,
			.reason = doubt,
		};
}

static uint64_t sum_of(const struct extents *extents)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < EXTENT_KINDS; i++)
		sum += extents->bytes[i];
	return sum;
}

/* Returns NULL with everything set, or why nothing is known. */
static const char *find_held(struct ktstr_probe *probe, struct ktstr_heap *heap,
			     unsigned int geometry, struct page_map *map)
{
	static const char moving[] = "jemalloc's pages changed while they were looked at";
	static const char zeros[] = "this kernel does not tell pages that were only read";
	const struct extents_memory memory = { .walk = walk_memory, .context = map };
	struct extents extents;
	struct held held = { .extents = &extents };
	const char *reason = NULL, *differ;
	bool near;
	int rc = extents_read(&probe->target, heap->place.layout, heap->place.classes.page,
			      geometry, &heap->place.list, &memory, &extents, &reason);

	if (rc)
		return rc == -ENODATA ? reason : "its pages could not be read";
	differ = sums_differ(heap, &extents, &near);
	if (differ && !near)
		reason = differ;
	else if (sum_of(&extents) > BYTES_LIMIT)
		reason = "it has more pages than are looked at";
	else if (count_held(map, &held))
		reason = "its pagemap could not be read";
	else {
		reason = NULL;
		set_held(heap, &extents, &held, differ ? moving : map->has_scan ? NULL : zeros);
	}
	extents_free(&extents);
	return reason;
}

void heap_set_memory(struct ktstr_probe *probe, struct ktstr_heap *heap)
{
	struct page_map map;
	const char *reason = NULL;

	set_status(probe, heap);
	if (page_map_open(probe->target.task_fd, target_living_task(&probe->target), &map)) {
		set_all(heap, heap_figure_absent("its pagemap cannot be opened"));
		return;
	}
	for (unsigned int i = 0; i < EXTENTS_GEOMETRIES; i++) {
		reason = find_held(probe, heap, i, &map);
		if (!reason)
			break;
	}
	if (reason)
		set_all(heap, heap_figure_absent(reason));
	page_map_close(&map);
}
