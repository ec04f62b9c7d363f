/* SPDX-License-Identifier: BSD-2-Clause */
/* One reading of the heap. */
#include "config.h"

#include "jemalloc/heap_reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shared/clock.h"

/* Zeros, in huge pages where there are any: a page fault for each 4 KiB takes longer than reading
 * them. NULL: out of memory. */
static unsigned char *make_buffer(size_t size)
{
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buffer == MAP_FAILED)
		return NULL;
	madvise(buffer, size, MADV_HUGEPAGE);
	return buffer;
}

int heap_reading_make(const struct heap_reader *reader, struct heap_reading *reading)
{
	size_t limit = reader->arenas.count * ARENA_RANGE_LIMIT + reader->threads + 1, used = 0;

	*reading = (struct heap_reading){
		.arenas_size = (reader->arenas.count + 1) * reader->plan.size,
		.threads_size = (reader->threads + 1) * reader->cache.size,
		.ranges = calloc(limit, sizeof *reading->ranges),
	};
	reading->arenas = make_buffer(reading->arenas_size);
	reading->threads = make_buffer(reading->threads_size);
	if (!reading->arenas || !reading->threads || !reading->ranges)
		return -ENOMEM;
	for (size_t i = 0; i < reader->arenas.count; i++)
		used += arena_ranges(&reader->plan, &reader->arenas.refs[i],
				     reading->arenas + i * reader->plan.size,
				     reading->ranges + used);
	reading->arena_ranges = used;
	/* One range per thread, also where there is nothing to read: its place is its index. */
	for (size_t i = 0; i < reader->threads; i++) {
		struct target_range *range = &reading->ranges[used++];

		if (reader->states[i])
			*range = cache_range(&reader->cache, reader->states[i],
					     reading->threads + i * reader->cache.size);
	}
	reading->range_count = used;
	return 0;
}

void heap_reading_free(struct heap_reading *reading)
{
	if (reading->arenas)
		munmap(reading->arenas, reading->arenas_size);
	if (reading->threads)
		munmap(reading->threads, reading->threads_size);
	free(reading->ranges);
	*reading = (struct heap_reading){ .arenas = NULL };
}

int heap_reading_take(struct target *target, const struct heap_reader *reader,
		      struct heap_reading *reading)
{
	int rc;

	reading->began_ns = clock_ns(CLOCK_MONOTONIC);
	rc = target_read(target, reading->ranges, reading->range_count);
	reading->ended_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; rc == 0 && i < reading->arena_ranges; i++)
		if (reading->ranges[i].error)
			rc = -ESTALE;
	for (size_t i = 0; rc == 0 && i < reader->arenas.count; i++) {
		const struct arena_ref *ref = &reader->arenas.refs[i];
		int64_t index = ref->index;

		if (!arena_signs_hold(&reader->plan, ref, heap_reading_arena(reader, reading, i),
				      &index))
			rc = -ESTALE;
	}
	return rc;
}

bool heap_reading_equal(const struct heap_reader *reader, const struct heap_reading *a,
			const struct heap_reading *b)
{
	return memcmp(a->arenas, b->arenas, reader->arenas.count * reader->plan.size) == 0 &&
	       memcmp(a->threads, b->threads, reader->threads * reader->cache.size) == 0;
}

enum cache_verdict heap_reading_thread(const struct heap_reader *reader,
				       const struct heap_reading *reading, size_t i,
				       struct cache_figures *figures)
{
	if (reader->states[i] == 0) {
		*figures = (struct cache_figures){ .bytes = 0 };
		return CACHE_NONE;
	}
	if (reading->ranges[reading->arena_ranges + i].error)
		return CACHE_FOREIGN;
	return cache_take(&reader->cache, &reader->place->classes, reader->states[i],
			  reading->threads + i * reader->cache.size, figures);
}
