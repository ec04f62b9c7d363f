/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/page_cache.h"
#include "fake_target.h"

#include <cmocka.h>

#define START UINT64_C(0x7000)
#define SIZE  (3 * 4096)

struct fixture {
	struct fake_target fake;
	struct page_cache cache;
	unsigned char *bytes;
};

static void begin(struct fixture *f)
{
	fake_target_begin(&f->fake, 1000);
	fake_target_add_task(&f->fake, 1000, 5);
	f->bytes = fake_target_add_memory(&f->fake, START, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		f->bytes[i] = (unsigned char)(i * 7 + i / 4096);
	page_cache_init(&f->cache, &f->fake.target);
}

static void end(struct fixture *f)
{
	page_cache_free(&f->cache);
	fake_target_end(&f->fake);
}

static void a_page_is_read_once(void **state)
{
	unsigned char byte;
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < SIZE; i += 61) {
		assert_int_equal(target_read_one(&f.cache.target, START + i, &byte, 1), 0);
		assert_int_equal(byte, f.bytes[i]);
	}
	assert_int_equal(f.fake.reads, 3);
	f.bytes[0] ^= 1;
	assert_int_equal(target_read_one(&f.cache.target, START, &byte, 1), 0);
	assert_int_equal(byte, f.bytes[0] ^ 1);
	end(&f);
}

static void ranges_may_cross_pages_and_are_read_in_one_call(void **state)
{
	unsigned char first[5000], second[16];
	struct target_range ranges[] = {
		{ .address = START + 3000, .buffer = first, .size = sizeof first },
		{ .address = START + 4090, .buffer = second, .size = sizeof second },
	};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(target_read(&f.cache.target, ranges, 2), 0);
	assert_int_equal(ranges[0].error | ranges[1].error, 0);
	assert_memory_equal(first, f.bytes + 3000, sizeof first);
	assert_memory_equal(second, f.bytes + 4090, sizeof second);
	assert_int_equal(f.fake.reads, 1);
	end(&f);
}

static void what_is_not_there_fails_alone(void **state)
{
	unsigned char bytes[3][8];
	struct target_range ranges[] = {
		{ .address = START + SIZE - 4, .buffer = bytes[0], .size = 8 },
		{ .address = UINT64_MAX - 3, .buffer = bytes[1], .size = 8 },
		{ .address = START, .buffer = bytes[2], .size = 8 },
	};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(target_read(&f.cache.target, ranges, 3), 0);
	assert_int_equal(ranges[0].error, -EFAULT);
	assert_int_equal(ranges[1].error, -EFAULT);
	assert_int_equal(ranges[2].error, 0);
	assert_memory_equal(bytes[2], f.bytes, 8);
	end(&f);
}

static void a_process_that_is_gone_is_reported(void **state)
{
	unsigned char byte;
	struct fixture f;

	(void)state;
	begin(&f);
	f.fake.read_error = -ESRCH;
	fake_target_remove_task(&f.fake, 1000);
	assert_int_equal(target_read_one(&f.cache.target, START, &byte, 1), -ESRCH);
	end(&f);
}

static void more_pages_than_are_kept_are_read_all_the_same(void **state)
{
	const size_t pages = PAGE_CACHE_PAGES + 100;
	struct fixture f;
	unsigned char *bytes;

	(void)state;
	begin(&f);
	bytes = fake_target_add_memory(&f.fake, 2 * START + SIZE, pages * 4096);
	for (size_t i = 0; i < pages; i++) {
		unsigned char byte;

		bytes[i * 4096] = (unsigned char)(i * 3);
		assert_int_equal(
			target_read_one(&f.cache.target, 2 * START + SIZE + i * 4096, &byte, 1), 0);
		assert_int_equal(byte, (unsigned char)(i * 3));
	}
	assert_int_equal(f.cache.count, PAGE_CACHE_PAGES);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_read_once),
		cmocka_unit_test(ranges_may_cross_pages_and_are_read_in_one_call),
		cmocka_unit_test(what_is_not_there_fails_alone),
		cmocka_unit_test(a_process_that_is_gone_is_reported),
		cmocka_unit_test(more_pages_than_are_kept_are_read_all_the_same),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
