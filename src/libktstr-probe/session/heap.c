/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes a heap: the threads, where their arenas are, two readings of everything, and whether the
 * threads are still the same. Public.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arch.h"
#include "jemalloc/heap_solver.h"
#include "session/heap_private.h"
#include "shared/clock.h"

#define READINGS  12      /* until two that follow each other are the same */
#define PAUSE_NS  1000000 /* for a thread of the target to go on */
#define TSD_LIMIT 65536   /* an offset in tsd_s */
#define TAKES     3       /* until the threads before and after are the same */

/* Where tsd_s.state is in each thread of a snapshot, 0 for one that was not read. */
static uint64_t *make_states(const struct ktstr_probe *probe,
			     const struct ktstr_probe_snapshot *snapshot)
{
	uint64_t *states = calloc(snapshot->count + 1, sizeof *states);

	for (size_t i = 0; states && i < snapshot->count; i++)
		if (snapshot->blocks[i] && snapshot->threads[i].error_kind == KTSTR_PROBE_THREAD_OK)
			states[i] = snapshot->blocks[i] + probe->locator.offsets.state;
	return states;
}

/* The file that carries jemalloc, as it is mapped. */
static int read_image(struct ktstr_probe *probe, struct elf_image *image, struct ktstr_error *error)
{
	int rc = elf_image_load(&probe->target, probe->locator.module_start,
				probe->locator.module_phdrs, NULL, image);

	return rc ? heap_changed(probe, error) : 0;
}

/* The offset of tsd_s.arena from its state, where code says where both are. */
static void set_arena_offset(const struct ktstr_probe *probe, const struct heap_counters *counters,
			     struct heap_start *start)
{
	const struct tsd_offsets *offsets = &probe->locator.offsets;
	uint64_t state = counters->allocated - (offsets->allocated - offsets->state);

	start->knows_arena = counters->knows_arena && counters->arena < TSD_LIMIT;
	start->arena = start->knows_arena ? (int32_t)(int64_t)(counters->arena - state) : 0;
}

/* What only holds of tsd_s as it was released: a place that nothing else confirms. */
static void doubt_peak(struct ktstr_heap *heap, const struct heap_counters *counters)
{
	uint64_t stock = heap->layout.tsd.allocated;

	/* From 5.3.1 on, with prof one member of 8 bytes more is ahead of it. */
	if (counters->known &&
	    (counters->allocated == stock || (counters->allocated == stock + 8 &&
					      options_truth(&heap->in_force, "config.prof") == 1)))
		return;
	heap->layout.tsd.peak = 0;
}

static int correct_layout(struct ktstr_probe *probe, const struct heap_start *start,
			  const struct heap_counters *counters, struct ktstr_heap *heap)
{
	struct heap_layout *layout = &heap->layout;
	bool moved = false;
	int rc;

	*layout = *heap->place.layout;
	if (start->knows_arena) {
		moved = start->arena != layout->tsd.arena;
		layout->tsd.iarena += start->arena - layout->tsd.arena;
		layout->tsd.arena = start->arena;
	}
	if (moved)
		diagnostics_add(&probe->target.diagnostics, "heap",
				"its code has arena at another place in tsd_s");
	doubt_peak(heap, counters);
	rc = heap_solver_caches(&probe->target, start, layout, &moved);
	if (moved)
		diagnostics_add(&probe->target.diagnostics, "heap",
				"its caches are at another place in tsd_s");
	heap->place.layout = layout;
	return rc;
}

static int find_place(struct ktstr_probe *probe, const struct elf_image *image,
		      const uint64_t *states, size_t count, const struct heap_counters *counters,
		      struct ktstr_heap *heap, struct ktstr_error *error)
{
	struct heap_place *place = &heap->place;
	struct heap_span spans[ELF_IMAGE_SPANS];
	struct heap_start start = { .states = states, .state_count = count, .writable = spans };
	int rc;

	if (!arch_self_pointer) /* aarch64 */
		return heap_layout_unknown(
			probe, error, "the layout of arenas is not proven on this architecture");
	for (size_t i = 0; i < ELF_IMAGE_SPANS; i++)
		if (image->writable[i].size)
			spans[start.span_count++] = (struct heap_span){ image->writable[i].address,
									image->writable[i].size };
	set_arena_offset(probe, counters, &start);
	rc = heap_find(&probe->target, &start, heap_layout_table, heap_layout_rows, place);
	diagnostics_add(&probe->target.diagnostics, "heap", "%s", place->how);
	if (rc == -ENODATA)
		return heap_layout_unknown(probe, error, place->how);
	if (rc == 0)
		rc = correct_layout(probe, &start, counters, heap);
	return rc ? heap_changed(probe, error) : 0;
}

/* Do the sums that jemalloc keeps in two ways agree in every arena? NULL, or which does not. */
static const char *sums_differ(const struct heap_reader *reader, const struct heap_reading *reading,
			       struct arena_figures *figures, bool *has_stats, size_t *agreeing)
{
	const char *reason = NULL;

	*has_stats = reader->arenas.count > 0;
	*agreeing = 0;
	for (size_t i = 0; i < reader->arenas.count; i++) {
		const char *one;

		arena_take(&reader->plan, heap_reading_arena(reader, reading, i), figures);
		*has_stats &= figures->base_allocated != 0; /* base_s itself is counted there */
		one = arena_sums_differ(&reader->place->classes, figures,
					figures->base_allocated != 0);
		*agreeing += one == NULL && figures->nactive != 0;
		reason = one ? one : reason;
	}
	return reason;
}

/*
 * Reads until two readings are the same and their sums agree, or there is no hope for that:
 * readings[1] is the last, readings[0] the one before it. A thread that the scheduler has taken the
 * CPU from in the midst of an allocation leaves sums that differ and stay so for a while.
 */
static int read_twice(struct ktstr_probe *probe, struct ktstr_heap *heap,
		      const struct heap_reader *reader, struct heap_reading readings[2],
		      struct heap_doubts *doubts, struct ktstr_error *error)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct arena_figures *figures = malloc(sizeof *figures);
	size_t agreeing = 0, best = 0;
	const char *reason = NULL;
	int rc = figures ? 0 : -ENOMEM;

	if (rc == 0)
		rc = heap_reading_take(&probe->target, reader, &readings[1]);
	for (int i = 1; rc == 0 && i < READINGS && (!heap->quiet || reason); i++) {
		struct heap_reading last = readings[1];

		readings[1] = readings[0];
		readings[0] = last;
		if (heap->quiet)
			nanosleep(&pause, NULL);
		rc = heap_reading_take(&probe->target, reader, &readings[1]);
		heap->quiet = rc == 0 && heap_reading_equal(reader, &readings[0], &readings[1]);
		if (rc == 0)
			reason = sums_differ(reader, &readings[1], figures, &heap->has_stats,
					     &agreeing);
		best = agreeing > best ? agreeing : best;
	}
	free(figures);
	if (rc == -ENOMEM)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "heap", "out of memory");
	if (rc)
		return heap_changed(probe, error);
	/* One arena whose sums agree shows that the layout is right. */
	if (reason && best == 0)
		return heap_layout_unknown(probe, error, reason);
	doubts->torn = reason != NULL;
	heap->quiet = heap->quiet && !reason;
	return 0;
}

static bool same_threads(const struct ktstr_probe_snapshot *a, const struct ktstr_probe_snapshot *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->threads[i].tid != b->threads[i].tid || a->blocks[i] != b->blocks[i] ||
		    a->threads[i].error_kind != b->threads[i].error_kind ||
		    b->threads[i].allocated_bytes < a->threads[i].allocated_bytes ||
		    b->threads[i].deallocated_bytes < a->threads[i].deallocated_bytes)
			return false;
	return true;
}

/* Only to compare: names take most of a snapshot's time. */
static int take_nameless(struct ktstr_probe *probe, struct ktstr_probe_snapshot **snapshot,
			 struct ktstr_error *error)
{
	int no_names = probe->options.no_names, rc;

	probe->options.no_names = 1;
	rc = ktstr_probe_snapshot_take(probe, snapshot, error);
	probe->options.no_names = no_names;
	return rc;
}

/* One attempt. *again: the threads changed meanwhile. */
static int take(struct ktstr_probe *probe, struct ktstr_heap *heap, bool *again,
		struct ktstr_error *error)
{
	struct ktstr_probe_snapshot *before = NULL, *after = NULL;
	struct heap_reading readings[2] = { { .arenas = NULL }, { .arenas = NULL } };
	struct heap_reader reader = { .place = &heap->place };
	struct heap_doubts doubts = { .without_stats = false };
	struct heap_counters counters;
	uint64_t *states = NULL;
	struct elf_image image;
	int rc = ktstr_probe_snapshot_take(probe, &before, error);

	if (rc == 0 && probe->locator.offsets.state_unknown)
		rc = heap_layout_unknown(
			probe, error,
			"its code says where the counters are, but nothing where tsd_s "
			"has the rest");
	if (rc == 0)
		rc = read_image(probe, &image, error);
	if (rc == 0)
		rc = heap_ask_code(probe, &image, heap, &counters, error);
	if (rc == 0) {
		states = make_states(probe, before);
		rc = states ? find_place(probe, &image, states, before->count, &counters, heap,
					 error)
			    : probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "heap",
					 "out of memory");
	}
	if (rc == 0)
		rc = heap_check_counters(probe, &heap->place, &counters, error);
	if (rc == 0) {
		reader.arenas = heap->place.list;
		reader.states = states;
		reader.threads = before->count;
		arena_plan_make(heap->place.layout, &heap->place.classes, &reader.plan);
		cache_plan_make(
			heap->place.layout,
			(int64_t)(probe->locator.offsets.allocated - probe->locator.offsets.state),
			(int64_t)(probe->locator.offsets.deallocated -
				  probe->locator.offsets.state),
			&reader.cache);
		rc = heap_reading_make(&reader, &readings[0]);
		if (rc == 0)
			rc = heap_reading_make(&reader, &readings[1]);
		if (rc)
			probe_fail(error, KTSTR_PROBE_TAG_OTHER, rc, "heap", "out of memory");
	}
	if (rc == 0) {
		heap->unix_ns = clock_ns(CLOCK_REALTIME);
		rc = read_twice(probe, heap, &reader, readings, &doubts, error);
	}
	if (rc == 0)
		rc = take_nameless(probe, &after, error);
	if (rc == 0) {
		doubts.arenas_changed = arena_list_check(&probe->target, heap->place.arenas,
							 &heap->place.list) != 0;
		doubts.threads_changed = !same_threads(before, after);
		*again = doubts.threads_changed || doubts.arenas_changed;
		doubts.without_stats = !heap->has_stats;
		doubts.profiled = options_truth(&heap->in_force, "opt.prof") == 1;
		doubts.profile_unknown = options_truth(&heap->in_force, "opt.prof") < 0 &&
					 options_truth(&heap->in_force, "config.prof") != 0;
		heap->span_ns = readings[1].ended_ns - readings[1].began_ns;
		if (heap_build(heap, &reader, readings, before, &doubts))
			rc = probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "heap",
					"out of memory");
		else
			heap_set_memory(probe, heap);
	}
	heap_reading_free(&readings[0]);
	heap_reading_free(&readings[1]);
	arena_list_free(&heap->place.list);
	free(states);
	ktstr_probe_snapshot_free(before);
	ktstr_probe_snapshot_free(after);
	return rc;
}

int ktstr_heap_take(struct ktstr_probe *probe, struct ktstr_heap **result,
		    struct ktstr_error *error)
{
	struct ktstr_heap *heap = NULL;
	bool again = true;
	int rc = 0;

	if (result)
		*result = NULL;
	if (!probe || !result)
		return probe_fail(error, KTSTR_PROBE_TAG_OTHER, -EINVAL, "arguments", "%s is NULL",
				  probe ? "heap" : "probe");

	for (int i = 0; rc == 0 && again && i < TAKES; i++) {
		ktstr_heap_free(heap);
		again = false;
		heap = calloc(1, sizeof *heap);
		rc = heap ? take(probe, heap, &again, error)
			  : probe_fail(error, KTSTR_PROBE_TAG_OTHER, -ENOMEM, "heap",
				       "out of memory");
	}
	if (rc)
		ktstr_heap_free(heap);
	else
		*result = heap;
	return rc;
}
