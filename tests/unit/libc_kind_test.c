/* SPDX-License-Identifier: BSD-2-Clause */
/* Which C library a made-up process has: by its names, else by what it defines. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elf/libc_kind.h"
#include "elf/module_scan.h"
#include "fake_elf.h"

#define PID 1000

/* The kind in a process of a program and this library, with its first count symbols. */
static enum libc_kind kind_of(const char *path, const struct fake_symbol *symbols, size_t count)
{
	const struct fake_elf program = {
		.base = 0x100000, .path = "/bin/program", .inode = 1, .is_executable = true
	};
	const struct fake_elf library = { .base = 0x200000,
					  .path = path,
					  .inode = 2,
					  .symbols = symbols,
					  .symbol_count = count };
	struct fake_target fake;
	struct module_list list;
	enum libc_kind kind;
	bool maps_failed;

	fake_target_begin(&fake, PID);
	fake_target_add_task(&fake, PID, 1);
	fake_elf_add(&fake, &program);
	fake_elf_add(&fake, &library);
	assert_int_equal(module_scan(&fake.target, &list, &maps_failed), 0);
	assert_int_equal(list.count, 2);
	kind = libc_kind_find(&list);
	module_list_free(&list);
	fake_target_end(&fake);
	return kind;
}

static void glibc_is_known_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(kind_of("/lib/libc.so.6", NULL, 0), LIBC_GLIBC);
	assert_int_equal(kind_of("/lib/libc-2.31.so", NULL, 0), LIBC_GLIBC);
	assert_int_equal(kind_of("/lib/libother.so", NULL, 0), LIBC_UNKNOWN);
}

static void musl_is_known_by_all_that_it_defines(void **state)
{
	struct fake_symbol symbols[] = {
		{ .name = "__dls3", .bind = STB_GLOBAL },
		{ .name = "__libc_start_main", .bind = STB_GLOBAL },
		{ .name = "__tls_get_addr", .bind = STB_GLOBAL },
	};

	(void)state;
	assert_int_equal(kind_of("/lib/ld-musl-x86_64.so.1", symbols, 3), LIBC_MUSL);
	assert_int_equal(kind_of("/opt/renamed.so", symbols, 3), LIBC_MUSL);
	for (size_t count = 0; count < 3; count++)
		assert_int_equal(kind_of("/lib/ld-musl-x86_64.so.1", symbols, count), LIBC_UNKNOWN);
	symbols[2].is_undefined = true;
	assert_int_equal(kind_of("/lib/ld-musl-x86_64.so.1", symbols, 3), LIBC_UNKNOWN);
}

static void who_only_calls_glibc_is_not_glibc(void **state)
{
	struct fake_symbol symbol = { .name = "gnu_get_libc_version", .bind = STB_GLOBAL };

	(void)state;
	assert_int_equal(kind_of("/opt/renamed.so", &symbol, 1), LIBC_GLIBC);
	symbol.is_undefined = true;
	assert_int_equal(kind_of("/opt/renamed.so", &symbol, 1), LIBC_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glibc_is_known_by_its_name),
		cmocka_unit_test(musl_is_known_by_all_that_it_defines),
		cmocka_unit_test(who_only_calls_glibc_is_not_glibc),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
