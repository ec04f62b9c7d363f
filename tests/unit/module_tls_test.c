/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a module's TLS block is: by the ABI, by GOT words, by TLS descriptors, by musl's ids. */
#include "config.h"

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
#include "tls/module_tls.h"

#define PID     1000
#define LIBRARY UINT64_C(0x200000)
#define GOT     FAKE_ELF_DATA
#define MEMSZ   0x100
#define ALIGN   16

/* A place where a loader puts a block, in either variant. */
#define PLACE    (arch_tls_variant == 2 ? INT64_C(-0x400) : INT64_C(0x400))
#define RESOLVER UINT64_C(0x900000) /* ld.so's, outside of the library */

struct process {
	struct fake_target fake;
	struct module_list list;
	struct module_tls tls;
};

static int begin(void **state)
{
	static struct process process;

	fake_target_begin(&process.fake, PID);
	fake_target_add_task(&process.fake, PID, 1);
	*state = &process;
	return 0;
}

static int end(void **state)
{
	struct process *process = *state;

	module_list_free(&process->list);
	fake_target_end(&process->fake);
	return 0;
}

/* Maps one file with these relocations and asks for its block. */
static enum module_tls_verdict find_with(struct process *process, const struct fake_elf *elf)
{
	bool maps_failed;

	fake_elf_add(&process->fake, elf);
	assert_int_equal(module_scan(&process->fake.target, &process->list, &maps_failed), 0);
	assert_int_equal(process->list.count, 1);
	assert_int_equal(module_tls_find(&process->list, &process->list.modules[0], &process->tls),
			 0);
	return process->tls.verdict;
}

static enum module_tls_verdict find_with_relocs(struct process *process,
						const struct fake_reloc *relocs, size_t count)
{
	static const struct fake_symbol symbols[] = {
		{ .name = "exported", .value = 0x20, .bind = STB_GLOBAL },
		{ .name = "own", .value = 0x20, .bind = STB_LOCAL },
	};
	const struct fake_elf elf = { .base = LIBRARY,
				      .path = "/lib/libx.so",
				      .inode = 1,
				      .tls_filesz = 16,
				      .tls_memsz = MEMSZ,
				      .tls_align = ALIGN,
				      .symbols = symbols,
				      .symbol_count = 2,
				      .relocs = relocs,
				      .reloc_count = count };

	return find_with(process, &elf);
}

static void the_main_program_s_block_follows_from_the_abi(void **state)
{
	struct process *process = *state;
	const struct fake_elf elf = { .base = LIBRARY,
				      .path = "/bin/x",
				      .inode = 1,
				      .is_executable = true,
				      .tls_memsz = MEMSZ,
				      .tls_align = ALIGN };

	assert_int_equal(find_with(process, &elf), MODULE_TLS_FOUND);
	assert_true(process->tls.is_main_program);
	assert_int_equal(process->tls.tp_offset, arch_tls_variant == 2 ? -MEMSZ : 16);
}

static void a_got_word_is_the_tp_offset_of_what_its_relocation_names(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff,
		  .offset = GOT,
		  .addend = 0x40,
		  .words = { (uint64_t)(PLACE + 0x40) } },
		{ .type = arch_reloc_tpoff,
		  .symbol = 2,
		  .offset = GOT + 16,
		  .words = { (uint64_t)(PLACE + 0x20) } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 2), MODULE_TLS_FOUND);
	assert_int_equal(process->tls.tp_offset, PLACE);
	assert_false(process->tls.is_dynamic);
}

static void got_words_that_differ_are_a_contradiction(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .words = { (uint64_t)PLACE } },
		{ .type = arch_reloc_tpoff, .offset = GOT + 16, .words = { (uint64_t)PLACE - 64 } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 2), MODULE_TLS_CONTRADICTED);
	assert_non_null(strstr(process->tls.reason, "two GOT words"));
}

static void a_tp_offset_that_no_loader_makes_is_refused(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .words = { (uint64_t)-PLACE } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_CONTRADICTED);
}

static void a_tp_offset_that_is_not_aligned_is_refused(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .words = { (uint64_t)PLACE + 8 } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_CONTRADICTED);
}

static void an_unrelocated_got_word_is_no_tp_offset(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .words = { 0 } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_CONTRADICTED);
}

static void a_global_symbol_may_be_another_module_s(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff,
		  .symbol = 1,
		  .offset = GOT,
		  .words = { (uint64_t)(PLACE + 0x20) } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_NOT_SHOWN);
}

static void a_got_word_outside_of_the_file_is_refused(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .words = { (uint64_t)PLACE } },
	};
	const struct fake_elf elf = { .base = LIBRARY,
				      .path = "/lib/libx.so",
				      .inode = 1,
				      .tls_memsz = MEMSZ,
				      .tls_align = ALIGN,
				      .relocs = relocs,
				      .reloc_count = 1 };
	const uint64_t outside = UINT64_C(0x10000000);
	bool maps_failed;

	fake_elf_add(&process->fake, &elf);
	fake_target_put_word(&process->fake, LIBRARY + 0x4000, outside); /* r_offset */
	assert_int_equal(module_scan(&process->fake.target, &process->list, &maps_failed), 0);
	assert_int_equal(module_tls_find(&process->list, &process->list.modules[0], &process->tls),
			 0);
	assert_int_equal(process->tls.verdict, MODULE_TLS_CONTRADICTED);
}

static void a_descriptor_s_argument_counts_where_it_can_be_no_pointer(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tlsdesc,
		  .offset = GOT,
		  .addend = 0x10,
		  .words = { RESOLVER, (uint64_t)(PLACE + 0x10) } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_FOUND);
	assert_int_equal(process->tls.tp_offset, PLACE);
}

static void a_descriptor_that_is_not_bound_yet_tells_nothing(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tlsdesc,
		  .offset = GOT,
		  .words = { LIBRARY + 0x1000, (uint64_t)PLACE } }, /* its own code */
	};

	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_NOT_SHOWN);
}

static void musl_s_module_id_leads_to_the_dtv(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_dtpmod, .offset = GOT, .words = { 3 } },
	};

	process->fake.target.libc = LIBC_MUSL;
	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_FOUND);
	assert_true(process->tls.is_dynamic);
	assert_int_equal(process->tls.loader.module_id, 3);
}

static void two_module_ids_under_musl_are_a_contradiction(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_dtpmod, .offset = GOT, .words = { 3 } },
		{ .type = arch_reloc_dtpmod, .offset = GOT + 16, .words = { 4 } },
	};

	process->fake.target.libc = LIBC_MUSL;
	assert_int_equal(find_with_relocs(process, relocs, 2), MODULE_TLS_CONTRADICTED);
}

static void musl_s_descriptor_points_to_its_module_id(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tlsdesc,
		  .offset = GOT,
		  .addend = 0x18,
		  .words = { RESOLVER, UINT64_C(0xa00000) } },
	};

	process->fake.target.libc = LIBC_MUSL;
	fake_target_add_memory(&process->fake, UINT64_C(0xa00000), 16);
	fake_target_put_word(&process->fake, UINT64_C(0xa00000), 5);
	fake_target_put_word(&process->fake, UINT64_C(0xa00008), 0x18);
	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_FOUND);
	assert_int_equal(process->tls.loader.module_id, 5);
}

static void a_symbol_that_is_not_there_or_another_s_tells_nothing(void **state)
{
	static const size_t symbols[] = { 0x7ffffff, 3 };
	struct process *process = *state;

	for (size_t i = 0; i < 2; i++) {
		const struct fake_symbol symbol[] = {
			{ .name = "a", .bind = STB_LOCAL },
			{ .name = "b", .bind = STB_LOCAL },
			{ .name = "c", .bind = STB_LOCAL, .is_undefined = true },
		};
		const struct fake_reloc reloc = { .type = arch_reloc_tpoff,
						  .symbol = symbols[i],
						  .offset = GOT,
						  .words = { (uint64_t)PLACE } };
		const struct fake_elf elf = { .base = LIBRARY,
					      .path = "/lib/libx.so",
					      .inode = 1,
					      .tls_memsz = MEMSZ,
					      .tls_align = ALIGN,
					      .symbols = symbol,
					      .symbol_count = 3,
					      .relocs = &reloc,
					      .reloc_count = 1 };

		end(state);
		begin(state);
		assert_int_equal(find_with(process, &elf), MODULE_TLS_NOT_SHOWN);
	}
}

static void descriptors_that_differ_or_fit_no_loader_are_a_contradiction(void **state)
{
	struct process *process = *state;
	struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tlsdesc,
		  .offset = GOT,
		  .words = { RESOLVER, (uint64_t)PLACE } },
		{ .type = arch_reloc_tlsdesc,
		  .offset = GOT + 16,
		  .words = { RESOLVER, (uint64_t)(PLACE + 2 * ALIGN) } },
	};

	assert_int_equal(find_with_relocs(process, relocs, 2), MODULE_TLS_CONTRADICTED);
	end(state);
	begin(state);
	relocs[0].words[1] += 8; /* not aligned */
	assert_int_equal(find_with_relocs(process, relocs, 1), MODULE_TLS_CONTRADICTED);
}

static void a_module_id_that_musl_does_not_give_is_refused(void **state)
{
	struct process *process = *state;
	struct fake_reloc reloc = { .type = arch_reloc_dtpmod, .offset = GOT, .words = { 65537 } };

	process->fake.target.libc = LIBC_MUSL;
	assert_int_equal(find_with_relocs(process, &reloc, 1), MODULE_TLS_CONTRADICTED);
	end(state);
	begin(state);
	process->fake.target.libc = LIBC_MUSL;
	reloc.words[0] = 0;
	assert_int_equal(find_with_relocs(process, &reloc, 1), MODULE_TLS_CONTRADICTED);
}

/* Its DTV has another form, if it is one at all. */
static void a_module_id_of_an_unknown_libc_leads_nowhere(void **state)
{
	struct process *process = *state;
	const struct fake_reloc reloc = { .type = arch_reloc_dtpmod,
					  .offset = GOT,
					  .words = { 3 } };

	process->fake.target.libc = LIBC_UNKNOWN;
	assert_int_equal(find_with_relocs(process, &reloc, 1), MODULE_TLS_NOT_SHOWN);
}

static void without_a_relocation_nothing_tells(void **state)
{
	struct process *process = *state;

	assert_int_equal(find_with_relocs(process, NULL, 0), MODULE_TLS_NOT_SHOWN);
	assert_non_null(strstr(process->tls.reason, "no relocation tells"));
}

static void own_offsets_are_those_of_own_relocations(void **state)
{
	struct process *process = *state;
	const struct fake_reloc relocs[] = {
		{ .type = arch_reloc_tpoff, .offset = GOT, .addend = 0x40 },
		{ .type = arch_reloc_tpoff, .symbol = 1, .offset = GOT + 16 },
		{ .type = arch_reloc_tpoff, .symbol = 2, .offset = GOT + 32, .addend = 8 },
		{ .type = arch_reloc_glob_dat, .offset = GOT + 48, .addend = 0x50 },
	};
	struct elf_dynamic dynamic;
	uint64_t *offsets;
	size_t count;

	find_with_relocs(process, relocs, 4);
	assert_int_equal(elf_image_dynamic(&process->list.modules[0].image, &dynamic), 0);
	assert_int_equal(module_tls_offsets(&dynamic, &offsets, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(offsets[0], 0x40);
	assert_int_equal(offsets[1], 0x28);
	free(offsets);
	elf_dynamic_free(&dynamic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(the_main_program_s_block_follows_from_the_abi),
		TEST(a_got_word_is_the_tp_offset_of_what_its_relocation_names),
		TEST(got_words_that_differ_are_a_contradiction),
		TEST(a_tp_offset_that_no_loader_makes_is_refused),
		TEST(a_tp_offset_that_is_not_aligned_is_refused),
		TEST(an_unrelocated_got_word_is_no_tp_offset),
		TEST(a_global_symbol_may_be_another_module_s),
		TEST(a_got_word_outside_of_the_file_is_refused),
		TEST(a_descriptor_s_argument_counts_where_it_can_be_no_pointer),
		TEST(a_descriptor_that_is_not_bound_yet_tells_nothing),
		TEST(musl_s_module_id_leads_to_the_dtv),
		TEST(two_module_ids_under_musl_are_a_contradiction),
		TEST(musl_s_descriptor_points_to_its_module_id),
		TEST(a_symbol_that_is_not_there_or_another_s_tells_nothing),
		TEST(descriptors_that_differ_or_fit_no_loader_are_a_contradiction),
		TEST(a_module_id_that_musl_does_not_give_is_refused),
		TEST(a_module_id_of_an_unknown_libc_leads_nowhere),
		TEST(without_a_relocation_nothing_tells),
		TEST(own_offsets_are_those_of_own_relocations),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
