/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether what is read still is of the program that was found: a made-up process that runs another
 * one, or closes the file, meanwhile. */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_target.h"
#include "session/identity.h"

#define PID    1000
#define HEADER UINT64_C(0x400000)
#define RANDOM UINT64_C(0x7ffe0000)
#define SIZE   4096

struct program {
	struct fake_target fake;
	struct identity identity;
};

static void fill(struct fake_target *fake, uint64_t address, unsigned char byte)
{
	unsigned char bytes[sizeof((struct identity){ 0 }.elf_header_copy)];

	memset(bytes, byte, sizeof bytes);
	fake_target_put(fake, address, bytes, sizeof bytes);
}

static void find(struct program *program)
{
	struct target *target = &program->fake.target;

	assert_int_equal(identity_pin(&program->identity, target), 0);
	identity_copy_elf_header(&program->identity, target, HEADER);
}

static int begin(void **state)
{
	static struct program program;

	program = (struct program){ .identity = { .elf_header = 0 } };
	fake_target_begin(&program.fake, PID);
	fake_target_add_task(&program.fake, PID, 5);
	fake_target_add_memory(&program.fake, HEADER, SIZE);
	fake_target_add_memory(&program.fake, RANDOM, SIZE);
	fill(&program.fake, HEADER, 'E');
	fill(&program.fake, RANDOM, 'r');
	fake_target_add_auxv(&program.fake, AT_RANDOM, RANDOM + 9);
	*state = &program;
	return 0;
}

static int end(void **state)
{
	struct program *program = *state;

	fake_target_end(&program->fake);
	return 0;
}

static bool holds(struct program *program)
{
	return identity_holds(&program->identity, &program->fake.target);
}

static void what_did_not_change_holds(void **state)
{
	struct program *program = *state;

	find(program);
	assert_true(holds(program));
	assert_true(identity_has_memory(&program->identity, &program->fake.target));
}

static void an_address_space_that_has_ended_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	assert_true(holds(program)); /* and what this left on the stack does not count */
	program->fake.pin_is_gone = true;
	assert_false(holds(program));
	assert_false(identity_has_memory(&program->identity, &program->fake.target));
}

static void another_file_in_the_same_place_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	fill(&program->fake, HEADER, 'F');
	assert_false(holds(program));
}

/* The last byte counts as well as the first. */
static void a_header_that_differs_in_its_end_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	fake_target_put(&program->fake, HEADER + sizeof program->identity.elf_header_copy - 1, "F",
			1);
	assert_false(holds(program));
}

static void run_another_file(struct fake_target *fake, unsigned int call)
{
	(void)call;
	fill(fake, HEADER, 'F');
}

/* As behind a child of vfork(2), which keeps the old space alive. */
static void another_file_in_the_space_that_the_task_has_now_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	program->fake.before_read = run_another_file;
	assert_false(holds(program));
}

static void run_again(struct fake_target *fake, unsigned int call)
{
	(void)call;
	fill(fake, RANDOM, 's');
}

static void the_same_file_after_another_exec_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	program->fake.before_read = run_again;
	assert_false(holds(program));
}

static void memory_that_cannot_be_read_does_not_hold(void **state)
{
	struct program *program = *state;

	find(program);
	program->fake.read_error = -ESRCH;
	assert_false(holds(program));
}

/* An exec right after the pinning: the address is that of the next program. */
static void random_bytes_that_were_never_read_do_not_hold(void **state)
{
	struct program *program = *state;

	program->fake.auxv[0][1] = RANDOM + UINT64_C(0x100000);
	find(program);
	assert_false(holds(program));
}

/* Before Linux 2.6.29. */
static void without_random_bytes_the_header_decides(void **state)
{
	struct program *program = *state;

	program->fake.auxv_count = 0;
	find(program);
	assert_true(holds(program));
	fill(&program->fake, HEADER, 'F');
	assert_false(holds(program));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(what_did_not_change_holds),
		TEST(an_address_space_that_has_ended_does_not_hold),
		TEST(another_file_in_the_same_place_does_not_hold),
		TEST(a_header_that_differs_in_its_end_does_not_hold),
		TEST(another_file_in_the_space_that_the_task_has_now_does_not_hold),
		TEST(the_same_file_after_another_exec_does_not_hold),
		TEST(memory_that_cannot_be_read_does_not_hold),
		TEST(random_bytes_that_were_never_read_do_not_hold),
		TEST(without_random_bytes_the_header_decides),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
