/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of several jemallocs is read: the one that malloc leads to, or the one that was asked for.
 */
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
#include "jemalloc/choose.h"

#define PID     1000
#define PROGRAM UINT64_C(0x100000)
#define FIRST   UINT64_C(0x200000)
#define SECOND  UINT64_C(0x300000)
#define LIBC    UINT64_C(0x400000)
#define GOT     FAKE_ELF_DATA

static const struct fake_symbol imports[] = {
	{ .name = "malloc", .bind = STB_GLOBAL, .is_undefined = true },
};

struct process {
	struct fake_target fake;
	struct module_list list;
	struct jemalloc_candidates candidates;
	struct jemalloc_candidate all[4];
};

static int begin(void **state)
{
	static struct process process;

	memset(&process, 0, sizeof process);
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

static uint64_t program_debug; /* its DT_DEBUG; 0: none */

/* A program, two libraries and libc. The GOT words: where the program's malloc and libc's lead to;
 * 0: no call of malloc. */
static void map_process(struct process *process, uint64_t program_malloc, uint64_t libc_malloc)
{
	const struct fake_reloc calls[] = {
		{ .type = arch_reloc_jump_slot,
		  .symbol = 1,
		  .offset = GOT,
		  .words = { program_malloc } },
		{ .type = arch_reloc_jump_slot,
		  .symbol = 1,
		  .offset = GOT,
		  .words = { libc_malloc } },
	};
	const struct fake_elf files[] = {
		{ .base = PROGRAM,
		  .path = "/bin/program",
		  .inode = 1,
		  .is_executable = true,
		  .symbols = imports,
		  .symbol_count = 1,
		  .relocs = &calls[0],
		  .reloc_count = program_malloc != 0,
		  .debug = program_debug },
		{ .base = FIRST, .path = "/lib/libfirst.so", .inode = 2 },
		{ .base = SECOND, .path = "/lib/libsecond.so", .inode = 3 },
		{ .base = LIBC,
		  .path = "/lib/libc.so.6",
		  .inode = 4,
		  .symbols = imports,
		  .symbol_count = 1,
		  .relocs = &calls[1],
		  .reloc_count = libc_malloc != 0 },
	};
	bool maps_failed;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		fake_elf_add(&process->fake, &files[i]);
	assert_int_equal(module_scan(&process->fake.target, &process->list, &maps_failed), 0);
	assert_int_equal(process->list.count, 4);
	for (size_t i = 0; i < 4; i++)
		process->all[i].module = &process->list.modules[i];
	process->candidates = (struct jemalloc_candidates){ .all = process->all, .count = 4 };
}

static const struct jemalloc_candidate *choose(struct process *process, const char *wanted)
{
	const struct jemalloc_candidate *chosen;
	enum jemalloc_choice choice =
		jemalloc_choose(&process->fake.target, &process->candidates, wanted, &chosen);

	return choice == JEMALLOC_CHOSEN ? chosen : NULL;
}

static bool is_ambiguous(struct process *process, const char *wanted)
{
	const struct jemalloc_candidate *chosen;

	return jemalloc_choose(&process->fake.target, &process->candidates, wanted, &chosen) ==
	       JEMALLOC_AMBIGUOUS;
}

static void without_a_jemalloc_there_is_none(void **state)
{
	struct process *process = *state;

	map_process(process, FIRST + 0x1000, 0);
	assert_null(choose(process, NULL));
}

static void the_executable_s_own_is_taken_without_a_doubt(void **state)
{
	struct process *process = *state;

	map_process(process, SECOND + 0x1000, 0);
	process->all[0].is_jemalloc = true;
	assert_ptr_equal(choose(process, NULL), &process->all[0]);
}

static void of_two_the_one_that_the_program_s_malloc_leads_to(void **state)
{
	struct process *process = *state;

	map_process(process, SECOND + 0x1000, FIRST + 0x1000);
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	assert_ptr_equal(choose(process, NULL), &process->all[2]);
	assert_non_null(strstr(process->fake.target.diagnostics.text, "/lib/libsecond.so"));
}

static void a_program_that_calls_no_malloc_uses_its_libc_s(void **state)
{
	struct process *process = *state;

	map_process(process, 0, SECOND + 0x1000);
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	assert_ptr_equal(choose(process, NULL), &process->all[2]);
}

static void a_word_that_is_not_bound_yet_tells_nothing_of_the_program(void **state)
{
	struct process *process = *state;

	map_process(process, PROGRAM + 0x1000, SECOND + 0x1000); /* its own stub */
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	assert_ptr_equal(choose(process, NULL), &process->all[2]);
}

static void the_wanted_one_is_taken_whatever_malloc_leads_to(void **state)
{
	struct process *process = *state;

	map_process(process, SECOND + 0x1000, 0);
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	assert_ptr_equal(choose(process, "libfirst.so"), &process->all[1]);
	assert_ptr_equal(choose(process, "/lib/libsecond.so"), &process->all[2]);
}

static void a_wanted_one_that_is_none_is_not_replaced_by_another(void **state)
{
	struct process *process = *state;

	map_process(process, SECOND + 0x1000, 0);
	process->all[2].is_jemalloc = true;
	assert_null(choose(process, "libfirst.so"));
	assert_null(choose(process, "libsecond"));
}

/* link.h: struct link_map's l_ld and l_next. */
static void put_link_map(struct process *process, uint64_t at, uint64_t dynamic, uint64_t next)
{
	fake_target_put_word(&process->fake, at + 16, dynamic);
	fake_target_put_word(&process->fake, at + 24, next);
}

/* The libc of a namespace of dlmopen(3)'s: what its malloc leads to is not the program's. */
static void a_libc_of_another_namespace_is_not_asked(void **state)
{
	const uint64_t debug = SECOND + FAKE_ELF_DATA, map = debug + 64, other = debug + 128;
	const struct fake_elf libc = { .base = LIBC };
	struct process *process = *state;

	program_debug = debug;
	map_process(process, 0, SECOND + 0x1000);
	program_debug = 0;
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	fake_target_put_word(&process->fake, debug + 8, map);
	put_link_map(process, map, 12345, other);
	put_link_map(process, other, 54321, 0);
	assert_true(is_ambiguous(process, NULL));
	put_link_map(process, other, 54321, map); /* a list that leads back to itself */
	assert_true(is_ambiguous(process, NULL));
	put_link_map(process, other, fake_elf_dynamic(&libc), 0);
	assert_ptr_equal(choose(process, NULL), &process->all[2]);
}

static void of_two_that_malloc_does_not_lead_to_none_is_taken(void **state)
{
	struct process *process = *state;

	map_process(process, LIBC + 0x1000, 0);
	process->all[1].is_jemalloc = true;
	assert_ptr_equal(choose(process, NULL), &process->all[1]);
	process->all[2].is_jemalloc = true;
	assert_true(is_ambiguous(process, NULL));
	process->all[0].is_jemalloc = true; /* nor the executable's */
	assert_true(is_ambiguous(process, NULL));
	assert_ptr_equal(choose(process, "libsecond.so"), &process->all[2]);
}

static void an_address_names_one_of_two_of_the_same_path(void **state)
{
	struct process *process = *state;

	map_process(process, FIRST + 0x1000, 0);
	process->all[1].is_jemalloc = process->all[2].is_jemalloc = true;
	free(process->list.modules[2].path);
	process->list.modules[2].path = strdup("/lib/libfirst.so");
	assert_ptr_equal(choose(process, NULL), &process->all[1]);
	assert_true(is_ambiguous(process, "libfirst.so"));
	assert_true(is_ambiguous(process, "/lib/libfirst.so"));
	assert_ptr_equal(choose(process, "0x200000"), &process->all[1]);
	assert_ptr_equal(choose(process, "0x300000"), &process->all[2]);
	assert_ptr_equal(choose(process, "0X300010"), &process->all[2]); /* within it */
	assert_null(choose(process, "0x100"));
	assert_null(choose(process, "0x"));
	assert_null(choose(process, "300000"));
	assert_null(choose(process, "0x300000z"));
	assert_null(choose(process, "0x10000000000300000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(without_a_jemalloc_there_is_none),
		TEST(the_executable_s_own_is_taken_without_a_doubt),
		TEST(of_two_the_one_that_the_program_s_malloc_leads_to),
		TEST(a_program_that_calls_no_malloc_uses_its_libc_s),
		TEST(a_word_that_is_not_bound_yet_tells_nothing_of_the_program),
		TEST(the_wanted_one_is_taken_whatever_malloc_leads_to),
		TEST(a_libc_of_another_namespace_is_not_asked),
		TEST(a_wanted_one_that_is_none_is_not_replaced_by_another),
		TEST(of_two_that_malloc_does_not_lead_to_none_is_taken),
		TEST(an_address_names_one_of_two_of_the_same_path),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
