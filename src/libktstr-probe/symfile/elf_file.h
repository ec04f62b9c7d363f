/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Section headers and symbol tables of an open file, which the target never maps. Nothing of a file
 * is trusted; it is read in pieces, with a limit on how many.
 */
#ifndef KTSTR_ELF_FILE_H
#define KTSTR_ELF_FILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The section headers; *sections is the caller's to free. *names is the index of the section with
 * their names, 0 for none. Returns 0, -ENOEXEC for what is not a native 64-bit ELF file, -ENOENT
 * for no sections, -EBADMSG for a damaged file.
 */
int elf_file_sections(int fd, Elf64_Shdr **sections, size_t *count, size_t *names);

/*
 * The one symbol of type STT_TLS whose name ends in tsd_tls, in .symtab, else in .dynsym. Returns
 * 0, -ENOENT, -ENOTUNIQ for two that differ, -ENOEXEC, -EBADMSG, -EFBIG for more symbols than any
 * honest file has, or what read gave.
 */
int elf_file_tsd(int fd, uint64_t *value, uint64_t *size);

#endif
