/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "linux/memory_status.h"

static const char text[] = "Name:\tredis-server\nVmPeak:\t   99999 kB\nVmRSS:\t    1204 kB\n"
			   "RssAnon:\t    1000 kB\nRssFile:\t     200 kB\nRssShmem:\t       4 kB\n"
			   "VmSwap:\t      16 kB\nThreads:\t4\n";

static void the_lines_are_read_as_bytes(void **state)
{
	struct memory_status status;

	(void)state;
	assert_int_equal(memory_status_parse(text, &status), 0);
	assert_int_equal(status.rss, 1204 * 1024);
	assert_int_equal(status.anon, 1000 * 1024);
	assert_int_equal(status.file, 200 * 1024);
	assert_int_equal(status.shmem, 4 * 1024);
	assert_int_equal(status.swap, 16 * 1024);
}

static void what_is_missing_or_no_number_is_refused(void **state)
{
	static const char *const changes[][2] = {
		{ "VmSwap:", "VmSwip:" }, { "1204", "x204" },    { " 200 kB", " 200 MB" },
		{ "1000", "-100" },       { "VmRSS", "xVmRSS" }, { "1204", "99999999999999999999" },
	};
	struct memory_status status;

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char changed[sizeof text + 32];
		const char *at = strstr(text, changes[i][0]);
		size_t before = (size_t)(at - text);

		memcpy(changed, text, before);
		strcpy(changed + before, changes[i][1]);
		strcat(changed, at + strlen(changes[i][0]));
		assert_int_equal(memory_status_parse(changed, &status), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lines_are_read_as_bytes),
		cmocka_unit_test(what_is_missing_or_no_number_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
