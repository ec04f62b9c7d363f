/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker's BYTES: a strict decimal size_t, read and written without libc's help. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bytes_arg.h"

#define UNTOUCHED ((size_t)0xa5a5)

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "9", 9 },
		{ "10", 10 },
		{ "4096", 4096 },
		{ "16777216", 16777216 },
		{ "0000000000000000000000000000000000000042", 42 }, /* long, but not large */
		{ "00", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t bytes = UNTOUCHED;

		assert_int_equal(bytes_arg_parse(cases[i].text, &bytes), 0);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void test_not_numbers(void **state)
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
		":",                           /* the neighbours of the digits */
		"99999999999999999999999999k", /* too large as well, but first of all not a number
						*/
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t bytes = UNTOUCHED;

		assert_int_equal(bytes_arg_parse(texts[i], &bytes), -EINVAL);
		assert_int_equal(bytes, UNTOUCHED);
	}
}

/* SIZE_MAX + past in decimal. 2^32 - 1 and 2^64 - 1 both end in 5, so nothing carries up to 4. */
static void size_max_text(char text[64], unsigned past)
{
	int len = snprintf(text, 64, "%zu", SIZE_MAX);

	assert_true(len > 0 && past <= 4);
	text[len - 1] = (char)(text[len - 1] + (char)past);
}

static void test_limits(void **state)
{
	char text[64];
	size_t bytes;

	(void)state;
	size_max_text(text, 0);
	assert_int_equal(bytes_arg_parse(text, &bytes), 0);
	assert_int_equal(bytes, SIZE_MAX);

	snprintf(text, sizeof text, "%zu", SIZE_MAX / 2 + 1);
	assert_int_equal(bytes_arg_parse(text, &bytes), 0);
	assert_int_equal(bytes, SIZE_MAX / 2 + 1);

	bytes = UNTOUCHED;
	for (unsigned past = 1; past <= 4; past++) { /* 2^64 and a little more */
		size_max_text(text, past);
		assert_int_equal(bytes_arg_parse(text, &bytes), -ERANGE);
	}
	snprintf(text, sizeof text, "%zu0", SIZE_MAX); /* a digit too many */
	assert_int_equal(bytes_arg_parse(text, &bytes), -ERANGE);
	/* Values that wrap around to something small, for widths of 64 and of 32 bits. */
	assert_int_equal(bytes_arg_parse("36893488147419103233", &bytes), -ERANGE); /* 2^65 + 1 */
	assert_int_equal(bytes_arg_parse("340282366920938463463374607431768211457", &bytes),
			 -ERANGE); /* 2^128 + 1 */
	assert_int_equal(bytes, UNTOUCHED);
}

static void test_format(void **state)
{
	const size_t values[] = {
		0, 1, 9, 10, 99, 100, 4096, SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		char text[BYTES_TEXT_SIZE], expected[64];
		size_t bytes;

		snprintf(expected, sizeof expected, "%zu", values[i]);
		assert_int_equal(bytes_arg_format(values[i], text), strlen(expected));
		assert_string_equal(text, expected);
		assert_int_equal(bytes_arg_parse(text, &bytes), 0);
		assert_int_equal(bytes, values[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_not_numbers),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_format),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
