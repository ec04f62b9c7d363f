/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of a snapshot for a terminal. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/escape.h"
#include "src/tools/probe/render_table.h"

static const struct ktstr_probe_thread threads[] = {
	{ .tid = 7,
	  .has_name = 1,
	  .comm = "main",
	  .allocated_bytes = UINT64_C(123456789012),
	  .deallocated_bytes = UINT64_C(123456789013) },
	{ .tid = 4194304,
	  .has_name = 1,
	  .comm = "na\xc3\xafve-name-15b",
	  .allocated_bytes = 1023,
	  .deallocated_bytes = 0 },
	{ .tid = 8, .allocated_bytes = UINT64_MAX, .deallocated_bytes = UINT64_MAX },
};
static const struct ktstr_probe_thread before = { .allocated_bytes = 1000 };

static const struct render_table_row rows[] = {
	{ .thread = &threads[0], .before = &before },
	{ .thread = &threads[1] },
	{ .thread = &threads[2] },
};

static char *table(unsigned int width, size_t count, int64_t ns)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	render_table(out, width, rows, count, ns);
	fclose(out);
	return result;
}

static size_t widest_line(const char *text)
{
	size_t widest = 0, columns = 0;

	while (*text) {
		if (*text == '\n') {
			widest = columns > widest ? columns : widest;
			columns = 0;
			text++;
			continue;
		}
		text += escape_utf8(text, strlen(text));
		columns++;
	}
	return widest;
}

static void without_a_width_each_number_is_whole(void **state)
{
	char *text = table(0, 2, 0);

	(void)state;
	assert_string_equal(text, "    TID NAME              ALLOCATED  DEALLOCATED FLOW\n"
				  "      7 main           123456789012 123456789013   -1\n"
				  "4194304 na\xc3\xafve-name-15b         1023            0 1023\n");
	free(text);
}

static void the_table_fits_every_width_that_is_wide_enough_for_its_headings(void **state)
{
	(void)state;
	for (unsigned int width = 45; width < 200; width++) {
		for (int with_rates = 0; with_rates < 2; with_rates++) {
			char *text = table(width, 3, with_rates ? 1000000000 : 0);

			if (widest_line(text) > width)
				fail_msg("width %u:\n%s", width, text);
			free(text);
		}
	}
}

static void numbers_shrink_first_then_the_rates_go_then_names_are_cut(void **state)
{
	char *text;

	(void)state;
	text = table(80, 3, 1000000000);
	assert_non_null(strstr(text, "ALLOCATED/s"));
	assert_non_null(strstr(text, " 115G "));
	assert_non_null(strstr(text, " 16.0E "));
	assert_non_null(strstr(text, " 1023 "));
	free(text);
	text = table(60, 3, 1000000000);
	assert_null(strstr(text, "ALLOCATED/s"));
	assert_non_null(strstr(text, "na\xc3\xafve-name-15b"));
	free(text);
	text = table(44, 3, 0);
	assert_non_null(strstr(text, " na\xc3\xafve-na~ "));
	free(text);
	text = table(1, 3, 0); /* it cannot fit, and stays whole */
	assert_non_null(strstr(text, " na\xc3\xaf~ "));
	free(text);
}

static void an_empty_snapshot_is_headings_alone(void **state)
{
	char *text = table(80, 0, 0);

	(void)state;
	assert_string_equal(text, "TID NAME ALLOCATED DEALLOCATED FLOW\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_width_each_number_is_whole),
		cmocka_unit_test(the_table_fits_every_width_that_is_wide_enough_for_its_headings),
		cmocka_unit_test(numbers_shrink_first_then_the_rates_go_then_names_are_cut),
		cmocka_unit_test(an_empty_snapshot_is_headings_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
