/* SPDX-License-Identifier: BSD-2-Clause */
/* Text, to the byte. To change a word of the lines is to change the contract. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "made_snapshot.h"
#include "tools/probe/render_text.h"

static char *written, *warned;
static size_t written_size, warned_size;

static struct render_text begin(void)
{
	struct render_text text = { .out = open_memstream(&written, &written_size),
				    .warnings = open_memstream(&warned, &warned_size) };

	assert_non_null(text.out);
	assert_non_null(text.warnings);
	return text;
}

static void expect(struct render_text *text, const char *out, const char *warnings)
{
	assert_int_equal(fclose(text->out), 0);
	assert_int_equal(fclose(text->warnings), 0);
	assert_string_equal(written, out);
	assert_string_equal(warned, warnings);
	free(written);
	free(warned);
}

static void the_first_line_names_the_process_and_the_version(void **state)
{
	struct render_text text = begin();

	(void)state;
	render_text_begin(&text, 70, NULL);
	expect(&text, "pid=70 tool_version=" PACKAGE_VERSION "\n", "");
}

static void several_jemallocs_are_a_warning(void **state)
{
	struct render_text text = begin();

	(void)state;
	render_text_begin(&text, 70, (const struct ktstr_probe *)&text);
	expect(&text, "pid=70 tool_version=" PACKAGE_VERSION "\n",
	       "warning: 2 jemallocs are mapped; read is the one at 0x7f0000001000: "
	       "/lib/first.so\n"
	       "    not read, --jemalloc=0x7f0000002000 would: /lib/a\\x0ab.so\n");
}

static void each_thread_is_a_line_or_a_warning(void **state)
{
	struct render_text text = begin();

	(void)state;
	assert_int_equal(render_text_snapshot(&text, &made_snapshot, NULL, 2, 9), 0);
	expect(&text,
	       "--- snapshot 2/9 @ 1700000001s ---\n"
	       "tid=70 comm=\"redis \\x221\\x22\" allocated_bytes=18446744073709551615 "
	       "deallocated_bytes=24\n"
	       "tid=72 comm= allocated_bytes=1 deallocated_bytes=2\n",
	       "warning: tid 71 comm=a\\x0ab\\xff [get-regset]: it \"went\"\n"
	       "warning: tid 73 comm= [waitpid]: slow\n");
}

static void lines_come_in_the_order_that_was_asked_for(void **state)
{
	static const struct ktstr_probe_thread threads[] = {
		{ .tid = 1, .allocated_bytes = 10, .deallocated_bytes = 9 },
		{ .tid = 2, .allocated_bytes = 30, .deallocated_bytes = 40 },
		{ .tid = 3, .allocated_bytes = 20, .deallocated_bytes = 10 },
	};
	static const struct ktstr_probe_snapshot snapshot = { .threads = threads, .count = 3 };
	static const struct {
		enum options_sort sort;
		const char *order;
	} rows[] = {
		{ .sort = OPTIONS_SORT_TID, .order = "123" },
		{ .sort = OPTIONS_SORT_ALLOCATED, .order = "231" },
		{ .sort = OPTIONS_SORT_DEALLOCATED, .order = "231" },
		{ .sort = OPTIONS_SORT_FLOW, .order = "312" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct render_text text = begin();
		char order[4] = "";

		text.sort = rows[i].sort;
		assert_int_equal(render_text_snapshot(&text, &snapshot, NULL, 1, 1), 0);
		fclose(text.out);
		fclose(text.warnings);
		assert_int_equal(sscanf(written, "%*[^\n] tid=%1c%*[^\n] tid=%1c%*[^\n] tid=%1c",
					order, order + 1, order + 2),
				 3);
		assert_string_equal(order, rows[i].order);
		free(written);
		free(warned);
	}
}

static void a_table_shows_flow_and_rates(void **state)
{
	static const struct ktstr_probe_thread earlier[] = {
		{ .tid = 70,
		  .has_name = 1,
		  .start_time = 5,
		  .comm = "x",
		  .allocated_bytes = 100,
		  .deallocated_bytes = 10 },
		/* another thread that had this id */
		{ .tid = 71, .has_name = 1, .start_time = 6, .comm = "y" },
	};
	static const struct ktstr_probe_thread later[] = {
		{ .tid = 70,
		  .has_name = 1,
		  .start_time = 5,
		  .comm = "x",
		  .allocated_bytes = 300,
		  .deallocated_bytes = 400 },
		{ .tid = 71, .has_name = 1, .start_time = 7, .comm = "y", .allocated_bytes = 9 },
	};
	static const struct ktstr_probe_snapshot before = { .threads = earlier, .count = 2 },
						 after = { .threads = later,
							   .count = 2,
							   .monotonic_ns = 2000000000 };
	struct render_text text = begin();

	(void)state;
	text.table = true;
	assert_int_equal(render_text_snapshot(&text, &after, &before, 2, 2), 0);
	expect(&text,
	       "--- snapshot 2/2 @ 0s ---\n"
	       "TID NAME ALLOCATED DEALLOCATED FLOW ALLOCATED/s DEALLOCATED/s\n"
	       " 70 x          300         400 -100         100           195\n"
	       " 71 y            9           0    9\n",
	       "");
}

static void an_interrupted_run_says_which_snapshot_was_the_last(void **state)
{
	struct render_text text = begin();

	(void)state;
	render_text_interrupted(&text, 3, 9, false);
	render_text_interrupted(&text, 1, 1, true);
	expect(&text,
	       "--- interrupted: snapshot 3/9 is the last ---\n"
	       "--- interrupted: snapshot 1/1 is the last, and threads are missing from it ---\n",
	       "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_names_the_process_and_the_version),
		cmocka_unit_test(several_jemallocs_are_a_warning),
		cmocka_unit_test(each_thread_is_a_line_or_a_warning),
		cmocka_unit_test(lines_come_in_the_order_that_was_asked_for),
		cmocka_unit_test(an_interrupted_run_says_which_snapshot_was_the_last),
		cmocka_unit_test(a_table_shows_flow_and_rates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
