/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose counters are read: a thread's, only while its memory shows that it is that thread. A
 * made-up process, in which another thread's memory is where one's was.
 */
#include "config.h"

#include <errno.h>

#include "made_session.h"
#include "session/thread_names.h"

static void every_thread_is_read_by_its_own_memory(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		expect_read(&session, 0, 100, 40);
		expect_read(&session, 1, 7, 3);
	}
}

/* The tid word is the kernel's and glibc's sign of whose memory it is. */
static void memory_that_another_thread_has_now_is_never_read_as_the_first_ones(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		made_put_tid(&session.fake, made_thread_pointer(1), OTHER + 1);
		take(&session, false);
		expect_read(&session, 0, 100, 40);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
	}
}

static void memory_without_the_self_pointer_is_not_a_threads(void **state)
{
	struct session session;

	(void)state;
	if (!arch_self_pointer)
		return;
	FOR_EACH_LAYOUT(&session)
	{
		add_other(&session);
		take(&session, true);
		fake_target_put_word(&session.fake, made_thread_pointer(1), made_thread_pointer(0));
		take(&session, false);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
	}
}

/* By ptrace a thread pointer comes from a register: the self pointer is all that memory shows. */
static void by_ptrace_the_self_pointer_is_compared(void **state)
{
	struct session session;

	(void)state;
	if (!arch_self_pointer)
		return;
	FOR_EACH_LAYOUT(&session)
	{
		take(&session, true);
		session.table.pointers.by_ptrace = true;
		made_put_tid(&session.fake, made_thread_pointer(0), 0); /* musl has none there */
		take(&session, false);
		expect_read(&session, 0, 100, 40);
		fake_target_put_word(&session.fake, made_thread_pointer(0), 0);
		take(&session, false);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_false(session.table.entries[0].is_known); /* to be stopped again */
	}
}

/* The kernel clears the word when the thread ends; its id in its namespace may be unknown, too. */
static void a_cleared_tid_word_is_nobodys(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		session.fake.target.nested = true;
		fake_target_task(&session.fake, PID)->ns_tid = 0;
		made_put_tid(&session.fake, made_thread_pointer(0), 0);
		take(&session, true);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
	}
}

static void in_a_pid_namespace_the_word_is_the_inner_id(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		session.fake.target.nested = true;
		fake_target_task(&session.fake, PID)->ns_tid = 1;
		take(&session, true);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
		made_put_tid(&session.fake, made_thread_pointer(0), 1);
		take(&session, true);
		expect_read(&session, 0, 100, 40);
	}
}

/* A head that is none: everything else would verify. */
static void a_thread_pointer_that_is_not_aligned_is_not_read(void **state)
{
	uint64_t odd = made_thread_pointer(3) + 4;
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		made_thread(&session.fake, OTHER, odd, session.tp_offset, 7, 3);
		take(&session, true);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_int_equal(session.snapshot.threads[1].error_code, -EBADMSG);
		expect_read(&session, 0, 100, 40);
	}
}

static void a_block_outside_of_the_address_space_is_an_error_of_arithmetic(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		fake_target_add_task(&session.fake, OTHER, 5)->robust_list =
			UINT64_C(2048) + (uint64_t)MADE_HEAD;
		take(&session, true);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_TLS_ARITHMETIC);
	}
}

static void what_cannot_be_jemallocs_state_gives_no_numbers(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		uint64_t at = made_thread_pointer(0) + (uint64_t)session.tp_offset + MADE_STATE;

		fake_target_put(&session.fake, at, "\x06", 1);
		take(&session, true); /* uninitialized, and yet it counts */
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
		fake_target_put(&session.fake, at, "\x07", 1);
		take(&session, true);
		expect_error(&session, 0, KTSTR_PROBE_THREAD_THREAD_POINTER);
		fake_target_put(&session.fake, at, "\x06", 1);
		made_put_counters(&session.fake, made_thread_pointer(0), session.tp_offset, 0, 0);
		take(&session, true);
		expect_read(&session, 0, 0, 0);
		fake_target_put(&session.fake, at, "\x05", 1);
		made_put_counters(&session.fake, made_thread_pointer(0), session.tp_offset, 1, 2);
		take(&session, true);
		expect_read(&session, 0, 1, 2);
	}
}

static void a_thread_without_a_list_has_its_error_and_its_name(void **state)
{
	struct session session;

	(void)state;
	FOR_EACH_LAYOUT(&session)
	{
		fake_target_add_task(&session.fake, OTHER, 77);
		take(&session, true);
		expect_error(&session, 1, KTSTR_PROBE_THREAD_THREAD_POINTER);
		assert_int_equal(session.snapshot.threads[1].error_code, -ENODATA);
		/* It ends before the names are read: what was seen of it is kept. */
		fake_target_remove_task(&session.fake, OTHER);
		thread_names_read(&session.fake.target, &session.table, &session.cancellation,
				  &session.snapshot);
		assert_true(session.snapshot.threads[1].has_name);
		assert_string_equal(session.snapshot.threads[1].comm, "fake");
		assert_int_equal(session.snapshot.threads[1].start_time, 77);
	}
}

static void a_failure_of_all_reading_is_no_threads(void **state)
{
	struct session session;

	(void)state;
	begin(&session, tp_offsets[0]);
	take(&session, true);
	session.fake.read_error = -EPERM;
	assert_int_equal(counters_read(&session.fake.target, &session.locator, &session.table,
				       &session.cancellation, &session.snapshot),
			 -EPERM);
	end(&session);
}

static void counters_that_lie_far_apart_are_refused(void **state)
{
	struct session session;

	(void)state;
	begin(&session, tp_offsets[0]);
	take(&session, true);
	session.locator.offsets.deallocated = MADE_STATE + 256;
	assert_int_equal(counters_read(&session.fake.target, &session.locator, &session.table,
				       &session.cancellation, &session.snapshot),
			 -EBADMSG);
	end(&session);
}

static void after_a_cancellation_nobody_is_read(void **state)
{
	struct session session;

	(void)state;
	begin(&session, tp_offsets[0]);
	take(&session, true);
	atomic_store(&session.cancellation.requested, true);
	session.snapshot.count = 0;
	assert_int_equal(counters_read(&session.fake.target, &session.locator, &session.table,
				       &session.cancellation, &session.snapshot),
			 0);
	assert_int_equal(session.snapshot.count, 0);
	assert_true(session.snapshot.interrupted);
	end(&session);
}

/* Of a library without static TLS: glibc's DTV, the entry of module 2. */
#define DTV       UINT64_C(0x600000)
#define OLD_BLOCK UINT64_C(0x700000)
#define NEW_BLOCK UINT64_C(0x800000)

static void put_entry(struct fake_target *fake, uint64_t block)
{
	fake_target_put_word(fake, DTV + 32, block);
}

static void begin_dynamic(struct session *session)
{
	begin(session, tp_offsets[0]);
	session->locator.tls = (struct module_tls){
		.is_dynamic = true,
		.loader = { .module_id = 2,
			    .dtv_offset = arch_dtv_offset,
			    .dtv_entry_size = 16,
			    .words = { 1, 0 } },
	};
	fake_target_add_memory(&session->fake, DTV, 4096);
	fake_target_add_memory(&session->fake, OLD_BLOCK, 4096);
	fake_target_add_memory(&session->fake, NEW_BLOCK, 4096);
	fake_target_put_word(&session->fake, made_thread_pointer(0) + (uint64_t)arch_dtv_offset,
			     DTV);
	fake_target_put_word(&session->fake, DTV, 1);
	put_entry(&session->fake, OLD_BLOCK);
	made_put_counters(&session->fake, OLD_BLOCK, 0, 100, 40);
	made_put_counters(&session->fake, NEW_BLOCK, 0, 55, 11);
}

static void a_dynamic_block_is_read_where_the_dtv_has_it(void **state)
{
	struct session session;

	(void)state;
	begin_dynamic(&session);
	take(&session, true);
	expect_read(&session, 0, 100, 40);
	end(&session);
}

/* The DTV's address, its generation and the entry have been read; now come the counters. */
static void move_block(struct fake_target *fake, unsigned int call)
{
	if (call == 4)
		put_entry(fake, NEW_BLOCK);
}

static void a_dynamic_block_that_moves_as_it_is_read_is_read_once_more(void **state)
{
	struct session session;

	(void)state;
	begin_dynamic(&session);
	session.fake.before_read = move_block;
	take(&session, true);
	expect_read(&session, 0, 55, 11);
	end(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_thread_is_read_by_its_own_memory),
		cmocka_unit_test(
			memory_that_another_thread_has_now_is_never_read_as_the_first_ones),
		cmocka_unit_test(memory_without_the_self_pointer_is_not_a_threads),
		cmocka_unit_test(by_ptrace_the_self_pointer_is_compared),
		cmocka_unit_test(a_cleared_tid_word_is_nobodys),
		cmocka_unit_test(in_a_pid_namespace_the_word_is_the_inner_id),
		cmocka_unit_test(a_thread_pointer_that_is_not_aligned_is_not_read),
		cmocka_unit_test(a_block_outside_of_the_address_space_is_an_error_of_arithmetic),
		cmocka_unit_test(what_cannot_be_jemallocs_state_gives_no_numbers),
		cmocka_unit_test(a_thread_without_a_list_has_its_error_and_its_name),
		cmocka_unit_test(a_failure_of_all_reading_is_no_threads),
		cmocka_unit_test(counters_that_lie_far_apart_are_refused),
		cmocka_unit_test(after_a_cancellation_nobody_is_read),
		cmocka_unit_test(a_dynamic_block_is_read_where_the_dtv_has_it),
		cmocka_unit_test(a_dynamic_block_that_moves_as_it_is_read_is_read_once_more),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
