/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's tree of names in memory that is made up, honest and hostile. */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jemalloc/ctl_tree.h"

#define BASE      UINT64_C(0x550000000000)
#define CODE      BASE
#define CONSTANTS (BASE + 0x10000)
#define DATA      (BASE + 0x20000)
#define DATA_SIZE 0x8000
#define HOLE      (DATA + 0x4000) /* a page that cannot be read, if there is one */

#define FAR (BASE + 0x100000) /* constants of another file's */

static unsigned char constants[4096], data[DATA_SIZE];
static const char far_constants[] = "version";
static size_t names_used, read_calls, read_ranges;
static bool has_hole;

static int read_made(struct target *target, struct target_range *ranges, size_t count)
{
	(void)target;
	read_calls++;
	read_ranges += count;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = ranges[i].address;
		size_t size = ranges[i].size;

		ranges[i].error = -EFAULT;
		if (at >= CONSTANTS && at - CONSTANTS < sizeof constants &&
		    size <= sizeof constants - (at - CONSTANTS))
			memcpy(ranges[i].buffer, constants + (at - CONSTANTS), size);
		else if (at >= FAR && at - FAR < sizeof far_constants &&
			 size <= sizeof far_constants - (at - FAR))
			memcpy(ranges[i].buffer, far_constants + (at - FAR), size);
		else if (at >= DATA && at - DATA < DATA_SIZE && size <= DATA_SIZE - (at - DATA) &&
			 !(has_hole && at < HOLE + 4096 && at + size > HOLE))
			memcpy(ranges[i].buffer, data + (at - DATA), size);
		else
			continue;
		ranges[i].error = 0;
	}
	return 0;
}

static const struct target_ops ops = { .read = read_made };
static struct target target = { .ops = &ops };
static struct elf_image image;
static struct ctl_tree tree;

static uint64_t name(const char *text)
{
	size_t at = names_used;

	names_used += strlen(text) + 1;
	memcpy(constants + at, text, strlen(text) + 1);
	return CONSTANTS + at;
}

static void node(size_t offset, const char *text, uint64_t count, uint64_t children,
		 uint64_t handler)
{
	const uint64_t words[] = { 1, name(text), count, children, handler };

	memcpy(data + offset, words, sizeof words);
}

enum { ROOT = 0x1008, THREAD = 0x2000, SUPER = 0x1200 };

/* version, epoch, thread { allocated, arena }, and the node that counts them. */
static void plant(void)
{
	memset(constants, 0, sizeof constants);
	memset(data, 0, sizeof data);
	names_used = 16;
	has_hole = false;
	image = (struct elf_image){
		.bias = BASE,
		.code[0] = { CODE, 0x1000 },
		.constants[0] = { CONSTANTS, sizeof constants },
		.data[0] = { DATA + 4, DATA_SIZE - 4 },
	};
	node(ROOT, "version", 0, 0, CODE + 0x10);
	node(ROOT + 40, "epoch", 0, 0, CODE + 0x20);
	node(ROOT + 80, "thread", 2, DATA + THREAD, 0);
	node(SUPER, "", 3, DATA + ROOT, 0);
	node(THREAD, "allocated", 0, 0, CODE + 0x30);
	node(THREAD + 40, "arena", 0, 0, CODE + 0x40);
}

static int handler_of(const char *whole, uint64_t *handler)
{
	return ctl_tree_handler(&target, &image, &tree, whole, handler);
}

static void a_leaf_is_found_by_its_whole_name(void **state)
{
	uint64_t handler = 0;

	(void)state;
	plant();
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_true(tree.root == DATA + ROOT);
	assert_int_equal(tree.count, 3);
	assert_int_equal(handler_of("version", &handler), 0);
	assert_true(handler == CODE + 0x10);
	assert_int_equal(handler_of("thread.arena", &handler), 0);
	assert_true(handler == CODE + 0x40);
	assert_int_equal(handler_of("thread", &handler), -ENOENT);
	assert_int_equal(handler_of("thread.alloc", &handler), -ENOENT);
	assert_int_equal(handler_of("thread.allocated.x", &handler), -ENOENT);
	assert_int_equal(handler_of("", &handler), -ENOENT);
}

static void the_handlers_of_one_level_cost_what_one_of_them_does(void **state)
{
	struct ctl_handler handlers[] = { { .name = "thread.arena" },
					  { .name = "thread.none" },
					  { .name = "thread.allocated" } };
	uint64_t handler;
	size_t calls;

	(void)state;
	plant();
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	read_calls = 0;
	assert_int_equal(handler_of("thread.arena", &handler), 0);
	calls = read_calls;
	read_calls = 0;
	assert_int_equal(ctl_tree_handlers(&target, &image, &tree, handlers, 3), 0);
	assert_int_equal(read_calls, calls);
	assert_int_equal(handlers[0].rc, 0);
	assert_true(handlers[0].address == CODE + 0x40);
	assert_int_equal(handlers[1].rc, -ENOENT);
	assert_int_equal(handlers[2].rc, 0);
	assert_true(handlers[2].address == CODE + 0x30);
	handlers[0].name = "none.arena";
	assert_int_equal(ctl_tree_handlers(&target, &image, &tree, handlers, 1), -ENOENT);
}

/* Leaves side by side whose names are others, as most of a tree are. */
static void plant_decoys(size_t count)
{
	for (size_t i = 0; i < count; i++)
		node(0x3000 + 40 * i, "decoy", 0, 0, CODE + 0x50);
}

static void hundreds_of_names_are_read_in_one_piece(void **state)
{
	(void)state;
	plant();
	plant_decoys(200);
	read_calls = read_ranges = 0;
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_true(tree.root == DATA + ROOT);
	assert_in_range(read_ranges, 1, 8);
	assert_int_equal(read_calls, read_ranges);
}

static void a_name_that_lies_apart_is_read_too(void **state)
{
	const uint64_t apart = FAR;

	(void)state;
	plant();
	plant_decoys(200);
	image.constants[1] = (struct elf_span){ FAR, sizeof far_constants };
	memcpy(data + ROOT + 8, &apart, sizeof apart);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_true(tree.root == DATA + ROOT);
}

static void a_tree_begins_anywhere_in_what_is_read(void **state)
{
	(void)state;
	for (size_t at = 0x1000; at < 0x1100; at += 8) {
		plant();
		memset(data + ROOT, 0, 120);
		node(at, "version", 0, 0, CODE + 0x10);
		node(at + 40, "epoch", 0, 0, CODE + 0x20);
		image.data[0] = (struct elf_span){ DATA, at + 80 };
		assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
		assert_true(tree.root == DATA + at);
		image.data[0].size -= 8;
		assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOENT);
	}
}

static void two_trees_are_none(void **state)
{
	(void)state;
	plant();
	memcpy(data + 0x5000, data + ROOT, 120);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOTUNIQ);
}

static void nothing_that_points_out_of_the_module_is_a_tree(void **state)
{
	static const size_t words[] = { 0, 1, 4, 5, 6, 9 }; /* of the two first nodes */
	static const uint64_t bad[] = {
		0, 2, 1, UINT64_MAX, DATA, CODE + 0x1000, CONSTANTS + 4096
	};

	(void)state;
	for (size_t w = 0; w < sizeof words / sizeof *words; w++)
		for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
			plant();
			memcpy(data + ROOT + 8 * words[w], &bad[b], 8);
			if (bad[b] != 1 || words[w] % 5)
				assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOENT);
		}
}

static void a_name_without_end_is_none(void **state)
{
	(void)state;
	plant();
	memset(constants, 'v', sizeof constants);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOENT);
}

static void the_last_name_of_the_constants_is_read(void **state)
{
	uint64_t handler;

	(void)state;
	plant();
	image.constants[0].size = names_used;
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_int_equal(handler_of("thread.arena", &handler), 0);
}

static int count_leaf(const char *whole, uint64_t handler, void *context)
{
	(void)whole;
	(void)handler;
	return ++*(int *)context > 100000 ? -ELOOP : 0;
}

static void a_cycle_ends(void **state)
{
	uint64_t handler;
	int leaves = 0;

	(void)state;
	plant();
	node(ROOT + 80, "thread", 256, DATA + ROOT, 0);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_int_equal(handler_of("thread.thread.thread.thread.thread.thread.thread", &handler),
			 -ENOENT);
	assert_int_equal(ctl_tree_walk(&target, &image, &tree, count_leaf, &leaves), 0);
	assert_in_range(leaves, 2, 2000);
}

/* Twenty ways back to the beginning from each level. */
static void a_tree_without_end_is_walked_within_a_limit(void **state)
{
	int leaves = 0;

	(void)state;
	plant();
	for (size_t i = 2; i < 22; i++)
		node(ROOT + 40 * i, "t", 22, DATA + ROOT, 0);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_int_equal(ctl_tree_walk(&target, &image, &tree, count_leaf, &leaves), 0);
	assert_in_range(leaves, 2, 2000);
}

static void children_that_are_not_aligned_are_none(void **state)
{
	uint64_t handler;

	(void)state;
	plant();
	memmove(data + THREAD + 4, data + THREAD, 80);
	node(ROOT + 80, "thread", 2, DATA + THREAD + 4, 0);
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_int_equal(handler_of("thread.arena", &handler), -ENOENT);
}

/* What an earlier look has left behind does not end it. */
static void a_name_that_the_constants_cut_off_is_none(void **state)
{
	(void)state;
	plant();
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	image.constants[0].size = 16 + sizeof "version" + sizeof "epoch" - 1;
	assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOENT);
}

static void huge_counts_are_refused(void **state)
{
	static const uint64_t counts[] = { 257, UINT64_C(1) << 32, UINT64_MAX };
	uint64_t handler;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		plant();
		node(ROOT + 80, "thread", counts[i], DATA + THREAD, 0);
		assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
		assert_int_equal(handler_of("thread.arena", &handler), -ENOENT);
	}
}

static void a_hole_hides_only_what_is_in_it(void **state)
{
	(void)state;
	plant();
	has_hole = true;
	image.data[0] = (struct elf_span){ DATA + 0x4000, 0x2000 };
	image.data[1] = (struct elf_span){ DATA, 0x4000 };
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
}

static void a_program_that_is_not_relocated_has_a_constant_tree(void **state)
{
	(void)state;
	plant();
	image.constants[1] = image.data[0];
	image.data[0] = (struct elf_span){ 0, 0 };
	assert_int_equal(ctl_tree_find(&target, &image, &tree), -ENOENT);
	image.bias = 0;
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
}

struct seen {
	int count;
	char names[8][32];
};

static int keep(const char *whole, uint64_t handler, void *context)
{
	struct seen *seen = context;

	assert_true(handler >= CODE && handler < CODE + 0x1000);
	snprintf(seen->names[seen->count++ & 7], sizeof seen->names[0], "%s", whole);
	return seen->count == 3 ? 7 : 0;
}

static void a_walk_shows_leaves_until_it_is_told_to_stop(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	plant();
	assert_int_equal(ctl_tree_find(&target, &image, &tree), 0);
	assert_int_equal(ctl_tree_walk(&target, &image, &tree, keep, &seen), 7);
	assert_string_equal(seen.names[1], "epoch");
	assert_string_equal(seen.names[2], "thread.allocated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_is_found_by_its_whole_name),
		cmocka_unit_test(the_handlers_of_one_level_cost_what_one_of_them_does),
		cmocka_unit_test(hundreds_of_names_are_read_in_one_piece),
		cmocka_unit_test(a_name_that_lies_apart_is_read_too),
		cmocka_unit_test(a_tree_begins_anywhere_in_what_is_read),
		cmocka_unit_test(two_trees_are_none),
		cmocka_unit_test(nothing_that_points_out_of_the_module_is_a_tree),
		cmocka_unit_test(a_name_without_end_is_none),
		cmocka_unit_test(the_last_name_of_the_constants_is_read),
		cmocka_unit_test(a_cycle_ends),
		cmocka_unit_test(a_tree_without_end_is_walked_within_a_limit),
		cmocka_unit_test(children_that_are_not_aligned_are_none),
		cmocka_unit_test(a_name_that_the_constants_cut_off_is_none),
		cmocka_unit_test(huge_counts_are_refused),
		cmocka_unit_test(a_hole_hides_only_what_is_in_it),
		cmocka_unit_test(a_program_that_is_not_relocated_has_a_constant_tree),
		cmocka_unit_test(a_walk_shows_leaves_until_it_is_told_to_stop),
	};

	/* What was freed by one test is not to be found in the memory of the next. */
	mallopt(M_PERTURB, 0x55);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
