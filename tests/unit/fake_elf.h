/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file mapped in a made-up process: headers, TLS, dynamic symbols and relocations where they
 * are asked for, and a data area that is the test's. Files are added in ascending order.
 */
#ifndef KTSTR_FAKE_ELF_H
#define KTSTR_FAKE_ELF_H

#include <elf.h>

#include "fake_target.h"

#define FAKE_ELF_SIZE 0x10000
#define FAKE_ELF_DATA 0x8000 /* from here on: words that relocations fill, and the test's own */
#define FAKE_ELF_TLS  0x6000 /* the TLS image */

struct fake_symbol {
	const char *name;
	uint64_t value;
	unsigned char bind; /* STB_… */
	bool is_undefined;
};

struct fake_reloc {
	unsigned int type;
	size_t symbol;   /* 0: none; 1: the first one */
	uint64_t offset; /* in the file's memory */
	int64_t addend;
	uint64_t words[2]; /* what the loader has put there */
};

struct fake_elf {
	uint64_t base;
	const char *path;
	uint64_t inode;
	bool is_executable;
	bool has_no_code; /* merely mapped to be read */
	uint64_t tls_filesz, tls_memsz, tls_align;
	const struct fake_symbol *symbols;
	size_t symbol_count;
	const struct fake_reloc *relocs;
	size_t reloc_count;
	uint64_t debug; /* DT_DEBUG; 0: none */
};

/* Its memory, its mappings, and for the executable the auxiliary vector's AT_PHDR. */
void fake_elf_add(struct fake_target *fake, const struct fake_elf *elf);

/* Where its dynamic section is: what a link map's l_ld names. */
uint64_t fake_elf_dynamic(const struct fake_elf *elf);

#endif
