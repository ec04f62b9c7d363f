/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine that follows handlers takes for known, and where its memory ends. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jemalloc/ctl_machine.h"

static struct ctl_state machine_state;

static int set_up(void **state)
{
	(void)state;
	memset(&machine_state, 0, sizeof machine_state);
	return 0;
}

static void a_number_of_which_a_part_is_known_is_no_whole_one(void **state)
{
	struct ctl_value value = ctl_number(7);

	(void)state;
	assert_true(ctl_is_number(&value, 8));
	value.known = 4;
	assert_true(ctl_is_number(&value, 4));
	assert_false(ctl_is_number(&value, 8));
	assert_int_equal(ctl_low(value, 8).kind, CTL_UNKNOWN);
}

static void what_reaches_out_of_its_own_memory_is_not_stored(void **state)
{
	const uint64_t end = CTL_PRIVATE + CTL_PRIVATE_SIZE;

	(void)state;
	assert_true(ctl_store(&machine_state, ctl_number(end - 8), 8, ctl_number(1)));
	assert_false(ctl_store(&machine_state, ctl_number(end - 4), 8, ctl_number(1)));
	assert_false(ctl_store(&machine_state, ctl_number(CTL_PRIVATE - 8), 8, ctl_number(1)));
	assert_false(ctl_store(&machine_state, ctl_unknown(), 8, ctl_number(1)));
}

static void more_stores_than_there_is_room_for_are_refused(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < CTL_STORES; i++)
		assert_true(ctl_store(&machine_state, ctl_number(CTL_PRIVATE + 8 * i), 8,
				      ctl_number(i)));
	assert_false(ctl_store(&machine_state, ctl_number(CTL_PRIVATE + 8 * CTL_STORES), 8,
			       ctl_number(1)));
	assert_true(ctl_store(&machine_state, ctl_number(CTL_PRIVATE), 8, ctl_number(1)));
}

/* A pointer that tsd holds is 8 bytes wide. */
static void half_a_pointer_leads_nowhere(void **state)
{
	struct ctl_machine machine;
	struct ctl_value pointer = { .kind = CTL_TSD_MEMBER, .known = 8, .size = 8, .number = 16 };
	struct ctl_value value;

	(void)state;
	ctl_machine_init(&machine, NULL, NULL);
	assert_true(ctl_load(&machine, &machine_state, pointer, 4, &value));
	assert_int_equal(value.kind, CTL_TSD_TARGET);
	pointer.size = 4;
	assert_false(ctl_load(&machine, &machine_state, pointer, 4, &value));
	assert_int_equal(ctl_add(pointer, ctl_number(8), 8).kind, CTL_UNKNOWN);
}

static void code_is_what_lies_whole_within_a_span(void **state)
{
	const struct elf_image image = { .code[0] = { 0x1000, 8 } };

	(void)state;
	assert_true(ctl_is_code(&image, 0x1000, 8));
	assert_false(ctl_is_code(&image, 0x1004, 8));
	assert_false(ctl_is_code(&image, 0x1000, 16));
	assert_false(ctl_is_code(&image, 0x1008, 1));
	assert_false(ctl_is_code(&image, 0xfff, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
		TEST(a_number_of_which_a_part_is_known_is_no_whole_one),
		TEST(what_reaches_out_of_its_own_memory_is_not_stored),
		TEST(more_stores_than_there_is_room_for_are_refused),
		TEST(half_a_pointer_leads_nowhere),
		TEST(code_is_what_lies_whole_within_a_span),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
