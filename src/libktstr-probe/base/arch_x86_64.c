/* SPDX-License-Identifier: BSD-2-Clause */
/* x86_64. Sources: x86-64 psABI 1.0, tables 4.9 and 3.4.2; Drepper, ELF Handling For TLS. */
#ifdef __x86_64__
#include "config.h"

#include "base/arch.h"

#include <elf.h>

const unsigned int arch_elf_machine = EM_X86_64;
const unsigned int arch_reloc_glob_dat = R_X86_64_GLOB_DAT;
const unsigned int arch_reloc_jump_slot = R_X86_64_JUMP_SLOT;
const unsigned int arch_reloc_dtpmod = R_X86_64_DTPMOD64;
const unsigned int arch_reloc_tpoff = R_X86_64_TPOFF64;
const unsigned int arch_reloc_tlsdesc = R_X86_64_TLSDESC;
const int arch_tls_variant = 2;
const int arch_self_pointer = 1;
const int arch_dtv_offset = 8;      /* tcbhead_t: tcb, dtv */
const int arch_musl_dtv_offset = 8; /* struct pthread: self, dtv */
const int arch_regset_type = NT_PRSTATUS;

int arch_regset_thread_pointer(const union arch_regset *set, size_t size, uint64_t *thread_pointer)
{
	if (size != sizeof set->general)
		return -1;
	*thread_pointer = set->general.fs_base;
	return 0;
}
#else
typedef int arch_x86_64_is_not_built;
#endif
