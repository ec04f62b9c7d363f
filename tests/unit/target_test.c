/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading goes on through another task when the one that it went through ends. */
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

#define PID    1000
#define PLACE  UINT64_C(0x10000)
#define NUMBER 42

/* Three tasks: the leader, one on its way out, and one that lives. */
static void begin(struct fake_target *fake)
{
	fake_target_begin(fake, PID);
	fake_target_add_task(fake, PID, 1);
	fake_target_add_task(fake, PID + 1, 2)->stat.flags = 0x4; /* PF_EXITING */
	fake_target_add_task(fake, PID + 2, 3);
	fake_target_add_memory(fake, PLACE, 64);
	fake_target_put_word(fake, PLACE, NUMBER);
	fake_target_add_auxv(fake, 25, NUMBER);
}

static void leader_becomes_a_zombie(struct fake_target *fake, unsigned int call)
{
	if (call == 1)
		fake_target_task(fake, PID)->stat.state = 'Z';
}

static void memory_is_read_on_through_a_task_that_lives(void **state)
{
	struct fake_target fake;
	uint64_t word = 0;

	(void)state;
	begin(&fake);
	fake.before_read = leader_becomes_a_zombie;
	assert_int_equal(target_read_one(&fake.target, PLACE, &word, sizeof word), 0);
	assert_int_equal(word, NUMBER);
	assert_int_equal(target_living_task(&fake.target), PID + 2);
	assert_non_null(strstr(fake.target.diagnostics.text, "read on through task 1002"));
	fake_target_end(&fake);
}

static void the_auxiliary_vector_and_the_pin_are_read_through_a_task_that_lives(void **state)
{
	struct fake_target fake;
	uint64_t value = 0;

	(void)state;
	begin(&fake);
	fake_target_task(&fake, PID)->stat.state = 'Z';
	assert_int_equal(target_pin(&fake.target), 0);
	fake.target.reader = PID;
	assert_int_equal(target_read_auxv(&fake.target, 25, &value), 0);
	assert_int_equal(value, NUMBER);
	fake_target_end(&fake);
}

static void without_a_living_task_there_is_nothing_to_read(void **state)
{
	struct fake_target fake;
	uint64_t word = 0;

	(void)state;
	begin(&fake);
	fake_target_remove_task(&fake, PID + 2);
	fake.before_read = leader_becomes_a_zombie;
	assert_int_equal(target_read_one(&fake.target, PLACE, &word, sizeof word), -ESRCH);
	assert_int_equal(fake.reads, 1);
	fake_target_end(&fake);
}

static void a_refusal_is_no_reason_to_change_the_reader(void **state)
{
	struct fake_target fake;
	uint64_t word = 0;

	(void)state;
	begin(&fake);
	fake.read_error = -EPERM;
	assert_int_equal(target_read_one(&fake.target, PLACE, &word, sizeof word), -EPERM);
	assert_int_equal(target_living_task(&fake.target), PID);
	assert_int_equal(fake.reads, 1);
	fake_target_end(&fake);
}

static void being_out_of_descriptors_does_not_look_like_the_end_of_the_tasks(void **state)
{
	struct fake_target fake;

	(void)state;
	begin(&fake);
	fake_target_remove_task(&fake, PID + 2);
	fake_target_task(&fake, PID)->stat_error = -EMFILE;
	assert_int_equal(target_choose_reader(&fake.target), -EMFILE);
	assert_false(target_change_reader(&fake.target));
	assert_int_equal(target_living_task(&fake.target), PID);
	fake_target_task(&fake, PID)->stat_error = -ESRCH;
	assert_int_equal(target_choose_reader(&fake.target), -ESRCH);
	fake_target_add_task(&fake, PID + 3, 9);
	fake_target_task(&fake, PID)->stat_error = -EMFILE;
	assert_int_equal(target_choose_reader(&fake.target), 0);
	assert_int_equal(target_living_task(&fake.target), PID + 3);
	fake_target_end(&fake);
}

static void a_range_that_is_not_there_fails_alone(void **state)
{
	struct fake_target fake;
	uint64_t words[2] = { 0 };
	struct target_range ranges[] = {
		{ .address = PLACE + 60, .buffer = &words[0], .size = sizeof *words },
		{ .address = PLACE, .buffer = &words[1], .size = sizeof *words },
	};

	(void)state;
	begin(&fake);
	assert_int_equal(target_read(&fake.target, ranges, 2), 0);
	assert_int_equal(ranges[0].error, -EFAULT);
	assert_int_equal(ranges[1].error, 0);
	assert_int_equal(words[1], NUMBER);
	fake_target_end(&fake);
}

static void the_id_in_its_own_namespace_is_looked_up_only_where_it_may_differ(void **state)
{
	struct fake_target fake;

	(void)state;
	begin(&fake);
	fake_target_task(&fake, PID + 2)->ns_tid = 7;
	assert_int_equal(target_ns_tid(&fake.target, PID + 2), PID + 2);
	fake.target.nested = true;
	assert_int_equal(target_ns_tid(&fake.target, PID + 2), 7);
	assert_int_equal(target_ns_tid(&fake.target, PID + 9), 0);
	fake_target_end(&fake);
}

static void a_reader_that_lives_is_kept(void **state)
{
	struct fake_target fake;

	(void)state;
	begin(&fake);
	fake.target.reader = PID + 2;
	assert_false(target_change_reader(&fake.target));
	assert_int_equal(target_living_task(&fake.target), PID + 2);
	fake_target_end(&fake);
}

static int stat_of_one_that_comes_back(struct target *target, pid_t tid, struct task_stat *stat)
{
	static unsigned int calls;

	(void)target;
	(void)tid;
	*stat = (struct task_stat){ .state = calls++ % 2 ? 'S' : 'Z' };
	return 0;
}

/* Its id was given out again between two looks: that is no other reader. */
static void the_same_task_is_no_change(void **state)
{
	struct fake_target fake;

	(void)state;
	begin(&fake);
	fake.ops.read_stat = stat_of_one_that_comes_back;
	assert_false(target_change_reader(&fake.target));
	assert_int_equal(target_living_task(&fake.target), PID);
	fake_target_end(&fake);
}

static int walk_one_and_end(struct target *target, target_map_visit visit, void *context,
			    bool *unread)
{
	struct fake_target *fake = (struct fake_target *)target;

	*unread = false;
	visit(context, &fake->maps[0]);
	fake_target_task(fake, PID)->stat.state = 'Z';
	return -ESRCH;
}

static int count_visit(void *context, const struct target_map *map)
{
	(void)map;
	++*(unsigned int *)context;
	return 0;
}

static void what_was_visited_of_a_map_is_not_visited_again(void **state)
{
	struct fake_target fake;
	unsigned int visits = 0;
	bool unread;

	(void)state;
	begin(&fake);
	fake.ops.walk_maps = walk_one_and_end;
	assert_int_equal(target_walk_maps(&fake.target, count_visit, &visits, &unread), -ESRCH);
	assert_int_equal(visits, 1);
	fake_target_end(&fake);
}

static void a_map_that_is_empty_is_walked_through_another_task(void **state)
{
	struct fake_target fake;
	unsigned int visits = 0;
	bool unread;

	(void)state;
	begin(&fake);
	fake.map_count = 1;
	fake_target_task(&fake, PID)->stat.state = 'Z';
	assert_int_equal(target_walk_maps(&fake.target, count_visit, &visits, &unread), 0);
	assert_int_equal(visits, 1);
	fake_target_end(&fake);
}

/* Paths come from the target, and there may be thousands of them. */
static void diagnostics_stay_lines_and_within_a_limit(void **state)
{
	struct diagnostics diagnostics = { NULL, 0 };

	(void)state;
	diagnostics_add(&diagnostics, "step", "a\nb\x1b\x7f%s", "c");
	assert_string_equal(diagnostics.text, "step: a?b??c\n");
	for (int i = 0; i < 2000; i++)
		diagnostics_add(&diagnostics, "step", "%0100d", i);
	assert_in_range(diagnostics.length, 60000, 65536);
	diagnostics_free(&diagnostics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_read_on_through_a_task_that_lives),
		cmocka_unit_test(
			the_auxiliary_vector_and_the_pin_are_read_through_a_task_that_lives),
		cmocka_unit_test(without_a_living_task_there_is_nothing_to_read),
		cmocka_unit_test(a_refusal_is_no_reason_to_change_the_reader),
		cmocka_unit_test(being_out_of_descriptors_does_not_look_like_the_end_of_the_tasks),
		cmocka_unit_test(a_range_that_is_not_there_fails_alone),
		cmocka_unit_test(the_id_in_its_own_namespace_is_looked_up_only_where_it_may_differ),
		cmocka_unit_test(a_reader_that_lives_is_kept),
		cmocka_unit_test(the_same_task_is_no_change),
		cmocka_unit_test(what_was_visited_of_a_map_is_not_visited_again),
		cmocka_unit_test(a_map_that_is_empty_is_walked_through_another_task),
		cmocka_unit_test(diagnostics_stay_lines_and_within_a_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
