/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the memory of threads shows a tsd_s where one is to be. Made-up threads. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jemalloc/tsd_layout_53.h"
#include "made_threads.h"

#define PID   1000
#define OTHER 1001
#define TP    INT64_C(-2632)
#define DTV   UINT64_C(0x600000)

struct made {
	struct fake_target fake;
	struct tsd_locator locator;
};

static uint64_t block_of(unsigned int number)
{
	return made_thread_pointer(number) + (uint64_t)TP;
}

/* The entries before state, all free, and state itself. */
static void put_entries(struct made *made, unsigned int number, uint64_t state)
{
	uint64_t at = block_of(number) + MADE_STATE - TSD_RTREE_CTX_SIZE;

	for (; at < block_of(number) + MADE_STATE; at += 16)
		fake_target_put_word(&made->fake, at, 1);
	fake_target_put_word(&made->fake, at, state);
}

/* glibc: the generation's entry, then that of module 1, which is the main program. */
static void put_dtv(struct made *made, uint64_t block)
{
	fake_target_add_memory(&made->fake, DTV, 4096);
	fake_target_put_word(&made->fake, made_thread_pointer(0) + (uint64_t)arch_dtv_offset, DTV);
	fake_target_put_word(&made->fake, DTV + 16, block);
	made->locator.tls.is_main_program = true;
}

static int begin(void **state)
{
	static struct made made;

	made = (struct made){ .locator = made_locator(TP) };
	made.locator.jemalloc_path = "/usr/bin/made";
	fake_target_begin(&made.fake, PID);
	made_thread(&made.fake, PID, made_thread_pointer(0), TP, 100, 40);
	*state = &made;
	return 0;
}

static int end(void **state)
{
	struct made *made = *state;

	fake_target_end(&made->fake);
	return 0;
}

static void expect(struct made *made, int rc)
{
	struct ktstr_error error = { .code = 0 };

	assert_int_equal(tsd_locator_verify(&made->locator, &made->fake.target, (uint64_t)MADE_HEAD,
					    &error),
			 rc);
}

static void what_has_no_entries_is_taken_as_found(void **state)
{
	expect(*state, 0);
}

static void a_dtv_that_leads_to_the_block_confirms_it(void **state)
{
	struct made *made = *state;

	put_dtv(made, block_of(0));
	expect(made, 0);
	assert_non_null(strstr(made->fake.target.diagnostics.text, "confirmed by the DTV"));
}

/* As where the program headers in memory were written over. */
static void a_dtv_that_leads_elsewhere_contradicts(void **state)
{
	struct made *made = *state;

	put_dtv(made, block_of(0) + 64);
	expect(made, -EBADMSG);
}

static void entries_before_the_state_are_a_tsd(void **state)
{
	struct made *made = *state;

	made->locator.offsets.has_rtree_ctx = true;
	put_entries(made, 0, 0);
	expect(made, 0);
}

static void other_bytes_before_the_state_are_none(void **state)
{
	struct made *made = *state;

	made->locator.offsets.has_rtree_ctx = true;
	expect(made, -EBADMSG); /* a key of 0 */
	put_entries(made, 0, 7);
	expect(made, -EBADMSG); /* no such state */
}

static void a_block_that_cannot_be_read_is_none(void **state)
{
	struct made *made = *state;

	made->locator.offsets.has_rtree_ctx = true;
	made->locator.tls.tp_offset = -0x100000;
	expect(made, -EBADMSG);
}

static void a_doubt_that_no_thread_settles_is_told(void **state)
{
	struct made *made = *state;

	made->locator.offsets.has_rtree_ctx = true;
	made_put_counters(&made->fake, made_thread_pointer(0), TP, 0, 0);
	put_entries(made, 0, 1);
	expect(made, -EAGAIN);
}

static void another_thread_settles_it(void **state)
{
	struct made *made = *state;

	made->locator.offsets.has_rtree_ctx = true;
	made_put_counters(&made->fake, made_thread_pointer(0), TP, 0, 0);
	put_entries(made, 0, 1);
	made_thread(&made->fake, OTHER, made_thread_pointer(1), TP, 7, 3);
	put_entries(made, 1, 0);
	expect(made, 0);
	put_entries(made, 1, 9);
	expect(made, -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(what_has_no_entries_is_taken_as_found),
		TEST(a_dtv_that_leads_to_the_block_confirms_it),
		TEST(a_dtv_that_leads_elsewhere_contradicts),
		TEST(entries_before_the_state_are_a_tsd),
		TEST(other_bytes_before_the_state_are_none),
		TEST(a_block_that_cannot_be_read_is_none),
		TEST(a_doubt_that_no_thread_settles_is_told),
		TEST(another_thread_settles_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
