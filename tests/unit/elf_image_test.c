/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapped ELF files: this program and its libc as they are, and made ones as hostile as they come.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf/elf_image.h"
#include "jemalloc/version.h"
#include "made_image.h"

#define MARK        UINT64_C(0x4b54535452746c73)
#define BYTES_LIMIT (UINT64_C(128) << 20) /* what one damaged file may make us read */
#define CALLS_LIMIT 8192

static _Thread_local volatile uint64_t initialized = MARK;
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* The answer of elf_image_dynamic for the made file as it is now; what it gave is freed. */
static int dynamic_answer(void)
{
	struct elf_dynamic dynamic;
	struct elf_image image;
	int rc;

	assert_int_equal(parse(&image), 0);
	rc = elf_image_dynamic(&image, &dynamic);
	elf_dynamic_free(&dynamic);
	return rc;
}

static void a_made_image_says_what_was_put_into_it(void **state)
{
	unsigned char id[8], *tls;
	size_t id_size = sizeof id;
	char version[JEMALLOC_VERSION_SIZE];
	struct elf_dynamic dynamic;
	struct elf_image image;

	(void)state;
	make();
	assert_int_equal(parse(&image), 0);
	assert_true(image.bias == (uint64_t)(uintptr_t)made && image.low == image.bias &&
		    image.high == image.low + SIZE);
	assert_true(image.has_tls && image.tls_filesz == 24 && image.tls_memsz == 100 &&
		    image.tls_align == 16);
	assert_int_equal(elf_image_dynamic(&image, &dynamic), 0);
	assert_int_equal(dynamic.reloc_count, 3);
	assert_int_equal(dynamic.relocs[2].r_offset, 102);
	assert_int_equal(dynamic.symbol_count, SYMBOL_COUNT);
	assert_string_equal(elf_dynamic_name(&dynamic, 3), "three");
	assert_string_equal(elf_dynamic_name(&dynamic, 4), "four");
	assert_string_equal(elf_dynamic_name(&dynamic, SYMBOL_COUNT), "");
	elf_dynamic_free(&dynamic);
	assert_int_equal(elf_image_tls(&image, &tls), 0);
	assert_int_equal(tls[23], 7);
	free(tls);
	assert_int_equal(elf_image_build_id(&image, id, &id_size), 0);
	assert_int_equal(id_size, 5);
	assert_memory_equal(id, "\1\2\3\4\5", 5);
	assert_int_equal(jemalloc_version_find(&image, version), 0);
	assert_string_equal(version, version_text);
}

/* glibc turns the dynamic section's addresses into absolute ones in place. */
static void a_dynamic_section_relocated_in_place_is_read(void **state)
{
	(void)state;
	make();
	for (size_t i = 0; dyn(i)->d_tag; i++)
		if (dyn(i)->d_tag == DT_RELA || dyn(i)->d_tag == DT_JMPREL ||
		    dyn(i)->d_tag == DT_SYMTAB || dyn(i)->d_tag == DT_STRTAB ||
		    dyn(i)->d_tag == DT_GNU_HASH)
			dyn(i)->d_un.d_val += (uint64_t)(uintptr_t)made;
	assert_int_equal(dynamic_answer(), 0);
}

static void an_image_of_another_machine_is_refused(void **state)
{
	struct elf_image image;

	(void)state;
	for (size_t size = 0; size < sizeof(Elf64_Ehdr); size++) {
		make();
		assert_int_equal(elf_image_parse(made, size, 4096, &image), -ENOEXEC);
	}
	make();
	header()->e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(parse(&image), -ENOEXEC);
	make();
	header()->e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(parse(&image), -ENOEXEC);
	make();
	header()->e_machine = EM_RISCV;
	assert_int_equal(parse(&image), -ENOEXEC);
	make();
	header()->e_type = ET_CORE;
	assert_int_equal(parse(&image), -ENOEXEC);
}

static void damaged_headers_are_refused(void **state)
{
	struct elf_image image;

	(void)state;
	for (size_t size = sizeof(Elf64_Ehdr);
	     size < sizeof(Elf64_Ehdr) + PHDRS * sizeof(Elf64_Phdr); size++) {
		make();
		assert_int_equal(elf_image_parse(made, size, 4096, &image), -EBADMSG);
	}
	make();
	header()->e_phnum = 0xffff;
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	header()->e_phoff = UINT64_MAX - 16;
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	header()->e_phentsize = 1;
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(0)->p_vaddr = UINT64_MAX - 4; /* vaddr + memsz overflows */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(0)->p_vaddr = UINT64_C(1) << 57; /* no program can be there */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(3)->p_filesz = 101; /* more than p_memsz */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(4)->p_type = PT_TLS; /* two */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(0)->p_type = phdr(1)->p_type = PT_NULL; /* nothing is loaded */
	assert_int_equal(parse(&image), -EBADMSG);
}

static void damaged_tables_are_refused(void **state)
{
	struct elf_image image;
	unsigned char *tls;

	(void)state;
	make();
	phdr(2)->p_memsz = UINT64_MAX;
	assert_int_equal(dynamic_answer(), -EFBIG);
	make();
	phdr(2)->p_vaddr = SIZE - 8; /* reaches behind the file */
	assert_int_equal(dynamic_answer(), -EBADMSG);
	make();
	dyn(1)->d_un.d_val = UINT64_C(1) << 62; /* DT_RELASZ */
	assert_int_equal(dynamic_answer(), -EFBIG);
	make();
	dyn(1)->d_un.d_val = SIZE;
	assert_int_equal(dynamic_answer(), -EBADMSG);
	make();
	dyn(5)->d_un.d_val = SIZE * 2; /* DT_SYMTAB */
	assert_int_equal(dynamic_answer(), -EBADMSG);
	make();
	dyn(7)->d_un.d_val = UINT64_MAX; /* DT_STRSZ */
	assert_int_equal(dynamic_answer(), -EFBIG);
	make();
	*hash(0) = UINT32_MAX; /* buckets */
	assert_int_equal(dynamic_answer(), -EFBIG);
	make();
	*hash(2) = UINT32_MAX; /* bloom words */
	assert_int_equal(dynamic_answer(), -EBADMSG);
	make();
	*hash(7) = UINT32_MAX; /* a chain that begins far outside */
	assert_int_not_equal(dynamic_answer(), 0);
	make();
	memset(hash(8), 0, SIZE - HASH - 32); /* a chain without an end */
	assert_int_equal(dynamic_answer(), -EBADMSG);
	assert_true(here.read_count.calls < CALLS_LIMIT);
	make();
	phdr(3)->p_filesz = phdr(3)->p_memsz = UINT64_C(1) << 40;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_tls(&image, &tls), -EFBIG);
	make();
	phdr(3)->p_vaddr = SIZE - 4;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_tls(&image, &tls), -EBADMSG);
	/* A table in a hole: the headers promise more than is mapped. */
	make();
	phdr(0)->p_memsz = SIZE * 8;
	dyn(0)->d_un.d_val = SIZE + 64; /* behind the mapping stands a page without rights */
	assert_int_equal(dynamic_answer(), -EFAULT);
}

static void a_table_of_empty_buckets_has_no_symbols_to_count(void **state)
{
	struct elf_dynamic dynamic;
	struct elf_image image;

	(void)state;
	make();
	*hash(6) = *hash(7) = 0;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_dynamic(&image, &dynamic), 0);
	assert_int_equal(dynamic.symbol_count, 1);
	elf_dynamic_free(&dynamic);
}

static void what_a_process_makes_one_read_has_an_end(void **state)
{
	(void)state;
	make();
	here.read_count.bytes = BYTES_LIMIT + 1;
	assert_int_equal(dynamic_answer(), -EFBIG);
}

/* A process can write over its headers, and runs on as before. */
static void headers_that_are_not_those_of_the_file_are_noticed(void **state)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	struct elf_image image;

	(void)state;
	make();
	assert_int_equal(write(fd, made, SIZE), SIZE);
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_compare(&image, fd), 0);
	phdr(PHDRS - 1)->p_align = 1; /* the last byte that is compared */
	assert_int_equal(elf_image_compare(&image, fd), -EBADMSG);
	make();
	header()->e_phoff += 8; /* others in the file */
	assert_int_equal(elf_image_compare(&image, fd), -EBADMSG);
	make();
	header()->e_phnum = 0;
	assert_int_equal(elf_image_compare(&image, fd), -EBADMSG);
	make();
	header()->e_phnum = ELF_IMAGE_PHDRS_LIMIT + 1;
	assert_int_equal(elf_image_compare(&image, fd), -EBADMSG);
	make();
	assert_int_equal(ftruncate(fd, 100), 0); /* shorter than its headers */
	assert_int_equal(elf_image_compare(&image, fd), -EBADMSG);
	close(fd);
}

static void a_symbol_that_is_not_there_has_no_name(void **state)
{
	Elf64_Sym symbols[2] = { { 0 }, { .st_name = 1 } };
	char strings[] = "\0name";
	struct elf_dynamic dynamic = { .symbols = symbols,
				       .symbol_count = 2,
				       .strings = strings,
				       .strings_size = sizeof strings };

	(void)state;
	assert_string_equal(elf_dynamic_name(&dynamic, 1), "name");
	dynamic.symbol_count = 1;
	assert_string_equal(elf_dynamic_name(&dynamic, 1), "");
}

static void a_name_outside_the_string_table_is_empty(void **state)
{
	struct elf_dynamic dynamic;
	struct elf_image image;

	(void)state;
	make();
	made[STRINGS + sizeof string_table - 1] = 'x'; /* the last name is not ended */
	((Elf64_Sym *)(void *)(made + SYMBOLS))[1].st_name = UINT32_MAX;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_dynamic(&image, &dynamic), 0);
	assert_string_equal(elf_dynamic_name(&dynamic, 1), "");
	assert_string_equal(elf_dynamic_name(&dynamic, 4), "fourx");
	elf_dynamic_free(&dynamic);
}

static void a_note_that_is_too_long_ends_the_search(void **state)
{
	unsigned char id[8];
	size_t size;
	struct elf_image image;

	(void)state;
	for (size_t field = 0; field < 3; field++)
		for (int last = 0; last < 2; last++) {
			make();
			((uint32_t *)(void *)(made + NOTE))[field + (last ? 6 : 0)] =
				UINT32_MAX - 1;
			assert_int_equal(parse(&image), 0);
			size = sizeof id;
			assert_int_equal(elf_image_build_id(&image, id, &size),
					 field == 2 && !last ? 0 : -ENOENT);
		}
	make();
	assert_int_equal(parse(&image), 0);
	size = 4; /* no room */
	assert_int_equal(elf_image_build_id(&image, id, &size), -EFBIG);
	make();
	phdr(4)->p_vaddr = SIZE - 8;
	assert_int_equal(parse(&image), 0);
	size = sizeof id;
	assert_int_equal(elf_image_build_id(&image, id, &size), -ENOENT);
}

/* Any bytes at all: no crash (run with sanitizers too), no endless work, no boundless reading. */
static void any_damage_is_read_within_bounds(void **state)
{
	static const uint64_t values[] = { 0,        1,          7,          0xff,
					   0xffff,   0x7fffffff, 0xffffffff, SIZE,
					   SIZE - 1, INT64_MAX,  UINT64_MAX, UINT64_MAX - 4095,
					   DYNAMIC,  HASH,       SYMBOLS };
	uint64_t seed = 1;

	(void)state;
	for (size_t round = 0; round < 20000; round++) {
		char version[JEMALLOC_VERSION_SIZE];
		unsigned char id[64], *tls = NULL;
		size_t size = sizeof id;
		struct elf_dynamic dynamic;
		struct elf_image image;

		make();
		for (size_t hits = 1 + round % 4; hits; hits--) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			memcpy(made + (seed >> 33) % (RELOCS / 4) * 4, &values[(seed >> 20) % 15],
			       seed >> 62 ? 8 : 4);
		}
		if (parse(&image))
			continue;
		if (elf_image_dynamic(&image, &dynamic) == 0) {
			for (size_t i = 0; i < dynamic.symbol_count; i++)
				assert_true(strlen(elf_dynamic_name(&dynamic, i)) <=
					    dynamic.strings_size);
			elf_dynamic_free(&dynamic);
		}
		if (elf_image_tls(&image, &tls) == 0)
			free(tls);
		elf_image_build_id(&image, id, &size);
		if (round % 16 == 0)
			jemalloc_version_find(&image, version);
		assert_true(here.read_count.calls < CALLS_LIMIT &&
			    here.read_count.bytes < BYTES_LIMIT);
	}
}

static void this_program_is_read_from_memory(void **state)
{
	uint64_t start = (uint64_t)(uintptr_t)__ehdr_start, mark;
	struct elf_image image;
	unsigned char *tls;
	int found = 0;

	(void)state;
	assert_true(initialized == MARK);
	assert_int_equal(elf_image_parse(__ehdr_start, HEAD_SIZE, start, &image), 0);
	image.target = &here;
	here.read_count = (struct target_read_count){ 0, 0 };
	assert_true(image.has_tls && image.low == start && image.high > (uint64_t)(uintptr_t)&made);
	assert_int_equal(elf_image_tls(&image, &tls), 0);
	for (size_t i = 0; i + sizeof mark <= image.tls_filesz; i += sizeof mark) {
		memcpy(&mark, tls + i, sizeof mark);
		found += mark == MARK;
	}
	assert_int_equal(found, 1);
	free(tls);
}

static int keep_libc(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	if (!info->dlpi_name || !strstr(info->dlpi_name, "libc.so"))
		return 0;
	*(uint64_t *)base = info->dlpi_addr;
	return 1;
}

/* glibc's own libc, from memory: the dynamic linker must agree with every function that is looked
 * at. */
static void symbols_of_libc_are_where_dlsym_has_them(void **state)
{
	uint64_t start = 0;
	char head[HEAD_SIZE];
	struct elf_dynamic dynamic;
	struct elf_image image;
	int same = 0;

	(void)state;
	assert_int_equal(dl_iterate_phdr(keep_libc, &start), 1);
	assert_int_equal(target_read_one(&here, start, head, sizeof head), 0);
	assert_int_equal(elf_image_parse(head, sizeof head, start, &image), 0);
	image.target = &here;
	here.read_count = (struct target_read_count){ 0, 0 };
	assert_true(image.has_tls);
	assert_int_equal(elf_image_dynamic(&image, &dynamic), 0);
	assert_true(dynamic.symbol_count > 1000 && dynamic.reloc_count > 100);
	for (size_t i = 1; i < dynamic.symbol_count; i++)
		if (strcmp(elf_dynamic_name(&dynamic, i), "getsid") == 0 ||
		    strcmp(elf_dynamic_name(&dynamic, i), "getppid") == 0)
			same += dynamic.symbols[i].st_value + image.bias ==
				(uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT,
							   elf_dynamic_name(&dynamic, i));
	assert_true(same >= 2);
	elf_dynamic_free(&dynamic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_made_image_says_what_was_put_into_it),
		cmocka_unit_test(a_dynamic_section_relocated_in_place_is_read),
		cmocka_unit_test(an_image_of_another_machine_is_refused),
		cmocka_unit_test(damaged_headers_are_refused),
		cmocka_unit_test(damaged_tables_are_refused),
		cmocka_unit_test(a_table_of_empty_buckets_has_no_symbols_to_count),
		cmocka_unit_test(what_a_process_makes_one_read_has_an_end),
		cmocka_unit_test(headers_that_are_not_those_of_the_file_are_noticed),
		cmocka_unit_test(a_symbol_that_is_not_there_has_no_name),
		cmocka_unit_test(a_name_outside_the_string_table_is_empty),
		cmocka_unit_test(a_note_that_is_too_long_ends_the_search),
		cmocka_unit_test(any_damage_is_read_within_bounds),
		cmocka_unit_test(this_program_is_read_from_memory),
		cmocka_unit_test(symbols_of_libc_are_where_dlsym_has_them),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, map_made, NULL);
}
