/* SPDX-License-Identifier: BSD-2-Clause */
/* What mallctl handlers say of the counters' places, from the bytes that compilers made of them. */
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

#include "jemalloc/ctl_code.h"

#include "ctl_handlers.h"

#define BIAS      UINT64_C(0x7f0000000000)
#define CODE_SIZE 0x100000
#define VARIABLE  (BIAS + CODE_SIZE) /* a page of data behind the code */

static unsigned char code[CODE_SIZE];
static unsigned char data[4096];

static int read_made(struct target *target, struct target_range *ranges, size_t count)
{
	(void)target;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = ranges[i].address - BIAS;

		ranges[i].error = -EFAULT;
		if (at < CODE_SIZE && ranges[i].size <= CODE_SIZE - at)
			memcpy(ranges[i].buffer, code + at, ranges[i].size);
		else if (at - CODE_SIZE < sizeof data &&
			 ranges[i].size <= sizeof data - (at - CODE_SIZE))
			memcpy(ranges[i].buffer, data + (at - CODE_SIZE), ranges[i].size);
		else
			continue;
		ranges[i].error = 0;
	}
	return 0;
}

static const struct target_ops ops = { .read = read_made };
static struct target target = { .ops = &ops };
static struct elf_image image;

/* Everywhere else int3, or an instruction that AArch64 does not have. */
static void plant(const struct code_chunk *chunks)
{
	memset(code, 0xcc, sizeof code);
	memset(data, 0, sizeof data);
	for (; chunks->bytes; chunks++)
		memcpy(code + chunks->address, chunks->bytes, chunks->size);
	image = (struct elf_image){ .code[0] = { .address = BIAS, .size = CODE_SIZE } };
}

/* GOT words of the stack guard, which the loader would have filled in: any readable address. */
static void plant_guard(const struct known_handler *known)
{
	if (known->arch == &ctl_arch_aarch64) { /* adrp 9f000, ldr [#3416] */
		uint64_t guard = VARIABLE;

		memcpy(code + 0x9f000 + 3416, &guard, sizeof guard);
	}
}

static void ask(const struct ctl_arch *arch, uint64_t handler, struct ctl_answer *answer)
{
	ctl_code_ask(arch, &target, &image, BIAS + handler, answer);
}

static void real_handlers_tell_the_offset(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known_handlers / sizeof *known_handlers; i++) {
		const struct known_handler *known = &known_handlers[i];
		struct ctl_answer answer;

		plant(known->chunks);
		plant_guard(known);
		ask(known->arch, known->handler, &answer);
		if (answer.outcome != CTL_ANSWERS || answer.size != 8 ||
		    answer.value.kind != known->kind || answer.value.number != known->offset)
			fail_msg("%s", known->name);
	}
}

/* Whichever byte of the code cannot be read or is another one: the code does not say something
 * else about which no other byte tells. */
static void a_damaged_handler_tells_nothing_or_runs_to_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known_handlers / sizeof *known_handlers; i++) {
		const struct known_handler *known = &known_handlers[i];
		size_t silent = 0;

		for (const struct code_chunk *chunk = known->chunks; chunk->bytes; chunk++)
			for (size_t at = 0; at < chunk->size; at++) {
				struct ctl_answer answer;

				plant(known->chunks);
				plant_guard(known);
				code[chunk->address + at] = 0xcc;
				ask(known->arch, known->handler, &answer);
				silent += answer.outcome == CTL_NO_ANSWER;
				if (answer.outcome == CTL_ANSWERS &&
				    answer.value.kind != known->kind &&
				    answer.value.kind != CTL_NUMBER &&
				    answer.value.kind != CTL_TSD_MEMBER &&
				    answer.value.kind != CTL_TSD)
					fail_msg("%s", known->name);
			}
		assert_true(silent > 20);
	}
}

/* One handler by its bytes, at address 0x1000. */
static enum ctl_outcome say(const struct ctl_arch *arch, const char *bytes, size_t size,
			    struct ctl_answer *answer)
{
	const struct code_chunk chunks[] = { { 0x1000, bytes, size }, { 0, NULL, 0 } };

	plant(chunks);
	ask(arch, 0x1000, answer);
	return answer->outcome;
}

#define SAY(arch, bytes, answer) say(arch, bytes, sizeof bytes - 1, answer)

/* mov %rax,(%rcx); xor %eax,%eax; ret */
#define STORE_X86 "\x48\x89\x01\x31\xc0\xc3"

static void a_handler_that_fails_at_once_says_so(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* mov $2,%eax; ret */
	assert_int_equal(SAY(&ctl_arch_x86_64, "\xb8\x02\x00\x00\x00\xc3", &answer), CTL_FAILS);
	assert_int_equal(answer.error, ENOENT);
	/* mov w0,#2; ret */
	assert_int_equal(SAY(&ctl_arch_aarch64, "\x40\x00\x80\x52\xc0\x03\x5f\xd6", &answer),
			 CTL_FAILS);
	assert_int_equal(answer.error, ENOENT);
}

static void a_value_that_was_changed_on_its_way_is_none(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* mov 16(%rdi),%rax */
	assert_int_equal(SAY(&ctl_arch_x86_64, "\x48\x8b\x47\x10" STORE_X86, &answer), CTL_ANSWERS);
	assert_true(answer.value.kind == CTL_TSD_MEMBER && answer.value.number == 16);
	/* … add $1,%rax */
	SAY(&ctl_arch_x86_64, "\x48\x8b\x47\x10\x48\x83\xc0\x01" STORE_X86, &answer);
	assert_true(answer.outcome != CTL_ANSWERS || answer.value.kind != CTL_TSD_MEMBER);
	/* mov %rsi,%rdi before it: no longer tsd */
	SAY(&ctl_arch_x86_64, "\x48\x89\xf7\x48\x8b\x47\x10" STORE_X86, &answer);
	assert_true(answer.outcome != CTL_ANSWERS || answer.value.kind != CTL_TSD_MEMBER);
	/* shl $1,%rax */
	SAY(&ctl_arch_x86_64, "\x48\x8b\x47\x10\x48\xc1\xe0\x01" STORE_X86, &answer);
	assert_int_equal(answer.outcome, CTL_NO_ANSWER);
	/* only its low half: mov 16(%rdi),%eax stored as 8 bytes is a member of 4 */
	SAY(&ctl_arch_x86_64, "\x8b\x47\x10" STORE_X86, &answer);
	assert_true(answer.outcome != CTL_ANSWERS || answer.value.size == 4);
}

static void ways_that_differ_are_no_answer(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* cmpb $0,(%rdi); jne 1f; mov 16(%rdi),%rax; jmp 2f; 1: mov 16(%rdi),%rax; 2: */
	assert_int_equal(
		SAY(&ctl_arch_x86_64,
		    "\x80\x3f\x00\x75\x06\x48\x8b\x47\x10\xeb\x04\x48\x8b\x47\x10" STORE_X86,
		    &answer),
		CTL_ANSWERS);
	/* … 1: mov 24(%rdi),%rax */
	assert_int_equal(
		SAY(&ctl_arch_x86_64,
		    "\x80\x3f\x00\x75\x06\x48\x8b\x47\x10\xeb\x04\x48\x8b\x47\x18" STORE_X86,
		    &answer),
		CTL_NO_ANSWER);
	/* … 1: int3, as behind a failed assertion: the other way tells */
	assert_int_equal(
		SAY(&ctl_arch_x86_64,
		    "\x80\x3f\x00\x75\x06\x48\x8b\x47\x10\xeb\x04\xcc\xcc\xcc\xcc" STORE_X86,
		    &answer),
		CTL_ANSWERS);
}

static void constants_and_variables_are_told_apart(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* cmpq $1,(%r8); jne 1f; movb $1,(%rcx); xor %eax,%eax; ret; 1: mov $22,%eax; ret */
	assert_int_equal(
		SAY(&ctl_arch_x86_64,
		    "\x49\x83\x38\x01\x75\x06\xc6\x01\x01\x31\xc0\xc3\xb8\x16\x00\x00\x00\xc3",
		    &answer),
		CTL_ANSWERS);
	assert_int_equal(answer.size, 1);
	assert_true(answer.value.kind == CTL_NUMBER && answer.value.number == 1 &&
		    answer.value.source == 0);
	/* mov 0xfeff9(%rip),%rax is at 0x1000: 0x1007 + 0xfeff9 = 0x100000 */
	plant((const struct code_chunk[]){ { 0x1000, "\x48\x8b\x05\xf9\xef\x0f\x00" STORE_X86, 13 },
					   { 0, NULL, 0 } });
	data[0] = 42;
	ask(&ctl_arch_x86_64, 0x1000, &answer);
	assert_int_equal(answer.outcome, CTL_ANSWERS);
	assert_true(answer.value.kind == CTL_NUMBER && answer.value.number == 42 &&
		    answer.value.source == VARIABLE && answer.value.size == 8);
}

/* Before 4.1 a handler has no such argument: it fetches the thread pointer itself. */
static void the_thread_pointer_is_not_taken_for_tsd(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* mov %fs:0,%rax; mov 16(%rax),%rax; mov %rax,(%rdx); xor %eax,%eax; ret */
	assert_int_equal(
		SAY(&ctl_arch_x86_64,
		    "\x64\x48\x8b\x04\x25\x00\x00\x00\x00\x48\x8b\x40\x10\x48\x89\x02\x31\xc0\xc3",
		    &answer),
		CTL_ANSWERS);
	assert_true(answer.value.kind == CTL_TP_MEMBER && answer.value.number == 16);
	/* mrs x5,tpidr_el0; ldr x5,[x5,#16]; str x5,[x2]; mov w0,#0; ret */
	assert_int_equal(SAY(&ctl_arch_aarch64,
			     "\x45\xd0\x3b\xd5\xa5\x08\x40\xf9\x45\x00\x00\xf9\x00\x00\x80\x52\xc0"
			     "\x03\x5f\xd6",
			     &answer),
			 CTL_ANSWERS);
	assert_true(answer.value.kind == CTL_TP_MEMBER && answer.value.number == 16);
}

static void a_handler_without_end_ends(void **state)
{
	struct ctl_answer answer;

	(void)state;
	/* jmp to itself; call to itself; a fork at every step */
	assert_int_equal(SAY(&ctl_arch_x86_64, "\xeb\xfe", &answer), CTL_NO_ANSWER);
	assert_int_equal(SAY(&ctl_arch_x86_64, "\xe8\xfb\xff\xff\xff", &answer), CTL_NO_ANSWER);
	assert_int_equal(SAY(&ctl_arch_x86_64, "\x80\x3f\x00\x75\xfb\xeb\xf9", &answer),
			 CTL_NO_ANSWER);
	/* cmpb $0,(%rdi); jne 1f; mov 16(%rdi),%rax; …; 1: jmp 1b: what the other way says does not
	 * count */
	assert_int_equal(SAY(&ctl_arch_x86_64,
			     "\x80\x3f\x00\x75\x0a\x48\x8b\x47\x10" STORE_X86 "\xeb\xfe", &answer),
			 CTL_NO_ANSWER);
	assert_int_equal(SAY(&ctl_arch_aarch64, "\x00\x00\x00\x14", &answer), CTL_NO_ANSWER);
	assert_int_equal(SAY(&ctl_arch_aarch64, "\x00\x00\x00\x94", &answer), CTL_NO_ANSWER);
}

static void code_outside_of_the_module_is_not_followed(void **state)
{
	struct ctl_answer answer;

	(void)state;
	plant(known_handlers[0].chunks);
	image.code[0].size = 0x1000;
	ask(known_handlers[0].arch, known_handlers[0].handler, &answer);
	assert_int_equal(answer.outcome, CTL_NO_ANSWER);
	/* jmp far away */
	assert_int_equal(SAY(&ctl_arch_x86_64, "\xe9\x00\x00\x00\x70", &answer), CTL_NO_ANSWER);
}

/* mov 144(%rdi),%rax; mov 8(%rax),%eax; mov %eax,(%rcx); xor %eax,%eax; ret */
static void the_arena_is_what_its_index_was_loaded_through(void **state)
{
	static const char bytes[] = "\x48\x8b\x87\x90\x00\x00\x00\x8b\x40\x08\x89\x01\x31\xc0\xc3";
	const struct code_chunk chunks[] = { { 0x1000, bytes, sizeof bytes - 1 }, { 0, NULL, 0 } };
	uint64_t offset = 0;

	(void)state;
	plant(chunks);
	assert_true(ctl_code_arena(&ctl_arch_x86_64, &target, &image, BIAS + 0x1000, &offset));
	assert_int_equal(offset, 144);
	code[0x1000] = 0xcc;
	assert_false(ctl_code_arena(&ctl_arch_x86_64, &target, &image, BIAS + 0x1000, &offset));
}

/*
 * mov 208(%rdi),%rax; test %rax,%rax; jne on; again: cmpq $0,8(%rdi); je again; int3 …
 * on: mov 8(%rax),%eax; mov %eax,(%rcx); xor %eax,%eax; ret
 * As ClickHouse's, which may look up the CPU first: a loop whose every round is a fork.
 */
static void the_arena_is_found_beside_a_way_without_end(void **state)
{
	static const char bytes[] = "\x48\x8b\x87\xd0\x00\x00\x00\x48\x85\xc0\x75\x08"
				    "\x48\x83\x7f\x08\x00\x74\xf9\xcc"
				    "\x8b\x40\x08\x89\x01\x31\xc0\xc3";
	const struct code_chunk chunks[] = { { 0x1000, bytes, sizeof bytes - 1 }, { 0, NULL, 0 } };
	uint64_t offset = 0;

	(void)state;
	plant(chunks);
	assert_true(ctl_code_arena(&ctl_arch_x86_64, &target, &image, BIAS + 0x1000, &offset));
	assert_int_equal(offset, 208);
}

static void two_arenas_are_none(void **state)
{
	/* cmpb $0,(%rdi); jne 1f; as above; 1: the same of 152(%rdi) */
	static const char bytes[] = "\x80\x3f\x00\x75\x0f"
				    "\x48\x8b\x87\x90\x00\x00\x00\x8b\x40\x08\x89\x01\x31\xc0\xc3"
				    "\x48\x8b\x87\x98\x00\x00\x00\x8b\x40\x08\x89\x01\x31\xc0\xc3";
	const struct code_chunk chunks[] = { { 0x1000, bytes, sizeof bytes - 1 }, { 0, NULL, 0 } };
	uint64_t offset = 0;

	(void)state;
	plant(chunks);
	assert_false(ctl_code_arena(&ctl_arch_x86_64, &target, &image, BIAS + 0x1000, &offset));
	code[0x1000 + 23] = 0x90; /* both of 144 */
	assert_true(ctl_code_arena(&ctl_arch_x86_64, &target, &image, BIAS + 0x1000, &offset));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_handlers_tell_the_offset),
		cmocka_unit_test(a_damaged_handler_tells_nothing_or_runs_to_its_end),
		cmocka_unit_test(a_handler_that_fails_at_once_says_so),
		cmocka_unit_test(a_value_that_was_changed_on_its_way_is_none),
		cmocka_unit_test(ways_that_differ_are_no_answer),
		cmocka_unit_test(constants_and_variables_are_told_apart),
		cmocka_unit_test(the_thread_pointer_is_not_taken_for_tsd),
		cmocka_unit_test(a_handler_without_end_ends),
		cmocka_unit_test(code_outside_of_the_module_is_not_followed),
		cmocka_unit_test(the_arena_is_what_its_index_was_loaded_through),
		cmocka_unit_test(the_arena_is_found_beside_a_way_without_end),
		cmocka_unit_test(two_arenas_are_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
