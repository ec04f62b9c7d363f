/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file as it is mapped in the target: its TLS, its dynamic symbols and relocations, read
 * from memory. So a file that was replaced, deleted or lies in a container makes no difference.
 * Everything in it is hostile until checked.
 */
#ifndef KTSTR_ELF_IMAGE_H
#define KTSTR_ELF_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/target.h"

#define ELF_IMAGE_PHDRS_LIMIT 256 /* linkers make about ten */

#define ELF_IMAGE_SPANS 4

struct elf_span {
	uint64_t address, size;
};

struct elf_image {
	struct target *target;
	uint64_t start;     /* where file offset 0 is mapped */
	uint64_t phdrs;     /* where the program headers are: patchelf and llvm-bolt move them to
			       the end of the file */
	uint64_t bias;      /* address = p_vaddr + bias */
	uint64_t low, high; /* addresses from the first to the last PT_LOAD */
	bool has_tls;
	uint64_t tls_vaddr, tls_filesz, tls_memsz, tls_align;
	uint64_t dynamic, dynamic_size;         /* address; size 0: none */
	struct elf_span notes[ELF_IMAGE_SPANS]; /* PT_NOTE; size 0: none */
	struct elf_span
		constants[ELF_IMAGE_SPANS];    /* PT_LOAD that can be read alone; size 0: none */
	struct elf_span code[ELF_IMAGE_SPANS]; /* PT_LOAD that can be executed, but not written */
	struct elf_span data[ELF_IMAGE_SPANS]; /* PT_LOAD that can be written, without .bss */
	struct elf_span writable[ELF_IMAGE_SPANS]; /* the same with it */
};

/* The parts of the dynamic section, copied; free with elf_dynamic_free. */
struct elf_dynamic {
	Elf64_Rela *relocs; /* DT_RELA and DT_JMPREL together */
	size_t reloc_count;
	Elf64_Sym *symbols;
	size_t symbol_count;
	char *strings; /* NUL behind the last byte */
	size_t strings_size;
	uint64_t debug; /* DT_DEBUG: the address of ld.so's struct r_debug, 0 for none */
};

/* An offset in a file, and the address where that is mapped. */
struct elf_place {
	uint64_t offset, address;
};

/* Pure: 0, -ENOEXEC for what is not a native 64-bit ELF executable or library, -EBADMSG for a
 * damaged one. */
int elf_header_check(const Elf64_Ehdr *header);

/* Pure: takes header->e_phnum program headers. Returns 0, or as elf_header_check. */
int elf_image_take(const Elf64_Ehdr *header, const Elf64_Phdr *phdrs, uint64_t start,
		   struct elf_image *image);

/* Pure: the same from the first size bytes of a mapped file, where they hold all the headers. */
int elf_image_parse(const void *head, size_t size, uint64_t start, struct elf_image *image);

/*
 * Reads the headers from memory: the program headers from the address `phdrs`, which may be
 * anywhere; the file must then say that it loads them there. Neither may it contradict `known`,
 * which may be NULL. Returns 0, as elf_header_check, or what reading gave.
 */
int elf_image_load(struct target *target, uint64_t start, uint64_t phdrs,
		   const struct elf_place *known, struct elf_image *image);

/*
 * Are the header and the program headers in memory those of this open file? Returns 0, -EBADMSG
 * when they differ, or what reading gave. A process can write over its own, and its threads run on
 * as before.
 */
int elf_image_compare(const struct elf_image *image, int fd);

/* Returns 0 or a negative errno; -EFBIG when a table is larger than any honest one. */
int elf_image_dynamic(const struct elf_image *image, struct elf_dynamic *dynamic);
void elf_dynamic_free(struct elf_dynamic *dynamic);

/* The name of a symbol, "" when out of range. */
const char *elf_dynamic_name(const struct elf_dynamic *dynamic, size_t symbol);

/*
 * Reads [address, address + size), which must lie within the file's mappings, into a buffer; or
 * into memory of its own, NUL-terminated, and *result is the caller's to free. Returns 0 or a
 * negative errno; -EBADMSG for what lies outside, -EFBIG for more than the limit.
 */
int elf_image_read(const struct elf_image *image, uint64_t address, uint64_t size, void *buffer);
int elf_image_copy(const struct elf_image *image, uint64_t address, uint64_t size, uint64_t limit,
		   void **result);

/* The initial TLS image without the zeros behind it; *bytes is the caller's to free. */
int elf_image_tls(const struct elf_image *image, unsigned char **bytes);

/* Was more read of its target than any honest process makes one read? */
bool elf_image_over_budget(const struct elf_image *image);

/*
 * The build-id in the mapped notes. On entry *size is the room in id. Returns 0, -ENOENT for none,
 * or another negative errno.
 */
int elf_image_build_id(const struct elf_image *image, unsigned char *id, size_t *size);

#endif
