/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser of /proc/PID/stat. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/proc_stat.h"

static void a_hostile_name_does_not_shift_the_fields_of_stat(void **state)
{
	static const char text[] = "12 (a) Z 1 (\n)) S 1 2 3 4 5 4194560 7 8 9 10 11 12 13 14 15 "
				   "16 17 18 987654321 20 21";
	/* Names of workers of the kernel are longer than others: proc_task_name(). */
	static const char longer[] = "12 (kworker/u8:1-kvfree_rcu_reclaim) S 1 2 3 4 5 6 7 8 9 10 "
				     "11 12 13 14 15 16 17 18 19 20";
	struct task_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse(longer, strlen(longer), &stat), 0);
	assert_string_equal(stat.comm, "kworker/u8:1-kv"); /* TASK_COMM_LEN */
	assert_int_equal(proc_stat_parse(text, strlen(text), &stat), 0);
	assert_string_equal(stat.comm, "a) Z 1 (\n)");
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.parent, 1);
	assert_int_equal(stat.flags, 4194560);
	assert_int_equal(stat.start_time, 987654321);
}

static void a_text_of_another_form_is_refused(void **state)
{
	static const char too_large[] = "1 (a) S 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "
					"99999999999999999999 21";
	struct task_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse("", 0, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse("12 (a", 5, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse(")(", 2, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse("1 (a) S 1 2", 11, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse("1 (a)", 5, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse("1 (a) S ", 8, &stat), -EBADMSG);
	assert_int_equal(proc_stat_parse(too_large, strlen(too_large), &stat), -EBADMSG);
}

static void a_text_cut_anywhere_is_read_up_to_the_cut_alone(void **state)
{
	static const char text[] = "12 (a) Z 1 (\n)) S 1 2 3 4 5 4194560 7 8 9 10 11 12 13 14 15 "
				   "16 17 18 987654321 20 21";
	struct task_stat stat;

	(void)state;
	/* It is refused until the start time has ended. */
	for (size_t length = 0; length < sizeof text; length++) {
		char *copy = malloc(length + 1);
		bool whole = length > (size_t)(strstr(text, "321 20") + 3 - text);

		assert_non_null(copy);
		memcpy(copy, text, length);
		copy = realloc(copy, length ? length : 1);
		assert_int_equal(proc_stat_parse(copy, length, &stat), whole ? 0 : -EBADMSG);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostile_name_does_not_shift_the_fields_of_stat),
		cmocka_unit_test(a_text_of_another_form_is_refused),
		cmocka_unit_test(a_text_cut_anywhere_is_read_up_to_the_cut_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
