/* SPDX-License-Identifier: BSD-2-Clause */
/* Only regular files are opened, only those that were meant, and only within the target's root. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "linux/target_file.h"
#include "made_directory.h"

/* made_directory.h's directory as /proc of a process 7, whose root is a directory there. */
static struct target target(void)
{
	return (struct target){ .pid = 7, .reader = 7, .proc_fd = directory_fd };
}

static void put(const char *name, const char *text)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int make_root(void **state)
{
	int rc = make_directory(state);

	if (rc)
		return rc;
	mkdirat(directory_fd, "7", 0700);
	mkdirat(directory_fd, "7/root", 0700);
	put("outside", "outside");
	put("7/root/inside", "inside");
	put("7/root/other", "other");
	mkfifoat(directory_fd, "7/root/fifo", 0600);
	symlinkat("/inside", directory_fd, "7/root/link");
	symlinkat("../../outside", directory_fd, "7/root/up");
	return 0;
}

/* The text of an open file, which is closed. */
static void expect_text(int fd, const char *expected)
{
	char text[32] = "";

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof text - 1) >= 0);
	close(fd);
	assert_string_equal(text, expected);
}

static void paths_and_links_are_those_of_the_targets_root(void **state)
{
	const struct target process = target();

	(void)state;
	expect_text(target_file_open_any(&process, "/inside"), "inside");
	expect_text(target_file_open_any(&process, "/link"), "inside");
	expect_text(target_file_open_any(&process, "/../../inside"), "inside");
	assert_int_equal(target_file_open_any(&process, "/up"), -ENOENT);
}

/* A FIFO would hold whoever opens it, and a device may do things then. */
static void what_is_no_regular_file_is_not_opened(void **state)
{
	const struct target process = target();

	(void)state;
	assert_int_equal(target_file_open_any(&process, "/fifo"), -EINVAL);
	assert_int_equal(target_file_open_any(&process, "/"), -EINVAL);
	assert_int_equal(target_file_open_any(NULL, "/dev/null"), -EINVAL);
}

static void another_file_at_the_same_path_is_stale(void **state)
{
	const struct target process = target();
	unsigned int major_number, minor_number;
	struct stat st;

	(void)state;
	assert_int_equal(fstatat(directory_fd, "7/root/inside", &st, 0), 0);
	major_number = major(st.st_dev);
	minor_number = minor(st.st_dev);
	expect_text(target_file_open(&process, "/inside", major_number, minor_number, st.st_ino),
		    "inside");
	assert_int_equal(target_file_open(&process, "/other", major_number, minor_number,
					  st.st_ino),
			 -ESTALE);
	assert_int_equal(target_file_open(&process, "/inside", major_number + 1, minor_number,
					  st.st_ino),
			 -ESTALE);
	assert_int_equal(target_file_open(&process, "/inside", major_number, minor_number + 1,
					  st.st_ino),
			 -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_links_are_those_of_the_targets_root),
		cmocka_unit_test(what_is_no_regular_file_is_not_opened),
		cmocka_unit_test(another_file_at_the_same_path_is_stale),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_root, remove_directory);
}
