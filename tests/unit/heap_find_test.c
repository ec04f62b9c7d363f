/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>

#include "made_heap.h"

#include <cmocka.h>

#include "jemalloc/heap_solver.h"

static int find(struct made_heap *heap, struct heap_place *place)
{
	int rc = heap_find(&heap->target, &heap->start, heap_layout_table, heap_layout_rows, place);

	arena_list_free(&place->list);
	return rc;
}

static void each_layout_is_found_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < heap_layout_rows; i++) {
		struct heap_place place;
		struct made_heap heap;

		made_start(&heap, &heap_layout_table[i]);
		assert_int_equal(find(&heap, &place), 0);
		assert_ptr_equal(place.layout, &heap_layout_table[i]);
		assert_int_equal(place.arenas, MADE_DATA + MADE_ARRAY);
		assert_int_equal(place.classes.bins, MADE_BINS);
		assert_int_equal(place.classes.page, 4096);
		made_end(&heap);
	}
}

static void a_wrong_layout_alone_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < heap_layout_rows; i++)
		for (size_t k = 0; k < heap_layout_rows; k++) {
			struct heap_place place;
			struct made_heap heap;

			made_start(&heap, &heap_layout_table[i]);
			assert_int_equal(heap_find(&heap.target, &heap.start, &heap_layout_table[k],
						   1, &place),
					 i == k ? 0 : -ENODATA);
			arena_list_free(&place.list);
			made_end(&heap);
		}
}

static void two_layouts_that_both_fit_are_refused(void **state)
{
	struct heap_layout twice[2];
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	twice[0] = twice[1] = heap_layout_table[1];
	made_start(&heap, &twice[0]);
	assert_int_equal(heap_find(&heap.target, &heap.start, twice, 2, &place), -ENODATA);
	assert_non_null(strstr(place.how, "two layouts"));
	made_end(&heap);
}

/* Every word of an arena that is a sign. */
static void each_sign_of_an_arena_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < heap_layout_rows; i++) {
		const struct heap_layout *l = &heap_layout_table[i];
		const uint32_t signs[] = {
			l->arena.ind,
			l->arena.base,
			l->arena.shard_ind,
			l->arena.shard_base,
			l->arena.shard_stats,
			l->arena.pac_stats_pointer,
			l->arena.pac_edata_cache,
			l->arena.decay_dirty + 8,
			l->arena.ecache[HEAP_DIRTY].state,
			l->arena.ecache[HEAP_DIRTY].ind,
			l->arena.ecache[HEAP_MUZZY].state,
			l->arena.ecache[HEAP_MUZZY].ind,
			l->arena.ecache[HEAP_RETAINED].state,
			l->arena.ecache[HEAP_RETAINED].ind,
			l->arena.ecache[HEAP_PINNED].ind,
		};

		for (size_t s = 0; s < sizeof signs / sizeof *signs; s++) {
			struct heap_place place;
			struct made_heap heap;

			if (signs[s] == HEAP_LAYOUT_NONE)
				continue;
			made_start(&heap, l);
			*(unsigned char *)made_at(&heap, made_arena_address(1) + signs[s]) ^= 8;
			assert_int_equal(find(&heap, &place), -ENODATA);
			made_end(&heap);
		}
	}
}

/* jemalloc's a0, and whatever else points to an arena. */
static void a_pointer_to_an_arena_is_not_taken_for_arenas(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	heap.start.state_count = 1; /* only arena 0 is known by its thread */
	made_word(&heap, MADE_DATA, made_arena_address(0));
	made_word(&heap, MADE_DATA + MADE_ARRAY + ARENAS_LIMIT * 8 + 64, made_arena_address(0));
	/* Behind the second stands what is no arena. */
	made_word(&heap, MADE_DATA + MADE_ARRAY + ARENAS_LIMIT * 8 + 640, 12345);
	assert_int_equal(find(&heap, &place), 0);
	assert_int_equal(place.arenas, MADE_DATA + MADE_ARRAY);
	made_end(&heap);
}

static void what_cannot_be_told_apart_is_refused(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	heap.start.state_count = 1;
	memset(made_at(&heap, MADE_DATA + MADE_ARRAY), 0, 8 * MADE_ARENAS);
	made_word(&heap, MADE_DATA + MADE_ARRAY, made_arena_address(0));
	made_word(&heap, MADE_DATA + MADE_SIZES + 8 * SIZE_CLASSES_TOTAL, made_arena_address(0));
	assert_int_equal(find(&heap, &place), -ENODATA);
	assert_non_null(strstr(place.how, "several places"));
	made_end(&heap);
}

static void without_a_thread_that_uses_an_arena_nothing_is_found(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	for (size_t i = 0; i < MADE_ARENAS; i++)
		*(unsigned char *)made_at(&heap, heap.states[i]) = 6; /* uninitialized */
	assert_int_equal(find(&heap, &place), -ENODATA);
	assert_non_null(strstr(place.how, "no thread uses an arena yet"));
	made_end(&heap);
}

static void other_size_classes_are_refused(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	made_word(&heap, MADE_DATA + MADE_SIZES + 8 * 40, 1); /* not as this quantum has them */
	assert_int_equal(find(&heap, &place), -ENODATA);
	made_end(&heap);
	made_start(&heap, &heap_layout_table[1]);
	made_half(&heap, MADE_DATA + MADE_INFOS + 16, 511);
	assert_int_equal(find(&heap, &place), -ENODATA);
	made_end(&heap);
}

/* With the geometry of another build. */
static void two_tables_of_size_classes_are_refused(void **state)
{
	const uint64_t second = MADE_INFOS + 16384;
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	memcpy(made_at(&heap, MADE_DATA + second), made_at(&heap, MADE_DATA + MADE_INFOS),
	       MADE_BINS * SIZE_CLASSES_INFO_SIZE);
	assert_int_equal(find(&heap, &place), 0);
	made_half(&heap, MADE_DATA + second + 20, 2); /* shards */
	assert_int_equal(find(&heap, &place), -ENODATA);
	made_end(&heap);
}

/* A pointer to the first arena with zeros behind it is the list of one arena, but there are more.
 */
static void every_thread_s_arena_has_to_be_in_the_list(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	made_word(&heap, MADE_DATA + MADE_SIZES + 8 * SIZE_CLASSES_TOTAL, made_arena_address(0));
	assert_int_equal(find(&heap, &place), 0);
	assert_int_equal(place.arenas, MADE_DATA + MADE_ARRAY);
	made_end(&heap);
}

static void refuse(struct made_heap *heap, const char *how)
{
	struct heap_place place;

	assert_int_equal(find(heap, &place), -ENODATA);
	assert_non_null(strstr(place.how, how));
	made_end(heap);
}

/* Where one sign agrees with another, and yet both cannot be. */
static void signs_that_no_arena_has_are_refused(void **state)
{
	static const char none[] = "no known layout has its signs in every arena";
	const struct heap_layout *l = &heap_layout_table[1];
	struct made_heap heap;

	(void)state;
	made_start(&heap, l);
	made_word(&heap, made_arena_address(1) + l->arena.decay_dirty, (uint64_t)-2);
	refuse(&heap, none);
	made_start(&heap, l);
	made_half(&heap, made_base_address(1) + l->base.ind, 7);
	refuse(&heap, none);
	made_start(&heap, l);
	made_word(&heap, made_arena_address(0) + l->arena.base, made_base_address(0) + 4);
	made_word(&heap, made_arena_address(0) + l->arena.shard_base, made_base_address(0) + 4);
	refuse(&heap, none);
	made_start(&heap, l); /* beyond MALLOCX_ARENA_LIMIT */
	made_half(&heap, made_arena_address(1) + l->arena.ind, ARENAS_LIMIT);
	made_half(&heap, made_arena_address(1) + l->arena.shard_ind, ARENAS_LIMIT);
	made_half(&heap, made_base_address(1) + l->base.ind, ARENAS_LIMIT);
	for (size_t e = 0; e < HEAP_ECACHES; e++)
		made_index(&heap, made_arena_address(1), l->arena.ecache[e].ind, ARENAS_LIMIT);
	refuse(&heap, none);
}

static void size_classes_that_no_build_has_are_refused(void **state)
{
	struct size_classes classes;
	unsigned char bytes[MADE_BINS * SIZE_CLASSES_INFO_SIZE];
	struct made_heap heap;
	const uint64_t second = MADE_DATA + MADE_INFOS + SIZE_CLASSES_INFO_SIZE;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	for (int i = 0; i < 4; i++) {
		made_tables(&heap);
		if (i == 1) { /* a slab that is no multiple of the page */
			made_word(&heap, second + 8, 4096 + 16);
			made_half(&heap, second + 16, (4096 + 16) / 16);
		}
		if (i == 2)
			made_half(&heap, second + 20, SIZE_CLASSES_SHARDS + 1);
		if (i == 3) { /* no machine has such a page */
			made_word(&heap, MADE_DATA + MADE_INFOS + 8, 2048);
			made_half(&heap, MADE_DATA + MADE_INFOS + 16, 2048 / 8);
		}
		memcpy(bytes, made_at(&heap, MADE_DATA + MADE_INFOS), sizeof bytes);
		assert_int_equal(size_classes_take(bytes, sizeof bytes, &classes), i == 0);
	}
	made_end(&heap);
}

/* Each word of its memory looks like the beginning of arenas[]. */
static void a_hostile_module_is_given_up(void **state)
{
	struct heap_place place;
	struct made_heap heap;

	(void)state;
	made_start(&heap, &heap_layout_table[1]);
	for (uint64_t at = 0; at < MADE_SIZE; at += 8)
		made_word(&heap, MADE_DATA + at, made_arena_address(0));
	assert_int_equal(find(&heap, &place), -ENODATA);
	assert_true(heap.bytes_read < (UINT64_C(64) << 20));
	heap.span.size = UINT64_MAX - MADE_DATA;
	assert_int_equal(find(&heap, &place), -ENODATA);
	made_end(&heap);
}

/* Its cache, where a build with so many bytes more in tsd_s has it. */
static void put_cache(struct made_heap *heap, size_t thread, int32_t slow, int32_t cache)
{
	const struct heap_layout *l = heap->layout;
	uint64_t state = heap->states[thread];

	made_word(heap, state + (uint64_t)(int64_t)(l->tsd.desc_bins + slow),
		  state + (uint64_t)(int64_t)(l->tsd.bins + cache));
	made_word(heap, state + (uint64_t)(int64_t)(l->tsd.slow_arena + slow),
		  made_arena_address(thread));
	if (l->tsd.slow_tcache)
		made_word(heap, state + (uint64_t)(int64_t)(l->tsd.slow_tcache + slow),
			  state + (uint64_t)(int64_t)(l->tsd.tcache + cache));
}

static void a_cache_that_was_moved_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < heap_layout_rows; i++) {
		const struct heap_layout *l = &heap_layout_table[i];
		struct heap_layout layout = *l;
		int32_t slow = 24, cache = l->before_53 ? 24 : -8;
		struct made_heap heap;
		bool moved;

		made_start(&heap, l);
		for (size_t t = 0; t < MADE_ARENAS; t++)
			put_cache(&heap, t, slow, cache);
		assert_int_equal(heap_solver_caches(&heap.target, &heap.start, &layout, &moved), 0);
		assert_true(moved);
		assert_int_equal(layout.tsd.desc_bins, l->tsd.desc_bins + slow);
		assert_int_equal(layout.tsd.slow_arena, l->tsd.slow_arena + slow);
		assert_int_equal(layout.tsd.bins, l->tsd.bins + cache);
		assert_int_equal(layout.tsd.tcache, l->tsd.tcache + cache);
		if (l->before_53)
			assert_int_equal(layout.tsd.bins_large, l->tsd.bins_large + slow);
		made_end(&heap);
	}
}

static void a_cache_in_two_places_is_left_where_it_was(void **state)
{
	const struct heap_layout *l = &heap_layout_table[1];
	struct heap_layout layout = *l;
	struct made_heap heap;
	bool moved;

	(void)state;
	made_start(&heap, l);
	put_cache(&heap, 0, 24, 0);
	put_cache(&heap, 1, 24, 0);
	put_cache(&heap, 1, 64, 0); /* twice in one thread */
	assert_int_equal(heap_solver_caches(&heap.target, &heap.start, &layout, &moved), 0);
	assert_false(moved);
	assert_int_equal(layout.tsd.desc_bins, l->tsd.desc_bins);
	made_end(&heap);
	made_start(&heap, l);
	put_cache(&heap, 0, 24, 0);
	put_cache(&heap, 1, 32, 0); /* or elsewhere in each */
	assert_int_equal(heap_solver_caches(&heap.target, &heap.start, &layout, &moved), 0);
	assert_false(moved);
	made_end(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layout_is_found_and_no_other),
		cmocka_unit_test(a_wrong_layout_alone_is_refused),
		cmocka_unit_test(two_layouts_that_both_fit_are_refused),
		cmocka_unit_test(each_sign_of_an_arena_counts),
		cmocka_unit_test(a_pointer_to_an_arena_is_not_taken_for_arenas),
		cmocka_unit_test(what_cannot_be_told_apart_is_refused),
		cmocka_unit_test(without_a_thread_that_uses_an_arena_nothing_is_found),
		cmocka_unit_test(other_size_classes_are_refused),
		cmocka_unit_test(two_tables_of_size_classes_are_refused),
		cmocka_unit_test(every_thread_s_arena_has_to_be_in_the_list),
		cmocka_unit_test(signs_that_no_arena_has_are_refused),
		cmocka_unit_test(size_classes_that_no_build_has_are_refused),
		cmocka_unit_test(a_hostile_module_is_given_up),
		cmocka_unit_test(a_cache_that_was_moved_is_found),
		cmocka_unit_test(a_cache_in_two_places_is_left_where_it_was),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
