/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapped ELF files: this program and its libc as they are, and made ones as hostile as they come. */
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
#include <time.h>
#include <unistd.h>

#include "arch.h"
#include "elf_image.h"

#define MARK UINT64_C(0x4b54535452746c73)
#define BYTES_LIMIT (UINT64_C(128) << 20) /* what one damaged file may make us read */
#define CALLS_LIMIT 8192

static _Thread_local volatile uint64_t initialized = MARK;
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* ---- a made file: every table once, in one mapping, at the places below ---- */
#define SIZE 65536 /* more than the longest chain that is followed */
#define PHDRS 6
enum { DYNAMIC = 1024, NOTE = 1536, HASH = 2048, SYMBOLS = 3072, STRINGS = 4096, RELOCS = 5120, TLS = 6144,
       CONSTANTS = 8192 };
#define SYMBOL_COUNT 5
static const char version_text[] = "5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7";
static const char string_table[] = "\0one\0two\0three\0four";
static unsigned char *made;
static struct remote_read_count counter;

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)(void *)made;
}

static Elf64_Phdr *phdr(size_t i)
{
	return (Elf64_Phdr *)(void *)(made + sizeof(Elf64_Ehdr)) + i;
}

static Elf64_Dyn *dyn(size_t i)
{
	return (Elf64_Dyn *)(void *)(made + DYNAMIC) + i;
}

static uint32_t *hash(size_t i)
{
	return (uint32_t *)(void *)(made + HASH) + i;
}

static void make(void)
{
	static const Elf64_Dyn entries[] = {
		{ DT_RELA, { RELOCS } }, { DT_RELASZ, { 2 * sizeof(Elf64_Rela) } },
		{ DT_JMPREL, { RELOCS + 2 * sizeof(Elf64_Rela) } }, { DT_PLTRELSZ, { sizeof(Elf64_Rela) } },
		{ DT_PLTREL, { DT_RELA } }, { DT_SYMTAB, { SYMBOLS } }, { DT_STRTAB, { STRINGS } },
		{ DT_STRSZ, { sizeof string_table } }, { DT_GNU_HASH, { HASH } }, { DT_NULL, { 0 } },
	};
	static const Elf64_Word names[SYMBOL_COUNT] = { 0, 1, 5, 9, 15 };
	/* nbuckets, symoffset, bloom words, shift; one bloom word; two buckets; chains of 1-2 and 3-4 */
	static const uint32_t table[] = { 2, 1, 1, 0, 0xffffffff, 0xffffffff, 1, 3, 2, 3, 4, 5 };
	const Elf64_Phdr headers[PHDRS] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = SIZE, .p_memsz = SIZE },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = SIZE - 64, .p_memsz = 64 },
		{ .p_type = PT_DYNAMIC, .p_vaddr = DYNAMIC, .p_filesz = sizeof entries, .p_memsz = sizeof entries },
		{ .p_type = PT_TLS, .p_vaddr = TLS, .p_filesz = 24, .p_memsz = 100, .p_align = 16 },
		{ .p_type = PT_NOTE, .p_vaddr = NOTE, .p_filesz = 64, .p_memsz = 64 },
		{ .p_type = PT_GNU_STACK },
	};
	const uint32_t note[] = { 4, 8, NT_GNU_ABI_TAG, 0x554e47, 1, 2, 4, 5, NT_GNU_BUILD_ID, 0x554e47, 0x04030201, 5 };

	memset(made, 0, SIZE);
	*header() = (Elf64_Ehdr){ .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
				  .e_type = ET_DYN, .e_machine = (Elf64_Half)arch_elf_machine, .e_version = EV_CURRENT,
				  .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
				  .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = PHDRS };
	memcpy(phdr(0), headers, sizeof headers);
	memcpy(dyn(0), entries, sizeof entries);
	memcpy(made + NOTE, note, sizeof note);
	memcpy(hash(0), table, sizeof table);
	for (size_t i = 0; i < SYMBOL_COUNT; i++)
		((Elf64_Sym *)(void *)(made + SYMBOLS))[i] = (Elf64_Sym){ .st_name = names[i], .st_value = i * 16 };
	memcpy(made + STRINGS, string_table, sizeof string_table);
	for (size_t i = 0; i < 3; i++)
		((Elf64_Rela *)(void *)(made + RELOCS))[i] = (Elf64_Rela){ .r_offset = i + 100 };
	memset(made + TLS, 7, 24);
	memcpy(made + CONSTANTS, version_text, sizeof version_text);
	counter = (struct remote_read_count){ 0, 0 };
}

static int parse(struct elf_image *image)
{
	int rc = elf_image_parse(made, ELF_IMAGE_HEAD_SIZE, (uint64_t)(uintptr_t)made, image);

	image->tid = getpid();
	image->counter = &counter;
	return rc;
}

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

static void test_made(void **state)
{
	unsigned char id[8], *tls;
	size_t id_size = sizeof id;
	char version[ELF_IMAGE_VERSION_SIZE];
	struct elf_dynamic dynamic;
	struct elf_image image;

	(void)state;
	make();
	assert_int_equal(parse(&image), 0);
	assert_true(image.bias == (uint64_t)(uintptr_t)made && image.low == image.bias && image.high == image.low + SIZE);
	assert_true(image.has_tls && image.tls_filesz == 24 && image.tls_memsz == 100 && image.tls_align == 16);
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
	assert_int_equal(elf_image_version(&image, version), 0);
	assert_string_equal(version, version_text);
}

/* glibc turns the dynamic section's addresses into absolute ones in place. */
static void test_relocated_in_place(void **state)
{
	(void)state;
	make();
	for (size_t i = 0; dyn(i)->d_tag; i++)
		if (dyn(i)->d_tag == DT_RELA || dyn(i)->d_tag == DT_JMPREL || dyn(i)->d_tag == DT_SYMTAB ||
		    dyn(i)->d_tag == DT_STRTAB || dyn(i)->d_tag == DT_GNU_HASH)
			dyn(i)->d_un.d_val += (uint64_t)(uintptr_t)made;
	assert_int_equal(dynamic_answer(), 0);
}

static void test_not_native(void **state)
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

static void test_damaged_headers(void **state)
{
	struct elf_image image;

	(void)state;
	for (size_t size = sizeof(Elf64_Ehdr); size < sizeof(Elf64_Ehdr) + PHDRS * sizeof(Elf64_Phdr); size++) {
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
	phdr(3)->p_filesz = 101; /* more than p_memsz */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(4)->p_type = PT_TLS; /* two */
	assert_int_equal(parse(&image), -EBADMSG);
	make();
	phdr(0)->p_type = phdr(1)->p_type = PT_NULL; /* nothing is loaded */
	assert_int_equal(parse(&image), -EBADMSG);
}

static void test_damaged_tables(void **state)
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
	assert_true(counter.calls < CALLS_LIMIT);
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

static void test_names(void **state)
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

static void test_notes(void **state)
{
	unsigned char id[8];
	size_t size;
	struct elf_image image;

	(void)state;
	for (size_t field = 0; field < 3; field++)
		for (int last = 0; last < 2; last++) {
			make();
			((uint32_t *)(void *)(made + NOTE))[field + (last ? 6 : 0)] = UINT32_MAX - 1;
			assert_int_equal(parse(&image), 0);
			size = sizeof id;
			assert_int_equal(elf_image_build_id(&image, id, &size), field == 2 && !last ? 0 : -ENOENT);
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

static void test_version(void **state)
{
	static const char *const wrong[] = {
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f",   /* 39 digits */
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f77", /* 41 */
		"5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328fG",
		"5.3-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
		"5..0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
		"-ge13ca993e8ccb9ba9847cc330696e02839f328f7",
	};
	char version[ELF_IMAGE_VERSION_SIZE];
	struct elf_image image;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		make();
		memset(made + CONSTANTS, 0, 128);
		memcpy(made + CONSTANTS, wrong[i], strlen(wrong[i]));
		assert_int_equal(parse(&image), 0);
		assert_int_equal(elf_image_version(&image, version), -ENOENT);
	}
	make();
	memcpy(made + CONSTANTS + 256, version_text, sizeof version_text); /* twice the same */
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_version(&image, version), 0);
	made[CONSTANTS + 256] = '4';
	assert_int_equal(elf_image_version(&image, version), -ENOTUNIQ);
	make();
	memcpy(made + SIZE - sizeof version_text + 1, version_text, sizeof version_text - 1); /* cut at the very end */
	memset(made + CONSTANTS, 0, 128);
	assert_int_equal(elf_image_version(&image, version), -ENOENT);
	make();
	phdr(0)->p_flags = PF_R | PF_W; /* the heap of a program may hold anything */
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_version(&image, version), -ENOENT);
}

/* A version string at every place relative to the borders of the pieces in which memory is read. */
static void test_version_across_pieces(void **state)
{
	size_t size = UINT64_C(3) << 18;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct elf_image image = { .tid = getpid(), .counter = &counter };
	char version[ELF_IMAGE_VERSION_SIZE];

	(void)state;
	assert_true(memory != MAP_FAILED);
	image.constants[0] = (struct elf_span){ (uint64_t)(uintptr_t)memory, size };
	for (size_t border = 262144 - 256; border < 262144 + 64; border++) {
		memcpy(memory + border, version_text, sizeof version_text);
		counter = (struct remote_read_count){ 0, 0 };
		assert_int_equal(elf_image_version(&image, version), 0);
		memset(memory + border, 0, sizeof version_text);
	}
	munmap(memory, size);
}

/* jemalloc's messages, too; the text without its first letter is another's, as the probe's own. */
static void test_message(void **state)
{
	static const char message[] = "<jemalloc>: Invalid conf pair";
	struct elf_image image;

	(void)state;
	make();
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_has_message(&image), 0);
	memcpy(made + CONSTANTS, message + 1, sizeof message - 1);
	assert_int_equal(elf_image_has_message(&image), 0);
	memcpy(made + CONSTANTS + 64, message, sizeof message);
	assert_int_equal(elf_image_has_message(&image), 1);
	phdr(0)->p_flags = PF_R | PF_W;
	assert_int_equal(parse(&image), 0);
	assert_int_equal(elf_image_has_message(&image), 0);
}

/* Code is read last, however large it is: the version of a large program is among its constants. */
static void test_version_behind_code(void **state)
{
	size_t size = UINT64_C(64) << 20;
	char *code = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct elf_image image = { .tid = getpid(), .counter = &counter };
	char version[ELF_IMAGE_VERSION_SIZE];

	(void)state;
	assert_true(code != MAP_FAILED);
	make();
	image.code[0] = (struct elf_span){ (uint64_t)(uintptr_t)code, size };
	image.constants[1] = (struct elf_span){ (uint64_t)(uintptr_t)made, SIZE };
	assert_int_equal(elf_image_version(&image, version), 0);
	assert_string_equal(version, version_text);
	munmap(code, size);
}

/* Any bytes at all: no crash (run with sanitizers too), no endless work, no boundless reading. */
static void test_random_damage(void **state)
{
	static const uint64_t values[] = { 0, 1, 7, 0xff, 0xffff, 0x7fffffff, 0xffffffff, SIZE, SIZE - 1,
					   INT64_MAX, UINT64_MAX, UINT64_MAX - 4095, DYNAMIC, HASH, SYMBOLS };
	uint64_t seed = 1;
	struct timespec begin, end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (size_t round = 0; round < 20000; round++) {
		char version[ELF_IMAGE_VERSION_SIZE];
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
				assert_true(strlen(elf_dynamic_name(&dynamic, i)) <= dynamic.strings_size);
			elf_dynamic_free(&dynamic);
		}
		if (elf_image_tls(&image, &tls) == 0)
			free(tls);
		elf_image_build_id(&image, id, &size);
		if (round % 16 == 0)
			elf_image_version(&image, version);
		assert_true(counter.calls < CALLS_LIMIT && counter.bytes < BYTES_LIMIT);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	print_message("# 20000 damaged files in %ld ms\n", (long)(end.tv_sec - begin.tv_sec) * 1000 +
		      (end.tv_nsec - begin.tv_nsec) / 1000000);
}

static void test_this_program(void **state)
{
	uint64_t start = (uint64_t)(uintptr_t)__ehdr_start, mark;
	struct elf_image image;
	unsigned char *tls;
	int found = 0;

	(void)state;
	assert_true(initialized == MARK);
	assert_int_equal(elf_image_parse(__ehdr_start, ELF_IMAGE_HEAD_SIZE, start, &image), 0);
	image.tid = getpid();
	image.counter = NULL;
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

/* glibc's own libc, from memory: the dynamic linker must agree with every function that is looked at. */
static void test_libc(void **state)
{
	uint64_t start = 0;
	char head[ELF_IMAGE_HEAD_SIZE];
	struct elf_dynamic dynamic;
	struct elf_image image;
	int same = 0;

	(void)state;
	assert_int_equal(dl_iterate_phdr(keep_libc, &start), 1);
	assert_int_equal(remote_read_one(getpid(), start, head, sizeof head, NULL), 0);
	assert_int_equal(elf_image_parse(head, sizeof head, start, &image), 0);
	image.tid = getpid();
	image.counter = NULL;
	assert_true(image.has_tls);
	assert_int_equal(elf_image_dynamic(&image, &dynamic), 0);
	assert_true(dynamic.symbol_count > 1000 && dynamic.reloc_count > 100);
	for (size_t i = 1; i < dynamic.symbol_count; i++)
		if (strcmp(elf_dynamic_name(&dynamic, i), "getsid") == 0 || strcmp(elf_dynamic_name(&dynamic, i), "getppid") == 0)
			same += dynamic.symbols[i].st_value + image.bias ==
				(uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, elf_dynamic_name(&dynamic, i));
	assert_true(same >= 2);
	elf_dynamic_free(&dynamic);
}

static int map_made(void **state)
{
	(void)state;
	made = mmap(NULL, SIZE + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		return -1;
	return mprotect(made, SIZE, PROT_READ | PROT_WRITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_relocated_in_place),
		cmocka_unit_test(test_not_native),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_damaged_tables),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_version_across_pieces),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_version_behind_code),
		cmocka_unit_test(test_random_damage),
		cmocka_unit_test(test_this_program),
		cmocka_unit_test(test_libc),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, map_made, NULL);
}
