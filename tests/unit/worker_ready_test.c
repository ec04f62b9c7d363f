/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path contract: each literal, as macro and as symbol, and the path function at its edges.
 * The literals are spelled out here a second time on purpose: to change one is to change the
 * contract.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ktstr/worker_ready.h>

/* Each macro joins its neighbours at compile time; with a variable this would not compile. */
static const char joined_prefix[] = "[" KTSTR_WORKER_READY_MARKER_PREFIX "]";
static const char joined_env[] = "[" KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV "]";
static const char joined_stderr[] = "[" KTSTR_WORKER_STDERR_PREFIX "]";
static const char joined_stdout[] = "[" KTSTR_WORKER_STDOUT_READY_PREFIX "]";

_Static_assert(KTSTR_WORKER_READY_MARKER_PATH_SIZE == sizeof "/tmp/ktstr-worker-ready-4294967295",
	       "the longest path and its NUL fit, with nothing to spare");

static void macros_and_symbols_are_the_contract_s_literals(void **state)
{
	static const struct {
		const char *macro, *joined, *symbol, *expected;
	} literals[] = {
		{ .macro = KTSTR_WORKER_READY_MARKER_PREFIX,
		  .joined = joined_prefix,
		  .symbol = ktstr_worker_ready_marker_prefix,
		  .expected = "/tmp/ktstr-worker-ready-" },
		{ .macro = KTSTR_WORKER_READY_MARKER_OVERRIDE_ENV,
		  .joined = joined_env,
		  .symbol = ktstr_worker_ready_marker_override_env,
		  .expected = "KTSTR_WORKER_READY_MARKER_OVERRIDE" },
		{ .macro = KTSTR_WORKER_STDERR_PREFIX,
		  .joined = joined_stderr,
		  .symbol = ktstr_worker_stderr_prefix,
		  .expected = "jemalloc-alloc-worker:" },
		{ .macro = KTSTR_WORKER_STDOUT_READY_PREFIX,
		  .joined = joined_stdout,
		  .symbol = ktstr_worker_stdout_ready_prefix,
		  .expected = "jemalloc-alloc-worker ready" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
		size_t len = strlen(literals[i].expected);

		assert_string_equal(literals[i].macro, literals[i].expected);
		assert_string_equal(literals[i].symbol, literals[i].expected);
		assert_int_equal(strlen(literals[i].joined), len + 2);
		assert_memory_equal(literals[i].joined + 1, literals[i].expected, len);
	}
}

static const struct path_case {
	uint32_t pid;
	const char *path;
} path_cases[] = {
	{ .pid = 0, .path = "/tmp/ktstr-worker-ready-0" },
	{ .pid = 1, .path = "/tmp/ktstr-worker-ready-1" },
	{ .pid = 9, .path = "/tmp/ktstr-worker-ready-9" },
	{ .pid = 10, .path = "/tmp/ktstr-worker-ready-10" },
	{ .pid = 12345, .path = "/tmp/ktstr-worker-ready-12345" },
	{ .pid = 65535, .path = "/tmp/ktstr-worker-ready-65535" },
	{ .pid = 4194304,
	  .path = "/tmp/ktstr-worker-ready-4194304" }, /* PID_MAX_LIMIT, linux/threads.h */
	{ .pid = INT32_MAX, .path = "/tmp/ktstr-worker-ready-2147483647" },
	{ .pid = (uint32_t)INT32_MAX + 1, .path = "/tmp/ktstr-worker-ready-2147483648" },
	{ .pid = UINT32_MAX, .path = "/tmp/ktstr-worker-ready-4294967295" },
};
#define PATH_CASES (sizeof path_cases / sizeof path_cases[0])

static void any_pid_has_its_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < PATH_CASES; i++) {
		char buf[KTSTR_WORKER_READY_MARKER_PATH_SIZE];

		memset(buf, 'x', sizeof buf);
		assert_int_equal(ktstr_worker_ready_marker_path(path_cases[i].pid, buf, sizeof buf),
				 0);
		assert_string_equal(buf, path_cases[i].path);
	}
}

/* Every size from 0 to one more than needed; what lies behind `size` is never touched. */
static void a_path_fits_or_is_refused_at_each_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < PATH_CASES; i++) {
		const size_t exact = strlen(path_cases[i].path) + 1;

		for (size_t size = 0; size <= exact + 1; size++) {
			char buf[KTSTR_WORKER_READY_MARKER_PATH_SIZE + 8];
			int expected = size < exact ? -ERANGE : 0;

			memset(buf, 'x', sizeof buf);
			assert_int_equal(ktstr_worker_ready_marker_path(path_cases[i].pid, buf,
									size),
					 expected);
			if (size == 0)
				assert_int_equal(buf[0], 'x');
			else
				assert_string_equal(buf, expected ? "" : path_cases[i].path);
			for (size_t behind = size; behind < sizeof buf; behind++)
				assert_int_equal(buf[behind], 'x');
		}
	}
}

static void a_path_needs_a_buffer(void **state)
{
	(void)state;
	assert_int_equal(ktstr_worker_ready_marker_path(1, NULL, 0), -EINVAL);
	assert_int_equal(ktstr_worker_ready_marker_path(1, NULL,
							KTSTR_WORKER_READY_MARKER_PATH_SIZE),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macros_and_symbols_are_the_contract_s_literals),
		cmocka_unit_test(any_pid_has_its_path),
		cmocka_unit_test(a_path_fits_or_is_refused_at_each_size),
		cmocka_unit_test(a_path_needs_a_buffer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
