/* SPDX-License-Identifier: BSD-2-Clause */
/* A module's block in each thread through its DTV, and what is no block. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arch.h"
#include "fake_target.h"
#include "tls/dtv.h"

#define PID         1000
#define TP          UINT64_C(0x10000)
#define DTV         UINT64_C(0x20000)
#define BLOCK       UINT64_C(0x30000)
#define SLOT        UINT64_C(0x40000)
#define ID          3
#define GENERATION  5
#define UNALLOCATED UINT64_MAX /* glibc sysdeps/generic/dl-dtv.h */

static const struct module_tls tls = {
	.is_dynamic = true,
	.loader = { .module_id = ID,
		    .dtv_offset = 8,
		    .dtv_entry_size = ARCH_DTV_ENTRY_SIZE,
		    .slot = SLOT,
		    .words = { GENERATION, 0x5000 } },
};

static int begin(void **state)
{
	static struct fake_target fake;

	fake_target_begin(&fake, PID);
	fake_target_add_task(&fake, PID, 1);
	fake_target_add_memory(&fake, TP, 64);
	fake_target_add_memory(&fake, DTV, 256);
	fake_target_add_memory(&fake, SLOT, 16);
	fake_target_put_word(&fake, TP + 8, DTV);
	fake_target_put_word(&fake, DTV, GENERATION);
	fake_target_put_word(&fake, DTV + ID * ARCH_DTV_ENTRY_SIZE, BLOCK);
	fake_target_put_word(&fake, SLOT, GENERATION);
	fake_target_put_word(&fake, SLOT + 8, 0x5000);
	*state = &fake;
	return 0;
}

static int end(void **state)
{
	fake_target_end(*state);
	return 0;
}

static struct dtv_thread find_one(struct fake_target *fake)
{
	struct dtv_thread thread = { .thread_pointer = TP }, *threads[] = { &thread };

	assert_int_equal(dtv_find_blocks(&fake->target, &tls, threads, 1), 0);
	return thread;
}

static void the_block_is_the_module_s_entry(void **state)
{
	struct dtv_thread thread = find_one(*state);

	assert_int_equal(thread.error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(thread.block, BLOCK);
}

static void a_dtv_older_than_the_module_has_no_block_of_it(void **state)
{
	struct dtv_thread thread;

	fake_target_put_word(*state, DTV, GENERATION - 1); /* the entry is a closed library's */
	thread = find_one(*state);
	assert_int_equal(thread.error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(thread.block, 0);
}

static void an_unallocated_entry_is_no_block(void **state)
{
	struct dtv_thread thread;

	fake_target_put_word(*state, DTV + ID * ARCH_DTV_ENTRY_SIZE, UNALLOCATED);
	thread = find_one(*state);
	assert_int_equal(thread.error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(thread.block, 0);
}

static void an_entry_of_zero_in_a_current_dtv_is_an_error(void **state)
{
	struct dtv_thread thread;

	fake_target_put_word(*state, DTV + ID * ARCH_DTV_ENTRY_SIZE, 0);
	thread = find_one(*state);
	assert_int_equal(thread.error, KTSTR_PROBE_THREAD_THREAD_POINTER);
}

static void a_thread_whose_memory_is_gone_does_not_hinder_the_others(void **state)
{
	struct fake_target *fake = *state;
	struct dtv_thread gone = { .thread_pointer = TP + 0x1000000 },
			  lives = { .thread_pointer = TP };
	struct dtv_thread *threads[] = { &gone, &lives };

	assert_int_equal(dtv_find_blocks(&fake->target, &tls, threads, 2), 0);
	assert_int_equal(gone.error, KTSTR_PROBE_THREAD_PROCESS_VM_READV);
	assert_int_equal(lives.error, KTSTR_PROBE_THREAD_OK);
	assert_int_equal(lives.block, BLOCK);
}

static void read_again(struct fake_target *fake, struct dtv_thread *thread)
{
	struct target_range ranges[DTV_RANGES];
	size_t count = dtv_add_ranges(&tls, thread, ranges);

	assert_int_equal(target_read(&fake->target, ranges, count), 0);
}

static void a_dtv_that_stays_holds(void **state)
{
	struct dtv_thread thread = find_one(*state);

	read_again(*state, &thread);
	assert_true(dtv_holds(&thread));
}

static void a_dtv_that_was_replaced_meanwhile_does_not_hold(void **state)
{
	struct dtv_thread thread = find_one(*state);

	fake_target_put_word(*state, TP + 8, DTV + 64);
	read_again(*state, &thread);
	assert_false(dtv_holds(&thread));
}

static void a_block_that_was_given_to_the_entry_meanwhile_does_not_hold(void **state)
{
	struct dtv_thread thread = find_one(*state);

	fake_target_put_word(*state, DTV + ID * ARCH_DTV_ENTRY_SIZE, BLOCK + 64);
	read_again(*state, &thread);
	assert_false(dtv_holds(&thread));
}

static void an_id_that_became_another_module_s_is_noticed(void **state)
{
	struct fake_target *fake = *state;

	assert_true(dtv_same_module(&fake->target, &tls));
	fake_target_put_word(fake, SLOT + 8, 0x6000);
	assert_false(dtv_same_module(&fake->target, &tls));
}

static void a_slot_that_cannot_be_read_is_not_the_same_module(void **state)
{
	struct fake_target *fake = *state;

	fake->memory[2].address += 0x1000000;
	assert_false(dtv_same_module(&fake->target, &tls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(the_block_is_the_module_s_entry),
		TEST(a_dtv_older_than_the_module_has_no_block_of_it),
		TEST(an_unallocated_entry_is_no_block),
		TEST(an_entry_of_zero_in_a_current_dtv_is_an_error),
		TEST(a_thread_whose_memory_is_gone_does_not_hinder_the_others),
		TEST(a_dtv_that_stays_holds),
		TEST(a_dtv_that_was_replaced_meanwhile_does_not_hold),
		TEST(a_block_that_was_given_to_the_entry_meanwhile_does_not_hold),
		TEST(an_id_that_became_another_module_s_is_noticed),
		TEST(a_slot_that_cannot_be_read_is_not_the_same_module),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
