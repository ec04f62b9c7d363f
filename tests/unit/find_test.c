/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the mapped files carry jemalloc, by what their memory shows: no file is opened. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arch.h"
#include "elf/module_scan.h"
#include "fake_elf.h"
#include "jemalloc/find.h"
#include "jemalloc/tsd_layout_table.h"

#define PID     1000
#define PROGRAM UINT64_C(0x100000)
#define LIBRARY UINT64_C(0x200000)

struct process {
	struct fake_target fake;
	struct module_list list;
	struct jemalloc_candidates found;
};

static int begin(void **state)
{
	static struct process process;
	const struct fake_elf program = {
		.base = PROGRAM, .path = "/bin/program", .inode = 1, .is_executable = true
	};

	memset(&process, 0, sizeof process);
	fake_target_begin(&process.fake, PID);
	fake_target_add_task(&process.fake, PID, 1);
	fake_elf_add(&process.fake, &program);
	*state = &process;
	return 0;
}

static int end(void **state)
{
	struct process *process = *state;

	jemalloc_candidates_free(&process->found);
	module_list_free(&process->list);
	fake_target_end(&process->fake);
	return 0;
}

/* A build of 5.3 or newer of this machine's. */
static const struct tsd_layout_row *known_build(void)
{
	for (size_t i = 0; i < tsd_layout_table_rows; i++)
		if (tsd_layout_table[i].machine == arch_elf_machine &&
		    tsd_layout_table[i].rtree_ctx)
			return &tsd_layout_table[i];
	fail();
	return NULL;
}

static void put_tsd(struct process *process, const struct tsd_layout_row *row, uint64_t at)
{
	uint64_t start = LIBRARY + FAKE_ELF_TLS + at;
	const unsigned char one = 1;

	for (size_t i = 0; i < sizeof row->bytes / sizeof *row->bytes && row->bytes[i].value; i++) {
		const unsigned char byte = (unsigned char)row->bytes[i].value;

		fake_target_put(&process->fake, start + row->bytes[i].offset, &byte, 1);
	}
	for (uint64_t i = 0; i < 24; i++)
		fake_target_put(&process->fake, start + row->rtree_ctx + 16 * i, &one, 1);
}

static void add_library_of(struct process *process, uint64_t tls_size, uint32_t reloc_type,
			   const struct fake_symbol *symbols, size_t symbol_count)
{
	const struct fake_reloc reloc = { .type = reloc_type, .offset = FAKE_ELF_DATA };
	const struct fake_elf library = { .base = LIBRARY,
					  .path = "/lib/libjemalloc.so.2",
					  .inode = 2,
					  .tls_filesz = tls_size,
					  .tls_memsz = tls_size,
					  .tls_align = 16,
					  .symbols = symbols,
					  .symbol_count = symbol_count,
					  .relocs = &reloc,
					  .reloc_count = tls_size != 0 };

	fake_elf_add(&process->fake, &library);
}

static void add_library_with(struct process *process, uint64_t tls_size, uint32_t reloc_type,
			     const struct fake_symbol *symbol)
{
	add_library_of(process, tls_size, reloc_type, symbol, symbol != NULL);
}

static void add_exporting_library(struct process *process, uint64_t tls_size,
				  const struct fake_symbol *symbols, size_t symbol_count)
{
	add_library_of(process, tls_size, arch_reloc_tpoff, symbols, symbol_count);
}

static void add_library(struct process *process, uint64_t tls_size,
			const struct fake_symbol *symbol)
{
	add_library_with(process, tls_size, arch_reloc_tpoff, symbol);
}

/* What was found of the library. */
static const struct jemalloc_candidate *find(struct process *process)
{
	const struct jemalloc_files no_files = { .use = false };
	bool maps_failed;

	assert_int_equal(module_scan(&process->fake.target, &process->list, &maps_failed), 0);
	assert_int_equal(process->list.count, 2);
	assert_int_equal(jemalloc_find(&process->fake.target, &no_files, &process->list, NULL,
				       &process->found),
			 0);
	assert_int_equal(process->found.count, 2);
	assert_false(process->found.all[0].is_jemalloc);
	assert_int_equal(process->found.files_queried, 0);
	return &process->found.all[1];
}

static void a_library_with_a_known_build_s_image_is_found(void **state)
{
	const struct tsd_layout_row *row = known_build();
	const struct jemalloc_candidate *library;

	add_library(*state, row->size, NULL);
	put_tsd(*state, row, 0);
	library = find(*state);
	assert_true(library->is_jemalloc);
	assert_int_equal(library->verdict, TSD_FOUND);
	assert_int_equal(library->offsets.allocated, row->allocated);
	assert_int_equal(library->offsets.deallocated, row->deallocated);
	assert_string_equal(library->offsets.row, row->version);
}

static void a_library_with_a_few_bytes_more_tls_is_a_changed_build(void **state)
{
	const struct tsd_layout_row *row = known_build();
	const struct jemalloc_candidate *library;

	/* Whichever TLS model it was built for. */
	add_library_with(*state, row->size + 8, arch_reloc_dtpmod, NULL);
	put_tsd(*state, row, 0);
	library = find(*state);
	assert_true(library->is_jemalloc);
	assert_int_equal(library->verdict, TSD_CONTRADICTED);
	assert_non_null(strstr(library->offsets.reason, "8 more"));
}

static void a_library_without_tls_is_no_jemalloc(void **state)
{
	add_library(*state, 0, NULL);
	assert_false(find(*state)->is_jemalloc);
}

static void a_library_with_an_image_of_zeros_is_no_jemalloc(void **state)
{
	add_library(*state, known_build()->size, NULL);
	assert_false(find(*state)->is_jemalloc);
}

static void two_images_in_one_library_are_a_contradiction(void **state)
{
	const struct tsd_layout_row *row = known_build();
	const struct jemalloc_candidate *library;

	add_library(*state, 2 * row->size, NULL);
	put_tsd(*state, row, 0);
	put_tsd(*state, row, row->size);
	library = find(*state);
	assert_true(library->is_jemalloc);
	assert_int_equal(library->verdict, TSD_CONTRADICTED);
}

static void a_library_that_defines_mallctl_is_a_jemalloc_that_is_not_certain(void **state)
{
	static const struct fake_symbol mallctl = { .name = "je_mallctl", .bind = STB_GLOBAL };
	const struct jemalloc_candidate *library;

	add_library(*state, known_build()->size, &mallctl);
	library = find(*state);
	assert_true(library->is_jemalloc);
	assert_int_equal(library->verdict, TSD_UNCERTAIN);
}

static void a_library_that_only_calls_mallctl_is_no_jemalloc(void **state)
{
	static const struct fake_symbol mallctl = { .name = "mallctl",
						    .bind = STB_GLOBAL,
						    .is_undefined = true };

	add_library(*state, known_build()->size, &mallctl);
	assert_false(find(*state)->is_jemalloc);
}

static const struct fake_symbol glibc_symbols[] = {
	{ .name = "gnu_get_libc_version", .bind = STB_WEAK },
	{ .name = "__libc_malloc", .bind = STB_GLOBAL },
	{ .name = "mallctl", .bind = STB_GLOBAL },
};

static void glibc_s_libc_is_excluded_by_its_symbols(void **state)
{
	const struct jemalloc_candidate *library;

	add_exporting_library(*state, known_build()->size, glibc_symbols, 2);
	library = find(*state);
	assert_false(library->is_jemalloc);
	assert_true(library->is_excluded);
}

static void one_symbol_of_glibc_s_alone_excludes_nothing(void **state)
{
	add_exporting_library(*state, known_build()->size, glibc_symbols + 1, 1);
	assert_false(find(*state)->is_excluded);
}

static void a_libc_with_a_mallctl_is_not_excluded(void **state)
{
	const struct jemalloc_candidate *library;

	add_exporting_library(*state, known_build()->size, glibc_symbols, 3);
	library = find(*state);
	assert_true(library->is_jemalloc);
	assert_false(library->is_excluded);
}

static void a_library_with_a_damaged_dynamic_section_is_noted_and_passed_over(void **state)
{
	struct process *process = *state;
	const Elf64_Dyn endless = { .d_tag = DT_RELASZ, .d_un = { .d_val = UINT64_MAX } };

	add_library(process, known_build()->size, NULL);
	fake_target_put(&process->fake, LIBRARY + 0x410, &endless, sizeof endless);
	assert_false(find(process)->is_jemalloc);
	assert_non_null(strstr(process->list.unread, "libjemalloc.so.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_library_with_a_known_build_s_image_is_found),
		TEST(a_library_with_a_few_bytes_more_tls_is_a_changed_build),
		TEST(a_library_without_tls_is_no_jemalloc),
		TEST(a_library_with_an_image_of_zeros_is_no_jemalloc),
		TEST(two_images_in_one_library_are_a_contradiction),
		TEST(a_library_that_defines_mallctl_is_a_jemalloc_that_is_not_certain),
		TEST(a_library_that_only_calls_mallctl_is_no_jemalloc),
		TEST(glibc_s_libc_is_excluded_by_its_symbols),
		TEST(one_symbol_of_glibc_s_alone_excludes_nothing),
		TEST(a_libc_with_a_mallctl_is_not_excluded),
		TEST(a_library_with_a_damaged_dynamic_section_is_noted_and_passed_over),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
