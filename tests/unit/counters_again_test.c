/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is read of a thread whose memory has moved, that has ended or just begun, or whose id or
 * thread pointer is another's by now: its own numbers where it is now, or none.
 */
#include "config.h"

#include <errno.h>

#include "made_session.h"
#include "session/thread_names.h"
#include "session/young_threads.h"

/* Its tid is another thread's by now, which lives elsewhere. */
static void a_reading_that_does_not_verify_is_tried_once_more_where_the_thread_is_now(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		made_put_tid(&session.fake, made_thread_pointer(0), OTHER);
		made_memory(&session.fake, PID, made_thread_pointer(2), session.tp_offset, 55, 11);
		fake_target_task(&session.fake, PID)->robust_list =
			made_thread_pointer(2) + (uint64_t)MADE_HEAD;
		take(&session, false);
		expect_read(&session, 0, 55, 11);
	}
}

/* Its stack is unmapped, and it has another. */
static void a_reading_that_fails_is_tried_once_more_where_the_thread_is_now(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		session.fake.memory[0].address += 0x7000000000;
		made_memory(&session.fake, PID, made_thread_pointer(2), session.tp_offset, 55, 11);
		fake_target_task(&session.fake, PID)->robust_list =
			made_thread_pointer(2) + (uint64_t)MADE_HEAD;
		take(&session, false);
		expect_read(&session, 0, 55, 11);
	}
}

static void a_reading_that_fails_twice_is_an_error_of_that_thread_alone(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		session.fake.memory[0].address += 0x7000000000;
		take(&session, false);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_PROCESS_VM_READV);
		expect_read(&session, 1, 7, 3);
	}
}

static void replace_first(struct fake_target *fake, unsigned int call)
{
	(void)call;
	made_put_tid(fake, made_thread_pointer(0), OTHER);
}

static void a_thread_that_is_replaced_as_it_is_read_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		session.fake.before_read = replace_first;
		take(&session, true);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
	}
}

static void a_thread_that_has_ended_is_said_to_have_ended(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		fake_target_remove_task(&session.fake, OTHER);
		made_put_tid(&session.fake, made_thread_pointer(1), 0);
		take(&session, false);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_EXITED);
		add_other(&session)->stat.state = 'Z';
		fake_target_task(&session.fake, OTHER)->robust_list = 0;
		take(&session, false);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_EXITED);
	}
}

static void read_names(struct session *session)
{
	thread_names_read(&session->fake.target, &session->table, &session->cancellation,
			  &session->snapshot);
	assert_int_equal(young_threads_read(&session->fake.target, &session->locator,
					    &session->table, 60000, &session->cancellation,
					    &session->snapshot),
			 0);
	assert_int_equal(shared_pointers_refuse(&session->table, &session->snapshot), 0);
	assert_int_equal(session->fake.open_files, 0);
}

static void make_young(struct session *session)
{
	for (size_t i = 0; i < session->fake.task_count; i++)
		session->fake.tasks[i].stat.start_time = UINT64_MAX;
}

/* Its id may have been another's when it was read first. */
static void a_thread_that_began_meanwhile_is_read_again(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		fake_target_add_task(&session.fake, OTHER, 77); /* not read, and has its name */
		take(&session, true);
		make_young(&session);
		made_put_counters(&session.fake, made_thread_pointer(0), session.tp_offset, 200,
				  50);
		read_names(&session);
		expect_read(&session, 0, 200, 50);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
		for (size_t i = 0; i < 2; i++) {
			assert_true(session.snapshot.threads[i].has_name);
			assert_true(session.snapshot.threads[i].start_time == UINT64_MAX);
		}
	}
}

/* Another thread of the same id, name and memory: only the file of its stat is not its own. */
static void replace_task(struct fake_target *fake, unsigned int call)
{
	struct fake_task task = *fake_target_task(fake, PID);

	(void)call;
	fake_target_remove_task(fake, PID);
	task.number = ++fake->last_number;
	*fake_target_add_task(fake, PID, 0) = task;
}

static void one_that_is_replaced_while_it_is_read_again_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		make_young(&session);
		session.fake.before_read = replace_task;
		read_names(&session);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_EXITED);
		assert_false(session.table.entries[0].is_known);
	}
}

static void after_a_cancellation_a_thread_that_began_meanwhile_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		session.table.entries[0].is_young = true;
		atomic_store(&session.cancellation.requested, true);
		assert_int_equal(young_threads_read(&session.fake.target, &session.locator,
						    &session.table, 60000, &session.cancellation,
						    &session.snapshot),
				 0);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_true(session.snapshot.interrupted);
	}
}

/* Of one that has ended before its name is read, the memory alone has shown who it was. */
static void in_a_pid_namespace_one_that_has_ended_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		fake_target_remove_task(&session.fake, OTHER);
		read_names(&session);
		expect_read(&session, 1, 7, 3);
		session.fake.target.nested = true;
		read_names(&session);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_EXITED);
	}
}

/* A clone(2) without CLONE_SETTLS runs on its creator's. */
static void two_tasks_of_one_thread_pointer_are_not_both_read(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		fake_target_add_task(&session.fake, OTHER, 5)->robust_list =
			made_thread_pointer(0) + (uint64_t)MADE_HEAD;
		take(&session, true);
		expect_read(&session, 0, 100, 40);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_int_equal(session.snapshot.threads[1].error_code, -ENOTUNIQ);
		/* By ptrace, with the word. */
		session.table.pointers.by_ptrace = session.table.pointers.has_tid_word = true;
		session.table.entries[1].is_known = true;
		take(&session, true);
		read_names(&session);
		expect_read(&session, 0, 100, 40);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_int_equal(session.snapshot.threads[1].error_code, -ENOTUNIQ);
		assert_true(session.table.entries[1].is_known); /* not stopped each time */
		/* And without. */
		session.table.pointers.has_tid_word = false;
		take(&session, true);
		read_names(&session);
		for (size_t i = 0; i < 2; i++) {
			expect_error(&session, i, KTSTR_PROBE_THREAD_THREAD_POINTER);
			assert_int_equal(session.snapshot.threads[i].error_code, -ENOTUNIQ);
		}
	}
}

static void by_ptrace_one_that_has_ended_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		session.table.pointers.by_ptrace = true;
		take(&session, true);
		read_names(&session);
		expect_read(&session, 0, 100, 40);
		assert_true(session.snapshot.threads[0].has_name);
		fake_target_task(&session.fake, PID)->stat.flags = 4; /* PF_EXITING */
		read_names(&session);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_EXITED);
		fake_target_task(&session.fake, PID)->stat.flags = 0;
		take(&session, true);
		expect_read(&session, 0, 100, 40);
		fake_target_task(&session.fake, PID)->stat_error = -ESRCH;
		read_names(&session);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_EXITED);
	}
}

static void a_known_thread_pointer_is_kept_only_for_the_same_thread(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		fake_target_task(&session.fake, PID)->robust_list = 0;
		take(&session, true); /* not asked again: it still verifies */
		expect_read(&session, 0, 100, 40);
		session.table.entries[0].tid = OTHER;
		take(&session, true);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
	}
}

static void by_ptrace_a_younger_thread_is_stopped_anew(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		session.table.pointers.by_ptrace = true;
		take(&session, true);
		read_names(&session);
		expect_read(&session, 0, 100, 40);
		make_young(&session);
		read_names(&session); /* and nobody may be traced there */
		expect_error(&session, 0, KTSTR_PROBE_THREAD_PTRACE_SEIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_reading_that_does_not_verify_is_tried_once_more_where_the_thread_is_now),
		cmocka_unit_test(a_reading_that_fails_is_tried_once_more_where_the_thread_is_now),
		cmocka_unit_test(a_reading_that_fails_twice_is_an_error_of_that_thread_alone),
		cmocka_unit_test(a_thread_that_is_replaced_as_it_is_read_gives_no_numbers),
		cmocka_unit_test(a_thread_that_has_ended_is_said_to_have_ended),
		cmocka_unit_test(a_thread_that_began_meanwhile_is_read_again),
		cmocka_unit_test(one_that_is_replaced_while_it_is_read_again_gives_no_numbers),
		cmocka_unit_test(
			after_a_cancellation_a_thread_that_began_meanwhile_gives_no_numbers),
		cmocka_unit_test(in_a_pid_namespace_one_that_has_ended_gives_no_numbers),
		cmocka_unit_test(two_tasks_of_one_thread_pointer_are_not_both_read),
		cmocka_unit_test(by_ptrace_one_that_has_ended_gives_no_numbers),
		cmocka_unit_test(a_known_thread_pointer_is_kept_only_for_the_same_thread),
		cmocka_unit_test(by_ptrace_a_younger_thread_is_stopped_anew),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
