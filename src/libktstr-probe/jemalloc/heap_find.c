/* SPDX-License-Identifier: BSD-2-Clause */
/* Which layout, and where arenas[] is. */
#include "config.h"

#include "jemalloc/heap_find.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jemalloc/arenas.h"
#include "jemalloc/heap_scan.h"

#define SEED_LIMIT       8 /* distinct arenas that are looked at: any wrong layout fails with one */
#define STATES_LIMIT     1024 /* threads that are asked for their arena */
#define STATE_USES_ARENA 2    /* tsd_state_nominal_max: tsd.h */

static __attribute__((format(printf, 3, 4))) int answer(struct heap_place *place, int code,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(place->how, sizeof place->how, format, args);
	va_end(args);
	return code;
}

static bool is_known(const struct heap_seed *seeds, size_t count, uint64_t arena)
{
	for (size_t i = 0; i < count; i++)
		if (seeds[i].arena == arena)
			return true;
	return false;
}

/* The arenas that the threads point to if this is their layout. */
static int read_seeds(struct target *target, const struct heap_start *start,
		      const struct heap_layout *layout, struct heap_seed *seeds, size_t *count)
{
	size_t threads = start->state_count < STATES_LIMIT ? start->state_count : STATES_LIMIT;
	struct target_range *ranges = calloc(threads + 1, 2 * sizeof *ranges);
	struct {
		uint64_t arena;
		uint8_t state;
	} *found = calloc(threads + 1, sizeof *found);
	int rc = ranges && found ? 0 : -ENOMEM;

	*count = 0;
	for (size_t i = 0; rc == 0 && i < threads; i++) {
		uint64_t state = start->states[i];

		ranges[2 * i] = (struct target_range){ .address = state,
						       .buffer = &found[i].state,
						       .size = 1 };
		ranges[2 * i + 1] = (struct target_range){
			.address = state + (uint64_t)(int64_t)(start->knows_arena
								       ? start->arena
								       : layout->tsd.arena),
			.buffer = &found[i].arena,
			.size = sizeof found[i].arena,
		};
	}
	if (rc == 0)
		rc = target_read(target, ranges, 2 * threads);
	for (size_t i = 0; rc == 0 && i < threads && *count < SEED_LIMIT; i++)
		if (!ranges[2 * i].error && !ranges[2 * i + 1].error && found[i].arena &&
		    found[i].state <= STATE_USES_ARENA && !is_known(seeds, *count, found[i].arena))
			seeds[(*count)++] = (struct heap_seed){ .arena = found[i].arena };
	free(ranges);
	free(found);
	return rc;
}

/* Is each of these an arena of this layout? Its index is filled in. Returns 0, -EBADMSG, … */
static int check_seeds(struct target *target, const struct heap_layout *layout,
		       struct heap_seed *seeds, size_t count)
{
	struct target_range ranges[ARENA_RANGE_LIMIT];
	struct arena_plan plan;
	unsigned char *buffer;
	int rc = 0;

	arena_plan_make(layout, NULL, &plan);
	buffer = calloc(1, plan.size);
	if (!buffer)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct arena_ref ref = { .address = seeds[i].arena };
		int64_t index = -1;
		size_t used;

		/* Twice: where its base_s is stands in the arena itself. */
		for (int pass = 0; rc == 0 && pass < 2; pass++) {
			used = ref.address % 8 ? 0 : arena_ranges(&plan, &ref, buffer, ranges);
			rc = used ? target_read(target, ranges, used) : -EBADMSG;
			for (size_t r = 0; rc == 0 && r < used; r++)
				rc = ranges[r].error;
			if (rc == 0 && pass == 0)
				rc = (ref.base = arena_base(&plan, buffer)) ? 0 : -EBADMSG;
		}
		if (rc == 0 && !arena_signs_hold(&plan, &ref, buffer, &index))
			rc = -EBADMSG;
		seeds[i].index = (uint32_t)index;
	}
	free(buffer);
	return rc == -EFAULT ? -EBADMSG : rc;
}

static int choose(struct target *target, const struct heap_start *start,
		  const struct heap_layout *table, size_t rows, struct heap_place *place,
		  struct heap_seed *seeds, size_t *seed_count)
{
	struct heap_seed found[SEED_LIMIT];
	size_t count, most = 0;

	place->layout = NULL;
	for (size_t i = 0; i < rows; i++) {
		int rc = read_seeds(target, start, &table[i], found, &count);

		most = count > most ? count : most;
		if (rc == 0 && count)
			rc = check_seeds(target, &table[i], found, count);
		if (rc == -EBADMSG || count == 0)
			continue;
		if (rc)
			return rc;
		if (place->layout)
			return answer(place, -ENODATA,
				      "its arenas show the signs of two layouts, %s and %s",
				      place->layout->build, table[i].build);
		place->layout = &table[i];
		memcpy(seeds, found, count * sizeof *found);
		*seed_count = count;
	}
	if (place->layout)
		return 0;
	return most ? answer(place, -ENODATA, "no known layout has its signs in every arena")
		    : answer(place, -ENODATA, "no thread uses an arena yet");
}

static int judge_scan(const struct heap_scan *scan, struct heap_place *place)
{
	if (!scan->arenas || scan->several_arenas)
		return answer(place, -ENODATA, "arenas[] was %s",
			      scan->arenas ? "found in several places" : "not found");
	if (!scan->has_classes || scan->several_classes || !scan->has_sizes)
		return answer(place, -ENODATA,
			      "its size classes are not those of pages of 4 KiB and a quantum of "
			      "16 bytes, or were not found");
	return 0;
}

int heap_find(struct target *target, const struct heap_start *start,
	      const struct heap_layout *table, size_t rows, struct heap_place *place)
{
	struct heap_seed seeds[SEED_LIMIT];
	struct heap_scan scan;
	size_t count = 0;
	int rc;

	*place = (struct heap_place){ .layout = NULL };
	rc = choose(target, start, table, rows, place, seeds, &count);
	if (rc)
		return rc;
	rc = heap_scan(target, start, place->layout, seeds, count, &scan);
	if (rc == 0)
		rc = judge_scan(&scan, place);
	else if (rc == -EFBIG)
		rc = answer(place, -ENODATA, "its module has more to search than any honest one");
	if (rc) {
		arena_list_free(&scan.list);
		return rc;
	}
	place->list = scan.list;
	place->arenas = scan.arenas;
	place->classes = scan.classes;
	return answer(place, 0, "layout %s by the signs in %zu arenas, %zu bins, pages of %llu",
		      place->layout->build, count, place->classes.bins,
		      (unsigned long long)place->classes.page);
}
