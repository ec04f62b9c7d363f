/* SPDX-License-Identifier: BSD-2-Clause */
/* A made ELF file: every table once, in one mapping, at the places below. For the tests of
   elf_image; to be included behind cmocka.h. */
#ifndef KTSTR_TESTS_MADE_IMAGE_H
#define KTSTR_TESTS_MADE_IMAGE_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arch.h"
#include "elf/elf_image.h"
#include "linux/live_target.h"

#define HEAD_SIZE 4096  /* as linkers have it: both headers are there */
#define SIZE      65536 /* more than the longest chain that is followed */
#define PHDRS     6
enum {
	DYNAMIC = 1024,
	NOTE = 1536,
	HASH = 2048,
	SYMBOLS = 3072,
	STRINGS = 4096,
	RELOCS = 5120,
	TLS = 6144,
	CONSTANTS = 8192
};
#define SYMBOL_COUNT 5
static const char version_text[] = "5.3.0-1-ge13ca993e8ccb9ba9847cc330696e02839f328f7";
static const char string_table[] = "\0one\0two\0three\0four";
static unsigned char *made;
static struct target here; /* this very process */

static inline Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)(void *)made;
}

static inline Elf64_Phdr *phdr(size_t i)
{
	return (Elf64_Phdr *)(void *)(made + sizeof(Elf64_Ehdr)) + i;
}

static inline Elf64_Dyn *dyn(size_t i)
{
	return (Elf64_Dyn *)(void *)(made + DYNAMIC) + i;
}

static inline uint32_t *hash(size_t i)
{
	return (uint32_t *)(void *)(made + HASH) + i;
}

static inline void make(void)
{
	static const Elf64_Dyn entries[] = {
		{ .d_tag = DT_RELA, .d_un = { .d_val = RELOCS } },
		{ .d_tag = DT_RELASZ, .d_un = { .d_val = 2 * sizeof(Elf64_Rela) } },
		{ .d_tag = DT_JMPREL, .d_un = { .d_val = RELOCS + 2 * sizeof(Elf64_Rela) } },
		{ .d_tag = DT_PLTRELSZ, .d_un = { .d_val = sizeof(Elf64_Rela) } },
		{ .d_tag = DT_PLTREL, .d_un = { .d_val = DT_RELA } },
		{ .d_tag = DT_SYMTAB, .d_un = { .d_val = SYMBOLS } },
		{ .d_tag = DT_STRTAB, .d_un = { .d_val = STRINGS } },
		{ .d_tag = DT_STRSZ, .d_un = { .d_val = sizeof string_table } },
		{ .d_tag = DT_GNU_HASH, .d_un = { .d_val = HASH } },
		{ .d_tag = DT_NULL, .d_un = { .d_val = 0 } },
	};
	static const Elf64_Word names[SYMBOL_COUNT] = { 0, 1, 5, 9, 15 };
	/* nbuckets, symoffset, bloom words, shift; one bloom word; two buckets; chains of 1-2 and
	 * 3-4 */
	static const uint32_t table[] = { 2, 1, 1, 0, 0xffffffff, 0xffffffff, 1, 3, 2, 3, 4, 5 };
	const Elf64_Phdr headers[PHDRS] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = SIZE, .p_memsz = SIZE },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = SIZE - 64, .p_memsz = 64 },
		{ .p_type = PT_DYNAMIC,
		  .p_vaddr = DYNAMIC,
		  .p_filesz = sizeof entries,
		  .p_memsz = sizeof entries },
		{ .p_type = PT_TLS, .p_vaddr = TLS, .p_filesz = 24, .p_memsz = 100, .p_align = 16 },
		{ .p_type = PT_NOTE, .p_vaddr = NOTE, .p_filesz = 64, .p_memsz = 64 },
		{ .p_type = PT_GNU_STACK },
	};
	const uint32_t note[] = { 4, 8, NT_GNU_ABI_TAG,  0x554e47, 1,          2,
				  4, 5, NT_GNU_BUILD_ID, 0x554e47, 0x04030201, 5 };

	memset(made, 0, SIZE);
	*header() = (Elf64_Ehdr){ .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					       ELFDATA2LSB, EV_CURRENT },
				  .e_type = ET_DYN,
				  .e_machine = (Elf64_Half)arch_elf_machine,
				  .e_version = EV_CURRENT,
				  .e_phoff = sizeof(Elf64_Ehdr),
				  .e_ehsize = sizeof(Elf64_Ehdr),
				  .e_phentsize = sizeof(Elf64_Phdr),
				  .e_phnum = PHDRS };
	memcpy(phdr(0), headers, sizeof headers);
	memcpy(dyn(0), entries, sizeof entries);
	memcpy(made + NOTE, note, sizeof note);
	memcpy(hash(0), table, sizeof table);
	for (size_t i = 0; i < SYMBOL_COUNT; i++)
		((Elf64_Sym *)(void *)(made + SYMBOLS))[i] =
			(Elf64_Sym){ .st_name = names[i], .st_value = i * 16 };
	memcpy(made + STRINGS, string_table, sizeof string_table);
	for (size_t i = 0; i < 3; i++)
		((Elf64_Rela *)(void *)(made + RELOCS))[i] = (Elf64_Rela){ .r_offset = i + 100 };
	memset(made + TLS, 7, 24);
	memcpy(made + CONSTANTS, version_text, sizeof version_text);
	here.read_count = (struct target_read_count){ 0, 0 };
}

static inline int parse(struct elf_image *image)
{
	int rc = elf_image_parse(made, HEAD_SIZE, (uint64_t)(uintptr_t)made, image);

	image->target = &here;
	return rc;
}

static inline int map_made(void **state)
{
	(void)state;
	live_target_init(&here);
	here.pid = here.reader = getpid();
	made = mmap(NULL, SIZE + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		return -1;
	return mprotect(made, SIZE, PROT_READ | PROT_WRITE);
}

#endif
