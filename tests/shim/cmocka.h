/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of cmocka's interface as the unit tests of libktstr use, in one header: for C libraries
 * that no cmocka is built for. tests/program/alone.t runs the tests with musl by it.
 */
#ifndef CMOCKA_H_
#define CMOCKA_H_

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum cm_message_output { CM_OUTPUT_STDOUT, CM_OUTPUT_TAP };

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
};

enum shim_verdict { SHIM_PASSED, SHIM_FAILED, SHIM_SKIPPED };

static jmp_buf shim_end __attribute__((unused));

#define shim_fail(...)                                                               \
	(printf("# %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), \
	 fflush(stdout), longjmp(shim_end, SHIM_FAILED))
#define shim_expect(holds, text) ((holds) ? (void)0 : shim_fail("%s", text))

#define fail_msg                      shim_fail
#define fail()                        shim_fail("fail()")
#define skip()                        longjmp(shim_end, SHIM_SKIPPED)
#define print_message                 printf
#define print_error(...)              fprintf(stderr, __VA_ARGS__)
#define assert_true(a)                shim_expect(!!(a), #a)
#define assert_false(a)               shim_expect(!(a), "not: " #a)
#define assert_non_null(a)            shim_expect((a) != NULL, #a " != NULL")
#define assert_null(a)                shim_expect((a) == NULL, #a " == NULL")
#define shim_address(a)               ((const void *)(a))
#define assert_ptr_equal(a, b)        shim_expect(shim_address(a) == shim_address(b), #a " == " #b)
#define assert_ptr_not_equal(a, b)    shim_expect(shim_address(a) != shim_address(b), #a " != " #b)
#define assert_int_equal(a, b)        shim_compare_int(a, b, 1, #a, #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)    shim_compare_int(a, b, 0, #a, #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)     shim_compare_text(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)  shim_expect(memcmp(a, b, n) == 0, #a " has the bytes of " #b)
#define assert_in_range(a, low, high) shim_expect((a) >= (low) && (a) <= (high), #a " in range")

/* As cmocka's: each side once, as integers of the greatest width. */
#define shim_compare_int(a, b, equal, a_text, b_text, file, line) \
	shim_compare_widest((uintmax_t)(a), (uintmax_t)(b), equal, a_text, b_text, file, line)

static inline void shim_compare_widest(uintmax_t a, uintmax_t b, int equal, const char *a_text,
				       const char *b_text, const char *file, int line)
{
	if ((a == b) == equal)
		return;
	printf("# %s:%d: %s is %jd, %s is %jd\n", file, line, a_text, (intmax_t)a, b_text,
	       (intmax_t)b);
	fflush(stdout);
	longjmp(shim_end, SHIM_FAILED);
}

static inline void shim_compare_text(const char *a, const char *b, const char *file, int line)
{
	if (strcmp(a, b) == 0)
		return;
	printf("# %s:%d: \"%s\" is not \"%s\"\n", file, line, a, b);
	fflush(stdout);
	longjmp(shim_end, SHIM_FAILED);
}

#define cmocka_unit_test(f)       \
	{                         \
#f, f, NULL, NULL \
	}
#define cmocka_unit_test_setup_teardown(f, up, down) \
	{                                            \
#f, f, up, down                      \
	}
#define cmocka_set_message_output(output) ((void)(output))
#define cmocka_run_group_tests(tests, up, down) \
	shim_run(tests, sizeof(tests) / sizeof((tests)[0]), up, down)
#define _cmocka_run_group_tests(group, tests, count, up, down) shim_run(tests, count, up, down)

static inline int shim_run(const struct CMUnitTest *tests, size_t count, int (*up)(void **),
			   int (*down)(void **))
{
	void *group = NULL;
	volatile int failed = up && up(&group);

	printf("1..%zu\n", count);
	for (volatile size_t i = 0; i < count; i++) {
		const struct CMUnitTest *test = &tests[i];
		void *volatile state = group;
		volatile int verdict = setjmp(shim_end);

		if (verdict == SHIM_PASSED) {
			if (test->setup_func && test->setup_func((void **)&state))
				verdict = SHIM_FAILED;
			else
				test->test_func((void **)&state);
		}
		if (test->teardown_func && test->teardown_func((void **)&state))
			verdict = SHIM_FAILED;
		printf("%sok %zu - %s%s\n", verdict == SHIM_FAILED ? "not " : "", i + 1, test->name,
		       verdict == SHIM_SKIPPED ? " # SKIP" : "");
		fflush(stdout);
		failed += verdict == SHIM_FAILED;
	}
	return failed + (down && down(&group));
}

#endif
