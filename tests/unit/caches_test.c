/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jemalloc/caches.h"

#define STATE UINT64_C(0x7f0000001000)
#define ARENA UINT64_C(0x7e0000000000)

static const struct heap_layout *const v53 = &heap_layout_table[1], *const v52 =
									    &heap_layout_table[0];

/* A thread that has used jemalloc and has a cache with nothing in it. */
struct fixture {
	struct cache_plan plan;
	struct size_classes classes;
	struct cache_figures figures;
	unsigned char *buffer;
};

static void set(struct fixture *f, int64_t offset, uint64_t value, size_t size)
{
	memcpy(f->buffer + (offset - f->plan.first), &value, size);
}

static void begin(struct fixture *f, const struct heap_layout *layout)
{
	memset(f, 0, sizeof *f);
	f->classes.bins = 36;
	f->classes.large = SIZE_CLASSES_TOTAL - 36;
	cache_plan_make(layout, 8, 24, &f->plan);
	f->buffer = calloc(1, f->plan.size);
	assert_non_null(f->buffer);
	set(f, 8, 1000, 8);
	set(f, 24, 400, 8);
	set(f, layout->tsd.arena, ARENA, 8);
	set(f, layout->tsd.iarena, ARENA + 64, 8);
	set(f, layout->tsd.slow_arena, ARENA, 8);
	set(f, layout->tsd.desc_bins, STATE + (uint64_t)(int64_t)layout->tsd.bins, 8);
	if (layout->tsd.slow_tcache)
		set(f, layout->tsd.slow_tcache, STATE + (uint64_t)(int64_t)layout->tsd.tcache, 8);
}

static enum cache_verdict take(struct fixture *f)
{
	return cache_take(&f->plan, &f->classes, STATE, f->buffer, &f->figures);
}

/* A stack of `room` pointers whose lowest 16 bits of the empty end are `empty', with `used' in it.
 */
static void set_stack(struct fixture *f, size_t bin, uint16_t empty, uint16_t room, uint16_t used)
{
	int64_t at = f->plan.layout->tsd.bins + (int64_t)bin * 24;

	set(f, at, UINT64_C(0x7d0000010000) + (uint16_t)(empty - used * 8), 8);
	set(f, at + 18, (uint16_t)(empty - room * 8), 2);
	set(f, at + 20, empty, 2);
}

static void an_empty_cache_holds_nothing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.bytes, 0);
	assert_int_equal(f.figures.arena, ARENA);
	assert_int_equal(f.figures.iarena, ARENA + 64);
	assert_int_equal(f.figures.allocated, 1000);
	assert_int_equal(f.figures.deallocated, 400);
	assert_true(f.figures.enabled);
	free(f.buffer);
}

static void cached_objects_count_with_their_size_class(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	set_stack(&f, 0, 0x8000, 20, 20); /* full, of 8 bytes */
	set_stack(&f, 3, 0x4000, 20, 5);  /* of 48 */
	set_stack(&f, 40, 0x2000, 20, 1); /* of 32 KiB */
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.bytes, 20 * 8 + 5 * 48 + 32768);
	free(f.buffer);
}

static void a_stack_that_crosses_64_kib_is_counted_right(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	set_stack(&f, 3, 16, 20, 10); /* the low 16 bits wrap in the middle of it */
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.bytes, 10 * 48);
	free(f.buffer);
}

static void more_than_a_stack_has_room_for_is_no_cache(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	set_stack(&f, 3, 0x4000, 20, 21);
	assert_int_equal(take(&f), CACHE_FOREIGN);
	set_stack(&f, 3, 0x4000, 20, 5);
	set(&f, v53->tsd.bins + 3 * 24, UINT64_C(0x7d0000013fd9), 8); /* not on a word */
	assert_int_equal(take(&f), CACHE_FOREIGN);
	free(f.buffer);
}

static void each_sign_of_a_cache_counts(void **state)
{
	static const struct heap_layout *const layouts[] = { &heap_layout_table[0],
							     &heap_layout_table[1],
							     &heap_layout_table[3],
							     &heap_layout_table[4] };

	(void)state;
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		const struct heap_layout *l = layouts[i];
		const int32_t signs[] = { l->tsd.desc_bins, l->tsd.slow_tcache, l->tsd.slow_arena };

		for (size_t s = 0; s < sizeof signs / sizeof *signs; s++) {
			struct fixture f;

			begin(&f, l);
			assert_int_equal(take(&f), CACHE_READ);
			if (signs[s])
				set(&f, signs[s], 0x1234560, 8);
			assert_int_equal(take(&f), signs[s] ? CACHE_FOREIGN : CACHE_READ);
			free(f.buffer);
		}
	}
}

static void a_thread_without_a_cache_has_none(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	set_stack(&f, 3, 0x4000, 20, 5);
	set(&f, v53->tsd.slow_arena, 0, 8); /* thread.tcache.enabled is false */
	assert_int_equal(take(&f), CACHE_NONE);
	assert_int_equal(f.figures.bytes, 0);
	assert_false(f.figures.enabled);
	set(&f, 0, 6, 1); /* tsd_state_uninitialized */
	assert_int_equal(take(&f), CACHE_NONE);
	assert_int_equal(f.figures.arena, 0);
	set(&f, 0, 7, 1);
	assert_int_equal(take(&f), CACHE_FOREIGN);
	free(f.buffer);
}

static void before_53_large_classes_have_bins_of_their_own(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v52);
	set(&f, v52->tsd.bins + 3 * 24 + 4, 5, 4);
	set(&f, v52->tsd.bins_large + 4, 2, 4); /* the first large class: 16 KiB */
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.bytes, 5 * 48 + 2 * 16384);
	set(&f, v52->tsd.bins_large + 4, UINT32_MAX, 4);
	assert_int_equal(take(&f), CACHE_FOREIGN);
	free(f.buffer);
}

static void the_peak_is_at_least_what_the_thread_has_now(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, v53);
	set(&f, v53->tsd.peak, 500, 8);
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.peak, 600); /* 1000 - 400 */
	set(&f, v53->tsd.peak, 700, 8);
	assert_int_equal(take(&f), CACHE_READ);
	assert_int_equal(f.figures.peak, 700);
	free(f.buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_cache_holds_nothing),
		cmocka_unit_test(cached_objects_count_with_their_size_class),
		cmocka_unit_test(a_stack_that_crosses_64_kib_is_counted_right),
		cmocka_unit_test(more_than_a_stack_has_room_for_is_no_cache),
		cmocka_unit_test(each_sign_of_a_cache_counts),
		cmocka_unit_test(a_thread_without_a_cache_has_none),
		cmocka_unit_test(before_53_large_classes_have_bins_of_their_own),
		cmocka_unit_test(the_peak_is_at_least_what_the_thread_has_now),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
