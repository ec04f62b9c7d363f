/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program's own code says against the other signs of where the counters are. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "jemalloc/tsd_code_verdict.h"

#define START 64 /* of tsd_s in the TLS block */
#define ARENA 144

static unsigned char image[4096];
static struct tsd_code code;
static struct tsd_evidence evidence;
static struct tsd_offsets offsets;

static int set_up(void **state)
{
	(void)state;
	memset(image, 0, sizeof image);
	code = (struct tsd_code){ .answer = TSD_CODE_OFFSETS,
				  .has_tree = true,
				  .allocated = 832,
				  .deallocated = 848,
				  .reason = "the code" };
	evidence = (struct tsd_evidence){
		.image = image, .filesz = sizeof image, .memsz = sizeof image, .code = &code
	};
	offsets = (struct tsd_offsets){ .state = 0 };
	return 0;
}

/* {1000, 1000} right behind the arena. */
static void plant_ticker(size_t start)
{
	static const unsigned char ticker[8] = { 0xe8, 3, 0, 0, 0xe8, 3, 0, 0 };

	memcpy(image + start + ARENA + 8, ticker, sizeof ticker);
}

static void offsets_without_a_start_are_uncertain(void **state)
{
	(void)state;
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_UNCERTAIN);
}

static void a_symbol_a_relocation_or_a_ticker_tells_the_start(void **state)
{
	static const uint64_t relocs[] = { START, 8 };

	for (int witness = 0; witness < 3; witness++) {
		set_up(state);
		evidence.has_symbol = witness == 0;
		evidence.symbol_offset = START;
		evidence.relocs = relocs;
		evidence.reloc_count = witness == 1;
		if (witness == 2) {
			code.has_arena = true;
			code.arena = ARENA;
			plant_ticker(START);
		}
		assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_FOUND);
		assert_int_equal(offsets.allocated, START + 832);
		assert_int_equal(offsets.deallocated, START + 848);
		assert_true(offsets.is_from_code && offsets.state_unknown);
	}
}

static void witnesses_of_the_start_must_agree(void **state)
{
	(void)state;
	code.has_arena = true;
	code.arena = ARENA;
	plant_ticker(START);
	evidence.has_symbol = true;
	evidence.symbol_offset = START + 8;
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_CONTRADICTED);
	evidence.has_symbol = false;
	plant_ticker(START + 1024); /* two: none tells */
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_UNCERTAIN);
}

/* A ticker's bytes may stand elsewhere, too: where relocations lead to other places it is none. */
static void a_ticker_to_which_no_relocation_leads_tells_nothing(void **state)
{
	static const uint64_t relocs[] = { 8, 16, START };

	(void)state;
	code.has_arena = true;
	code.arena = ARENA;
	plant_ticker(START);
	evidence.relocs = relocs;
	evidence.reloc_count = 2;
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_UNCERTAIN);
	evidence.reloc_count = 3;
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_FOUND);
}

static void a_state_far_from_either_counter_is_not_looked_at(void **state)
{
	for (int far = 0; far < 2; far++) {
		set_up(state);
		evidence.has_symbol = true;
		evidence.symbol_offset = START;
		*(far ? &code.deallocated : &code.allocated) = 400;
		offsets.has_rtree_ctx = true;
		offsets.state = START + 824;
		assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_FOUND);
		assert_true(offsets.state_unknown);
	}
}

static void the_code_outranks_the_table_and_says_so(void **state)
{
	(void)state;
	evidence.has_symbol = true;
	evidence.symbol_offset = START;
	offsets = (struct tsd_offsets){ .state = START + 816,
					.allocated = START + 824,
					.deallocated = START + 840,
					.has_rtree_ctx = true,
					.has_start = true,
					.start = START,
					.row = "5.3.0",
					.reason = "the image" };
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_FOUND);
	assert_int_equal(offsets.allocated, START + 832);
	assert_null(offsets.row);
	assert_non_null(strstr(offsets.contradiction, "the image"));
	assert_false(offsets.state_unknown);
}

static void what_agrees_keeps_its_release(void **state)
{
	(void)state;
	evidence.has_symbol = true;
	evidence.symbol_offset = START;
	offsets = (struct tsd_offsets){ .state = START + 824,
					.allocated = START + 832,
					.deallocated = START + 848,
					.has_start = true,
					.start = START,
					.row = "5.3.0" };
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_FOUND);
	assert_string_equal(offsets.row, "5.3.0");
	assert_string_equal(offsets.contradiction, "");
}

static void counters_outside_of_the_block_are_refused(void **state)
{
	static const uint64_t bad[] = { 4096 - START, 4092 - START, 833, UINT64_MAX - 7 };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		set_up(state);
		evidence.has_symbol = true;
		evidence.symbol_offset = START;
		code.allocated = bad[i];
		if (i == 3)
			evidence.symbol_offset = 0;
		assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_CONTRADICTED);
		code.allocated = 832;
		code.deallocated = bad[i];
		assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_CONTRADICTED);
	}
}

static void from_the_thread_pointer_it_needs_the_block(void **state)
{
	(void)state;
	code.from_tp = true;
	code.allocated = (uint64_t)-4000;
	code.deallocated = (uint64_t)-3992;
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_UNCERTAIN);
	evidence.has_tp_offset = true;
	evidence.tp_offset = -4096;
	assert_int_equal(tsd_code_decide(&evidence, TSD_UNCERTAIN, &offsets), TSD_FOUND);
	assert_int_equal(offsets.allocated, 96);
	assert_int_equal(offsets.deallocated, 104);
}

static void compiled_out_statistics_are_told_as_that(void **state)
{
	(void)state;
	code.answer = TSD_CODE_NO_STATISTICS;
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_NO_STATISTICS);
	assert_string_equal(offsets.reason, "the code");
}

static void without_code_a_few_bytes_more_are_a_changed_build(void **state)
{
	static const struct {
		uint64_t more;
		enum tsd_verdict verdict;
	} cases[] = { { 0, TSD_FOUND }, { 8, TSD_CONTRADICTED }, { 64, TSD_FOUND } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up(state);
		code.answer = TSD_CODE_SILENT;
		evidence.is_library = true;
		evidence.memsz = 2632 + cases[i].more;
		offsets =
			(struct tsd_offsets){ .has_start = true, .row = "5.3.0", .row_size = 2632 };
		assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), cases[i].verdict);
	}
}

static void with_code_a_few_bytes_more_are_told_and_name_no_release(void **state)
{
	static const uint64_t relocs[] = { 0 };

	for (unsigned int more = 0; more <= 64; more += 8) {
		bool is_changed = more > 0 && more < 64;

		set_up(state);
		evidence.relocs = relocs;
		evidence.reloc_count = 1;
		evidence.is_library = true;
		evidence.memsz = 2632 + more;
		offsets = (struct tsd_offsets){ .state = 816,
						.allocated = 832,
						.deallocated = 848,
						.has_start = true,
						.row = "5.3.0",
						.row_size = 2632 };
		assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_FOUND);
		assert_int_equal(offsets.allocated, 832);
		assert_int_equal(*offsets.contradiction != 0, is_changed);
		assert_int_equal(offsets.row == NULL, is_changed);
	}
}

static void a_symbol_that_does_not_hold_the_counters_is_refused(void **state)
{
	static const struct {
		uint64_t offset, size;
		enum tsd_verdict verdict;
	} cases[] = {
		{ START, 856, TSD_FOUND },
		{ START, 0, TSD_FOUND }, /* of hand-written assembly: it is not known */
		{ START, 4096 - START, TSD_FOUND },
		{ START, 855, TSD_CONTRADICTED },
		{ START, 4096 - START + 8, TSD_CONTRADICTED }, /* it ends outside of the block */
		{ START, 7, TSD_CONTRADICTED },
		{ START, UINT64_MAX, TSD_CONTRADICTED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int from_tp = 0; from_tp < 2; from_tp++) {
			set_up(state);
			evidence.has_symbol = true;
			evidence.symbol_offset = cases[i].offset;
			evidence.symbol_size = cases[i].size;
			code.from_tp = evidence.has_tp_offset = from_tp;
			evidence.tp_offset = from_tp ? -START : 0;
			assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets),
					 cases[i].verdict);
		}
}

static void debug_information_outside_of_the_block_is_told(void **state)
{
	(void)state;
	evidence.has_symbol = true;
	evidence.symbol_offset = START;
	evidence.has_dwarf = true;
	evidence.dwarf_allocated = code.allocated;
	evidence.dwarf_deallocated = code.deallocated;
	evidence.dwarf_size = 4096 - START;
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_FOUND);
	evidence.dwarf_size = 4096 - START;
	evidence.memsz -= 8;
	offsets = (struct tsd_offsets){ .allocated = START + 832, .deallocated = START + 848 };
	assert_int_equal(tsd_code_decide(&evidence, TSD_FOUND, &offsets), TSD_FOUND);
	assert_non_null(strstr(offsets.contradiction, "does not fit the TLS block"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(offsets_without_a_start_are_uncertain, set_up),
		cmocka_unit_test(a_symbol_a_relocation_or_a_ticker_tells_the_start),
		cmocka_unit_test_setup(witnesses_of_the_start_must_agree, set_up),
		cmocka_unit_test_setup(a_ticker_to_which_no_relocation_leads_tells_nothing, set_up),
		cmocka_unit_test(a_state_far_from_either_counter_is_not_looked_at),
		cmocka_unit_test_setup(the_code_outranks_the_table_and_says_so, set_up),
		cmocka_unit_test_setup(what_agrees_keeps_its_release, set_up),
		cmocka_unit_test(counters_outside_of_the_block_are_refused),
		cmocka_unit_test_setup(from_the_thread_pointer_it_needs_the_block, set_up),
		cmocka_unit_test_setup(compiled_out_statistics_are_told_as_that, set_up),
		cmocka_unit_test(without_code_a_few_bytes_more_are_a_changed_build),
		cmocka_unit_test(with_code_a_few_bytes_more_are_told_and_name_no_release),
		cmocka_unit_test(a_symbol_that_does_not_hold_the_counters_is_refused),
		cmocka_unit_test_setup(debug_information_outside_of_the_block_is_told, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
