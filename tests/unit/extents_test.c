/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>

#include "made_heap.h"

#include <cmocka.h>

#include "jemalloc/extents.h"

#define EMAP      UINT64_C(0x710000000000)
#define LEAF      UINT64_C(0x720000000040) /* not on a page: base_alloc aligns to cache lines */
#define LEAF_SIZE (UINT64_C(8) << 18)
#define BLOCK     UINT64_C(0x730000000000)
#define HEAP      (UINT64_C(5) << 30) /* what the sixth word of the root leads to */
#define EDATA     UINT64_C(0x740000000080)

struct fixture {
	struct made_heap heap;
	struct arena_ref refs[1];
	struct arena_list arenas;
	struct extents extents;
	unsigned int geometry;
	const char *reason;
};

static void begin(struct fixture *f)
{
	const struct heap_layout *l = &heap_layout_table[1];

	memset(f, 0, sizeof *f);
	made_start(&f->heap, l);
	made_add(&f->heap, EMAP, (UINT64_C(8) << 17) + 4096);
	made_add(&f->heap, LEAF & ~UINT64_C(4095), LEAF_SIZE + 4096);
	made_add(&f->heap, BLOCK, 8192);
	made_word(&f->heap, made_arena_address(0) + l->arena.emap, EMAP);
	made_word(&f->heap, EMAP + l->base.emap_root + 8 * 5, LEAF);
	made_word(&f->heap, made_base_address(0) + l->base.blocks, BLOCK);
	made_word(&f->heap, BLOCK, 2 << 20);
	f->refs[0] = (struct arena_ref){ .address = made_arena_address(0),
					 .base = made_base_address(0) };
	f->arenas = (struct arena_list){ .refs = f->refs, .count = 1 };
}

static int read_all(struct fixture *f)
{
	extents_free(&f->extents);
	return extents_read(&f->heap.target, f->heap.layout, 4096, f->geometry, &f->arenas, NULL,
			    &f->extents, &f->reason);
}

static void end(struct fixture *f)
{
	extents_free(&f->extents);
	made_end(&f->heap);
}

/* rtree_leaf_elm_bits_encode */
static void put(struct fixture *f, uint64_t page, uint64_t edata, uint64_t state, uint64_t slab)
{
	made_word(&f->heap, LEAF + 8 * page,
		  UINT64_C(40) << 48 | (EDATA + edata * 128) | state << 2 | 2 | slab);
}

static void expect(const struct fixture *f, size_t i, uint64_t page, uint64_t pages,
		   enum extent_kind kind)
{
	assert_true(i < f->extents.count);
	assert_int_equal(f->extents.list[i].start, HEAP + page * 4096);
	assert_int_equal(f->extents.list[i].end, HEAP + (page + pages) * 4096);
	assert_int_equal(f->extents.list[i].kind, kind);
}

static void extents_are_told_by_their_first_and_last_page(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (uint64_t page = 10; page < 13; page++)
		put(&f, page, 1, 0, 1); /* a slab */
	put(&f, 13, 2, 0, 0);           /* behind it a large object of 100 pages */
	put(&f, 112, 2, 0, 0);
	put(&f, 113, 3, 1, 0); /* a dirty page */
	put(&f, 200, 4, 2, 0);
	put(&f, 299, 4, 2, 0);
	put(&f, 300, 5, 3, 0);
	put(&f, 262143, 5, 3, 0);
	made_word(&f.heap, LEAF + 8 * 500, UINT64_C(232) << 48); /* cleared: no edata */
	assert_int_equal(read_all(&f), 0);
	assert_int_equal(f.extents.count, 5);
	expect(&f, 0, 10, 103, EXTENT_ACTIVE);
	expect(&f, 1, 113, 1, EXTENT_DIRTY);
	expect(&f, 2, 200, 100, EXTENT_MUZZY);
	expect(&f, 3, 300, 262144 - 300, EXTENT_RETAINED);
	assert_int_equal(f.extents.list[4].start, BLOCK);
	assert_int_equal(f.extents.list[4].kind, EXTENT_BASE);
	assert_int_equal(f.extents.bytes[EXTENT_ACTIVE], 103 * 4096);
	assert_int_equal(f.extents.bytes[EXTENT_BASE], 2 << 20);
	assert_int_equal(extents_find(&f.extents, HEAP), 0);
	assert_int_equal(extents_find(&f.extents, HEAP + 113 * 4096), 1);
	assert_int_equal(extents_find(&f.extents, HEAP + 114 * 4096), 2);
	assert_int_equal(extents_find(&f.extents, BLOCK + (2 << 20)), 5);
	end(&f);
}

/* A build for addresses of 57 bits: three levels, and a leaf's elements have two words. */
static void a_tree_of_three_levels_is_read(void **state)
{
	const uint64_t middle = UINT64_C(0x750000000000), leaf = UINT64_C(0x760000000040);
	struct fixture f;

	(void)state;
	begin(&f);
	f.geometry = 1;
	made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * 5, 0);
	made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * 3, middle);
	made_add(&f.heap, middle, 8 << 15);
	made_add(&f.heap, leaf & ~UINT64_C(4095), (16 << 15) + 4096);
	made_word(&f.heap, middle + 8 * 7, leaf);
	made_word(&f.heap, leaf + 16 * 9, EDATA);
	made_word(&f.heap, leaf + 16 * 9 + 8, 40 << 5 | 1 << 2);
	made_word(&f.heap, leaf + 16 * 19, EDATA);
	made_word(&f.heap, leaf + 16 * 19 + 8, 40 << 5 | 1 << 2);
	assert_int_equal(read_all(&f), 0);
	assert_int_equal(f.extents.count, 2);
	assert_int_equal(f.extents.list[0].start,
			 (UINT64_C(3) << 42) + (UINT64_C(7) << 27) + (9 << 12));
	assert_int_equal(f.extents.list[0].end - f.extents.list[0].start, 11 * 4096);
	assert_int_equal(f.extents.list[0].kind, EXTENT_DIRTY);
	end(&f);
}

static void a_tree_that_leads_nowhere_is_refused(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * 6, 0x1000);
	assert_int_equal(read_all(&f), -ENODATA);
	made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * 6, UINT64_MAX);
	assert_int_equal(read_all(&f), -ENODATA);
	assert_non_null(f.reason);
	end(&f);
}

static void a_tree_full_of_leaves_is_given_up(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (uint64_t i = 0; i < UINT64_C(1) << 17; i++)
		made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * i, LEAF);
	assert_int_equal(read_all(&f), -ENODATA);
	assert_non_null(strstr(f.reason, "more tables"));
	end(&f);
}

static void blocks_in_a_circle_are_given_up(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	made_word(&f.heap, BLOCK + 8, BLOCK);
	assert_int_equal(read_all(&f), -ENODATA);
	assert_non_null(strstr(f.reason, "more blocks"));
	end(&f);
}

static void a_block_of_no_size_is_refused(void **state)
{
	static const uint64_t sizes[] = { 0, 1, UINT64_MAX, UINT64_MAX - 4095 };
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		made_word(&f.heap, BLOCK, sizes[i]);
		assert_int_equal(read_all(&f), -ENODATA);
	}
	end(&f);
}

static void extents_that_overlap_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	made_word(&f.heap, EMAP + f.heap.layout->base.emap_root + 8 * (BLOCK >> 30), LEAF);
	put(&f, 1, 1, 0, 0);
	assert_int_equal(read_all(&f), -ENODATA);
	assert_non_null(strstr(f.reason, "overlap"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extents_are_told_by_their_first_and_last_page),
		cmocka_unit_test(a_tree_of_three_levels_is_read),
		cmocka_unit_test(a_tree_that_leads_nowhere_is_refused),
		cmocka_unit_test(a_tree_full_of_leaves_is_given_up),
		cmocka_unit_test(blocks_in_a_circle_are_given_up),
		cmocka_unit_test(a_block_of_no_size_is_refused),
		cmocka_unit_test(extents_that_overlap_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
