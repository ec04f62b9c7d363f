/* SPDX-License-Identifier: BSD-2-Clause */
/* Batched reads of a child, with holes at every position. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/remote_read.h"

#define COUNT 2100 /* more than two calls of 1024 */

static pid_t child;
static uint64_t *words;

static void an_unmapped_range_fails_alone(void **state)
{
	static struct target_range ranges[COUNT];
	static uint64_t values[COUNT];

	(void)state;
	for (size_t hole = 0; hole < COUNT; hole += hole < 5 || hole > 1018 ? 1 : 97) {
		struct target_read_count counter = { 0, 0 };

		for (size_t i = 0; i < COUNT; i++) {
			values[i] = 0;
			ranges[i] =
				(struct target_range){ .address = (uint64_t)(uintptr_t)&words[i],
						       .buffer = &values[i],
						       .size = sizeof values[i],
						       .error = 1 };
		}
		ranges[hole].address = 8;
		ranges[COUNT - 1 - hole].address = UINT64_MAX - 7;
		assert_int_equal(remote_read(child, ranges, COUNT, &counter), 0);
		for (size_t i = 0; i < COUNT; i++) {
			int bad = i == hole || i == COUNT - 1 - hole;

			assert_int_equal(ranges[i].error, bad ? -EFAULT : 0);
			assert_true(values[i] == (bad ? 0 : i + 1));
		}
		assert_true(counter.calls <= 6);
	}
}

static void a_process_that_ended_is_gone(void **state)
{
	struct target_range ranges[2] = { { 0 }, { 0 } };
	uint64_t value;

	(void)state;
	ranges[0] = ranges[1] =
		(struct target_range){ .address = 4096, .buffer = &value, .size = 8 };
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(remote_read(child, ranges, 2, NULL), -ESRCH);
	assert_int_equal(ranges[0].error, -ESRCH);
	assert_int_equal(ranges[1].error, -ESRCH);
	assert_int_equal(remote_read(child, NULL, 0, NULL), 0);
}

static int start(void **state)
{
	(void)state;
	words = mmap(NULL, COUNT * sizeof *words, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < COUNT; i++)
		words[i] = i + 1;
	child = fork();
	while (child == 0)
		pause();
	memset(words, 0, COUNT * sizeof *words);
	return child < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unmapped_range_fails_alone),
		cmocka_unit_test(a_process_that_ended_is_gone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, NULL);
}
