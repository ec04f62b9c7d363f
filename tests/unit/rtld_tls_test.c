/* SPDX-License-Identifier: BSD-2-Clause */
/* What ld.so has written down of a module's TLS, read by the words that glibc has for debuggers. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arch.h"
#include "elf/module_scan.h"
#include "fake_elf.h"
#include "tls/module_tls.h"
#include "tls/rtld_tls.h"

#define PID         1000
#define LIBC        UINT64_C(0x100000)
#define LIBRARY     UINT64_C(0x200000)
#define PTHREAD     2304                     /* sizeof(struct pthread) here */
#define WORDS       (FAKE_ELF_DATA + 0x100)  /* the descriptions, 16 bytes each */
#define RTLD_GLOBAL (FAKE_ELF_DATA + 0x1000) /* whose first word is the list */
#define NODE        (FAKE_ELF_DATA + 0x2000)
#define NEXT_NODE   (FAKE_ELF_DATA + 0x3000)
#define LINK_MAP    (FAKE_ELF_DATA + 0x4000)
#define OTHER_MAP   (FAKE_ELF_DATA + 0x5000)

/* Offsets in this libc's structures. */
enum { LENGTH_AT = 0, NEXT_AT = 8, SLOTS_AT = 16, MODULE_ID_AT = 64, OFFSET_AT = 72 };

#define DTV_POINTER_AT (arch_tls_variant == 1 ? PTHREAD : 0)

static const struct fake_symbol symbols[] = {
	{ .name = "_rtld_global", .value = RTLD_GLOBAL },
	{ .name = "_thread_db_sizeof_pthread", .value = WORDS },
	{ .name = "_thread_db_rtld_global__dl_tls_dtv_slotinfo_list", .value = WORDS + 16 },
	{ .name = "_thread_db_dtv_slotinfo_list_len", .value = WORDS + 32 },
	{ .name = "_thread_db_dtv_slotinfo_list_next", .value = WORDS + 48 },
	{ .name = "_thread_db_dtv_slotinfo_list_slotinfo", .value = WORDS + 64 },
	{ .name = "_thread_db_dtv_slotinfo_gen", .value = WORDS + 80 },
	{ .name = "_thread_db_dtv_slotinfo_map", .value = WORDS + 96 },
	{ .name = "_thread_db_link_map_l_tls_modid", .value = WORDS + 112 },
	{ .name = "_thread_db_link_map_l_tls_offset", .value = WORDS + 128 },
	{ .name = "_thread_db_pthread_dtvp", .value = WORDS + 144 },
	{ .name = "_thread_db_dtv_dtv", .value = WORDS + 160 },
	{ .name = "_thread_db_dtv_t_counter", .value = WORDS + 176 },
	{ .name = "_thread_db_dtv_t_pointer_val", .value = WORDS + 192 },
};

static const struct fake_elf libc = { .base = LIBC,
				      .path = "/lib/libc.so.6",
				      .inode = 1,
				      .symbols = symbols,
				      .symbol_count = sizeof symbols / sizeof *symbols };
/* What ld.so has bound for the library: its module's id, and a descriptor that leads to a pair. */
#define ID_WORD 0
#define PAIR    (FAKE_ELF_DATA + 0x6000)

static struct fake_reloc bound[] = {
	{ .offset = FAKE_ELF_DATA + ID_WORD, .words = { 2 } },
	{ .offset = FAKE_ELF_DATA + 32, .addend = 0x18, .words = { LIBC + 0x1000, LIBC + PAIR } },
};
static const struct fake_elf library = {
	.base = LIBRARY,
	.path = "/lib/libx.so",
	.inode = 2,
	.relocs = bound,
	.reloc_count = 2,
};

struct process {
	struct fake_target fake;
	struct module_list list;
};

static void put_field(struct fake_target *fake, size_t index, uint32_t bits, uint32_t offset)
{
	const uint32_t field[3] = { bits, 1, offset };

	fake_target_put(fake, LIBC + WORDS + 16 * index, field, sizeof field);
}

static void put_libc(struct fake_target *fake)
{
	const uint32_t size = PTHREAD;

	fake_elf_add(fake, &libc);
	fake_target_put(fake, LIBC + WORDS, &size, sizeof size);
	put_field(fake, 1, 64, 0);
	put_field(fake, 2, 64, LENGTH_AT);
	put_field(fake, 3, 64, NEXT_AT);
	put_field(fake, 4, 128, SLOTS_AT);
	put_field(fake, 5, 64, 0);
	put_field(fake, 6, 64, 8);
	put_field(fake, 7, 64, MODULE_ID_AT);
	put_field(fake, 8, 64, OFFSET_AT);
	put_field(fake, 9, 64, (uint32_t)(arch_dtv_offset + DTV_POINTER_AT));
	put_field(fake, 10, 8 * ARCH_DTV_ENTRY_SIZE, 0);
	put_field(fake, 11, 64, 0);
	put_field(fake, 12, 64, 0);
}

static void put_map(struct fake_target *fake, uint64_t map, uint64_t bias, uint64_t dynamic)
{
	fake_target_put_word(fake, map, bias);
	fake_target_put_word(fake, map + 16, dynamic);
}

/* The list's first node has room for ids 0 to 2; the library has id 2, since generation 4. */
static int begin(void **state)
{
	static struct process process;
	struct fake_target *fake = &process.fake;
	bool maps_failed;

	fake_target_begin(fake, PID);
	fake_target_add_task(fake, PID, 1);
	put_libc(fake);
	bound[0].type = arch_reloc_dtpmod;
	bound[1].type = arch_reloc_tlsdesc;
	fake_elf_add(fake, &library);
	fake_target_put_word(fake, LIBC + RTLD_GLOBAL, LIBC + NODE);
	fake_target_put_word(fake, LIBC + NODE + LENGTH_AT, 3);
	fake_target_put_word(fake, LIBC + NODE + SLOTS_AT + 16 * 1 + 8, LIBC + OTHER_MAP);
	fake_target_put_word(fake, LIBC + NODE + SLOTS_AT + 16 * 2, 4);
	fake_target_put_word(fake, LIBC + NODE + SLOTS_AT + 16 * 2 + 8, LIBC + LINK_MAP);
	put_map(fake, LIBC + LINK_MAP, LIBRARY, fake_elf_dynamic(&library));
	put_map(fake, LIBC + OTHER_MAP, LIBC, fake_elf_dynamic(&libc));
	fake_target_put_word(fake, LIBC + LINK_MAP + MODULE_ID_AT, 2);
	assert_int_equal(module_scan(&fake->target, &process.list, &maps_failed), 0);
	assert_int_equal(process.list.count, 2);
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

static enum rtld_tls_verdict find_library(struct process *process, struct rtld_tls *tls)
{
	enum rtld_tls_verdict verdict;

	assert_int_equal(
		rtld_tls_find(&process->list, &process->list.modules[1].image, &verdict, tls), 0);
	return verdict;
}

static void a_dynamic_module_has_its_id_and_generation(void **state)
{
	struct rtld_tls tls;

	assert_int_equal(find_library(*state, &tls), RTLD_TLS_FOUND);
	assert_int_equal(tls.module_id, 2);
	assert_int_equal(tls.words[0], 4);
	assert_false(tls.is_static);
	assert_int_equal(tls.slot, LIBC + NODE + SLOTS_AT + 32);
	assert_int_equal(tls.dtv_entry_size, ARCH_DTV_ENTRY_SIZE);
}

static int find_block(struct process *process)
{
	struct module_tls tls;

	assert_int_equal(module_tls_find(&process->list, &process->list.modules[1], &tls), 0);
	assert_true(tls.verdict != MODULE_TLS_FOUND ||
		    (tls.is_dynamic && tls.loader.module_id == 2));
	return (int)tls.verdict;
}

static void what_the_got_says_has_to_agree(void **state)
{
	struct process *process = *state;
	struct fake_target *fake = &process->fake;

	fake_target_put_word(fake, LIBC + PAIR, 2);
	fake_target_put_word(fake, LIBC + PAIR + 8, 0x18);
	assert_int_equal(find_block(process), MODULE_TLS_FOUND);
	fake_target_put_word(fake, LIBRARY + FAKE_ELF_DATA + ID_WORD, 3);
	assert_int_equal(find_block(process), MODULE_TLS_CONTRADICTED);
	fake_target_put_word(fake, LIBRARY + FAKE_ELF_DATA + ID_WORD, 2);
	fake_target_put_word(fake, LIBC + PAIR, 3);
	assert_int_equal(find_block(process), MODULE_TLS_CONTRADICTED);
	fake_target_put_word(fake, LIBC + PAIR, 2);
	fake_target_put_word(fake, LIBC + PAIR + 8, 0x20);
	assert_int_equal(find_block(process), MODULE_TLS_CONTRADICTED);
}

static void a_module_with_an_offset_is_static(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + LINK_MAP + OFFSET_AT, 0x80);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_FOUND);
	assert_true(tls.is_static);
	assert_int_equal(tls.tp_offset, arch_tls_variant == 2 ? -0x80 : 0x80);
}

static void an_offset_that_stands_for_none_is_dynamic(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + LINK_MAP + OFFSET_AT, UINT64_MAX);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_FOUND);
	assert_false(tls.is_static);
}

static void ids_go_on_in_the_next_node(void **state)
{
	struct process *process = *state;
	struct fake_target *fake = &process->fake;
	struct rtld_tls tls;

	fake_target_put_word(fake, LIBC + NODE + SLOTS_AT + 16 * 2 + 8, 0);
	fake_target_put_word(fake, LIBC + NODE + NEXT_AT, LIBC + NEXT_NODE);
	fake_target_put_word(fake, LIBC + NEXT_NODE + LENGTH_AT, 2);
	fake_target_put_word(fake, LIBC + NEXT_NODE + SLOTS_AT + 16 + 8, LIBC + LINK_MAP);
	fake_target_put_word(fake, LIBC + LINK_MAP + MODULE_ID_AT, 4);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_FOUND);
	assert_int_equal(tls.module_id, 4);
}

static void what_stands_at_id_0_is_no_module(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + NODE + SLOTS_AT + 8, LIBC + LINK_MAP);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_FOUND);
	assert_int_equal(tls.module_id, 2);
}

static void a_module_that_ld_so_does_not_list_is_not_found(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	put_map(&process->fake, LIBC + LINK_MAP, LIBRARY + 0x1000, fake_elf_dynamic(&library));
	assert_int_equal(find_library(process, &tls), RTLD_TLS_NOT_LISTED);
	put_map(&process->fake, LIBC + LINK_MAP, LIBRARY, fake_elf_dynamic(&library) + 16);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_NOT_LISTED);
}

static void a_map_with_another_id_than_its_slot_s_is_a_contradiction(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + LINK_MAP + MODULE_ID_AT, 3);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_CONTRADICTED);
}

static void a_libc_that_describes_32_bit_words_is_not_understood(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	put_field(&process->fake, 7, 32, MODULE_ID_AT);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_NOT_DESCRIBED);
}

static void a_libc_with_dtv_entries_of_another_size_is_not_understood(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	put_field(&process->fake, 10, 64, 0);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_NOT_DESCRIBED);
	put_field(&process->fake, 10, 8 * ARCH_DTV_ENTRY_SIZE, 0);
	put_field(&process->fake, 12, 64, 8); /* the block's address second in its entry */
	assert_int_equal(find_library(process, &tls), RTLD_TLS_NOT_DESCRIBED);
}

static void a_node_longer_than_any_is_refused(void **state)
{
	struct process *process = *state;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + NODE + LENGTH_AT, UINT64_C(1) << 32);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_CONTRADICTED);
}

static void a_list_that_leads_back_to_itself_comes_to_an_end(void **state)
{
	struct process *process = *state;
	struct fake_target *fake = &process->fake;
	struct rtld_tls tls;

	fake_target_put_word(fake, LIBC + NODE + LENGTH_AT, 0);
	fake_target_put_word(fake, LIBC + NODE + NEXT_AT, LIBC + NODE);
	assert_int_equal(find_library(process, &tls), RTLD_TLS_CONTRADICTED);
	assert_true(fake->reads < 20000);
}

static void what_cannot_be_read_is_an_errno_and_no_verdict(void **state)
{
	struct process *process = *state;
	enum rtld_tls_verdict verdict;
	struct rtld_tls tls;

	fake_target_put_word(&process->fake, LIBC + RTLD_GLOBAL, UINT64_C(0x10000000));
	assert_int_equal(rtld_tls_find(&process->list, &process->list.modules[1].image, &verdict,
				       &tls),
			 -EFAULT);
}

static void musl_s_dtv_has_a_word_for_each_module(void **state)
{
	struct rtld_tls tls;

	(void)state;
	rtld_tls_musl(7, &tls);
	assert_int_equal(tls.module_id, 7);
	assert_int_equal(tls.dtv_entry_size, 8);
	assert_int_equal(tls.dtv_offset, arch_musl_dtv_offset);
	assert_int_equal(tls.words[0], 7);
	assert_int_equal(tls.slot, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_dynamic_module_has_its_id_and_generation),
		TEST(what_the_got_says_has_to_agree),
		TEST(a_module_with_an_offset_is_static),
		TEST(an_offset_that_stands_for_none_is_dynamic),
		TEST(ids_go_on_in_the_next_node),
		TEST(what_stands_at_id_0_is_no_module),
		TEST(a_module_that_ld_so_does_not_list_is_not_found),
		TEST(a_map_with_another_id_than_its_slot_s_is_a_contradiction),
		TEST(a_libc_that_describes_32_bit_words_is_not_understood),
		TEST(a_libc_with_dtv_entries_of_another_size_is_not_understood),
		TEST(a_node_longer_than_any_is_refused),
		TEST(a_list_that_leads_back_to_itself_comes_to_an_end),
		TEST(what_cannot_be_read_is_an_errno_and_no_verdict),
		TEST(musl_s_dtv_has_a_word_for_each_module),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
