/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between architectures. One arch_<name>.c is built for the machine; a target must be
   of the same. */
#ifndef KTSTR_ARCH_H
#define KTSTR_ARCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

/* ELF relocation types of the psABI, and the machine's number. */
extern const unsigned int arch_elf_machine;
extern const unsigned int arch_reloc_glob_dat;
extern const unsigned int arch_reloc_jump_slot;
extern const unsigned int arch_reloc_dtpmod;
extern const unsigned int arch_reloc_tpoff;
extern const unsigned int arch_reloc_tlsdesc;

/* TLS variant 2 puts the blocks below the thread pointer, variant 1 above it. */
extern const int arch_tls_variant;

/* Does the word at the thread pointer hold the thread pointer itself? */
extern const int arch_self_pointer;

/* Where the word with the DTV's address stands, from the thread pointer (glibc). */
extern const int arch_dtv_offset;
extern const int arch_musl_dtv_offset;

/* glibc's union dtv: {counter} or {val, to_free}, two words (sysdeps/generic/dl-dtv.h). Entry -1
   holds the length, entry 0 the generation, entry n module n's block. */
#define ARCH_DTV_ENTRY_SIZE 16

union arch_regset {
	struct user_regs_struct general;
	uint64_t tls[2];
};

extern const int arch_regset_type; /* for PTRACE_GETREGSET */

/* Returns 0, or -1 when the kernel gave too little: a 32-bit thread. */
int arch_regset_thread_pointer(const union arch_regset *set, size_t size, uint64_t *thread_pointer);

#endif
