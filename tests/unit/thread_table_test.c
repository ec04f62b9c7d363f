/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of a process from snapshot to snapshot: who is new, who is known, whose pointer
 * counts. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_target.h"
#include "session/thread_table.h"

#define PID    1000
#define OFFSET UINT64_C(736)    /* robust-list head - thread pointer */
#define HEAD   UINT64_C(0x7000) /* of the leader's list; the next thread's is a page above */

struct process {
	struct fake_target fake;
	struct thread_table table;
	struct cancellation cancellation;
};

static void add_thread(struct process *process, pid_t tid)
{
	fake_target_add_task(&process->fake, tid, 5)->robust_list =
		HEAD + OFFSET + 4096 * (uint64_t)(tid - PID);
}

static int begin(void **state)
{
	static struct process process;

	memset(&process, 0, sizeof process);
	fake_target_begin(&process.fake, PID);
	process.cancellation.fd = eventfd(0, EFD_CLOEXEC);
	process.table.pointers.robust_list_offset = OFFSET;
	add_thread(&process, PID);
	add_thread(&process, PID + 1);
	*state = &process;
	return 0;
}

static int end(void **state)
{
	struct process *process = *state;

	close(process->cancellation.fd);
	thread_table_free(&process->table);
	fake_target_end(&process->fake);
	return 0;
}

static int update(struct process *process)
{
	return thread_table_update(&process->table, &process->fake.target, 0,
				   &process->cancellation);
}

static void each_thread_s_pointer_is_its_robust_list_less_the_offset(void **state)
{
	struct process *process = *state;

	assert_int_equal(update(process), 0);
	assert_int_equal(process->table.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(process->table.entries[i].is_known);
		assert_int_equal(process->table.entries[i].tid, PID + (pid_t)i);
		assert_int_equal(process->table.entries[i].thread_pointer, HEAD + 4096 * i);
	}
}

static void the_id_is_that_of_the_thread_s_own_pid_namespace(void **state)
{
	struct process *process = *state;

	process->fake.target.nested = true;
	fake_target_task(&process->fake, PID + 1)->ns_tid = 7;
	assert_int_equal(update(process), 0);
	assert_int_equal(process->table.entries[1].ns_tid, 7);
}

static void a_thread_without_a_robust_list_is_not_known(void **state)
{
	struct process *process = *state;

	fake_target_task(&process->fake, PID + 1)->robust_list = 0;
	assert_int_equal(update(process), 0);
	assert_true(process->table.entries[0].is_known);
	assert_false(process->table.entries[1].is_known);
	assert_int_equal(process->table.entries[1].error, KTSTR_PROBE_THREAD_THREAD_POINTER);
}

static void a_thread_that_ends_meanwhile_has_exited(void **state)
{
	struct process *process = *state;

	fake_target_task(&process->fake, PID + 1)->robust_list_error = -ESRCH;
	assert_int_equal(update(process), 0);
	assert_int_equal(process->table.entries[1].error, KTSTR_PROBE_THREAD_THREAD_EXITED);
}

static void a_pointer_that_is_not_aligned_is_none(void **state)
{
	struct process *process = *state;

	fake_target_task(&process->fake, PID + 1)->robust_list += 4;
	assert_int_equal(update(process), 0);
	assert_false(process->table.entries[1].is_known);
	assert_int_equal(process->table.entries[1].error, KTSTR_PROBE_THREAD_THREAD_POINTER);
	assert_int_equal(process->table.entries[1].code, -EBADMSG);
}

static void what_is_known_is_kept_and_not_asked_for_again(void **state)
{
	struct process *process = *state;

	assert_int_equal(update(process), 0);
	fake_target_task(&process->fake, PID)->robust_list = 0;
	add_thread(process, PID + 2);
	fake_target_remove_task(&process->fake, PID + 1);
	assert_int_equal(update(process), 0);
	assert_int_equal(process->table.count, 2);
	assert_true(process->table.entries[0].is_known);
	assert_int_equal(process->table.entries[0].thread_pointer, HEAD);
	assert_int_equal(process->table.entries[1].tid, PID + 2);
	assert_true(process->table.entries[1].is_known);
}

static void a_refreshed_thread_has_its_new_pointer(void **state)
{
	struct process *process = *state;

	assert_int_equal(update(process), 0);
	fake_target_task(&process->fake, PID)->robust_list = 0x9000 + OFFSET;
	thread_table_refresh(&process->table, &process->fake.target, &process->table.entries[0]);
	assert_true(process->table.entries[0].is_known);
	assert_int_equal(process->table.entries[0].thread_pointer, 0x9000);
}

static void one_whose_list_is_gone_is_not_known_any_more(void **state)
{
	struct process *process = *state;

	assert_int_equal(update(process), 0);
	fake_target_task(&process->fake, PID)->robust_list = 0;
	thread_table_refresh(&process->table, &process->fake.target, &process->table.entries[0]);
	assert_false(process->table.entries[0].is_known);
}

static void after_a_cancellation_nobody_is_asked(void **state)
{
	struct process *process = *state;

	atomic_store(&process->cancellation.requested, true);
	assert_int_equal(update(process), 0);
	assert_int_equal(process->table.count, 2);
	assert_false(process->table.entries[0].is_known);
}

static void a_process_that_has_ended_has_no_threads(void **state)
{
	struct process *process = *state;

	fake_target_remove_task(&process->fake, PID);
	fake_target_remove_task(&process->fake, PID + 1);
	assert_int_equal(update(process), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(each_thread_s_pointer_is_its_robust_list_less_the_offset),
		TEST(the_id_is_that_of_the_thread_s_own_pid_namespace),
		TEST(a_thread_without_a_robust_list_is_not_known),
		TEST(a_thread_that_ends_meanwhile_has_exited),
		TEST(a_pointer_that_is_not_aligned_is_none),
		TEST(what_is_known_is_kept_and_not_asked_for_again),
		TEST(a_refreshed_thread_has_its_new_pointer),
		TEST(one_whose_list_is_gone_is_not_known_any_more),
		TEST(after_a_cancellation_nobody_is_asked),
		TEST(a_process_that_has_ended_has_no_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
