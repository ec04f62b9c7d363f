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

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/procfs.h"

static void a_line_of_maps_is_read_or_refused(void **state)
{
	char with_spaces[] = "7f00-8f00 r-xp 00001000 fe:01 1234   /tmp/a b (x) (deleted)";
	char newline[] = "7f00-8f00 r--p 00000000 00:1b 18446744073709551615 /a\\012b";
	char anonymous[] = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0";
	char broken[] = "7f00 r-xp 0 0:0 0", reversed[] = "9000-8000 r-xp 0 0:0 0 /x";
	char cut[] = "7f00-8f00 rw\0p 0 0:0 0";
	static const char *const refused[] = {
		"",
		"-",
		"7f00-8f00",
		"7f00-8f00 ",
		"7f00-8f00 r-x",
		"7f00-8f00 r-xp",
		"7f00-8f00 r-xpp 0 0:0 0",
		"10000000000000000-20000000000000000 r-xp 0 0:0 0",
		"7f00-8f00 r-xp 0 100000000:0 0",
		"7f00-8f00 r-xp 0 0:0 ",
		"7f00-8f00 r-xp 0 0:0 -1",
		"7f00-8f00 r-xp 0 0:0 1x",
		"7f00-8f00 r-xp 0 0:0 18446744073709551616",
		"7f00-8f00 r-xp  0 0:0 0",
		" 7f00-8f00 r-xp 0 0:0 0",
	};
	struct target_map map;

	(void)state;
	assert_int_equal(procfs_parse_map(with_spaces, &map), 0);
	assert_true(map.start == 0x7f00 && map.end == 0x8f00 && map.offset == 0x1000 &&
		    map.inode == 1234);
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
	/* What stands behind the line's end is not looked at. */
	assert_int_equal(procfs_parse_map(cut, &map), -EBADMSG);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		char line[128];

		snprintf(line, sizeof line, "%s", refused[i]);
		assert_int_equal(procfs_parse_map(line, &map), -EBADMSG);
	}
}

/* A directory that looks like /proc. */
static char root[4096];
static int root_fd = -1;

static void make_directory(const char *path)
{
	assert_int_equal(mkdirat(root_fd, path, 0700), 0);
}

static void make_file(const char *path, const char *text, size_t length)
{
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static void tasks_are_listed_in_order_and_anew_each_time(void **state)
{
	char path[64];
	pid_t *tids;
	size_t count;
	int task_fd;

	(void)state;
	make_directory("7");
	assert_int_equal(procfs_open_tasks(root_fd, 7), -ENOENT);
	make_directory("7/task");
	task_fd = procfs_open_tasks(root_fd, 7);
	assert_true(task_fd >= 0);
	assert_int_equal(procfs_list_tasks(task_fd, &tids, &count), -ESRCH);
	make_directory("7/task/12x");
	make_directory("7/task/-4");
	make_directory("7/task/0");
	assert_int_equal(procfs_list_tasks(task_fd, &tids, &count), -ESRCH);
	assert_null(tids);
	for (int i = 0; i < 1000;
	     i++) { /* in an order of their own: 37 and 1000 share no divisor */
		snprintf(path, sizeof path, "7/task/%d", 100000 + i * 37 % 1000);
		make_directory(path);
	}
	assert_int_equal(procfs_list_tasks(task_fd, &tids, &count), 0);
	assert_int_equal(count, 1000);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(tids[i], 100000 + (int)i);
	free(tids);
	assert_int_equal(unlinkat(root_fd, "7/task/100500", AT_REMOVEDIR), 0);
	assert_int_equal(procfs_list_tasks(task_fd, &tids, &count), 0); /* anew, from the start */
	assert_int_equal(count, 999);
	free(tids);
	close(task_fd);
}

static void a_file_is_read_whole_up_to_its_limit(void **state)
{
	static char text[200000];
	size_t length;
	char *read;

	(void)state;
	memset(text, 'a', sizeof text);
	for (size_t size = 65535; size <= 65537; size++) { /* around one piece */
		make_file("file", text, size);
		assert_int_equal(procfs_read_file(root_fd, "file", size, &read, &length), 0);
		assert_true(length == size && strlen(read) == size);
		free(read);
		assert_int_equal(procfs_read_file(root_fd, "file", size - 1, &read, &length),
				 -EFBIG);
	}
	make_file("file", "", 0);
	assert_int_equal(procfs_read_file(root_fd, "file", 10, &read, &length), 0);
	assert_true(length == 0 && *read == '\0');
	free(read);
	assert_int_equal(procfs_read_file(root_fd, "none", 10, &read, &length), -ENOENT);
}

static void write_auxv(const void *words, size_t size)
{
	int fd = openat(root_fd, "8/auxv", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, words, size), size);
	close(fd);
}

/* A 32-bit program's vector as it was seen: AT_SYSINFO, AT_SYSINFO_EHDR, AT_RANDOM, the end. */
static void the_auxiliary_vector_is_read_in_words_of_the_programs_width(void **state)
{
	static const uint32_t narrow[] = { 32, 0xf7f665e0, 33, 0xf7f66000, 25, 0xffd41c2b, 0, 0 };
	static const uint64_t wide[] = { 33, 0x7ffff7fc1000, 25, 0x7fffffffe5a9, 0,
					 0,  0x19,           1 /* behind the end */ };
	uint64_t value;

	(void)state;
	assert_int_equal(mkdirat(root_fd, "8", 0700), 0);
	write_auxv(narrow, sizeof narrow);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 25, &value), 0);
	assert_int_equal(value, 0xffd41c2b);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 33, &value), 0);
	assert_int_equal(value, 0xf7f66000);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 6, &value), 0);
	assert_int_equal(value, 0);
	write_auxv(wide, sizeof wide);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 25, &value), 0);
	assert_true(value == 0x7fffffffe5a9);
	write_auxv(wide, 3);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 33, &value), 0);
	assert_int_equal(value, 0);
	write_auxv(wide, 0); /* of a process whose memory is gone */
	assert_int_equal(procfs_read_auxv(root_fd, 8, 33, &value), -ESRCH);
	assert_int_equal(unlinkat(root_fd, "8/auxv", 0), 0);
	assert_int_equal(unlinkat(root_fd, "8", AT_REMOVEDIR), 0);
	assert_int_equal(procfs_read_auxv(root_fd, 8, 33, &value), -ENOENT);
}

static void a_stat_that_is_empty_is_of_a_task_that_has_ended(void **state)
{
	struct task_stat stat;

	(void)state;
	make_directory("8");
	make_file("8/stat", "", 0);
	assert_int_equal(procfs_read_stat(root_fd, 8, &stat), -ESRCH);
	assert_int_equal(unlinkat(root_fd, "8/stat", 0), 0);
	assert_int_equal(unlinkat(root_fd, "8", AT_REMOVEDIR), 0);
}

/* This process, through the real /proc. */
static void this_process_is_read_through_the_real_proc(void **state)
{
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = procfs_open_tasks(proc_fd, getpid());
	struct proc_status status;
	struct task_stat stat;
	pid_t *tids;
	size_t count;

	(void)state;
	assert_int_equal(procfs_list_tasks(fd, &tids, &count), 0);
	assert_true(count >= 1 && tids[0] == getpid());
	free(tids);
	assert_int_equal(procfs_read_stat(fd, getpid(), &stat), 0);
	assert_true(stat.state == 'R' && stat.start_time > 0);
	assert_int_equal(procfs_read_status(fd, getpid(), &status), 0);
	assert_int_equal(status.tgid, getpid());
	close(fd);
	close(proc_fd);
}

static int make_root(void **state)
{
	const char *directory = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof root, "%s/probe_procfs.XXXXXX",
		 directory && *directory ? directory : "/tmp");
	if (!mkdtemp(root))
		return -1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0;
}

static int remove_root(void **state)
{
	char path[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof path, "7/task/%d", 100000 + i);
		unlinkat(root_fd, path, AT_REMOVEDIR);
	}
	for (const char *const *name =
		     (const char *const[]){ "7/task/12x", "7/task/-4", "7/task/0", "7/task", "7",
					    "9/task/9", "9/task", "9", NULL };
	     *name; name++) {
		snprintf(path, sizeof path, "%s/status", *name);
		unlinkat(root_fd, path, 0);
		unlinkat(root_fd, *name, AT_REMOVEDIR);
	}
	unlinkat(root_fd, "file", 0);
	close(root_fd);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_maps_is_read_or_refused),
		cmocka_unit_test(tasks_are_listed_in_order_and_anew_each_time),
		cmocka_unit_test(a_file_is_read_whole_up_to_its_limit),
		cmocka_unit_test(the_auxiliary_vector_is_read_in_words_of_the_programs_width),
		cmocka_unit_test(a_stat_that_is_empty_is_of_a_task_that_has_ended),
		cmocka_unit_test(this_process_is_read_through_the_real_proc),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
