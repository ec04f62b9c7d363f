/* SPDX-License-Identifier: BSD-2-Clause */
/* The signs by which a process is seen to run other code than before. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "linux/program_mark.h"

static void the_mark_sums_the_program_and_its_libraries(void **state)
{
	struct program_mark mark = { .code_bytes = 1 };

	(void)state;
	assert_int_equal(program_mark_parse("Name:\tx\nVmExe:\t     100 kB\nVmLib:\t    1904 kB\n",
					    &mark),
			 0);
	assert_int_equal(mark.code_bytes, 2004 * 1024);
}

static void a_text_without_both_lines_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"Name:\tx\n",
		"Name:\tx\nVmExe:\t1 kB\n",
		"Name:\tx\nVmExe:\t1 kB\nVmLib:\tkB\n",
		"Name:\tx\nVmExe:\t1 kB\nVmLib:\t1",
		"Name:\tx\nVmExe:\t-1 kB\nVmLib:\t1 kB\n",
	};
	struct program_mark mark;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(program_mark_parse(texts[i], &mark), -EBADMSG);
}

static void a_library_or_another_stack_changes_the_mark(void **state)
{
	const struct program_mark mark = { .code_bytes = 10, .random_address = 20 };
	struct program_mark other = mark;

	(void)state;
	assert_true(program_mark_equals(&mark, &other));
	other.code_bytes++;
	assert_false(program_mark_equals(&mark, &other));
	other = mark;
	other.random_address++;
	assert_false(program_mark_equals(&mark, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mark_sums_the_program_and_its_libraries),
		cmocka_unit_test(a_text_without_both_lines_is_refused),
		cmocka_unit_test(a_library_or_another_stack_changes_the_mark),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
