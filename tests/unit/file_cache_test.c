/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of a file, and for how long: until any of its times, its size or its name's file
 * changes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/clock.h"
#include "symfile/file_cache.h"

#define CHANGED_NS (1000 * NS_PER_SEC)

static const struct stat file = {
	.st_dev = 1,
	.st_ino = 2,
	.st_size = 3,
	.st_mtim = { .tv_sec = 900 },
	.st_ctim = { .tv_sec = 1000 },
};

static void a_known_file_gives_its_answer(void **state)
{
	struct ktstr_file_cache *cache = file_cache_new();
	struct query_answer answer = { .symbol_offset = 77 }, known;
	struct file_key key;

	(void)state;
	assert_true(file_key_set(&key, &file, true, CHANGED_NS + 3 * NS_PER_SEC));
	assert_false(file_cache_find(cache, &key, &known));
	file_cache_add(cache, &key, &answer);
	assert_true(file_cache_find(cache, &key, &known));
	assert_int_equal(known.symbol_offset, 77);
	file_cache_free(cache);
}

static void a_file_that_differs_in_anything_is_not_known(void **state)
{
	struct ktstr_file_cache *cache = file_cache_new();
	struct query_answer answer = { .symbol_offset = 77 };
	struct stat others[6];
	struct file_key key;

	(void)state;
	file_key_set(&key, &file, true, CHANGED_NS + 3 * NS_PER_SEC);
	file_cache_add(cache, &key, &answer);
	for (size_t i = 0; i < 6; i++)
		others[i] = file;
	others[0].st_dev++;
	others[1].st_ino++;
	others[2].st_size++;
	others[3].st_mtim.tv_nsec++;
	others[4].st_ctim.tv_nsec++;
	for (size_t i = 0; i < 6; i++) {
		/* The last one is the same file, asked for less. */
		file_key_set(&key, &others[i], i != 5, CHANGED_NS + 3 * NS_PER_SEC);
		assert_false(file_cache_find(cache, &key, &answer));
	}
	file_cache_free(cache);
}

static void a_file_that_was_just_changed_is_not_kept(void **state)
{
	struct file_key key;

	(void)state;
	assert_false(file_key_set(&key, &file, true, CHANGED_NS));
	assert_false(file_key_set(&key, &file, true, CHANGED_NS + NS_PER_SEC));
	assert_true(file_key_set(&key, &file, true, CHANGED_NS + 2 * NS_PER_SEC));
}

static void the_oldest_makes_room_for_new_ones(void **state)
{
	struct ktstr_file_cache *cache = file_cache_new();
	struct query_answer answer = { .opened = 0 };
	struct stat st = file;
	struct file_key first, key;

	(void)state;
	file_key_set(&first, &st, true, CHANGED_NS + 3 * NS_PER_SEC);
	file_cache_add(cache, &first, &answer);
	for (uint64_t i = 0; i < 5000; i++) {
		st.st_ino++;
		file_key_set(&key, &st, true, CHANGED_NS + 3 * NS_PER_SEC);
		answer.symbol_offset = i;
		file_cache_add(cache, &key, &answer);
	}
	assert_false(file_cache_find(cache, &first, &answer));
	assert_true(file_cache_find(cache, &key, &answer));
	assert_int_equal(answer.symbol_offset, 4999);
	file_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_file_gives_its_answer),
		cmocka_unit_test(a_file_that_differs_in_anything_is_not_known),
		cmocka_unit_test(a_file_that_was_just_changed_is_not_kept),
		cmocka_unit_test(the_oldest_makes_room_for_new_ones),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
