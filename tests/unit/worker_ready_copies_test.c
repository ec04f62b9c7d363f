/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker_ready.c is compiled more than once. Opens the shared library beside the copy that is
 * linked into this test and shows that both answer alike. The worker's own copy answers in
 * worker.t, by the path that it really writes.
 */
#include "config.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ktstr/worker_ready.h>

typedef int path_function(uint32_t pid, char *buf, size_t size);

struct copy {
	void *library;
	path_function *path;
};

static int open_library(void **state)
{
	static struct copy copy;
	const char *build = getenv("KTSTR_BUILDDIR");
	char name[4096];
	void *symbol;

	snprintf(name, sizeof name, "%s/src/libktstr/.libs/libktstr.so.0",
		 build && *build ? build : ".");
	*state = NULL;
	if (access(name, F_OK)) {
		print_message("# %s is not there: built with --disable-shared?\n", name);
		return 0;
	}
	copy.library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!copy.library) {
		print_error("# dlopen: %s\n", dlerror());
		return -1;
	}
	symbol = dlsym(copy.library, "ktstr_worker_ready_marker_path");
	if (!symbol) {
		print_error("# dlsym: %s\n", dlerror());
		return -1;
	}
	memcpy(&copy.path, &symbol,
	       sizeof symbol); /* ISO C has no cast from void * to a function */
	*state = &copy;
	return 0;
}

static int close_library(void **state)
{
	struct copy *copy = *state;

	return copy ? dlclose(copy->library) : 0;
}

static struct copy *need_library(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void the_library_has_a_copy_of_its_own(void **state)
{
	struct copy *copy = need_library(state);

	assert_true(copy->path != ktstr_worker_ready_marker_path);
}

static void both_copies_have_the_same_literals(void **state)
{
	static const struct {
		const char *name, *here;
	} literals[] = {
		{ .name = "ktstr_worker_ready_marker_prefix",
		  .here = ktstr_worker_ready_marker_prefix },
		{ .name = "ktstr_worker_ready_marker_override_env",
		  .here = ktstr_worker_ready_marker_override_env },
		{ .name = "ktstr_worker_stderr_prefix", .here = ktstr_worker_stderr_prefix },
		{ .name = "ktstr_worker_stdout_ready_prefix",
		  .here = ktstr_worker_stdout_ready_prefix },
	};
	struct copy *copy = need_library(state);

	for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
		const char *there = dlsym(copy->library, literals[i].name);

		assert_non_null(there);
		assert_ptr_not_equal(there, literals[i].here);
		assert_string_equal(there, literals[i].here);
	}
}

/* Compares answer and every byte of the buffer, also what must stay untouched. */
static void compare(const struct copy *copy, uint32_t pid, size_t size)
{
	char here[KTSTR_WORKER_READY_MARKER_PATH_SIZE + 8], there[sizeof here];

	memset(here, 'x', sizeof here);
	memset(there, 'x', sizeof there);
	assert_int_equal(copy->path(pid, there, size),
			 ktstr_worker_ready_marker_path(pid, here, size));
	assert_memory_equal(there, here, sizeof here);
}

static void both_copies_write_the_same_path(void **state)
{
	struct copy *copy = need_library(state);
	uint32_t pid = 1;

	/* Both sides of every power of ten, and 0 and UINT32_MAX, at each size. */
	for (size_t size = 0; size <= KTSTR_WORKER_READY_MARKER_PATH_SIZE + 4; size++) {
		compare(copy, 0, size);
		compare(copy, UINT32_MAX, size);
		for (uint64_t power = 1; power <= UINT32_MAX; power *= 10) {
			compare(copy, (uint32_t)power - 1, size);
			compare(copy, (uint32_t)power, size);
		}
	}
	/* A linear congruential walk (Numerical Recipes) over the whole range, the same every time.
	 */
	for (int i = 0; i < 100000; i++) {
		pid = pid * 1664525u + 1013904223u;
		compare(copy, pid, KTSTR_WORKER_READY_MARKER_PATH_SIZE - (pid >> 16) % 12);
	}
	assert_int_equal(copy->path(1, NULL, 64), ktstr_worker_ready_marker_path(1, NULL, 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_has_a_copy_of_its_own),
		cmocka_unit_test(both_copies_have_the_same_literals),
		cmocka_unit_test(both_copies_write_the_same_path),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, open_library, close_library);
}
