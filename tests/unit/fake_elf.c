/* SPDX-License-Identifier: BSD-2-Clause */
/* An ELF file mapped in a made-up process. */
#include "config.h"

#include "fake_elf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arch.h"

#define DYNAMIC 0x400
#define HASH    0x600
#define SYMBOLS 0x800
#define STRINGS 0x2000
#define RELOCS  0x4000
#define CODE    0x1000 /* where the executable mapping begins */

uint64_t fake_elf_dynamic(const struct fake_elf *elf)
{
	return elf->base + DYNAMIC;
}

static void put_headers(struct fake_target *fake, const struct fake_elf *elf)
{
	const Elf64_Phdr phdrs[] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_filesz = FAKE_ELF_SIZE,
		  .p_memsz = FAKE_ELF_SIZE },
		{ .p_type = PT_DYNAMIC, .p_vaddr = DYNAMIC, .p_memsz = HASH - DYNAMIC },
		{ .p_type = elf->tls_memsz ? PT_TLS : PT_NULL,
		  .p_vaddr = FAKE_ELF_TLS,
		  .p_filesz = elf->tls_filesz,
		  .p_memsz = elf->tls_memsz,
		  .p_align = elf->tls_align },
	};
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = (Elf64_Half)arch_elf_machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof header,
		.e_ehsize = sizeof header,
		.e_phentsize = sizeof *phdrs,
		.e_phnum = sizeof phdrs / sizeof *phdrs,
	};

	fake_target_put(fake, elf->base, &header, sizeof header);
	fake_target_put(fake, elf->base + sizeof header, phdrs, sizeof phdrs);
}

static void put_dynamic(struct fake_target *fake, const struct fake_elf *elf, size_t strings_size)
{
	const Elf64_Dyn entries[] = {
		{ .d_tag = DT_RELA, .d_un = { .d_val = RELOCS } },
		{ .d_tag = DT_RELASZ, .d_un = { .d_val = elf->reloc_count * sizeof(Elf64_Rela) } },
		{ .d_tag = DT_SYMTAB, .d_un = { .d_val = SYMBOLS } },
		{ .d_tag = DT_STRTAB, .d_un = { .d_val = STRINGS } },
		{ .d_tag = DT_STRSZ, .d_un = { .d_val = strings_size } },
		{ .d_tag = DT_HASH, .d_un = { .d_val = HASH } },
		{ .d_tag = elf->debug ? DT_DEBUG : DT_NULL, .d_un = { .d_val = elf->debug } },
		{ .d_tag = DT_NULL, .d_un = { .d_val = 0 } },
	};
	const uint32_t hash[] = { 0, (uint32_t)elf->symbol_count + 1 };

	fake_target_put(fake, elf->base + DYNAMIC, entries, sizeof entries);
	fake_target_put(fake, elf->base + HASH, hash, sizeof hash);
}

/* Returns the size of the string table. */
static size_t put_symbols(struct fake_target *fake, const struct fake_elf *elf)
{
	size_t used = 1;

	assert_true(elf->symbol_count < 64);
	for (size_t i = 0; i < elf->symbol_count; i++) {
		const struct fake_symbol *from = &elf->symbols[i];
		const Elf64_Sym symbol = {
			.st_name = (Elf64_Word)used,
			.st_info = (unsigned char)ELF64_ST_INFO(from->bind, STT_NOTYPE),
			.st_shndx = from->is_undefined ? SHN_UNDEF : 1,
			.st_value = from->value,
		};

		fake_target_put(fake, elf->base + SYMBOLS + (i + 1) * sizeof symbol, &symbol,
				sizeof symbol);
		fake_target_put(fake, elf->base + STRINGS + used, from->name,
				strlen(from->name) + 1);
		used += strlen(from->name) + 1;
	}
	return used;
}

static void put_relocs(struct fake_target *fake, const struct fake_elf *elf)
{
	for (size_t i = 0; i < elf->reloc_count; i++) {
		const struct fake_reloc *from = &elf->relocs[i];
		const Elf64_Rela reloc = {
			.r_offset = from->offset,
			.r_info = ELF64_R_INFO((Elf64_Xword)from->symbol, from->type),
			.r_addend = from->addend,
		};

		fake_target_put(fake, elf->base + RELOCS + i * sizeof reloc, &reloc, sizeof reloc);
		fake_target_put(fake, elf->base + from->offset, from->words, sizeof from->words);
	}
}

static void add_map(struct fake_target *fake, const struct fake_elf *elf, uint64_t from,
		    uint64_t to, const char *perms)
{
	struct target_map *map = &fake->maps[fake->map_count++];

	assert_true(fake->map_count <= FAKE_LIMIT);
	*map = (struct target_map){ .start = elf->base + from,
				    .end = elf->base + to,
				    .offset = from,
				    .inode = elf->inode,
				    .path = (char *)(uintptr_t)elf->path };
	memcpy(map->perms, perms, sizeof map->perms);
}

void fake_elf_add(struct fake_target *fake, const struct fake_elf *elf)
{
	fake_target_add_memory(fake, elf->base, FAKE_ELF_SIZE);
	put_headers(fake, elf);
	put_dynamic(fake, elf, put_symbols(fake, elf));
	put_relocs(fake, elf);
	add_map(fake, elf, 0, CODE, "r--p");
	add_map(fake, elf, CODE, FAKE_ELF_DATA, elf->has_no_code ? "r--p" : "r-xp");
	add_map(fake, elf, FAKE_ELF_DATA, FAKE_ELF_SIZE, elf->has_no_code ? "r--p" : "rw-p");
	if (elf->is_executable)
		fake_target_add_auxv(fake, AT_PHDR, elf->base + sizeof(Elf64_Ehdr));
}
