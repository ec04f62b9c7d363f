/* SPDX-License-Identifier: BSD-2-Clause */
/* All arenas and all threads of a target in one batch of remote reads, as often as is asked. */
#ifndef KTSTR_HEAP_READING_H
#define KTSTR_HEAP_READING_H

#include "jemalloc/arenas.h"
#include "jemalloc/caches.h"
#include "jemalloc/heap_find.h"

/* What is read: does not change from reading to reading. */
struct heap_reader {
	const struct heap_place *place;
	struct arena_plan plan;
	struct arena_list arenas;
	struct cache_plan cache;
	const uint64_t *states; /* of each thread: where tsd_s.state is, 0: nowhere */
	size_t threads;
};

struct heap_reading {
	unsigned char *arenas, *threads; /* a buffer of plan.size, and of cache.size, each */
	size_t arenas_size, threads_size;
	struct target_range *ranges;
	size_t arena_ranges, range_count;
	int64_t began_ns, ended_ns; /* CLOCK_MONOTONIC */
};

/* Returns 0 or -ENOMEM. */
int heap_reading_make(const struct heap_reader *reader, struct heap_reading *reading);
void heap_reading_free(struct heap_reading *reading);

/* Reads. Returns 0, a negative errno, or -ESTALE for an arena that is none any more. */
int heap_reading_take(struct target *target, const struct heap_reader *reader,
		      struct heap_reading *reading);

bool heap_reading_equal(const struct heap_reader *reader, const struct heap_reading *a,
			const struct heap_reading *b);

static inline const unsigned char *heap_reading_arena(const struct heap_reader *reader,
						      const struct heap_reading *reading, size_t i)
{
	return reading->arenas + i * reader->plan.size;
}

/* One thread of a reading. CACHE_FOREIGN also for one that could not be read. */
enum cache_verdict heap_reading_thread(const struct heap_reader *reader,
				       const struct heap_reading *reading, size_t i,
				       struct cache_figures *figures);

#endif
