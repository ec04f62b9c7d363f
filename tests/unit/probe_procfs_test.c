/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of maps and stat, and status, as hostile as they come. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "procfs.h"

static void test_maps(void **state)
{
	char with_spaces[] = "7f00-8f00 r-xp 00001000 fe:01 1234   /tmp/a b (x) (deleted)";
	char newline[] = "7f00-8f00 r--p 00000000 00:1b 18446744073709551615 /a\\012b";
	char anonymous[] = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0";
	char broken[] = "7f00 r-xp 0 0:0 0", reversed[] = "9000-8000 r-xp 0 0:0 0 /x";
	struct procfs_map map;

	(void)state;
	assert_int_equal(procfs_parse_map(with_spaces, &map), 0);
	assert_true(map.start == 0x7f00 && map.end == 0x8f00 && map.offset == 0x1000 && map.inode == 1234);
	assert_int_equal(map.dev_major, 0xfe);
	assert_string_equal(map.path, "/tmp/a b (x)");
	assert_int_equal(map.deleted, 1);
	assert_int_equal(procfs_parse_map(newline, &map), 0);
	assert_string_equal(map.path, "/a\nb");
	assert_true(map.inode == UINT64_MAX && !map.deleted);
	assert_int_equal(procfs_parse_map(anonymous, &map), 0);
	assert_string_equal(map.path, "");
	assert_int_equal(procfs_parse_map(broken, &map), -EBADMSG);
	assert_int_equal(procfs_parse_map(reversed, &map), -EBADMSG);
}

static void test_stat(void **state)
{
	static const char text[] =
		"12 (a) Z 1 (\n)) S 1 2 3 4 5 4194560 7 8 9 10 11 12 13 14 15 16 17 18 987654321 20 21";
	struct procfs_stat stat;

	(void)state;
	assert_int_equal(procfs_parse_stat(text, strlen(text), &stat), 0);
	assert_string_equal(stat.comm, "a) Z 1 (\n)");
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.flags, 4194560);
	assert_int_equal(stat.start_time, 987654321);
	assert_int_equal(procfs_parse_stat("12 (a", 5, &stat), -EBADMSG);
	assert_int_equal(procfs_parse_stat(")(", 2, &stat), -EBADMSG);
	assert_int_equal(procfs_parse_stat("1 (a) S 1 2", 11, &stat), -EBADMSG);
}

static void test_status(void **state)
{
	struct procfs_status status;

	(void)state;
	assert_int_equal(procfs_parse_status("Name:\tx\nTgid:\t7\nPid:\t9\nTracerPid:\t3\nNSpid:\t9\t5\t2\nX:\t1\n", &status), 0);
	assert_int_equal(status.tgid, 7);
	assert_int_equal(status.tracer, 3);
	assert_int_equal(status.inner_id, 2);
	assert_int_equal(status.levels, 3);
	assert_int_equal(procfs_parse_status("Name:\tx\nTgid:\t7\nPid:\t9\nTracerPid:\t0\n", &status), 0);
	assert_int_equal(status.inner_id, 9);
	assert_int_equal(procfs_parse_status("Name:\tx\n", &status), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_status),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
