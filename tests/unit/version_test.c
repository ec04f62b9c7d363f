/* SPDX-License-Identifier: BSD-2-Clause */
/* jemalloc's version string and its messages in a mapped file's constant data. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jemalloc/version.h"
#include "made_image.h"

static void a_version_string_has_exactly_its_form(void **state)
{
	static const char *const wrong[] = {
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f",   /* 39 digits */
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f77", /* 41 */
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328fG",
		"5.3-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
		"5..0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
		"-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
		"5.2.1-0-g",
		"5.2.1-0-g1",
		"5.2.1-0-g00",
		"5.2.1-0-gea6b3e97",                                 /* another's, or cut */
		"0.0.0-0-ge13ca993e8ccb9ba9847cc330696e02839f328f7", /* built without git */
	};
	char version[JEMALLOC_VERSION_SIZE];
	struct elf_image image;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		make();
		memset(made + CONSTANTS, 0, 128);
		memcpy(made + CONSTANTS, wrong[i], strlen(wrong[i]));
		assert_int_equal(parse(&image), 0);
		assert_int_equal(jemalloc_version_find(&image, version), -ENOENT);
	}
	make();
	memcpy(made + CONSTANTS + 256, version_text, sizeof version_text); /* twice the same */
	assert_int_equal(parse(&image), 0);
	assert_int_equal(jemalloc_version_find(&image, version), 0);
	made[CONSTANTS + 256] = '4';
	assert_int_equal(jemalloc_version_find(&image, version), -ENOTUNIQ);
	make();
	memset(made + CONSTANTS, 0, 128);
	memcpy(made + CONSTANTS, "5.2.1-0-g0", sizeof "5.2.1-0-g0"); /* as redis has it */
	assert_int_equal(parse(&image), 0);
	assert_int_equal(jemalloc_version_find(&image, version), 0);
	assert_string_equal(version, "5.2.1-0-g0");
	make();
	memcpy(made + SIZE - sizeof version_text + 1, version_text,
	       sizeof version_text - 1); /* cut at the very end */
	memset(made + CONSTANTS, 0, 128);
	assert_int_equal(jemalloc_version_find(&image, version), -ENOENT);
	make();
	phdr(0)->p_flags = PF_R | PF_W; /* the heap of a program may hold anything */
	assert_int_equal(parse(&image), 0);
	assert_int_equal(jemalloc_version_find(&image, version), -ENOENT);
}

/* A version string at every place relative to the borders of the pieces in which memory is read. */
static void a_version_is_found_across_the_borders_of_pieces(void **state)
{
	size_t size = UINT64_C(3) << 18;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct elf_image image = { .target = &here };
	char version[JEMALLOC_VERSION_SIZE];

	(void)state;
	assert_true(memory != MAP_FAILED);
	image.constants[0] = (struct elf_span){ (uint64_t)(uintptr_t)memory, size };
	for (size_t border = 262144 - 256; border < 262144 + 64; border++) {
		memcpy(memory + border, version_text, sizeof version_text);
		here.read_count = (struct target_read_count){ 0, 0 };
		assert_int_equal(jemalloc_version_find(&image, version), 0);
		memset(memory + border, 0, sizeof version_text);
	}
	munmap(memory, size);
}

/* jemalloc's messages, too; the text without its first letter is another's, as the probe's own. */
static void jemalloc_s_own_message_is_told_from_another_s(void **state)
{
	static const char message[] = "<jemalloc>: Invalid conf pair";
	struct elf_image image;

	(void)state;
	make();
	assert_int_equal(parse(&image), 0);
	assert_int_equal(jemalloc_message_find(&image), 0);
	memcpy(made + CONSTANTS, message + 1, sizeof message - 1);
	assert_int_equal(jemalloc_message_find(&image), 0);
	memcpy(made + CONSTANTS + 64, message, sizeof message);
	assert_int_equal(jemalloc_message_find(&image), 1);
	phdr(0)->p_flags = PF_R | PF_W;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(jemalloc_message_find(&image), 0);
}

/* Code is read last, however large it is: the version of a large program is among its constants. */
static void code_is_read_last_however_large(void **state)
{
	size_t size = UINT64_C(64) << 20;
	char *code =
		mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct elf_image image = { .target = &here };
	char version[JEMALLOC_VERSION_SIZE];

	(void)state;
	assert_true(code != MAP_FAILED);
	make();
	image.code[0] = (struct elf_span){ (uint64_t)(uintptr_t)code, size };
	image.constants[1] = (struct elf_span){ (uint64_t)(uintptr_t)made, SIZE };
	assert_int_equal(jemalloc_version_find(&image, version), 0);
	assert_string_equal(version, version_text);
	munmap(code, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_string_has_exactly_its_form),
		cmocka_unit_test(a_version_is_found_across_the_borders_of_pieces),
		cmocka_unit_test(jemalloc_s_own_message_is_told_from_another_s),
		cmocka_unit_test(code_is_read_last_however_large),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, map_made, NULL);
}
