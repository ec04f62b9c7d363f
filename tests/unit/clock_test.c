/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and deadlines. */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "shared/clock.h"

static void a_time_is_the_same_in_both_forms(void **state)
{
	struct timespec time = { .tv_sec = 7, .tv_nsec = 999999999 };

	(void)state;
	assert_true(timespec_to_ns(&time) == INT64_C(7999999999));
	time = timespec_from_ns(INT64_C(4294967296000000001)); /* seconds beyond 32 bits */
	assert_true(time.tv_sec == INT64_C(4294967296) && time.tv_nsec == 1);
}

static void a_clock_shows_what_the_kernel_shows(void **state)
{
	struct timespec before, after;
	int64_t now;

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &before);
	now = clock_ns(CLOCK_BOOTTIME);
	clock_gettime(CLOCK_BOOTTIME, &after);
	assert_true(timespec_to_ns(&before) <= now && now <= timespec_to_ns(&after));
}

static void a_negative_timeout_never_comes(void **state)
{
	struct timespec left;

	(void)state;
	assert_true(deadline_after_ms(-1) == DEADLINE_NEVER);
	assert_null(deadline_left(DEADLINE_NEVER, &left));
	assert_int_equal(deadline_left_ms(DEADLINE_NEVER), -1);
}

static void a_deadline_is_that_many_milliseconds_away(void **state)
{
	int64_t before = clock_ns(CLOCK_MONOTONIC), deadline = deadline_after_ms(INT_MAX),
		after = clock_ns(CLOCK_MONOTONIC);
	struct timespec left;

	(void)state;
	assert_true(deadline >= before + INT_MAX * NS_PER_MS);
	assert_true(deadline <= after + INT_MAX * NS_PER_MS);
	assert_ptr_equal(deadline_left(deadline, &left), &left);
	assert_true(timespec_to_ns(&left) <= INT_MAX * NS_PER_MS && left.tv_sec > INT_MAX / 2000);
}

static void nothing_is_left_of_a_deadline_that_has_passed(void **state)
{
	struct timespec left;

	(void)state;
	assert_ptr_equal(deadline_left(1, &left), &left);
	assert_true(left.tv_sec == 0 && left.tv_nsec == 0);
	assert_int_equal(deadline_left_ms(1), 0);
}

static void milliseconds_left_are_rounded_up_and_fit_an_int(void **state)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	int left = deadline_left_ms(now + 1000000 * NS_PER_MS + 1);

	(void)state;
	assert_true(left > 0 && left <= 1000001);
	assert_int_equal(deadline_left_ms(DEADLINE_NEVER - 1), INT_MAX);
	/* One nanosecond is left for as long as the clock stands: then it is a whole millisecond.
	 */
	for (left = 0; left == 0;) {
		now = clock_ns(CLOCK_MONOTONIC);
		left = deadline_left_ms(now + NS_PER_MS / 2);
	}
	assert_int_equal(left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_the_same_in_both_forms),
		cmocka_unit_test(a_clock_shows_what_the_kernel_shows),
		cmocka_unit_test(a_negative_timeout_never_comes),
		cmocka_unit_test(a_deadline_is_that_many_milliseconds_away),
		cmocka_unit_test(nothing_is_left_of_a_deadline_that_has_passed),
		cmocka_unit_test(milliseconds_left_are_rounded_up_and_fit_an_int),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
