/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "output/units.h"

static void bytes_have_the_largest_unit_that_leaves_a_whole_number(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
		{ .bytes = 0, .text = "0 B" },
		{ .bytes = 1023, .text = "1023 B" },
		{ .bytes = 1024, .text = "1.0 KiB" },
		{ .bytes = 1024 * 1024 - 1, .text = "1.0 MiB" }, /* rounded, not 1024.0 KiB */
		{ .bytes = 1023 * 1024, .text = "1023.0 KiB" },
		{ .bytes = -1536, .text = "-1.5 KiB" },
		{ .bytes = INT64_C(1) << 40, .text = "1.0 TiB" },
		{ .bytes = INT64_MAX, .text = "8.0 EiB" },
		{ .bytes = INT64_MIN, .text = "-8.0 EiB" },
	};
	char text[UNITS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(units_bytes(rows[i].bytes, false, text), rows[i].text);
	assert_string_equal(units_bytes(INT64_MIN, true, text), "-9223372036854775808");
}

static void percents_are_of_what_there_is(void **state)
{
	char text[UNITS_SIZE];

	(void)state;
	assert_string_equal(units_percent(1, 3, text), "33 %");
	assert_string_equal(units_percent(-1, 4, text), "-25 %");
	assert_string_equal(units_percent(1, 0, text), "");
	assert_string_equal(units_percent(-1, 1000000, text), "0 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_have_the_largest_unit_that_leaves_a_whole_number),
		cmocka_unit_test(percents_are_of_what_there_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
