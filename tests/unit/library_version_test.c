/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers, both libraries and configure.ac agree on the version. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include <ktstr/ktstr.h>

static void every_version_is_configures(void **state)
{
	char numbers[64];

	(void)state;
	snprintf(numbers, sizeof numbers, "%d.%d.%d", KTSTR_VERSION_MAJOR, KTSTR_VERSION_MINOR,
		 KTSTR_VERSION_PATCH);
	assert_string_equal(numbers, PACKAGE_VERSION);
	assert_string_equal(KTSTR_VERSION_STRING, PACKAGE_VERSION);
	assert_string_equal(ktstr_version(), PACKAGE_VERSION);
	assert_string_equal(ktstr_probe_version(), PACKAGE_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_version_is_configures) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
