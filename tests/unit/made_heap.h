/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that is made up: jemalloc's arenas, threads and tables as a layout has them. */
#ifndef KTSTR_MADE_HEAP_H
#define KTSTR_MADE_HEAP_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/target.h"
#include "jemalloc/arenas.h"
#include "jemalloc/heap_find.h"

#define MADE_ARENAS 3
#define MADE_BINS   36
#define MADE_DATA   UINT64_C(0x500000000000) /* the module's writable memory */
#define MADE_SIZE   (256 << 10)
#define MADE_ARRAY  UINT64_C(4096) /* in it: arenas[], bin_infos[], sz_index2size_tab[] */
#define MADE_INFOS  UINT64_C(65536)
#define MADE_SIZES  UINT64_C(131072)
#define MADE_BASE   UINT64_C(0x600000000000)
#define MADE_TSD    UINT64_C(0x700000000000)
#define MADE_STEP   UINT64_C(0x100000)

struct made_region {
	uint64_t address;
	size_t size;
	unsigned char *bytes;
};

struct made_heap {
	struct target target; /* first */
	const struct heap_layout *layout;
	struct made_region regions[32];
	size_t count;
	uint64_t states[MADE_ARENAS];
	struct heap_span span;
	struct heap_start start;
	uint64_t reads, bytes_read;
};

static inline void *made_at(struct made_heap *heap, uint64_t address)
{
	for (size_t i = 0; i < heap->count; i++)
		if (address - heap->regions[i].address < heap->regions[i].size)
			return heap->regions[i].bytes + (address - heap->regions[i].address);
	return NULL;
}

static inline void made_add(struct made_heap *heap, uint64_t address, size_t size)
{
	heap->regions[heap->count++] =
		(struct made_region){ .address = address, .size = size, .bytes = calloc(1, size) };
}

static inline void made_word(struct made_heap *heap, uint64_t address, uint64_t value)
{
	memcpy(made_at(heap, address), &value, sizeof value);
}

static inline void made_half(struct made_heap *heap, uint64_t address, uint32_t value)
{
	memcpy(made_at(heap, address), &value, sizeof value);
}

static int made_read(struct target *target, struct target_range *ranges, size_t count)
{
	struct made_heap *heap = (struct made_heap *)target;

	for (size_t i = 0; i < count; i++) {
		unsigned char *from = made_at(heap, ranges[i].address);

		heap->reads++;
		heap->bytes_read += ranges[i].size;
		ranges[i].error = -EFAULT;
		if (ranges[i].size == 0)
			ranges[i].error = 0;
		else if (from && made_at(heap, ranges[i].address + ranges[i].size - 1) ==
					 from + ranges[i].size - 1) {
			memcpy(ranges[i].buffer, from, ranges[i].size);
			ranges[i].error = 0;
		}
	}
	return 0;
}

static const struct target_ops made_ops = { .read = made_read };

static inline uint64_t made_arena_address(size_t i)
{
	return MADE_BASE + i * MADE_STEP;
}

static inline uint64_t made_base_address(size_t i)
{
	return made_arena_address(i) + MADE_STEP / 2;
}

static inline uint64_t made_bins_address(size_t i)
{
	return made_arena_address(i) + MADE_STEP / 4 * 3;
}

static inline void made_pointer(struct made_heap *heap, uint64_t arena, uint32_t offset,
				uint64_t value)
{
	if (offset != HEAP_LAYOUT_NONE)
		made_word(heap, arena + offset, value);
}

static inline void made_index(struct made_heap *heap, uint64_t arena, uint32_t offset, size_t index)
{
	if (offset != HEAP_LAYOUT_NONE)
		made_half(heap, arena + offset, (uint32_t)index);
}

static inline void made_arena(struct made_heap *heap, size_t i)
{
	const struct heap_layout *l = heap->layout;
	uint64_t arena = made_arena_address(i), base = made_base_address(i);

	made_add(heap, arena, l->arena.size + MADE_BINS * l->bin.size);
	made_add(heap, base, 8192);
	made_add(heap, made_bins_address(i), MADE_BINS * l->bin.size);
	made_index(heap, arena, l->arena.ind, i);
	made_index(heap, arena, l->arena.shard_ind, i);
	made_word(heap, arena + l->arena.base, base);
	made_pointer(heap, arena, l->arena.shard_base, base);
	made_pointer(heap, arena, l->arena.shard_stats, arena + l->arena.pa_shard_stats);
	made_pointer(heap, arena, l->arena.pac_stats_pointer, arena + l->arena.pac_stats);
	made_pointer(heap, arena, l->arena.pac_edata_cache, arena + l->arena.edata_cache);
	for (size_t e = 0; e < HEAP_ECACHES; e++) {
		made_index(heap, arena, l->arena.ecache[e].state, e + 1);
		made_index(heap, arena, l->arena.ecache[e].ind, i);
	}
	made_word(heap, arena + l->arena.decay_dirty, 10000);
	made_word(heap, arena + l->arena.decay_dirty + 8, 10000 * 5000);
	made_half(heap, base + l->base.ind, (uint32_t)i);
	made_word(heap, base + l->base.allocated, 5000);
	made_word(heap, base + l->base.resident, 8192);
	made_word(heap, base + l->base.mapped, 2 << 20);
	if (l->before_53)
		for (size_t b = 0; b < MADE_BINS; b++)
			made_word(heap, arena + l->arena.bins + 8 * b,
				  made_bins_address(i) + b * l->bin.size);
	made_word(heap, MADE_DATA + MADE_ARRAY + 8 * i, arena);
}

static inline void made_tables(struct made_heap *heap)
{
	for (uint64_t i = 0; i < MADE_BINS; i++) {
		uint64_t info = MADE_DATA + MADE_INFOS + i * SIZE_CLASSES_INFO_SIZE;
		uint64_t slab = 4096;

		while (slab % size_class(i)) /* as jemalloc's: no waste */
			slab += 4096;
		made_word(heap, info, size_class(i));
		made_word(heap, info + 8, slab);
		made_half(heap, info + 16, (uint32_t)(slab / size_class(i)));
		made_half(heap, info + 20, 1);
	}
	for (uint64_t i = 0; i < SIZE_CLASSES_TOTAL; i++)
		made_word(heap, MADE_DATA + MADE_SIZES + 8 * i, size_class(i));
}

/* Each of three threads uses an arena of its own. */
static inline void made_start(struct made_heap *heap, const struct heap_layout *layout)
{
	*heap = (struct made_heap){
		.target = { .ops = &made_ops },
		.layout = layout,
		.span = { .address = MADE_DATA, .size = MADE_SIZE },
	};
	made_add(heap, MADE_DATA, MADE_SIZE);
	made_tables(heap);
	for (size_t i = 0; i < MADE_ARENAS; i++) {
		made_arena(heap, i);
		made_add(heap, MADE_TSD + i * MADE_STEP, 16384);
		heap->states[i] = MADE_TSD + i * MADE_STEP + 4096;
		made_word(heap, heap->states[i] + (uint64_t)(int64_t)layout->tsd.arena,
			  made_arena_address(i));
	}
	heap->start = (struct heap_start){ .states = heap->states,
					   .state_count = MADE_ARENAS,
					   .writable = &heap->span,
					   .span_count = 1 };
}

static inline void made_end(struct made_heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		free(heap->regions[i].bytes);
}

#endif
