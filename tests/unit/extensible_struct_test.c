/* SPDX-License-Identifier: BSD-2-Clause */
/* The rule by which structures that a caller fills in may grow, alone and in both libraries. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "shared/extensible_struct.h"
#include <ktstr/payload.h>
#include <ktstr/probe.h>

/* A structure of the library, and the same as an earlier and a later caller knows it. */
struct small {
	size_t size;
	uint32_t flags, level;
};

struct known {
	size_t size;
	uint32_t flags, level;
	const char *path;
};

struct large {
	struct known known;
	uint64_t unknown[2];
};

static void an_equal_structure_is_copied(void **state)
{
	const struct known given = {
		.size = sizeof given, .flags = 1, .level = 2, .path = "three"
	};
	struct known known;

	(void)state;
	memset(&known, 0xff, sizeof known);
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), 0);
	assert_memory_equal(&known, &given, sizeof known);
}

static void a_shorter_one_is_filled_with_zeros(void **state)
{
	const struct small given = { .size = sizeof given, .flags = 1, .level = 2 };
	const size_t alone = sizeof alone;
	struct known known;

	(void)state;
	memset(&known, 0xff, sizeof known);
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), 0);
	assert_int_equal(known.size, sizeof known);
	assert_true(known.flags == 1 && known.level == 2);
	assert_null(known.path);

	memset(&known, 0xff, sizeof known);
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &alone), 0);
	assert_true(known.flags == 0 && known.level == 0 && !known.path);
}

static void a_longer_one_is_taken_if_the_rest_is_zero(void **state)
{
	struct large given = { .known = { .size = sizeof given, .flags = 1, .path = "three" } };
	unsigned char *rest = (unsigned char *)given.unknown;
	struct known known;

	(void)state;
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), 0);
	assert_int_equal(known.size, sizeof known);
	assert_int_equal(known.flags, 1);
	assert_string_equal(known.path, "three");
	for (size_t i = 0; i < sizeof given.unknown; i++) {
		rest[i] = 1;
		assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), -E2BIG);
		rest[i] = 0;
	}
}

/* What was never set holds anything: nothing is read behind a size that cannot be. */
static void sizes_that_cannot_be_are_refused(void **state)
{
	static const size_t small[] = { 0, 1, sizeof(size_t) - 1 };
	static const size_t large[] = { EXTENSIBLE_STRUCT_MAX + 1, SIZE_MAX };
	struct known given = { .flags = 1 }, known;

	(void)state;
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		given.size = small[i];
		assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), -EINVAL);
	}
	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		given.size = large[i];
		assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), -E2BIG);
	}
}

/* All of it zeros, and yet no caller of any version has that much. */
static void a_size_beyond_any_is_refused_whatever_it_holds(void **state)
{
	static struct {
		size_t size;
		char rest[EXTENSIBLE_STRUCT_MAX];
	} given;
	struct known known;

	(void)state;
	given.size = EXTENSIBLE_STRUCT_MAX;
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), 0);
	given.size = EXTENSIBLE_STRUCT_MAX + 1;
	assert_int_equal(extensible_struct_copy(&known, sizeof known, &given), -E2BIG);
}

/* ---- the public structures ---- */

static int spawn(const struct ktstr_payload_options *options, struct ktstr_error *error)
{
	static const char *const argv[] = { "true", NULL };
	struct ktstr_payload *payload;
	int rc = ktstr_payload_spawn(argv, options, &payload, error);

	ktstr_payload_close(payload);
	return rc;
}

static void payload_options_of_other_versions_are_taken_or_refused(void **state)
{
	struct {
		struct ktstr_payload_options options;
		uint64_t later;
	} given = { .options = KTSTR_PAYLOAD_OPTIONS_INIT };
	struct ktstr_error error;

	(void)state;
	assert_int_equal(given.options.size, sizeof given.options);
	assert_int_equal(spawn(&given.options, NULL), 0);
	/* What a shorter one does not have is not looked at, though it would be refused. */
	given.options.size = offsetof(struct ktstr_payload_options, err);
	given.options.err.reserved[0] = 1;
	assert_int_equal(spawn(&given.options, NULL), 0);
	given.options.size = sizeof given;
	assert_int_equal(spawn(&given.options, &error), -EINVAL);
	given.options.err.reserved[0] = 0;
	assert_int_equal(spawn(&given.options, NULL), 0);
	given.later = UINT64_C(1) << 63;
	assert_int_equal(spawn(&given.options, &error), -E2BIG);
	assert_int_equal(error.code, -E2BIG);
	assert_string_equal(error.step, "options");
	given.options.size = 0;
	assert_int_equal(spawn(&given.options, &error), -EINVAL);
	assert_non_null(strstr(error.text, "KTSTR_PAYLOAD_OPTIONS_INIT"));
}

static int open_session(const struct ktstr_probe_options *options, struct ktstr_error *error)
{
	struct ktstr_probe *probe;
	int rc = ktstr_probe_new(&probe, options, error);

	if (rc)
		assert_null(probe);
	ktstr_probe_close(probe);
	return rc;
}

static void probe_options_of_other_versions_are_taken_or_refused(void **state)
{
	struct {
		struct ktstr_probe_options options;
		uint64_t later;
	} given = { .options = KTSTR_PROBE_OPTIONS_INIT };
	struct ktstr_error error;

	(void)state;
	assert_int_equal(given.options.size, sizeof given.options);
	assert_int_equal(open_session(&given.options, NULL), 0);
	given.options.size = offsetof(struct ktstr_probe_options, thread_pointer);
	given.options.thread_pointer = (enum ktstr_probe_thread_pointer)99;
	assert_int_equal(open_session(&given.options, NULL), 0);
	given.options.size = sizeof given;
	assert_int_equal(open_session(&given.options, &error), -EINVAL);
	given.options.thread_pointer = KTSTR_PROBE_THREAD_POINTER_AUTO;
	assert_int_equal(open_session(&given.options, NULL), 0);
	given.later = 1;
	assert_int_equal(open_session(&given.options, &error), -E2BIG);
	assert_int_equal(error.code, -E2BIG);
	assert_string_equal(error.step, "options");
	given.options.size = 0;
	assert_int_equal(open_session(&given.options, &error), -EINVAL);
	assert_non_null(strstr(error.text, "KTSTR_PROBE_OPTIONS_INIT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_equal_structure_is_copied),
		cmocka_unit_test(a_shorter_one_is_filled_with_zeros),
		cmocka_unit_test(a_longer_one_is_taken_if_the_rest_is_zero),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
		cmocka_unit_test(a_size_beyond_any_is_refused_whatever_it_holds),
		cmocka_unit_test(payload_options_of_other_versions_are_taken_or_refused),
		cmocka_unit_test(probe_options_of_other_versions_are_taken_or_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
