/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>

#include "made_heap.h"

#include <cmocka.h>

#include "jemalloc/heap_items.h"
#include "jemalloc/heap_reading.h"

/* Everything that is read of three arenas of a layout, and of no thread. */
struct fixture {
	struct made_heap heap;
	struct heap_place place;
	struct heap_reader reader;
	struct heap_reading reading;
	struct arena_figures figures;
};

static void begin(struct fixture *f, const struct heap_layout *layout)
{

	memset(f, 0, sizeof *f);
	made_start(&f->heap, layout);
	assert_int_equal(heap_find(&f->heap.target, &f->heap.start, layout, 1, &f->place), 0);
	f->reader.place = &f->place;
	f->reader.arenas = f->place.list;
	arena_plan_make(layout, &f->place.classes, &f->reader.plan);
	cache_plan_make(layout, 8, 24, &f->reader.cache);
	f->reader.states = f->heap.states;
	assert_int_equal(heap_reading_make(&f->reader, &f->reading), 0);
}

static void read_arena(struct fixture *f, size_t i)
{
	assert_int_equal(heap_reading_take(&f->heap.target, &f->reader, &f->reading), 0);
	arena_take(&f->reader.plan, heap_reading_arena(&f->reader, &f->reading, i), &f->figures);
}

static void end(struct fixture *f)
{
	heap_reading_free(&f->reading);
	arena_list_free(&f->reader.arenas);
	made_end(&f->heap);
}

static uint64_t bin_address(const struct fixture *f, size_t arena, size_t bin)
{
	const struct heap_layout *l = f->heap.layout;

	return (l->before_53 ? made_bins_address(arena)
			     : made_arena_address(arena) + l->arena.bins) +
	       bin * l->bin.size + l->bin.stats;
}

/* 3 regions of 48 bytes in one slab of 12 KiB, 2 large objects of 16 KiB, and some freed pages. */
static void fill(struct fixture *f, size_t i)
{
	const struct heap_layout *l = f->heap.layout;
	uint64_t arena = made_arena_address(i), bin = bin_address(f, i, 3);

	made_word(&f->heap, bin + 8 * HEAP_BIN_NMALLOC, 10);
	made_word(&f->heap, bin + 8 * HEAP_BIN_NDALLOC, 7);
	made_word(&f->heap, bin + 8 * HEAP_BIN_CURREGS, 3);
	made_word(&f->heap, bin + 8 * HEAP_BIN_CURSLABS, 1);
	made_word(&f->heap, arena + l->arena.lstats + l->lstats.nmalloc, 5);
	made_word(&f->heap, arena + l->arena.lstats + l->lstats.ndalloc, 3);
	made_pointer(&f->heap, arena + l->arena.lstats, l->lstats.active_bytes, 2 * 16384);
	made_word(&f->heap, arena + l->arena.nactive, 3 + 2 * 5); /* with a page for each large */
	made_word(&f->heap, arena + l->arena.ecache[HEAP_DIRTY].npages, 7);
	made_pointer(&f->heap, arena, l->arena.ecache[HEAP_DIRTY].guarded_npages, 1);
	made_word(&f->heap, arena + l->arena.ecache[HEAP_RETAINED].npages, 100);
	made_word(&f->heap, arena + l->arena.internal, 4096);
	made_word(&f->heap, arena + l->arena.mapped, 1 << 20);
	made_half(&f->heap, arena + l->arena.nthreads, 4);
}

static void the_items_of_an_arena_follow_from_its_members(void **state)
{
	(void)state;
	for (size_t r = 0; r < heap_layout_rows; r++) {
		const struct heap_layout *l = &heap_layout_table[r];
		int64_t dirty = l->before_53 ? 7 : 8, items[KTSTR_HEAP_ITEMS];
		struct fixture f;

		begin(&f, l);
		fill(&f, 1);
		read_arena(&f, 1);
		assert_null(arena_sums_differ(&f.place.classes, &f.figures, true));
		heap_items_of_arena(l, &f.place.classes, &f.figures, 77, items);
		assert_int_equal(f.figures.index, 1);
		assert_int_equal(f.figures.nthreads, 4);
		assert_int_equal(f.figures.decay_ms[0], 10000);
		assert_int_equal(items[KTSTR_HEAP_SMALL], 3 * 48);
		assert_int_equal(items[KTSTR_HEAP_LARGE], 2 * 16384);
		assert_int_equal(items[KTSTR_HEAP_ALLOCATED], 3 * 48 + 2 * 16384);
		assert_int_equal(items[KTSTR_HEAP_ACTIVE], 13 * 4096);
		assert_int_equal(items[KTSTR_HEAP_SLABS_UNUSED], 12288 - 3 * 48);
		assert_int_equal(items[KTSTR_HEAP_LARGE_UNUSED], 2 * 4096);
		assert_int_equal(items[KTSTR_HEAP_DIRTY], dirty * 4096);
		assert_int_equal(items[KTSTR_HEAP_RETAINED], 100 * 4096);
		assert_int_equal(items[KTSTR_HEAP_BASE], 5000);
		assert_int_equal(items[KTSTR_HEAP_METADATA], 5000 + 4096);
		assert_int_equal(items[KTSTR_HEAP_RESIDENT], 8192 + (13 + dirty) * 4096);
		assert_int_equal(items[KTSTR_HEAP_MAPPED], (2 << 20) + (1 << 20));
		assert_int_equal(items[KTSTR_HEAP_TCACHE], 77);
		end(&f);
	}
}

static void sums_that_are_kept_twice_must_agree(void **state)
{
	const struct heap_layout *l = &heap_layout_table[1];
	struct fixture f;

	(void)state;
	begin(&f, l);
	fill(&f, 0);
	made_word(&f.heap, made_arena_address(0) + l->arena.nactive, 14);
	read_arena(&f, 0);
	assert_non_null(arena_sums_differ(&f.place.classes, &f.figures, true));
	assert_null(arena_sums_differ(&f.place.classes, &f.figures, false));
	made_word(&f.heap, made_arena_address(0) + l->arena.nactive,
		  11); /* cache_oblivious:false */
	read_arena(&f, 0);
	assert_null(arena_sums_differ(&f.place.classes, &f.figures, true));
	made_word(&f.heap, made_base_address(0) + l->base.allocated, 8193); /* more than resides */
	read_arena(&f, 0);
	assert_non_null(arena_sums_differ(&f.place.classes, &f.figures, true));
	made_word(&f.heap, made_base_address(0) + l->base.allocated, 5000);
	made_word(&f.heap, bin_address(&f, 0, 3) + 8 * HEAP_BIN_CURREGS, 4);
	read_arena(&f, 0);
	assert_non_null(arena_sums_differ(&f.place.classes, &f.figures, true));
	end(&f);
}

static void a_bin_of_more_regions_than_its_slabs_hold_is_refused(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &heap_layout_table[1]);
	fill(&f, 0);
	made_word(&f.heap, bin_address(&f, 0, 3) + 8 * HEAP_BIN_CURSLABS, 0);
	made_word(&f.heap, made_arena_address(0) + f.heap.layout->arena.nactive, 10);
	read_arena(&f, 0);
	assert_non_null(arena_sums_differ(&f.place.classes, &f.figures, true));
	end(&f);
}

static void an_arena_that_is_none_any_more_ends_the_reading(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, &heap_layout_table[1]);
	made_word(&f.heap, made_arena_address(2) + f.heap.layout->arena.base, 0x1000);
	assert_int_equal(heap_reading_take(&f.heap.target, &f.reader, &f.reading), -ESTALE);
	end(&f);
}

static void an_arena_that_is_new_or_gone_is_seen(void **state)
{
	struct fixture f;
	uint64_t word;

	(void)state;
	begin(&f, &heap_layout_table[1]);
	word = f.place.arenas + 8 * UINT64_C(2);
	assert_int_equal(arena_list_check(&f.heap.target, f.place.arenas, &f.reader.arenas), 0);
	made_word(&f.heap, word, 0);
	assert_int_equal(arena_list_check(&f.heap.target, f.place.arenas, &f.reader.arenas),
			 -ESTALE);
	made_word(&f.heap, word, made_arena_address(2));
	made_word(&f.heap, word + 8, made_arena_address(1));
	assert_int_equal(arena_list_check(&f.heap.target, f.place.arenas, &f.reader.arenas),
			 -ESTALE);
	end(&f);
}

static void an_entry_that_leads_to_no_arena_is_refused(void **state)
{
	static const uint64_t nowhere[] = { 1, 8, UINT64_MAX - 7, MADE_DATA,
					    MADE_BASE + 2 * MADE_STEP };
	const struct heap_layout *l = &heap_layout_table[1];
	uint64_t words[ARENAS_LIMIT] = { 0 };
	struct arena_list list;
	struct made_heap heap;
	const char *reason = NULL;

	(void)state;
	made_start(&heap, l);
	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
		words[1] = nowhere[i]; /* the last is arena 2 at index 1 */
		assert_int_equal(arena_list_read(&heap.target, l, words, &list, &reason), -EBADMSG);
		assert_non_null(reason);
	}
	made_end(&heap);
}

static void all_arenas_that_there_can_be_are_bounded(void **state)
{
	const struct heap_layout *l = &heap_layout_table[1];
	uint64_t words[ARENAS_LIMIT];
	struct arena_list list;
	struct made_heap heap;
	const char *reason = NULL;

	(void)state;
	made_start(&heap, l);
	for (size_t i = 0; i < ARENAS_LIMIT; i++)
		words[i] = made_arena_address(0); /* 0 is right for the first alone */
	assert_int_equal(arena_list_read(&heap.target, l, words, &list, &reason), -EBADMSG);
	assert_true(heap.bytes_read < (1 << 20));
	made_end(&heap);
}

static void without_statistics_what_is_not_counted_is_absent(void **state)
{
	static const int kept[] = { KTSTR_HEAP_ACTIVE,   KTSTR_HEAP_DIRTY,  KTSTR_HEAP_MUZZY,
				    KTSTR_HEAP_RETAINED, KTSTR_HEAP_TCACHE, KTSTR_HEAP_LIVE };
	struct heap_doubts doubts = { .without_stats = true };
	struct ktstr_heap_figure figures[KTSTR_HEAP_ITEMS];
	int64_t items[KTSTR_HEAP_ITEMS] = { 0 };
	size_t present = 0;

	(void)state;
	heap_items_set_states(items, items, &doubts, figures);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		assert_int_equal(figures[kept[i]].state, KTSTR_HEAP_EXACT);
	for (int i = 0; i <= KTSTR_HEAP_LEFT; i++) {
		present += figures[i].state != KTSTR_HEAP_ABSENT;
		assert_true(figures[i].state != KTSTR_HEAP_ABSENT || figures[i].reason);
	}
	assert_int_equal(present, 7); /* pinned pages, too */
}

static void a_figure_that_moved_says_by_how_much(void **state)
{
	struct heap_doubts doubts = { .profiled = true };
	struct ktstr_heap_figure figures[KTSTR_HEAP_ITEMS];
	int64_t first[KTSTR_HEAP_ITEMS] = { [KTSTR_HEAP_ALLOCATED] = 100 };
	int64_t second[KTSTR_HEAP_ITEMS] = { [KTSTR_HEAP_ALLOCATED] = 90 };

	(void)state;
	heap_items_set_states(first, second, &doubts, figures);
	assert_int_equal(figures[KTSTR_HEAP_ALLOCATED].state, KTSTR_HEAP_MOVING);
	assert_int_equal(figures[KTSTR_HEAP_ALLOCATED].value, 90);
	assert_int_equal(figures[KTSTR_HEAP_ALLOCATED].drift, -10);
	assert_int_equal(figures[KTSTR_HEAP_LEFT].state, KTSTR_HEAP_APPROXIMATE);
	assert_int_equal(figures[KTSTR_HEAP_ACTIVE].state, KTSTR_HEAP_EXACT);
	doubts = (struct heap_doubts){ .unread = 1 };
	heap_items_set_states(first, second, &doubts, figures);
	assert_int_equal(figures[KTSTR_HEAP_LEFT].state, KTSTR_HEAP_ABSENT);
	assert_int_equal(figures[KTSTR_HEAP_LIVE].state, KTSTR_HEAP_ABSENT);
	assert_int_equal(figures[KTSTR_HEAP_TCACHE].state, KTSTR_HEAP_ABSENT);
	assert_int_equal(figures[KTSTR_HEAP_ALLOCATED].state, KTSTR_HEAP_MOVING);
	doubts = (struct heap_doubts){ .threads_changed = true };
	heap_items_set_states(first, second, &doubts, figures);
	assert_int_equal(figures[KTSTR_HEAP_LIVE].state, KTSTR_HEAP_APPROXIMATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_items_of_an_arena_follow_from_its_members),
		cmocka_unit_test(sums_that_are_kept_twice_must_agree),
		cmocka_unit_test(a_bin_of_more_regions_than_its_slabs_hold_is_refused),
		cmocka_unit_test(an_arena_that_is_none_any_more_ends_the_reading),
		cmocka_unit_test(an_arena_that_is_new_or_gone_is_seen),
		cmocka_unit_test(an_entry_that_leads_to_no_arena_is_refused),
		cmocka_unit_test(all_arenas_that_there_can_be_are_bounded),
		cmocka_unit_test(without_statistics_what_is_not_counted_is_absent),
		cmocka_unit_test(a_figure_that_moved_says_by_how_much),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
