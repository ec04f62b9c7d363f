/* SPDX-License-Identifier: BSD-2-Clause */
/* From two readings to arenas, size classes, threads and totals. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/heap_private.h"

struct address_index {
	uint64_t address;
	size_t place;
};

/* What the threads of one reading add up to. */
struct thread_sums {
	uint64_t *tcache; /* by arena */
	uint64_t tcache_all;
	int64_t live;
};

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = ((const struct address_index *)a)->address;
	uint64_t y = ((const struct address_index *)b)->address;

	return (x > y) - (x < y);
}

/* Where in the list an arena is, -1 where it is not. */
static int place_of(const struct address_index *index, size_t count, uint64_t address)
{
	struct address_index key = { .address = address };
	const struct address_index *found =
		address ? bsearch(&key, index, count, sizeof *index, compare_addresses) : NULL;

	return found ? (int)found->place : -1;
}

static struct address_index *make_index(const struct arena_list *arenas)
{
	struct address_index *index = calloc(arenas->count + 1, sizeof *index);

	for (size_t i = 0; index && i < arenas->count; i++)
		index[i] = (struct address_index){ arenas->refs[i].address, i };
	if (index)
		qsort(index, arenas->count, sizeof *index, compare_addresses);
	return index;
}

static void set_bins(const struct size_classes *classes, const struct arena_figures *figures,
		     struct ktstr_heap_bin *bins)
{
	for (size_t i = 0; i < classes->bins; i++) {
		const uint64_t *words = figures->bins[i];

		bins[i] = (struct ktstr_heap_bin){
			.size = classes->bin[i].reg_size,
			.slab_size = classes->bin[i].slab_size,
			.regions = classes->bin[i].nregs,
			.shards = classes->bin[i].shards,
			.nmalloc = words[HEAP_BIN_NMALLOC],
			.ndalloc = words[HEAP_BIN_NDALLOC],
			.nrequests = words[HEAP_BIN_NREQUESTS],
			.curregs = words[HEAP_BIN_CURREGS],
			.nfills = words[HEAP_BIN_NFILLS],
			.nflushes = words[HEAP_BIN_NFLUSHES],
			.nslabs = words[HEAP_BIN_NSLABS],
			.nreslabs = words[HEAP_BIN_RESLABS],
			.curslabs = words[HEAP_BIN_CURSLABS],
			.nonfull_slabs = words[HEAP_BIN_NONFULL],
		};
	}
}

static void set_large(const struct size_classes *classes, const struct arena_figures *figures,
		      struct ktstr_heap_large *large)
{
	for (size_t i = 0; i < classes->large; i++) {
		const struct arena_large *from = &figures->large_bins[i];

		large[i] = (struct ktstr_heap_large){
			.size = size_class_large(classes, i),
			.nmalloc = from->nmalloc,
			.ndalloc = from->ndalloc,
			/* mallctl counts each allocation as a request and a fill. */
			.nrequests = from->nmalloc + from->nrequests,
			.nfills = from->nmalloc,
			.nflushes = from->nflushes,
			.curlextents = from->nmalloc - from->ndalloc,
		};
	}
}

static int set_classes(const struct ktstr_heap *heap, const struct arena_figures *figures,
		       struct heap_arena *arena)
{
	const struct size_classes *classes = &heap->place.classes;

	if (!heap->has_stats)
		return 0;
	arena->bins = calloc(classes->bins, sizeof *arena->bins);
	arena->large = calloc(classes->large, sizeof *arena->large);
	if (!arena->bins || !arena->large)
		return -ENOMEM;
	set_bins(classes, figures, arena->bins);
	set_large(classes, figures, arena->large);
	return 0;
}

static void set_arena(const struct arena_figures *figures, struct ktstr_heap_arena *arena)
{
	*arena = (struct ktstr_heap_arena){
		.index = figures->index,
		.threads = figures->nthreads,
		.internal_threads = figures->internal_threads,
		.dirty_decay_ms = figures->decay_ms[0],
		.muzzy_decay_ms = figures->decay_ms[1],
		.dirty_npurge = figures->decay_stats[0][0],
		.dirty_nmadvise = figures->decay_stats[0][1],
		.dirty_purged = figures->decay_stats[0][2],
		.muzzy_npurge = figures->decay_stats[1][0],
		.muzzy_nmadvise = figures->decay_stats[1][1],
		.muzzy_purged = figures->decay_stats[1][2],
		.abandoned_vm = figures->abandoned_vm,
		.extent_avail = figures->edata_avail,
	};
	memcpy(arena->name, figures->name, ARENA_NAME_SIZE);
}

static bool was_read(enum cache_verdict verdict)
{
	return verdict == CACHE_READ || verdict == CACHE_NONE;
}

static const char not_its_cache[] = "its cache is not where this layout has it";

static void set_thread(struct ktstr_heap_thread *thread, const struct ktstr_probe_thread *named,
		       const enum cache_verdict verdicts[2], const struct cache_figures figures[2])
{
	const char *why = named->error_text ? named->error_text : not_its_cache;

	*thread = (struct ktstr_heap_thread){ .tid = named->tid,
					      .has_name = named->has_name,
					      .start_time = named->start_time,
					      .arena = -1,
					      .internal_arena = -1 };
	memcpy(thread->comm, named->comm, sizeof thread->comm);
	if (named->error_text || !was_read(verdicts[0]) || !was_read(verdicts[1])) {
		thread->error_text = why;
		thread->live = thread->tcache = thread->peak = heap_figure_absent(why);
		return;
	}
	thread->has_cache = figures[1].enabled;
	thread->allocated_bytes = figures[1].allocated;
	thread->deallocated_bytes = figures[1].deallocated;
	thread->live = heap_figure_of((int64_t)(figures[0].allocated - figures[0].deallocated),
				      (int64_t)(figures[1].allocated - figures[1].deallocated));
	thread->tcache = heap_figure_of((int64_t)figures[0].bytes, (int64_t)figures[1].bytes);
	thread->peak =
		figures[1].has_peak && figures[0].has_peak
			? heap_figure_of((int64_t)figures[0].peak, (int64_t)figures[1].peak)
			: heap_figure_absent("no peak of a thread is known of this build, or none "
					     "above 0 yet");
}

/*
 * The caches bound to an arena form a ring. Are all of them threads' own? Then whatever one of them
 * leads to is another, and so is where the arena's ring begins.
 */
static int find_other_caches(const struct heap_reader *reader, const struct heap_reading *reading,
			     struct heap_doubts *doubts)
{
	struct address_index *caches = calloc(reader->threads + 1, sizeof *caches);
	uint64_t *next = calloc(reader->threads + 1, sizeof *next);
	int rc = caches && next ? 0 : -ENOMEM;
	size_t count = 0;

	for (size_t i = 0; rc == 0 && i < reader->threads; i++) {
		struct cache_figures thread;

		if (heap_reading_thread(reader, reading, i, &thread) != CACHE_READ ||
		    !thread.next_cache) /* without statistics there is no ring */
			continue;
		next[count] = thread.next_cache;
		caches[count] = (struct address_index){ thread.cache, count };
		count++;
	}
	if (rc == 0)
		qsort(caches, count, sizeof *caches, compare_addresses);
	for (size_t i = 0; rc == 0 && i < count; i++)
		doubts->other_caches |= place_of(caches, count, next[i]) < 0;
	for (size_t i = 0; rc == 0 && i < reader->arenas.count; i++) {
		uint64_t first =
			arena_first_cache(&reader->plan, heap_reading_arena(reader, reading, i));

		doubts->other_caches |= first && place_of(caches, count, first) < 0;
	}
	free(caches);
	free(next);
	return rc;
}

/* Fills in the threads, and what each reading of them adds up to. */
static void build_threads(struct ktstr_heap *heap, const struct heap_reader *reader,
			  const struct heap_reading readings[2],
			  const struct ktstr_probe_snapshot *snapshot,
			  const struct address_index *index, struct thread_sums sums[2],
			  struct heap_doubts *doubts)
{
	for (size_t i = 0; i < reader->threads; i++) {
		struct ktstr_heap_thread *thread = &heap->threads[i];
		enum cache_verdict verdicts[2];
		struct cache_figures figures[2];
		int place;

		for (int r = 0; r < 2; r++)
			verdicts[r] = heap_reading_thread(reader, &readings[r], i, &figures[r]);
		set_thread(thread, &snapshot->threads[i], verdicts, figures);
		if (thread->error_text) {
			/* One that has ended meanwhile holds nothing any more. */
			doubts->unread += snapshot->threads[i].error_kind !=
					  KTSTR_PROBE_THREAD_THREAD_EXITED;
			continue;
		}
		for (int r = 0; r < 2; r++) {
			sums[r].live += (int64_t)(figures[r].allocated - figures[r].deallocated);
			sums[r].tcache_all += figures[r].bytes;
			place = place_of(index, reader->arenas.count, figures[r].arena);
			if (place >= 0)
				sums[r].tcache[place] += figures[r].bytes;
		}
		place = place_of(index, reader->arenas.count, figures[1].arena);
		if (place >= 0)
			thread->arena = (int)reader->arenas.refs[place].index;
		place = place_of(index, reader->arenas.count, figures[1].iarena);
		if (place >= 0)
			thread->internal_arena = (int)reader->arenas.refs[place].index;
	}
}

/* The process's own items, once those of its arenas are summed up. */
static void finish_totals(int64_t totals[KTSTR_HEAP_ITEMS], const struct thread_sums *sums)
{
	totals[KTSTR_HEAP_TCACHE] = (int64_t)sums->tcache_all;
	totals[KTSTR_HEAP_LIVE] = sums->live;
	totals[KTSTR_HEAP_LEFT] = totals[KTSTR_HEAP_ALLOCATED] - totals[KTSTR_HEAP_TCACHE] -
				  totals[KTSTR_HEAP_INTERNAL] - sums->live;
}

static int build_arenas(struct ktstr_heap *heap, const struct heap_reader *reader,
			const struct heap_reading readings[2], const struct thread_sums sums[2],
			struct heap_doubts *doubts)
{
	struct arena_figures *figures = calloc(3, sizeof *figures), *all = figures + 2;
	int64_t totals[2][KTSTR_HEAP_ITEMS] = { { 0 } };
	struct heap_doubts own;
	int rc = figures ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < heap->arena_count; i++) {
		int64_t items[2][KTSTR_HEAP_ITEMS];

		for (int r = 0; r < 2; r++) {
			arena_take(&reader->plan, heap_reading_arena(reader, &readings[r], i),
				   &figures[r]);
			heap_items_of_arena(heap->place.layout, &heap->place.classes, &figures[r],
					    sums[r].tcache[i], items[r]);
			for (size_t k = 0; k < KTSTR_HEAP_ARENA_ITEMS; k++)
				totals[r][k] += items[r][k];
		}
		doubts->used_hpa |= figures[1].used_hpa;
		own = *doubts;
		own.used_hpa = figures[1].used_hpa;
		set_arena(&figures[1], &heap->arenas[i].arena);
		heap_items_set_states(items[0], items[1], &own, heap->arenas[i].figures);
		rc = set_classes(heap, &figures[1], &heap->arenas[i]);
		heap_figures_add(all, &figures[1]);
	}
	if (rc == 0)
		rc = set_classes(heap, all, &heap->arenas[heap->arena_count]);
	for (int r = 0; r < 2; r++)
		finish_totals(totals[r], &sums[r]);
	heap_items_set_states(totals[0], totals[1], doubts, heap->totals);
	free(figures);
	return rc;
}

int heap_build(struct ktstr_heap *heap, const struct heap_reader *reader,
	       const struct heap_reading readings[2], const struct ktstr_probe_snapshot *snapshot,
	       struct heap_doubts *doubts)
{
	struct address_index *index = make_index(&reader->arenas);
	struct thread_sums sums[2] = { { .tcache = NULL } };
	int rc = 0;

	heap->arena_count = reader->arenas.count;
	heap->thread_count = reader->threads;
	heap->arenas = calloc(heap->arena_count + 1, sizeof *heap->arenas);
	heap->threads = calloc(heap->thread_count + 1, sizeof *heap->threads);
	for (int r = 0; r < 2; r++)
		sums[r].tcache = calloc(heap->arena_count + 1, sizeof *sums[r].tcache);
	if (!index || !heap->arenas || !heap->threads || !sums[0].tcache || !sums[1].tcache) {
		rc = -ENOMEM;
	} else {
		build_threads(heap, reader, readings, snapshot, index, sums, doubts);
		rc = find_other_caches(reader, &readings[1], doubts);
		if (rc == 0)
			rc = build_arenas(heap, reader, readings, sums, doubts);
	}
	free(sums[0].tcache);
	free(sums[1].tcache);
	free(index);
	return rc;
}
