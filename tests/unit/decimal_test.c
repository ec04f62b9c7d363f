/* SPDX-License-Identifier: BSD-2-Clause */
/* Decimal numbers, read and written without libc's help. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/decimal.h"

#define UNTOUCHED UINT64_C(0xa5a5)

static void digits_alone_are_a_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} cases[] = {
		{ .text = "0", .number = 0 },
		{ .text = "1", .number = 1 },
		{ .text = "9", .number = 9 },
		{ .text = "10", .number = 10 },
		{ .text = "4096", .number = 4096 },
		{ .text = "16777216", .number = 16777216 },
		/* long, but not large */
		{ .text = "0000000000000000000000000000000000000042", .number = 42 },
		{ .text = "00", .number = 0 },
		{ .text = "18446744073709551615", .number = UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t number = UNTOUCHED;

		assert_int_equal(decimal_parse(cases[i].text, 0, UINT64_MAX, &number), 0);
		assert_true(number == cases[i].number);
	}
}

static void what_is_no_number_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"-",
		"+",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1\n",
		"\t1",
		"0x10",
		"10h",
		"1k",
		"1M",
		"1e3",
		"1.0",
		"1,000",
		"1_000",
		"ten",
		"\xd9\xa1" /* ARABIC-INDIC DIGIT ONE */,
		"/",
		":", /* the neighbours of the digits */
		/* too large as well, but first of all not a number */
		"99999999999999999999999999k",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		uint64_t number = UNTOUCHED;

		assert_int_equal(decimal_parse(texts[i], 0, UINT64_MAX, &number), -EINVAL);
		assert_true(number == UNTOUCHED);
	}
}

static void what_is_too_large_for_64_bits_is_out_of_range(void **state)
{
	static const char *const texts[] = {
		"18446744073709551616",
		"18446744073709551617",
		"18446744073709551619",
		"18446744073709551620",
		"184467440737095516150", /* a digit too many */
		/* What wraps around to something small: 2^65 + 1, 2^128 + 1. */
		"36893488147419103233",
		"340282366920938463463374607431768211457",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		uint64_t number = UNTOUCHED;

		assert_int_equal(decimal_parse(texts[i], 0, UINT64_MAX, &number), -ERANGE);
		assert_null(decimal_prefix(texts[i], &number));
		assert_true(number == UNTOUCHED);
	}
}

static void the_limits_are_part_of_the_range(void **state)
{
	uint64_t number = UNTOUCHED;

	(void)state;
	assert_int_equal(decimal_parse("4", 5, 7, &number), -ERANGE);
	assert_int_equal(decimal_parse("8", 5, 7, &number), -ERANGE);
	assert_true(number == UNTOUCHED);
	assert_int_equal(decimal_parse("5", 5, 7, &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(decimal_parse("007", 5, 7, &number), 0);
	assert_int_equal(number, 7);
}

static void a_prefix_ends_at_the_first_that_is_no_digit(void **state)
{
	static const char text[] = "42 7";
	uint64_t number = UNTOUCHED;

	(void)state;
	assert_ptr_equal(decimal_prefix(text, &number), text + 2);
	assert_int_equal(number, 42);
	assert_null(decimal_prefix(text + 2, &number));
	assert_null(decimal_prefix("", &number));
	assert_null(decimal_prefix("-1", &number));
	assert_int_equal(number, 42);
}

static void what_is_written_is_what_printf_writes_and_reads_back(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, 9, 10, 99, 100, 4096, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		char text[DECIMAL_SIZE], expected[64];
		uint64_t number;

		snprintf(expected, sizeof expected, "%" PRIu64, numbers[i]);
		assert_int_equal(decimal_format(numbers[i], text), strlen(expected));
		assert_string_equal(text, expected);
		assert_int_equal(decimal_parse(text, 0, UINT64_MAX, &number), 0);
		assert_true(number == numbers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_alone_are_a_number),
		cmocka_unit_test(what_is_no_number_is_refused),
		cmocka_unit_test(what_is_too_large_for_64_bits_is_out_of_range),
		cmocka_unit_test(the_limits_are_part_of_the_range),
		cmocka_unit_test(a_prefix_ends_at_the_first_that_is_no_digit),
		cmocka_unit_test(what_is_written_is_what_printf_writes_and_reads_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
