/* SPDX-License-Identifier: BSD-2-Clause */
/* Two handlers for each counter have to name one place. A made-up jemalloc, whose handlers are the
 * shortest that a compiler could make. */
#include "config.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arch.h"
#include "fake_target.h"
#include "jemalloc/tsd_code.h"

#define PID       1000
#define CODE      UINT64_C(0x550000000000)
#define CONSTANTS (CODE + 0x10000)
#define DATA      (CODE + 0x20000)
#define ROOT      (DATA + 0x100)
#define THREAD    (DATA + 0x400)
#define SIZE      4096
#define HANDLER   64 /* bytes for each */

/* The children of "thread", in the order of their handlers in the code. */
enum { ALLOCATED, ALLOCATEDP, DEALLOCATED, DEALLOCATEDP, ARENA, HANDLERS };

enum way {
	OF_TSD,         /* what is that far from tsd_s, the first argument */
	ADDRESS_OF_TSD, /* its address */
	OF_TP,          /* from the thread pointer */
	ADDRESS_OF_TP,
	ABSENT,   /* ENOENT, which is a handler without statistics */
	OF_ARENA, /* the index in the arena that tsd_s points to at 144 */
};

struct made {
	struct fake_target fake;
	struct elf_image image;
	struct tsd_code code;
	size_t names_used;
};

static size_t make_x86_64(unsigned char *code, enum way way, uint32_t offset)
{
	static const unsigned char store_and_return[] = { 0x48, 0x89, 0x01, 0x31, 0xc0, 0xc3 };
	static const struct {
		unsigned char bytes[12];
		size_t size; /* the offset stands behind them */
	} starts[] = {
		[OF_TSD] = { { 0x48, 0x8b, 0x87 }, 3 },            /* mov off(%rdi),%rax */
		[ADDRESS_OF_TSD] = { { 0x48, 0x8d, 0x87 }, 3 },    /* lea off(%rdi),%rax */
		[OF_TP] = { { 0x64, 0x48, 0x8b, 0x04, 0x25 }, 5 }, /* mov %fs:off,%rax */
		[ADDRESS_OF_TP] = { { 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x05 },
				    11 },                     /* mov %fs:0,%rax; add */
		[ABSENT] = { { 0xb8, 2, 0, 0, 0, 0xc3 }, 6 }, /* mov $2,%eax; ret */
	};
	/* mov 144(%rdi),%rax; mov 8(%rax),%eax; mov %eax,(%rcx); xor %eax,%eax; ret */
	static const unsigned char arena[] = { 0x48, 0x8b, 0x87, 144,  0,    0,    0,   0x8b,
					       0x40, 0x08, 0x89, 0x01, 0x31, 0xc0, 0xc3 };
	size_t size;

	if (way == OF_ARENA) {
		memcpy(code, arena, sizeof arena);
		return sizeof arena;
	}
	size = starts[way].size;
	memcpy(code, starts[way].bytes, size);
	memcpy(code + size, &offset, sizeof offset);
	memcpy(code + size + sizeof offset, store_and_return, sizeof store_and_return);
	return size + sizeof offset + sizeof store_and_return;
}

static size_t make_aarch64(unsigned char *code, enum way way, uint32_t offset)
{
	const uint32_t load = 0xf9400000 | offset / 8 << 10, add = 0x91000000 | offset << 10;
	const uint32_t tp = 0xd53bd048; /* mrs x8, tpidr_el0 */
	const uint32_t words[][5] = {
		/* … x8; str x8, [x3]; mov w0, #0; ret */
		[OF_TSD] = { load | 8, 0xf9000068, 0x52800000, 0xd65f03c0 },
		[ADDRESS_OF_TSD] = { add | 8, 0xf9000068, 0x52800000, 0xd65f03c0 },
		[OF_TP] = { tp, load | 8 << 5 | 8, 0xf9000068, 0x52800000, 0xd65f03c0 },
		[ADDRESS_OF_TP] = { tp, add | 8 << 5 | 8, 0xf9000068, 0x52800000, 0xd65f03c0 },
		[ABSENT] = { 0x52800040, 0xd65f03c0 },
		/* ldr x8, [x0, #144]; ldr w8, [x8, #8]; str w8, [x3]; … */
		[OF_ARENA] = { 0xf9404808, 0xb9400908, 0xb9000068, 0x52800000, 0xd65f03c0 },
	};

	memcpy(code, words[way], sizeof words[way]);
	return sizeof words[way];
}

static uint64_t address_of(int handler)
{
	return CODE + (uint64_t)handler * HANDLER;
}

static void handler(struct made *made, int which, enum way way, uint32_t offset)
{
	unsigned char code[HANDLER] = { 0 };
	size_t size = arch_elf_machine == EM_X86_64 ? make_x86_64(code, way, offset)
						    : make_aarch64(code, way, offset);

	assert_true(size <= sizeof code);
	fake_target_put(&made->fake, address_of(which), code, sizeof code);
}

static void node(struct made *made, uint64_t at, const char *name, uint64_t count,
		 uint64_t children, uint64_t code)
{
	const uint64_t words[] = { 1, CONSTANTS + made->names_used, count, children, code };

	fake_target_put(&made->fake, CONSTANTS + made->names_used, name, strlen(name) + 1);
	made->names_used += strlen(name) + 1;
	fake_target_put(&made->fake, at, words, sizeof words);
}

static int begin(void **state)
{
	static struct made made;
	static const char *const names[HANDLERS] = { "allocated", "allocatedp", "deallocated",
						     "deallocatedp", "arena" };

	made = (struct made){ .names_used = 16 };
	fake_target_begin(&made.fake, PID);
	fake_target_add_task(&made.fake, PID, 5);
	fake_target_add_memory(&made.fake, CODE, SIZE);
	fake_target_add_memory(&made.fake, CONSTANTS, SIZE);
	fake_target_add_memory(&made.fake, DATA, SIZE);
	made.image = (struct elf_image){
		.target = &made.fake.target,
		.bias = CODE,
		.code[0] = { CODE, SIZE },
		.constants[0] = { CONSTANTS, SIZE },
		.data[0] = { DATA, SIZE },
	};
	node(&made, ROOT, "version", 0, 0, address_of(HANDLERS));
	node(&made, ROOT + 40, "epoch", 0, 0, address_of(HANDLERS));
	node(&made, ROOT + 80, "thread", HANDLERS, THREAD, 0);
	node(&made, DATA, "", 3, ROOT, 0);
	for (int i = 0; i < HANDLERS; i++)
		node(&made, THREAD + 40 * (uint64_t)i, names[i], 0, 0, address_of(i));
	handler(&made, ALLOCATED, OF_TSD, 824);
	handler(&made, ALLOCATEDP, ADDRESS_OF_TSD, 824);
	handler(&made, DEALLOCATED, OF_TSD, 840);
	handler(&made, DEALLOCATEDP, ADDRESS_OF_TSD, 840);
	handler(&made, ARENA, OF_ARENA, 0);
	*state = &made;
	return 0;
}

static int end(void **state)
{
	struct made *made = *state;

	fake_target_end(&made->fake);
	return 0;
}

static enum tsd_code_answer answer(struct made *made)
{
	assert_int_equal(tsd_code_ask(&made->image, &made->code), 0);
	assert_true(made->code.has_tree);
	return made->code.answer;
}

static void two_handlers_for_each_counter_tell_its_place(void **state)
{
	struct made *made = *state;

	assert_int_equal(answer(made), TSD_CODE_OFFSETS);
	assert_false(made->code.from_tp);
	assert_true(made->code.has_arena);
	assert_int_equal(made->code.arena, 144);
	assert_int_equal(made->code.allocated, 824);
	assert_int_equal(made->code.deallocated, 840);
}

static void two_that_name_different_places_tell_nothing(void **state)
{
	struct made *made = *state;

	handler(made, ALLOCATEDP, ADDRESS_OF_TSD, 832);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
	handler(made, ALLOCATEDP, ADDRESS_OF_TSD, 824);
	handler(made, DEALLOCATED, OF_TSD, 832);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
}

/* As a handler of another member does, which loads a pointer. */
static void two_that_load_and_none_that_gives_the_address_tell_nothing(void **state)
{
	struct made *made = *state;

	handler(made, ALLOCATEDP, OF_TSD, 824);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
}

static void both_counters_in_one_place_tell_nothing(void **state)
{
	struct made *made = *state;

	handler(made, DEALLOCATED, OF_TSD, 824);
	handler(made, DEALLOCATEDP, ADDRESS_OF_TSD, 824);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
}

static void the_thread_pointer_may_be_where_they_count_from(void **state)
{
	struct made *made = *state;

	handler(made, ALLOCATED, OF_TP, 824);
	handler(made, ALLOCATEDP, ADDRESS_OF_TP, 824);
	handler(made, DEALLOCATED, OF_TP, 840);
	handler(made, DEALLOCATEDP, ADDRESS_OF_TP, 840);
	assert_int_equal(answer(made), TSD_CODE_OFFSETS);
	assert_true(made->code.from_tp);
	assert_false(made->code.has_arena); /* its first argument is not tsd */
	assert_int_equal(made->code.allocated, 824);
	assert_int_equal(made->code.deallocated, 840);
}

static void one_from_tsd_and_one_from_the_thread_pointer_tell_nothing(void **state)
{
	struct made *made = *state;

	handler(made, DEALLOCATED, OF_TP, 840);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
	handler(made, DEALLOCATEDP, ADDRESS_OF_TP, 840);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
}

static void without_either_counter_there_are_no_statistics(void **state)
{
	struct made *made = *state;

	handler(made, ALLOCATED, ABSENT, 0);
	handler(made, ALLOCATEDP, ABSENT, 0);
	assert_int_equal(answer(made), TSD_CODE_SILENT);
	handler(made, DEALLOCATED, ABSENT, 0);
	handler(made, DEALLOCATEDP, ABSENT, 0);
	assert_int_equal(answer(made), TSD_CODE_NO_STATISTICS);
}

static void without_a_tree_nothing_is_asked(void **state)
{
	struct made *made = *state;

	fake_target_put_word(&made->fake, ROOT, 2);
	assert_int_equal(tsd_code_ask(&made->image, &made->code), 0);
	assert_false(made->code.has_tree);
	assert_int_equal(made->code.answer, TSD_CODE_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(two_handlers_for_each_counter_tell_its_place),
		TEST(two_that_name_different_places_tell_nothing),
		TEST(two_that_load_and_none_that_gives_the_address_tell_nothing),
		TEST(both_counters_in_one_place_tell_nothing),
		TEST(the_thread_pointer_may_be_where_they_count_from),
		TEST(one_from_tsd_and_one_from_the_thread_pointer_tell_nothing),
		TEST(without_either_counter_there_are_no_statistics),
		TEST(without_a_tree_nothing_is_asked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
