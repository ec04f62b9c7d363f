/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files count as programs and libraries, and in which order. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elf/module_scan.h"
#include "fake_elf.h"

#define PID 1000

static const struct fake_elf library = { .base = 0x100000, .path = "/lib/libone.so", .inode = 1 };
static const struct fake_elf program = {
	.base = 0x200000, .path = "/bin/program", .inode = 2, .is_executable = true
};
static const struct fake_elf data = {
	.base = 0x300000, .path = "/usr/lib/debug/data", .inode = 3, .has_no_code = true
};

static int begin(void **state)
{
	static struct fake_target fake;

	fake_target_begin(&fake, PID);
	fake_target_add_task(&fake, PID, 1);
	*state = &fake;
	return 0;
}

static int end(void **state)
{
	fake_target_end(*state);
	return 0;
}

static void the_executable_comes_first_and_the_others_by_address(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.modules[0].path, program.path);
	assert_true(list.modules[0].is_executable);
	assert_string_equal(list.modules[1].path, library.path);
	assert_false(list.modules[1].is_executable);
	assert_int_equal(list.modules[1].image.start, library.base);
	module_list_free(&list);
}

static void a_file_without_code_is_no_module(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &program);
	fake_elf_add(fake, &data);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	module_list_free(&list);
}

static void code_of_another_file_does_not_make_a_module(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	fake->maps[1].inode = fake->maps[2].inode = 77; /* its code and data are another file's */
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.modules[0].path, program.path);
	module_list_free(&list);
}

static int (*read_all)(struct target *target, struct target_range *ranges, size_t count);

/* The whole head was there, and yet the kernel said that it was not. */
static int read_with_error(struct target *target, struct target_range *ranges, size_t count)
{
	int rc = read_all(target, ranges, count);

	for (size_t i = 0; i < count; i++)
		if (ranges[i].address == library.base)
			ranges[i].error = -EFAULT;
	return rc;
}

static void a_head_that_was_read_with_an_error_is_not_looked_at(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	read_all = fake->ops.read;
	fake->ops.read = read_with_error;
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	module_list_free(&list);
}

static void a_head_that_is_no_program_s_is_left_out(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	fake_target_put(fake, library.base, "not ELF", 7);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.unread, "");
	module_list_free(&list);
}

static void a_head_that_cannot_be_read_is_noted(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	fake->memory[0].address += 0x1000000; /* mapped, but gone */
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	assert_non_null(strstr(list.unread, library.path));
	assert_non_null(strstr(list.unread, "cannot be read"));
	module_list_free(&list);
}

static void a_library_whose_code_is_no_file_s_any_more_is_a_module(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake->maps[1] = fake->maps[2]; /* anonymous memory is not listed */
	fake->map_count = 2;
	fake_elf_add(fake, &program);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.modules[1].path, library.path);
	module_list_free(&list);
}

static void a_library_whose_first_page_is_no_file_s_any_more_is_found_by_its_data(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake->maps[0] = fake->maps[2];
	fake->map_count = 1;
	fake_elf_add(fake, &program);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.modules[1].path, library.path);
	assert_int_equal(list.modules[1].image.start, library.base);
	assert_false(list.modules[1].is_executable);
	module_list_free(&list);
}

static void a_piece_where_the_file_would_not_load_it_shows_nothing(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;

	fake_elf_add(fake, &library);
	fake->maps[0] = fake->maps[2];
	fake->maps[0].offset -= 4096; /* the first page is found, but loads it elsewhere */
	fake->map_count = 1;
	fake_elf_add(fake, &program);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	module_list_free(&list);
}

static void a_file_with_damaged_headers_is_noted(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed;
	Elf64_Half size = 1;

	fake_elf_add(fake, &library);
	fake_elf_add(fake, &program);
	fake_target_put(fake, library.base + offsetof(Elf64_Ehdr, e_phentsize), &size, sizeof size);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 1);
	assert_non_null(strstr(list.unread, library.path));
	assert_non_null(strstr(list.unread, "damaged"));
	assert_non_null(strstr(fake->target.diagnostics.text, "is left out"));
	module_list_free(&list);
}

static void the_first_note_stays(void **state)
{
	struct module_list list = { .count = 0 };
	struct module first = { .path = (char[]){ "/first" } },
		      second = { .path = (char[]){ "/x" } };

	(void)state;
	module_list_note_unread(&list, &first, "%s", "reason one");
	module_list_note_unread(&list, &second, "%s", "reason two");
	assert_string_equal(list.unread, "/first: reason one");
}

static void without_a_living_task_the_maps_fail(void **state)
{
	struct fake_target *fake = *state;
	struct module_list list;
	bool maps_failed = false;

	fake_elf_add(fake, &program);
	fake_target_remove_task(fake, PID);
	assert_int_equal(module_scan(&fake->target, &list, &maps_failed), -ESRCH);
	assert_true(maps_failed);
	assert_null(list.modules);
}

static void a_module_is_named_by_its_path_or_the_last_part_of_it(void **state)
{
	const struct module module = { .path = (char[]){ "/usr/lib/libjemalloc.so.2" } };

	(void)state;
	assert_true(module_is_named(&module, NULL));
	assert_true(module_is_named(&module, "/usr/lib/libjemalloc.so.2"));
	assert_true(module_is_named(&module, "libjemalloc.so.2"));
	assert_false(module_is_named(&module, "jemalloc.so.2"));
	assert_false(module_is_named(&module, "/lib/libjemalloc.so.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(the_executable_comes_first_and_the_others_by_address),
		TEST(a_file_without_code_is_no_module),
		TEST(code_of_another_file_does_not_make_a_module),
		TEST(a_head_that_was_read_with_an_error_is_not_looked_at),
		TEST(a_head_that_is_no_program_s_is_left_out),
		TEST(a_head_that_cannot_be_read_is_noted),
		TEST(a_library_whose_code_is_no_file_s_any_more_is_a_module),
		TEST(a_library_whose_first_page_is_no_file_s_any_more_is_found_by_its_data),
		TEST(a_piece_where_the_file_would_not_load_it_shows_nothing),
		TEST(a_file_with_damaged_headers_is_noted),
		TEST(the_first_note_stays),
		TEST(without_a_living_task_the_maps_fail),
		TEST(a_module_is_named_by_its_path_or_the_last_part_of_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
