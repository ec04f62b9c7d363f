/* SPDX-License-Identifier: BSD-2-Clause */
/* What jemalloc keeps beside its counters confirms or contradicts where they are. Made-up threads.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made_threads.h"
#include "session/confirm.h"

#define PID   1000
#define OTHER 1001
#define TP    INT64_C(-2632)

struct session {
	struct fake_target fake;
	struct tsd_locator locator;
	struct thread_table table;
	struct thread_entry entries[2];
};

/* thread_allocated_last_event and its next one, then those of thread_deallocated. */
static void put_events(struct session *session, unsigned int number, const uint64_t events[4])
{
	uint64_t block = made_thread_pointer(number) + (uint64_t)session->locator.tls.tp_offset;

	fake_target_put(&session->fake, block + 8, events, 4 * sizeof *events);
}

/* The word behind each counter: where the next event of the fast path is. */
static void put_next(struct session *session, uint64_t allocated, uint64_t deallocated)
{
	uint64_t block = made_thread_pointer(0) + (uint64_t)session->locator.tls.tp_offset;

	fake_target_put_word(&session->fake, block + MADE_ALLOCATED + 8, allocated);
	fake_target_put_word(&session->fake, block + MADE_DEALLOCATED + 8, deallocated);
}

static void add(struct session *session, pid_t tid, uint64_t allocated, uint64_t deallocated)
{
	unsigned int number = (unsigned int)session->table.count++;

	made_thread(&session->fake, tid, made_thread_pointer(number),
		    session->locator.tls.tp_offset, allocated, deallocated);
	session->entries[number] =
		(struct thread_entry){ .tid = tid,
				       .ns_tid = tid,
				       .is_known = true,
				       .thread_pointer = made_thread_pointer(number) };
}

static void begin_at(struct session *session, int64_t tp_offset)
{
	*session = (struct session){
		.locator = made_locator(tp_offset),
		.table = { .pointers = { .robust_list_offset = (uint64_t)MADE_HEAD } },
	};
	session->table.entries = session->entries;
	session->locator.offsets.has_rtree_ctx = true;
	session->locator.offsets.has_start = true;
	fake_target_begin(&session->fake, PID);
	add(session, PID, 100, 40);
	if (tp_offset == TP)
		put_events(session, 0, (uint64_t[]){ 60, 160, 20, 90 });
}

static int begin(void **state)
{
	static struct session session;

	begin_at(&session, TP);
	*state = &session;
	return 0;
}

static int end(void **state)
{
	struct session *session = *state;

	fake_target_end(&session->fake);
	return 0;
}

static void expect(struct session *session, int rc, bool is_confirmed)
{
	assert_int_equal(
		confirm_counters(&session->fake.target, &session->locator, &session->table), rc);
	assert_int_equal(session->locator.is_confirmed, is_confirmed);
}

static void counters_between_their_events_confirm(void **state)
{
	struct session *session = *state;

	expect(session, 0, true);
}

static void on_the_fast_path_the_next_event_stands_behind_the_counter(void **state)
{
	struct session *session = *state;

	put_next(session, 160, 90);
	expect(session, 0, true);
}

static void another_word_behind_a_counter_contradicts(void **state)
{
	struct session *session = *state;

	put_next(session, 159, 90);
	expect(session, -EBADMSG, false);
	put_next(session, 160, 91);
	expect(session, -EBADMSG, false);
}

static void a_counter_outside_of_its_events_contradicts(void **state)
{
	static const uint64_t events[][4] = {
		{ 101, 160, 20, 90 },
		{ 60, 99, 20, 90 },
		{ 60, 160, 41, 90 },
		{ 60, 160, 20, 39 },
	};
	struct session *session = *state;

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		put_events(session, 0, events[i]);
		expect(session, -EBADMSG, false);
	}
}

static void one_thread_that_confirms_decides(void **state)
{
	struct session *session = *state;

	add(session, OTHER, 7, 3);
	put_events(session, 1, (uint64_t[]){ 8, 9, 0, 9 });
	expect(session, 0, true);
}

static void a_thread_that_has_counted_nothing_says_nothing(void **state)
{
	struct session *session = *state;

	made_put_counters(&session->fake, made_thread_pointer(0), TP, 0, 0);
	put_events(session, 0, (uint64_t[]){ 0, 0, 0, 0 });
	expect(session, 0, false);
}

static void memory_that_is_another_threads_says_nothing(void **state)
{
	struct session *session = *state;

	made_put_tid(&session->fake, made_thread_pointer(0), OTHER);
	expect(session, 0, false);
	put_events(session, 0, (uint64_t[]){ 101, 160, 20, 90 });
	expect(session, 0, false);
}

static void memory_without_the_self_pointer_says_nothing(void **state)
{
	struct session *session = *state;

	if (!arch_self_pointer)
		return;
	fake_target_put_word(&session->fake, made_thread_pointer(0), 0);
	expect(session, 0, false);
	put_events(session, 0, (uint64_t[]){ 101, 160, 20, 90 });
	expect(session, 0, false);
}

/* By ptrace musl's threads are read, too, which have no such word. */
static void by_ptrace_the_tid_word_is_not_looked_at(void **state)
{
	struct session *session = *state;

	session->table.pointers.by_ptrace = true;
	made_put_tid(&session->fake, made_thread_pointer(0), 0);
	expect(session, 0, true);
}

static void a_thread_whose_pointer_is_not_known_is_not_asked(void **state)
{
	struct session *session = *state;

	session->entries[0].is_known = false;
	expect(session, 0, false);
}

/* The counters are there, the events in front of them are not. */
static void what_is_read_in_part_says_nothing(void **state)
{
	struct session *session = *state;

	fake_target_end(&session->fake);
	begin_at(session, -0x10000 - 64);
	expect(session, 0, false);
}

static void where_the_code_has_spoken_a_contradiction_is_only_told(void **state)
{
	struct session *session = *state;

	session->locator.offsets.is_from_code = true;
	put_events(session, 0, (uint64_t[]){ 101, 160, 20, 90 });
	expect(session, 0, true);
	assert_non_null(strstr(session->fake.target.diagnostics.text, "the code decides"));
}

static void without_a_start_there_is_nothing_to_compare(void **state)
{
	struct session *session = *state;

	put_events(session, 0, (uint64_t[]){ 101, 160, 20, 90 });
	session->locator.offsets.has_start = false;
	expect(session, 0, false);
	session->locator.offsets.has_start = true;
	session->locator.offsets.has_rtree_ctx = false; /* of before 5.3: no such events */
	expect(session, 0, false);
}

static void a_failure_of_all_reading_is_the_result(void **state)
{
	struct session *session = *state;

	session->fake.read_error = -ESRCH;
	expect(session, -ESRCH, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(counters_between_their_events_confirm),
		TEST(on_the_fast_path_the_next_event_stands_behind_the_counter),
		TEST(another_word_behind_a_counter_contradicts),
		TEST(a_counter_outside_of_its_events_contradicts),
		TEST(one_thread_that_confirms_decides),
		TEST(a_thread_that_has_counted_nothing_says_nothing),
		TEST(memory_that_is_another_threads_says_nothing),
		TEST(memory_without_the_self_pointer_says_nothing),
		TEST(by_ptrace_the_tid_word_is_not_looked_at),
		TEST(a_thread_whose_pointer_is_not_known_is_not_asked),
		TEST(what_is_read_in_part_says_nothing),
		TEST(where_the_code_has_spoken_a_contradiction_is_only_told),
		TEST(without_a_start_there_is_nothing_to_compare),
		TEST(a_failure_of_all_reading_is_the_result),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
