/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a thread was left out of the list: a made-up process with other threads than a snapshot
 * has. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_target.h"
#include "session/missed_tasks.h"
#include "shared/clock.h"

#define PID 1000

struct made {
	struct fake_target fake;
	struct ktstr_probe_snapshot snapshot;
	struct ktstr_probe_thread threads[4];
};

static void in_snapshot(struct made *made, pid_t tid, enum ktstr_probe_thread_error error)
{
	made->threads[made->snapshot.count++] =
		(struct ktstr_probe_thread){ .tid = tid, .error_kind = error };
}

static int begin(void **state)
{
	static struct made made;

	made = (struct made){ .snapshot = { .monotonic_ns = clock_ns(CLOCK_MONOTONIC) } };
	made.snapshot.threads = made.threads;
	fake_target_begin(&made.fake, PID);
	fake_target_add_task(&made.fake, PID, 1);
	in_snapshot(&made, PID, KTSTR_PROBE_THREAD_OK);
	*state = &made;
	return 0;
}

static int end(void **state)
{
	struct made *made = *state;

	fake_target_end(&made->fake);
	return 0;
}

static bool missed(struct made *made)
{
	return missed_tasks(&made->fake.target, &made->snapshot);
}

static void the_threads_that_there_are_were_not_missed(void **state)
{
	assert_false(missed(*state));
}

static void one_more_thread_than_was_listed_was_missed(void **state)
{
	struct made *made = *state;

	fake_target_add_task(&made->fake, PID + 1, 1);
	assert_true(missed(made));
}

/* The one that ended was listed, and the one behind it skipped: the number is right. */
static void one_that_ended_may_hide_one_that_was_skipped(void **state)
{
	struct made *made = *state;

	in_snapshot(made, PID + 1, KTSTR_PROBE_THREAD_THREAD_EXITED);
	fake_target_add_task(&made->fake, PID + 2, 1);
	assert_true(missed(made));
}

static void one_that_ended_alone_hides_nobody(void **state)
{
	struct made *made = *state;

	in_snapshot(made, PID + 1, KTSTR_PROBE_THREAD_THREAD_EXITED);
	in_snapshot(made, PID + 2, KTSTR_PROBE_THREAD_OK);
	fake_target_add_task(&made->fake, PID + 2, 1);
	assert_false(missed(made));
}

static void one_that_began_later_was_not_missed(void **state)
{
	struct made *made = *state;

	fake_target_add_task(&made->fake, PID + 1, UINT64_MAX);
	assert_false(missed(made));
}

static void one_that_has_ended_by_now_was_not_missed(void **state)
{
	struct made *made = *state;

	fake_target_add_task(&made->fake, PID + 1, 1)->stat_error = -ESRCH;
	assert_false(missed(made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(the_threads_that_there_are_were_not_missed),
		TEST(one_more_thread_than_was_listed_was_missed),
		TEST(one_that_ended_may_hide_one_that_was_skipped),
		TEST(one_that_ended_alone_hides_nobody),
		TEST(one_that_began_later_was_not_missed),
		TEST(one_that_has_ended_by_now_was_not_missed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
