/* SPDX-License-Identifier: BSD-2-Clause */
/* A stripped program's debug file: by its build-id, by its link, and only the right one. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "made_directory.h"
#include "symfile/debug_file.h"

#define READER 1000

static struct target target = { .reader = READER, .proc_fd = -1 };

/*
 * program: stripped, with a build-id and a link to program.debug; bare: neither. Below the target's
 * root, debug files stand where distributions install them.
 */
static int make_files(void **state)
{
	if (make_directory(state) ||
	    run("echo 'int main(void) { return 0; }' >p.c && %s -g -Wl,--build-id=0x0102aabb -o "
		"program p.c && objcopy --only-keep-debug program program.debug && objcopy "
		"--strip-all --add-gnu-debuglink=program.debug program && %s "
		"-Wl,--build-id=none -o bare p.c",
		cc(), cc()) ||
	    run("mkdir -p proc/%d/root/usr/lib/debug/.build-id/01 proc/%d/root/opt/.debug && cp "
		"program.debug proc/%d/root/usr/lib/debug/.build-id/01/02aabb.debug && cp "
		"program.debug proc/%d/root/opt/.debug/",
		READER, READER, READER, READER))
		return -1;
	target.proc_fd = openat(directory_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return target.proc_fd < 0;
}

static int remove_files(void **state)
{
	close(target.proc_fd);
	return remove_directory(state);
}

static void the_build_id_is_that_of_the_note(void **state)
{
	static const unsigned char wanted[] = { 0x01, 0x02, 0xaa, 0xbb };
	static const unsigned char other[] = { 0x01, 0x02, 0xaa, 0xbc };
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t size = sizeof id;
	int fd = open_here("program");

	(void)state;
	assert_int_equal(debug_file_build_id(fd, id, &size), 0);
	assert_int_equal(size, sizeof wanted);
	assert_memory_equal(id, wanted, sizeof wanted);
	size = 2;
	assert_int_equal(debug_file_build_id(fd, id, &size), -EFBIG);
	assert_true(debug_file_has_id(fd, wanted, sizeof wanted));
	assert_false(debug_file_has_id(fd, wanted, sizeof wanted - 1));
	assert_false(debug_file_has_id(fd, other, sizeof other));
	close(fd);
}

static void a_file_without_a_note_has_no_build_id(void **state)
{
	unsigned char id[DEBUG_FILE_ID_SIZE];
	size_t size = sizeof id;
	int fd = open_here("bare"), no_elf = open_here("p.c");

	(void)state;
	assert_int_equal(debug_file_build_id(fd, id, &size), -ENOENT);
	assert_int_not_equal(debug_file_build_id(no_elf, id, &size), 0);
	close(fd);
	close(no_elf);
}

static void a_debug_file_is_opened_in_the_target_s_root_by_build_id(void **state)
{
	static const unsigned char id[] = { 0x01, 0x02, 0xaa, 0xbb }, longest[65536] = { 1 };
	int fds[DEBUG_FILE_BY_ID];
	size_t count = debug_file_open_by_id(&target, id, sizeof id, fds);

	(void)state;
	assert_int_equal(count, 1); /* this machine has none of that id */
	assert_true(debug_file_has_id(fds[0], id, sizeof id));
	close(fds[0]);
	assert_int_equal(debug_file_open_by_id(&target, id, 1, fds), 0);
	assert_int_equal(debug_file_open_by_id(&target, longest, sizeof longest, fds), 0);
	assert_int_equal(debug_file_open_by_id(&target, (const unsigned char *)"xyz", 3, fds), 0);
}

static void the_link_is_a_name_and_a_checksum_that_the_file_has(void **state)
{
	int fd = open_here("program"), debug = open_here("program.debug");
	uint64_t left = DEBUG_FILE_CHECKSUM_LIMIT;
	struct debug_link link;

	(void)state;
	assert_int_equal(debug_file_read_link(fd, &link), 0);
	assert_string_equal(link.name, "program.debug");
	assert_true(debug_file_has_checksum(debug, &left, link.crc));
	assert_true(left < DEBUG_FILE_CHECKSUM_LIMIT);
	assert_false(debug_file_has_checksum(debug, &left, link.crc + 1));
	assert_false(debug_file_has_checksum(fd, &left, link.crc));
	close(fd);
	close(debug);
}

static void a_file_larger_than_what_is_left_has_no_checksum(void **state)
{
	int fd = open_here("program"), debug = open_here("program.debug");
	struct debug_link link;
	uint64_t left = 16;

	(void)state;
	assert_int_equal(debug_file_read_link(fd, &link), 0);
	assert_false(debug_file_has_checksum(debug, &left, link.crc));
	assert_int_equal(left, 16);
	close(fd);
	close(debug);
}

static void a_program_without_a_link_has_none(void **state)
{
	int fd = open_here("bare");
	struct debug_link link;

	(void)state;
	assert_int_equal(debug_file_read_link(fd, &link), -ENOENT);
	close(fd);
}

static void a_link_that_is_a_path_or_does_not_end_is_not_sane(void **state)
{
	struct debug_link link = { .name = "program.debug" };

	(void)state;
	assert_true(debug_file_link_is_sane(&link));
	strcpy(link.name, "../etc/shadow");
	assert_false(debug_file_link_is_sane(&link));
	*link.name = '\0';
	assert_false(debug_file_link_is_sane(&link));
	memset(link.name, 'x', sizeof link.name);
	assert_false(debug_file_link_is_sane(&link));
}

static void what_a_link_names_is_looked_for_beside_the_program_in_the_target_s_root(void **state)
{
	const struct debug_link link = { .name = "program.debug" };
	int fds[DEBUG_FILE_BY_LINK];
	size_t count = debug_file_open_by_link(&target, "/opt/program", &link, fds);

	(void)state;
	assert_int_equal(count, 1);
	close(fds[0]);
	assert_int_equal(debug_file_open_by_link(&target, "/no/such/program", &link, fds), 0);
}

static void a_link_that_leads_out_of_the_target_s_root_is_resolved_inside(void **state)
{
	const struct debug_link link = { .name = "escape.debug" };
	int fds[DEBUG_FILE_BY_LINK];

	(void)state;
	/* Outside it is there, inside the root that path leads to nothing. */
	assert_int_equal(run("ln -s '%s/program.debug' proc/%d/root/opt/escape.debug", directory,
			     READER),
			 0);
	assert_int_equal(debug_file_open_by_link(&target, "/opt/program", &link, fds), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_build_id_is_that_of_the_note),
		cmocka_unit_test(a_file_without_a_note_has_no_build_id),
		cmocka_unit_test(a_debug_file_is_opened_in_the_target_s_root_by_build_id),
		cmocka_unit_test(the_link_is_a_name_and_a_checksum_that_the_file_has),
		cmocka_unit_test(a_file_larger_than_what_is_left_has_no_checksum),
		cmocka_unit_test(a_program_without_a_link_has_none),
		cmocka_unit_test(a_link_that_is_a_path_or_does_not_end_is_not_sane),
		cmocka_unit_test(
			what_a_link_names_is_looked_for_beside_the_program_in_the_target_s_root),
		cmocka_unit_test(a_link_that_leads_out_of_the_target_s_root_is_resolved_inside),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
